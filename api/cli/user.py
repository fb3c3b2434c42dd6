"""Commands on the people who work in a shop."""

import sys
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlmodel import Session

from api.cli.terminal import JsonOption, ShopOption, engine, show, show_rows
from retention import clock, invitations, logins, people
from retention.access import Role, system_member
from retention.database import reading, transaction
from retention.invitations import OneTimeLink
from retention.people import User
from retention.settings import get_settings
from retention.shops import Shop, find_shop

group = typer.Typer(help="People.", no_args_is_help=True)

EmailArgument = Annotated[str, typer.Argument(help="Mail address of the person.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="user")


@group.command()
def add(
    email: Annotated[str, typer.Argument(help="Mail address, which is also the name to sign in with.")],
    shop: ShopOption,
    role: Annotated[Role, typer.Option(help="What the person is in the shop.")],
    name: Annotated[str, typer.Option(help="How the person is called.")] = "",
    *,
    prompt: Annotated[bool, typer.Option("--password", help="Ask for the password.")] = False,
    from_input: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Give a person a role in a shop. Without a password option a one-time link is shown, with which they choose one.

    A person who has an account already keeps its password.
    """
    password = _read_password(prompt=prompt, from_input=from_input)
    at = clock.now()
    with transaction(engine()) as session:
        found = find_shop(session, shop)
        user = people.add_user(session, email, shop=found, role=role, password=password, at=at, name=name)
        result: dict[str, Any] = {"email": user.email, "shop": shop, "role": role.value}
        if not user.password_hash:
            result |= _new_link(session, found, user, name="invitation", at=at)
    show(result, as_json=as_json)


@group.command("list")
def list_people(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List who works in a shop, and who is invited."""
    with reading(engine()) as session:
        found = find_shop(session, shop)
        rows = [
            {"email": user.email, "name": user.name, "role": role.value, "state": _state(user), "until": None}
            for user, role in people.people_of(session, found)
        ]
        rows += [_invited(link) for link in invitations.invitations_of(session, found, at=clock.now())]
    show_rows("people", rows, ["email", "name", "role", "state", "until"], as_json=as_json)


@group.command()
def invite(
    email: EmailArgument,
    shop: ShopOption,
    role: Annotated[Role, typer.Option(help="What the person becomes in the shop.")],
    name: Annotated[str, typer.Option(help="How the person is called.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Make a link for one person with which they join a shop within seven days; an earlier one of theirs ends."""
    at = clock.now()
    with transaction(engine()) as session:
        found = find_shop(session, shop)
        link, secret = invitations.invite(
            session, found, email, role=role, name=name, by=system_member(found.id), at=at
        )
        result = {"email": link.email, "shop": shop, "role": role.value} | _shown(link, secret, name="invitation")
    show(result, as_json=as_json)


@group.command()
def withdraw(email: EmailArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """End an invitation before it is used."""
    at = clock.now()
    with transaction(engine()) as session:
        found = find_shop(session, shop)
        link = invitations.find_invitation(session, found, email, at=at)
        invitations.withdraw(session, found, link.id, by=system_member(found.id), at=at)
    show({"email": link.email, "shop": shop, "state": "withdrawn"}, as_json=as_json)


@group.command("role")
def change_role(
    email: EmailArgument,
    shop: ShopOption,
    role: Annotated[Role, typer.Option(help="What the person is in the shop from now on.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Give a person another role. The last owner stays one."""
    with transaction(engine()) as session:
        found = find_shop(session, shop)
        user = people.find_person_by_email(session, found, email)
        people.change_role(session, found, user.id, role, by=system_member(found.id), at=clock.now())
    show({"email": user.email, "shop": shop, "role": role.value}, as_json=as_json)


@group.command()
def remove(email: EmailArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Take a person out of a shop; what they made stays under their name. The last owner stays."""
    with transaction(engine()) as session:
        found = find_shop(session, shop)
        user = people.find_person_by_email(session, found, email)
        people.remove_person(session, found, user.id, by=system_member(found.id), at=clock.now())
    show({"email": user.email, "shop": shop, "state": "removed"}, as_json=as_json)


@group.command("reset-password")
def reset_password(email: EmailArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Make a one-time link with which a person chooses a new password within a day."""
    with transaction(engine()) as session:
        found = find_shop(session, shop)
        user = people.find_person_by_email(session, found, email)
        result = {"email": user.email, "shop": shop} | _new_link(session, found, user, name="link", at=clock.now())
    show(result, as_json=as_json)


@group.command("sign-out")
def sign_out(email: EmailArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """End every login of a person, in all browsers."""
    with transaction(engine()) as session:
        found = find_shop(session, shop)
        user = people.find_person_by_email(session, found, email)
        logins.sign_out_everywhere(session, user, at=clock.now(), actor="system", shop_id=found.id)
    show({"email": user.email, "shop": shop, "state": "signed out"}, as_json=as_json)


def _new_link(session: Session, shop: Shop, user: User, *, name: str, at: datetime) -> dict[str, Any]:
    by = system_member(shop.id)
    link, secret = invitations.offer_password(session, shop, user.id, by=by, at=at)
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
