"""Commands on consent: what buyers told somebody of the shop, how it came about, pauses, addresses that said no."""

from typing import Annotated

import typer

from api.cli.terminal import JsonOption, ShopOption, reading, show, writing
from api.date_input import typed_moment
from campaigns.optouts.recording import ConsentStatement, pause_buyer, record_address, record_answer
from retention.buyers import buyer_for
from retention.consent import Answer, Channel, answers_of
from retention.errors import Invalid
from retention.suppressions import suppressions_of

consent = typer.Typer(help="What buyers said about being written to.", no_args_is_help=True)

BuyerArgument = Annotated[str, typer.Argument(help="The buyer's id in the shop.", metavar="BUYER")]
SourceOption = Annotated[str, typer.Option(help="Where it was said: phone, mail, in person ...")]
EvidenceOption = Annotated[str, typer.Option(help="What was asked and said, and how.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(consent, name="consent")


@consent.command("record")
def record(
    shop: ShopOption,
    answer: Annotated[Answer, typer.Option(help="What was said.")],
    evidence: EvidenceOption,
    source: SourceOption = "phone",
    buyer: Annotated[str, typer.Argument(help="The buyer's id; or use --address.", metavar="[BUYER]")] = "",
    address: Annotated[str, typer.Option(help="A mail address or number instead of a buyer, however written.")] = "",
    channel: Annotated[Channel | None, typer.Option(help="Every channel when left out.")] = None,
    topic: Annotated[str, typer.Option(help="A topic's slug; everything when left out.")] = "",
    at: Annotated[str, typer.Option(help="When the buyer said it, ISO 8601; now when left out.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Record an answer a buyer gave; a no by mail or phone holds for the address, whoever has it."""
    if bool(buyer) == bool(address):
        raise Invalid("Name either the buyer or the address.")
    with writing(shop) as here:
        moment = typed_moment(at, here.shop.timezone) if at else None
        statement = ConsentStatement(answer, evidence, source, channel=channel, topic=topic, at=moment)
        if buyer:
            rows = record_answer(
                here.session, here.member, buyer_for(here.session, here.member, buyer), statement, now=here.now
            )
        else:
            rows = record_address(here.session, here.member, address, statement, now=here.now)
        result = {"recorded": len(rows), "counted": sum(row.counts for row in rows)}
    show(result, as_json=as_json)


@consent.command("show")
def show_history(buyer: BuyerArgument, shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """Show all a buyer said with its evidence, the last recorded first; what does not count is marked."""
    with reading(shop) as here:
        one = buyer_for(here.session, here.member, buyer)
        rows = [
            row.model_dump(mode="json", exclude={"id", "shop_id", "buyer_id"})
            for row in answers_of(here.session, here.shop.id, one.id)
        ]
    if as_json:
        show({"buyer": buyer, "history": rows}, as_json=True)
        return
    for row in rows:
        mark = "" if row["counts"] else "(does not count)"
        names = ("at", "channel", "topic", "answer", "source", "wording", "recorded_by")
        typer.echo("\t".join([*(str(row[name]) for name in names), mark]).rstrip())


@consent.command("pause")
def pause(
    buyer: BuyerArgument,
    shop: ShopOption,
    until: Annotated[str, typer.Option(help="A day or moment, ISO 8601, in the shop's zone.")],
    source: SourceOption = "phone",
) -> None:
    """Send a buyer nothing by any channel until a moment."""
    _pause(shop, buyer, until, source)


@consent.command("resume")
def resume(buyer: BuyerArgument, shop: ShopOption, source: SourceOption = "phone") -> None:
    """End a buyer's pause now."""
    _pause(shop, buyer, "", source)


@consent.command("suppressed")
def suppressed(shop: ShopOption, *, as_json: JsonOption = False) -> None:
    """List the addresses that have said no, the latest first."""
    fields = {"channel", "topic", "address", "source", "at"}
    with reading(shop) as here:
        found = suppressions_of(here.session, here.shop.id)
        rows = [row.model_dump(mode="json", include=fields) for row in found]
    if as_json:
        show({"suppressions": rows}, as_json=True)
        return
    for row in rows:
        typer.echo("\t".join(str(row[name]) for name in ("at", "channel", "topic", "address", "source")))


def _pause(shop: str, buyer: str, until: str, source: str) -> None:
    with writing(shop) as here:
        moment = typed_moment(until, here.shop.timezone) if until else None
        one = buyer_for(here.session, here.member, buyer)
        pause_buyer(here.session, here.member, one, moment, source=source, now=here.now)
