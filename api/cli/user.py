"""Commands on the people who work in a shop."""

import sys
from typing import Annotated

import typer

from api.cli.terminal import JsonOption, ShopOption, engine, show
from retention import clock, people, tokens
from retention.access import Role
from retention.database import transaction
from retention.shops import find_shop

group = typer.Typer(help="People.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="user")


@group.callback()
def _describe() -> None:
    """Keep `user add` two words while it is the only command of the group."""


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
    """Give a person a role in a shop. Without a password option one is made up and shown once.

    A person who has an account already keeps its password.
    """
    password = _read_password(prompt=prompt, from_input=from_input)
    made_up = "" if password else "-".join(tokens.new_tokens(4, 5)).lower()
    with transaction(engine()) as session:
        known = people.has_account(session, email)
        found = find_shop(session, shop)
        people.add_user(session, email, shop=found, role=role, password=password or made_up, at=clock.now(), name=name)
    result = {"email": email.strip().lower(), "shop": shop, "role": role.value}
    show(result | ({"password": made_up} if made_up and not known else {}), as_json=as_json)


def _read_password(*, prompt: bool, from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True)) if prompt else ""
