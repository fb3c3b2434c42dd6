"""Commands on what buyers and mail servers answer: topics to leave, bounces and complaints, where gateways tell us."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.terminal import JsonOption, ShopOption, engine, show
from campaigns.channels.senders import find_sender
from campaigns.optouts.bounce_handling import lift_bounce, read_mailbox
from campaigns.optouts.bounces import bounces_of
from campaigns.optouts.inbound import NO_SENDER, inbound_address, inbound_token
from campaigns.optouts.topics import create_topic, find_topic, rename_topic, topics_of
from retention import clock
from retention.database import reading, transaction
from retention.files import open_store
from retention.settings import get_settings
from retention.shops import find_shop

topics = typer.Typer(help="Topics: what messages are about, for buyers to leave one by one.", no_args_is_help=True)
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
    with transaction(engine()) as session:
        found = find_shop(session, shop)
        names = {"en": en, "zh-CN": zh}
        made = create_topic(session, found, slug, names=names, at=clock.now(), actor="system")
        result = {"slug": made.slug, "names": made.names}
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
    """Give a topic other names; what buyers said about it stays."""
    with transaction(engine()) as session:
        topic = find_topic(session, find_shop(session, shop).id, slug)
        rename_topic(session, topic, names={"en": en, "zh-CN": zh}, at=clock.now(), actor="system")
        result = {"slug": topic.slug, "names": topic.names}
    show(result, as_json=as_json)


@topics.command("list")
def list_topics(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the shop's topics in their order."""
    with reading(engine()) as session:
        found = topics_of(session, find_shop(session, shop).id)
    if as_json:
        show({"topics": [{"slug": each.slug, "names": each.names} for each in found]}, as_json=True)
        return
    for each in found:
        typer.echo(f"{each.slug}\t{' / '.join(each.names.values())}")


@bounces.command("read")
def read(
    path: Annotated[Path, typer.Argument(help="An mbox file or a Maildir folder.", metavar="PATH")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Read the reports in a mailbox, of every shop; what fits no delivery goes to PATH.rejected.mbox."""
    with transaction(engine()) as session:
        counts, rejects = read_mailbox(session, open_store(get_settings()), path, at=clock.now())
    show({**counts, **({"rejected": str(rejects)} if rejects else {})}, as_json=as_json)


@bounces.command("list")
def list_bounces(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the newest reports."""
    with reading(engine()) as session:
        fields = {"kind", "address", "detail", "at", "report"}
        rows = [
            each.model_dump(mode="json", include=fields) for each in bounces_of(session, find_shop(session, shop).id)
        ]
    if as_json:
        show({"bounces": rows}, as_json=True)
        return
    for row in rows:
        typer.echo("\t".join(str(row[name]) for name in ("at", "kind", "address", "detail")))


@bounces.command("lift")
def lift(
    address: Annotated[str, typer.Argument(help="The address to allow again.", metavar="ADDRESS")],
    shop: ShopOption,
    *,
    as_json: JsonOption = False,
) -> None:
    """Allow an address again that takes mail by now."""
    with transaction(engine()) as session:
        lifted = lift_bounce(session, find_shop(session, shop), address, at=clock.now(), actor="system")
    show({"address": address, "lifted": lifted}, as_json=as_json)


@bounces.command("addresses")
def show_addresses(
    shop: ShopOption,
    sender: Annotated[str, typer.Option(help="The sender's slug; the shop's mail in general when left out.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the secret addresses that a gateway calls with replies, a mail server with reports."""
    settings = get_settings()
    with reading(engine()) as session:
        found = find_shop(session, shop)
        sender_id = find_sender(session, found.id, sender).id if sender else NO_SENDER
    token = inbound_token(settings.signing_key(), shop_id=found.id, sender_id=sender_id)
    show({kind: inbound_address(settings.public_url, token, kind) for kind in ("mail", "sms")}, as_json=as_json)
