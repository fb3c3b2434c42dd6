"""Commands on the users of a shop."""

import sys
from typing import Annotated, Any

import typer

from api.cli.terminal import InShop, JsonOption, ShopOption, reading, show, show_rows, writing
from api.shapes.users import PersonOut
from retention import invitations, logins, users
from retention.access import Role
from retention.invitations import OneTimeLink
from retention.settings import get_settings
from retention.users import User

group = typer.Typer(help="Users of a shop.", no_args_is_help=True)

EmailArgument = Annotated[str, typer.Argument(help="Email address of the user.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="user")


@group.command()
def add(
    email: Annotated[str, typer.Argument(help="Email address, used to sign in.")],
    shop: ShopOption,
    role: Annotated[Role, typer.Option(help="Role in the shop.")],
    name: Annotated[str, typer.Option(help="Name of the user.")] = "",
    *,
    prompt: Annotated[bool, typer.Option("--password", help="Prompt for the password.")] = False,
    from_input: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a user to a shop with a role. Without a password option, a one-time link to choose one is shown.

    A user who already has an account keeps its password.
    """
    password = _read_password(prompt=prompt, from_input=from_input)
    with writing(shop) as here:
        user = users.add_user(
            here.session, email, shop=here.shop, role=role, password=password, name=name, at=here.now, actor=here.actor
        )
        result: dict[str, Any] = {"email": user.email, "shop": shop, "role": role.value}
        if not user.password_hash:
            result |= _new_link(here, user, name="invitation")
    show(result, as_json=as_json)


@group.command("list")
def list_people(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the users of a shop and its open invitations."""
    with reading(shop) as here:
        rows = [
            PersonOut.of(user, role).model_dump(mode="json") | {"state": _state(user), "until": None}
            for user, role in users.people_of(here.session, here.shop)
        ]
        rows += [_invited(link) for link in invitations.invitations_of(here.session, here.shop, at=here.now)]
    show_rows("people", rows, ["email", "name", "role", "state", "until"], as_json=as_json)


@group.command()
def invite(
    email: EmailArgument,
    shop: ShopOption,
    role: Annotated[Role, typer.Option(help="Role in the shop.")],
    name: Annotated[str, typer.Option(help="Name of the user.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Create an invitation link, valid for seven days; it replaces an earlier one."""
    with writing(shop) as here:
        link, secret = invitations.invite(
            here.session, here.shop, email, role=role, name=name, by=here.member, at=here.now
        )
        result = {"email": link.email, "shop": shop, "role": role.value} | _shown(link, secret, name="invitation")
    show(result, as_json=as_json)


@group.command()
def withdraw(email: EmailArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Withdraw an invitation before it is used."""
    with writing(shop) as here:
        link = invitations.find_invitation(here.session, here.shop, email, at=here.now)
        invitations.withdraw(here.session, here.shop, link.id, by=here.member, at=here.now)
    show({"email": link.email, "shop": shop, "state": "withdrawn"}, as_json=as_json)


@group.command("role")
def change_role(
    email: EmailArgument,
    shop: ShopOption,
    role: Annotated[Role, typer.Option(help="New role in the shop.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Change the role of a user. The last owner stays an owner."""
    with writing(shop) as here:
        user = users.find_person_by_email(here.session, here.shop, email)
        users.change_role(here.session, here.shop, user.id, role, by=here.member, at=here.now)
    show({"email": user.email, "shop": shop, "role": role.value}, as_json=as_json)


@group.command()
def remove(email: EmailArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Remove a user from a shop; what they created keeps their name. The last owner cannot be removed."""
    with writing(shop) as here:
        user = users.find_person_by_email(here.session, here.shop, email)
        users.remove_person(here.session, here.shop, user.id, by=here.member, at=here.now)
    show({"email": user.email, "shop": shop, "state": "removed"}, as_json=as_json)


@group.command("reset-password")
def reset_password(email: EmailArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Create a one-time link, valid for a day, with which a user chooses a new password."""
    with writing(shop) as here:
        user = users.find_person_by_email(here.session, here.shop, email)
        result = {"email": user.email, "shop": shop} | _new_link(here, user, name="link")
    show(result, as_json=as_json)


@group.command("sign-out")
def sign_out(email: EmailArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Sign a user out of all sessions."""
    with writing(shop) as here:
        user = users.find_person_by_email(here.session, here.shop, email)
        logins.sign_out_everywhere(here.session, user, at=here.now, actor=here.actor, shop_id=here.shop.id)
    show({"email": user.email, "shop": shop, "state": "signed out"}, as_json=as_json)


def _new_link(here: InShop, user: User, *, name: str) -> dict[str, Any]:
    link, secret = invitations.offer_password(here.session, here.shop, user.id, by=here.member, at=here.now)
    return _shown(link, secret, name=name)


def _shown(link: OneTimeLink, secret: str, *, name: str) -> dict[str, Any]:
    address = invitations.address_of(get_settings().public_url, secret)
    return {name: address, "expires_at": link.expires_at.isoformat()}


def _invited(link: OneTimeLink) -> dict[str, Any]:
    role = link.role.value if link.role else ""
    until = link.expires_at.isoformat()
    return {"email": link.email, "name": link.name, "role": role, "state": "invited", "until": until}


def _state(user: User) -> str:
    return "active" if user.password_hash else "no password yet"


def _read_password(*, prompt: bool, from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True)) if prompt else ""
