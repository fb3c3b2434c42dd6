"""Consent recorded by other systems: answers with their evidence, history, pauses, suppressed addresses."""

from dataclasses import asdict
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, Field
from sqlmodel import Session

from api.deps import Now, Reading, Writing
from api.shapes.consents import AnswerOut, HistoryOut, NowOut, PauseOut, RecordedOut
from api.shapes.optouts import SuppressionOut, SuppressionsOut
from api.shapes.shape import Input
from api.v1.callers import Caller, caller_with
from api.v1.pages import AddressQuery, Paged, Since, Until
from api.v1.parameters import OF_CHANNEL, BuyerQuery
from api.v1.routing import router_for
from campaigns.optouts.preferences import preferences_of
from campaigns.optouts.recording import ConsentStatement, pause_buyer, record_address, record_answer
from retention.access import Scope
from retention.buyers import buyer_for, get_buyer
from retention.consent import Answer, Channel, Consent, page_of_answers
from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.suppressions import page_of_suppressions

router = router_for("consents")

PersonalReader = Annotated[Caller, caller_with(Scope.BUYERS_PERSONAL)]
Writer = Annotated[Caller, caller_with(Scope.CONSENTS_WRITE)]


TopicQuery = Annotated[
    str | None, Query(max_length=64, description="The topic's slug; empty for what is about everything.")
]


class AnswerIn(Input):
    """An answer of a buyer, or of whoever has an address."""

    buyer: str = Field(default="", max_length=200, description="The buyer's id in the shop; or leave it to `address`.")
    address: str = Field(default="", max_length=254, description="A mail address or a number, however it is written.")
    channel: Channel | None = Field(default=None, description="Left out: every channel; an address needs one.")
    topic: str = Field(default="", max_length=64, description="Left out: everything the channel brings.")
    answer: Answer = Field(description="`in` to allow messages, `out` to refuse them.")
    evidence: str = Field(max_length=1000, description="What was asked and said, and how.")
    source: str = Field(max_length=100, description="Where it was said: checkout, phone, mail ...")
    at: AwareDatetime | None = Field(default=None, description="When the buyer said it; now when left out.")


class PauseIn(Input):
    """How long a buyer wants to hear nothing by any channel; `until` null ends it now."""

    buyer: str = Field(
        min_length=1, max_length=200, description="The buyer's external id: what the shop itself calls them."
    )
    until: AwareDatetime | None = Field(description="Until when, with an offset; null ends the pause now.")
    source: str = Field(max_length=100, description="Where it was said: phone, checkout, mail ...")


@router.post("/consents", status_code=201)
def record(sent: AnswerIn, session: Writing, at: Now, caller: Writer) -> RecordedOut:
    """Record an answer with its evidence. Scope consents:write.

    A no by mail or phone holds for the address, whoever has it. An answer older than the last one is kept and does not
    count; the same answer again (with its `at`) is the one that is there.
    """
    statement = ConsentStatement(
        sent.answer, sent.evidence, sent.source, channel=sent.channel, topic=sent.topic, at=sent.at
    )
    if bool(sent.buyer) == bool(sent.address):
        raise Invalid(gettext_noop("Name either the buyer or the address."))
    if sent.buyer:
        buyer = buyer_for(session, caller.member, sent.buyer)
        return _recorded(session, record_answer(session, caller.member, buyer, statement, now=at))
    return _recorded(session, record_address(session, caller.member, sent.address, statement, now=at))


@router.get("/consents")
def show(
    session: Reading,
    at: Now,
    caller: PersonalReader,
    buyer: BuyerQuery,
    wanted: Paged,
    channel: Annotated[Channel | None, OF_CHANNEL] = None,
    topic: TopicQuery = None,
    answer: Annotated[Answer | None, Query(description="Only answers that say this.")] = None,
    since: Since = None,
    until: Until = None,
) -> HistoryOut:
    """Show what a buyer said, with the evidence, and what holds now. Scope buyers:personal."""
    found = buyer_for(session, caller.member, buyer)
    standing = preferences_of(session, found, at=at)
    page = page_of_answers(
        session, found.shop_id, found.id, wanted, channel=channel, topic=topic, answer=answer, since=since, until=until
    )
    return HistoryOut(
        buyer=found.external_id,
        now=[NowOut(**{**asdict(each), "topics_out": sorted(each.topics_out)}) for each in standing.channels],
        paused_until=standing.paused_until,
        history=[AnswerOut.of(row, found) for row in page.rows],
        next=page.next,
    )


@router.post("/pauses")
def put_pause(sent: PauseIn, session: Writing, at: Now, caller: Writer) -> PauseOut:
    """Send a buyer nothing until a moment, or end that. Scope consents:write."""
    buyer = buyer_for(session, caller.member, sent.buyer)
    pause_buyer(session, caller.member, buyer, sent.until, source=sent.source, now=at)
    return PauseOut(buyer=buyer.external_id, paused_until=sent.until)


@router.get("/suppressions")
def list_suppressions(
    session: Reading,
    caller: PersonalReader,
    wanted: Paged,
    channel: Annotated[Channel | None, OF_CHANNEL] = None,
    topic: TopicQuery = None,
    address: AddressQuery = "",
    since: Since = None,
    until: Until = None,
) -> SuppressionsOut:
    """List the addresses that have said no. Scope buyers:personal."""
    page = page_of_suppressions(
        session, caller.shop.id, wanted, channel=channel, topic=topic, address=address, since=since, until=until
    )
    shown = [SuppressionOut.of(each) for each in page.rows]
    return SuppressionsOut(suppressions=shown, next=page.next)


def _recorded(session: Session, rows: list[Consent]) -> RecordedOut:
    return RecordedOut(recorded=[AnswerOut.of(row, get_buyer(session, row.buyer_id)) for row in rows])
