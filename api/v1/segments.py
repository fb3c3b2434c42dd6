"""Segments: who is in them, now or as of a moment."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.deps import Now, Reading
from api.v1.keys import Caller, caller_with
from retention.access import Scope
from retention.buyers import buyer_for
from segments import segments
from segments.matching import match
from segments.segments import Segment
from segments.words import describe

router = APIRouter(tags=["segments"])

Reader = Annotated[Caller, caller_with(Scope.SEGMENTS_READ)]


class SegmentOut(BaseModel):
    """A saved rule; `words` says it in the language of the request."""

    slug: str
    name: str
    words: str
    rule: dict[str, Any]


class SegmentsOut(BaseModel):
    """The shop's segments by name."""

    segments: list[SegmentOut]


class CountedSegmentOut(SegmentOut):
    """A segment with its size."""

    buyers: int


class RuleIn(BaseModel):
    """A rule to count, without saving it."""

    model_config = ConfigDict(extra="forbid")

    rule: dict[str, Any] = Field(examples=[{"orders": {"measure": "count", "at_least": 2}}])
    as_of: AwareDatetime | None = Field(None, description="Count with what was known before this moment.")


class CountOut(BaseModel):
    """How many buyers match."""

    buyers: int
    words: str


class MembershipOut(BaseModel):
    """Whether one buyer is in a segment."""

    segment: str
    buyer_id: str
    member: bool


@router.get("/segments")
def list_all(session: Reading, caller: Reader) -> SegmentsOut:
    """List the shop's segments. Scope segments:read."""
    return SegmentsOut(segments=[_shown(each) for each in segments.list_segments(session, caller.shop.id)])


@router.get("/segments/{slug}")
def show(
    slug: str, session: Reading, now: Now, caller: Reader, as_of: AwareDatetime | None = None
) -> CountedSegmentOut:
    """Show a segment with its size. Scope segments:read."""
    found = segments.find_segment(session, caller.shop.id, slug)
    buyers = _match(session, caller, {"segment": slug}, now, as_of)
    return CountedSegmentOut(**_shown(found).model_dump(), buyers=len(buyers))


@router.get("/segments/{slug}/buyers/{buyer_id}")
def show_buyer(slug: str, buyer_id: str, session: Reading, now: Now, caller: Reader) -> MembershipOut:
    """Tell whether a buyer, by the shop's own id, is in a segment. Scopes segments:read and buyers:read."""
    caller.member.require(Scope.BUYERS_READ)
    buyer = buyer_for(session, caller.member, buyer_id)
    member = buyer.id in _match(session, caller, {"segment": slug}, now, None)
    return MembershipOut(segment=slug, buyer_id=buyer_id, member=member)


@router.post("/segments/count")
def count(sent: RuleIn, session: Reading, now: Now, caller: Reader) -> CountOut:
    """Count the buyers a rule matches; nothing is saved. Scope segments:read."""
    return CountOut(buyers=len(_match(session, caller, sent.rule, now, sent.as_of)), words=describe(sent.rule))


def _match(session: Reading, caller: Caller, rule: dict[str, Any], now: datetime, as_of: datetime | None) -> Any:
    return match(session, caller.shop, rule, now=now, as_of=as_of)


def _shown(segment: Segment) -> SegmentOut:
    return SegmentOut(slug=segment.slug, name=segment.name, words=describe(segment.rule), rule=segment.rule)
