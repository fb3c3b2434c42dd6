"""Commands on shops."""

from typing import Annotated

import typer

from api.cli.terminal import JsonOption, show, writing_everywhere
from retention import shops

group = typer.Typer(help="Create shops.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="shop")


@group.callback()
def _describe() -> None:
    """Keep `shop create` two words while it is the only command of the group."""


@group.command()
def create(
    slug: Annotated[str, typer.Argument(help="Short name used in URLs: lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="Name that buyers see; default: the slug.")] = "",
    timezone: Annotated[str, typer.Option(help="IANA time zone of its days.")] = "Asia/Shanghai",
    currency: Annotated[str, typer.Option(help="ISO currency code.")] = "CNY",
    language: Annotated[str, typer.Option(help="zh-CN or en.")] = "zh-CN",
    *,
    as_json: JsonOption = False,
) -> None:
    """Create a shop."""
    with writing_everywhere() as here:
        made = shops.create_shop(
            here.session,
            slug,
            name=name or slug,
            timezone=timezone,
            currency=currency.upper(),
            language=language,
            at=here.now,
        )
        result = made.model_dump(include={"slug", "name", "timezone", "currency", "language"})
    show(result, as_json=as_json)
