"""Commands on the shop's policy: the limits over all its campaigns."""

from typing import Annotated, Any

import typer

from api.cli.terminal import JsonOption, ShopOption, parse_json, reading, show, writing
from campaigns.campaign.policy import ShopPolicy
from campaigns.campaign.shop_policy import save_shop_policy, shop_policy
from retention.errors import Invalid

group = typer.Typer(
    help="Shop-wide policy: frequency caps, quiet hours, inserts per parcel, approval.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="policy")


@group.command("show")
def show_policy(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Show the shop-wide limits."""
    with reading(shop) as here:
        show(_shown(shop_policy(here.session, here.shop)), as_json=as_json)


@group.command("set")
def set_policy(
    values: Annotated[
        list[str],
        typer.Argument(
            help="Values as JSON, each as NAME=VALUE: approval_required=true, most_inserts=2, "
            'quiet=\'{"from": "21:00", "to": "09:00"}\'; null takes a limit away.',
            metavar="NAME=VALUE...",
        ),
    ],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Change shop-wide limits; others stay unchanged."""
    sent = dict(_read(value) for value in values)
    with writing(shop) as here:
        saved = save_shop_policy(here.session, here.shop, values=sent, at=here.now, actor=here.actor)
    show(_shown(saved), as_json=as_json)


def _shown(policy: ShopPolicy) -> dict[str, Any]:
    return policy.model_dump(mode="json")


def _read(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Invalid("{text} is not NAME=VALUE.", text=repr(text))
    return name, parse_json(value, name)
