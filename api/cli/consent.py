"""Commands on consent: recorded answers, history, pauses, suppressed addresses."""

from typing import Annotated

import typer

from api.cli.terminal import USUAL_ROWS, JsonOption, LimitOption, ShopOption, more_of, reading, show, show_page, writing
from api.date_input import typed_moment
from api.shapes.consents import AnswerOut
from api.shapes.optouts import SuppressionOut
from campaigns.optouts.recording import ConsentStatement, pause_buyer, record_address, record_answer
from retention.buyers import buyer_for
from retention.consent import Answer, Channel, page_of_answers
from retention.errors import Invalid
from retention.paging import Wanted
from retention.suppressions import page_of_suppressions

consent = typer.Typer(help="Consent of buyers: opt-ins, opt-outs, pauses.", no_args_is_help=True)

BuyerArgument = Annotated[str, typer.Argument(help="The buyer's ID.", metavar="BUYER")]
SourceOption = Annotated[str, typer.Option(help="Source: phone, email, in person ...")]
EvidenceOption = Annotated[str, typer.Option(help="What was asked and answered, and how.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(consent, name="consent")


@consent.command("record")
def record(
    shop: ShopOption,
    answer: Annotated[Answer, typer.Option(help="The answer.")],
    evidence: EvidenceOption,
    source: SourceOption = "phone",
    buyer: Annotated[str, typer.Argument(help="The buyer's ID; or use --address.", metavar="[BUYER]")] = "",
    address: Annotated[
        str, typer.Option(help="Email address or phone number instead of a buyer, in any spelling.")
    ] = "",
    channel: Annotated[Channel | None, typer.Option(help="Channel; default: all.")] = None,
    topic: Annotated[str, typer.Option(help="A topic's slug; default: all topics.")] = "",
    at: Annotated[str, typer.Option(help="Time of the answer, ISO 8601; default: now.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Record an opt-in or opt-out; an opt-out from email or SMS applies to the address, whoever has it."""
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
def show_history(
    buyer: BuyerArgument, shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False
) -> None:
    """Show a buyer's consent history with evidence, latest first; superseded answers are marked."""
    with reading(shop) as here:
        one = buyer_for(here.session, here.member, buyer)
        page = page_of_answers(here.session, here.shop.id, one.id, Wanted(limit))
        rows = [AnswerOut.of(row, one).model_dump(mode="json") | {"wording": row.wording} for row in page.rows]
    if as_json:
        show({"buyer": buyer, "history": rows} | more_of(page), as_json=True)
        return
    lines = [row | {"mark": "" if row["counts"] else "(does not count)"} for row in rows]
    names = ("at", "channel", "topic", "answer", "source", "wording", "recorded_by", "mark")
    show_page("history", lines, page, names, as_json=False)


@consent.command("pause")
def pause(
    buyer: BuyerArgument,
    shop: ShopOption,
    until: Annotated[str, typer.Option(help="A day or time, ISO 8601, in the shop's time zone.")],
    source: SourceOption = "phone",
) -> None:
    """Pause all channels for a buyer until a date."""
    _pause(shop, buyer, until, source)


@consent.command("resume")
def resume(buyer: BuyerArgument, shop: ShopOption, source: SourceOption = "phone") -> None:
    """End a buyer's pause."""
    _pause(shop, buyer, "", source)


@consent.command("suppressed")
def suppressed(shop: ShopOption, limit: LimitOption = USUAL_ROWS, *, as_json: JsonOption = False) -> None:
    """List suppressed addresses, latest first."""
    with reading(shop) as here:
        page = page_of_suppressions(here.session, here.shop.id, Wanted(limit))
        rows = [SuppressionOut.of(row).model_dump(mode="json") for row in page.rows]
    show_page("suppressions", rows, page, ("at", "channel", "topic", "address", "source"), as_json=as_json)


def _pause(shop: str, buyer: str, until: str, source: str) -> None:
    with writing(shop) as here:
        moment = typed_moment(until, here.shop.timezone) if until else None
        one = buyer_for(here.session, here.member, buyer)
        pause_buyer(here.session, here.member, one, moment, source=source, now=here.now)
