"""Commands on opt-outs: topics, bounces and complaints, inbound addresses for gateways."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.terminal import (
    USUAL_ROWS,
    JsonOption,
    LimitOption,
    ShopOption,
    reading,
    show,
    show_page,
    writing,
    writing_everywhere,
)
from api.shapes.optouts import BounceOut, TopicOut
from campaigns.channels.senders import find_sender
from campaigns.optouts.bounce_handling import lift_bounce, read_mailbox
from campaigns.optouts.bounces import page_of_bounces
from campaigns.optouts.inbound import NO_SENDER, inbound_address, inbound_token
from campaigns.optouts.topics import create_topic, find_topic, rename_topic, topics_of
from retention.files import open_store
from retention.paging import Wanted
from retention.settings import get_settings

topics = typer.Typer(help="Topics that buyers can unsubscribe from one by one.", no_args_is_help=True)
bounces = typer.Typer(help="Bounces and complaints.", no_args_is_help=True)

TopicArgument = Annotated[str, typer.Argument(help="The topic's slug.", metavar="SLUG")]
EnglishOption = Annotated[str, typer.Option("--en", help="Its name in English.")]
ChineseOption = Annotated[str, typer.Option("--zh", help="Its name in Chinese.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(topics, name="topics")
    app.add_typer(bounces, name="bounces")


@topics.command("create")
def create(
    slug: TopicArgument,
    shop: ShopOption,
    en: EnglishOption = "",
    zh: ChineseOption = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Add a topic to the end of the list."""
    with writing(shop) as here:
        names = {"en": en, "zh-CN": zh}
        made = create_topic(here.session, here.shop, slug, names=names, at=here.now, actor=here.actor)
        result = TopicOut.of(made).model_dump()
    show(result, as_json=as_json)


@topics.command("rename")
def rename(
    slug: TopicArgument,
    shop: ShopOption,
    en: EnglishOption = "",
    zh: ChineseOption = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Rename a topic; buyers' choices stay."""
    with writing(shop) as here:
        topic = find_topic(here.session, here.shop.id, slug)
        rename_topic(here.session, topic, names={"en": en, "zh-CN": zh}, at=here.now, actor=here.actor)
        result = TopicOut.of(topic).model_dump()
    show(result, as_json=as_json)


@topics.command("list")
def list_topics(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the shop's topics in their order."""
    with reading(shop) as here:
        found = topics_of(here.session, here.shop.id)
    if as_json:
        show({"topics": [TopicOut.of(each).model_dump() for each in found]}, as_json=True)
        return
    for each in found:
        typer.echo(f"{each.slug}\t{' / '.join(each.names.values())}")


@bounces.command("read")
def read(
    path: Annotated[Path, typer.Argument(help="An mbox file or a Maildir folder.", metavar="PATH")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Read bounce reports from a mailbox, for all shops; unmatched ones go to PATH.rejected.mbox."""
    with writing_everywhere() as here:
        counts, rejects = read_mailbox(here.session, open_store(get_settings()), path, at=here.now)
    show({**counts, **({"rejected": str(rejects)} if rejects else {})}, as_json=as_json)


@bounces.command("list")
def list_bounces(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List the latest bounce reports."""
    with reading(shop) as here:
        page = page_of_bounces(here.session, here.shop.id, Wanted(limit))
        rows = [BounceOut.of(each).model_dump(mode="json") | {"report": each.report} for each in page.rows]
    show_page("bounces", rows, page, ("at", "kind", "address", "detail"), as_json=as_json)


@bounces.command("lift")
def lift(
    address: Annotated[str, typer.Argument(help="The address to lift.", metavar="ADDRESS")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Lift the suppression of an address that accepts mail again."""
    with writing(shop) as here:
        lifted = lift_bounce(here.session, here.shop, address, at=here.now, actor=here.actor)
    show({"address": address, "lifted": lifted}, as_json=as_json)


@bounces.command("addresses")
def show_addresses(
    shop: ShopOption,
    sender: Annotated[str, typer.Option(help="The sender's slug; default: the shop's email.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the secret URLs for replies from gateways and reports from mail servers."""
    settings = get_settings()
    with reading(shop) as here:
        sender_id = find_sender(here.session, here.shop.id, sender).id if sender else NO_SENDER
    token = inbound_token(settings.signing_key(), shop_id=here.shop.id, sender_id=sender_id)
    show({kind: inbound_address(settings.public_url, token, kind) for kind in ("mail", "sms")}, as_json=as_json)
