"""Commands on senders: the mail servers, gateways and bots a shop sends with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from api.cli.terminal import (
    USUAL_ROWS,
    JsonOption,
    LimitOption,
    ShopOption,
    read_json,
    reading,
    show,
    show_page,
    writing,
)
from api.shapes.senders import SenderOut
from campaigns.channels.senders import (
    Sender,
    SenderKind,
    create_sender,
    edit_sender,
    find_sender,
    page_of_senders,
    send_test_message,
)
from campaigns.sending.pausing import pause_sender, resume_sender
from retention.errors import Invalid
from retention.paging import Wanted
from retention.shops import get_shop

group = typer.Typer(help="Senders: mail servers, SMS gateways, webhooks, bots.", no_args_is_help=True)

SlugArgument = Annotated[str, typer.Argument(help="The sender's slug.", metavar="SLUG")]
SettingsOption = Annotated[
    str, typer.Option("--settings", help="A file with the settings as JSON; - reads standard input.")
]
SecretOption = Annotated[
    list[str],
    typer.Option("--secret", help="A secret by name from a file, name=FILE, such as password=pw.txt; repeat for more."),
]
RateOption = Annotated[float | None, typer.Option("--per-second", help="Maximum messages per second; 0 for no limit.")]
PriceOption = Annotated[
    int | None, typer.Option("--price", help="Price of a message or SMS part, in hundredths of a minor unit.")
]


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="senders")


@group.command("list")
def list_them(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List the shop's senders and their state."""
    with reading(shop) as here:
        page = page_of_senders(here.session, here.shop.id, Wanted(limit))
        rows = [shown(here.session, each) for each in page.rows]
    show_page("senders", rows, page, ("slug", "kind", "state", "last_error"), as_json=as_json)


@group.command()
def create(
    slug: SlugArgument,
    shop: ShopOption,
    kind: Annotated[SenderKind, typer.Option(help="Kind of sender.")],
    settings: SettingsOption = "",
    secret: SecretOption = [],  # noqa: B006 - Typer copies it
    name: Annotated[str, typer.Option(help="Display name; default: the slug.")] = "",
    per_second: RateOption = None,
    price: PriceOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Add a sender. Secrets are encrypted and never shown again."""
    with writing(shop) as here:
        made = create_sender(
            here.session,
            here.shop,
            slug,
            kind=kind,
            settings=_read_settings(settings),
            secrets=_read_secrets(secret),
            name=name,
            per_second=per_second,
            price=price or 0,
            at=here.now,
            actor=here.actor,
        )
        result = shown(here.session, made)
    show(result, as_json=as_json)


@group.command()
def edit(
    slug: SlugArgument,
    shop: ShopOption,
    settings: SettingsOption = "",
    secret: SecretOption = [],  # noqa: B006 - Typer copies it
    name: Annotated[str | None, typer.Option(help="Display name.")] = None,
    per_second: RateOption = None,
    price: PriceOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Change a sender; other values stay unchanged."""
    with writing(shop) as here:
        found = find_sender(here.session, here.shop.id, slug)
        edit_sender(
            here.session,
            found,
            name=name,
            settings=_read_settings(settings) if settings else None,
            secrets=_read_secrets(secret) if secret else None,
            per_second=per_second,
            price=price,
            at=here.now,
            actor=here.actor,
        )
        result = shown(here.session, found)
    show(result, as_json=as_json)


@group.command()
def pause(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Pause a sender immediately; its campaigns wait."""
    with writing(shop) as here:
        found = find_sender(here.session, here.shop.id, slug)
        pause_sender(here.session, found, at=here.now, actor=here.actor)
        show(shown(here.session, found), as_json=as_json)


@group.command()
def resume(slug: SlugArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Resume a paused or broken sender."""
    with writing(shop) as here:
        found = find_sender(here.session, here.shop.id, slug)
        resume_sender(here.session, found, at=here.now, actor=here.actor)
        show(shown(here.session, found), as_json=as_json)


@group.command("test")
def send_test(
    slug: SlugArgument,
    shop: ShopOption,
    to: Annotated[str, typer.Option(help="Recipient: an email address or a phone number.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Send one message marked as a test."""
    with reading(shop) as here:
        sender = find_sender(here.session, here.shop.id, slug)
        reference = send_test_message(here.session, here.shop, sender, to=to, at=here.now, actor=here.actor)
    show({"sender": slug, "taken": True, "reference": reference}, as_json=as_json)


def shown(session: Session, sender: Sender) -> dict[str, Any]:
    """Return a sender for people: everything but its secrets, its price in money."""
    rest = set(SenderOut.model_fields) | {"id", "shop_id", "encrypted_secrets", "created_at", "next_slot_at"}
    known = SenderOut.of(sender, get_shop(session, sender.shop_id)).model_dump(mode="json")
    return known | sender.model_dump(mode="json", exclude=rest)


def _read_settings(place: str) -> Mapping[str, Any]:
    if not place:
        return {}
    settings = read_json(place)
    if not isinstance(settings, dict):
        raise Invalid("{file} must contain one JSON object with the settings.", file=place)
    return settings


def _read_secrets(given: list[str]) -> dict[str, str]:
    """Return secrets from files: what stands in a command is seen by everybody on the machine and kept in histories."""
    secrets = {}
    for each in given:
        name, equals, place = each.partition("=")
        if not equals:
            raise Invalid("Give a secret as name=FILE, not {given}.", given=repr(each))
        secrets[name] = Path(place).read_text("utf-8").strip()
    return secrets
