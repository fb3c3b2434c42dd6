"""Buyers: the list with its search, and the timeline of one buyer."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from api.console import sources
from api.console.campaigns.review import names_of
from api.console.shell import Here, show
from api.deps import Now, Place, Reading, require
from campaigns.optouts.preferences import preferences_of
from campaigns.optouts.topics import topics_of
from retention.access import Scope
from retention.buyer_list import PAGE, buyer_summary, find_aggregates, page_of_buyers
from retention.buyers import Buyer, buyer_for, count_buyers
from retention.consent import answers_of
from retention.i18n import current_language
from retention.i18n import gettext as _
from retention.privacy.erased import is_erased
from retention.timeline import timeline
from segments.labels import CHANNELS
from segments.matching import match, open_matcher
from segments.personal_conditions import check_asking, hidden_segments
from segments.rule_ast import InSegment
from segments.segments import Segment, find_segment, list_segments

router = APIRouter(prefix="/shops/{slug}/buyers", dependencies=[require(Scope.BUYERS_READ)])


@router.get("")
def list_buyers(
    request: Request,
    session: Reading,
    place: Here,
    now: Now,
    q: Annotated[str, Query(max_length=200)] = "",
    segment: str = "",
    before: int | None = None,
) -> HTMLResponse:
    """Show a page of buyers; HTMX asks for the rows alone while somebody types."""
    chosen = find_segment(session, place.shop.id, segment) if segment else None
    if chosen:
        check_asking(session, place.member, InSegment(segment))
    among = match(session, place.shop, InSegment(segment), now=now) if chosen else None
    lines = page_of_buyers(session, place.member, search=q, among=among, before=before)
    context: dict[str, Any] = {
        "lines": lines,
        "q": q,
        "segment": segment,
        "more": len(lines) == PAGE,
        "chosen": chosen,
    }
    if request.headers.get("HX-Target") == "lines":
        return show(request, session, "segments/buyer_lines.html", **context)
    total = len(among) if among is not None else count_buyers(session, place.shop.id)
    return show(
        request, session, "segments/buyers.html", total=total, segments=list_segments(session, place.shop.id), **context
    )


@router.get("/{external_id:path}")
def show_buyer(request: Request, session: Reading, place: Here, now: Now, external_id: str) -> HTMLResponse:
    """Show one buyer: who, how to reach them, which segments, and the timeline."""
    buyer = buyer_for(session, place.member, external_id)
    aggregates = find_aggregates(session, buyer)
    return show(
        request,
        session,
        "segments/buyer.html",
        erased=is_erased(session, buyer),
        buyer=buyer_summary(place.member, buyer, aggregates),
        aggregates=aggregates,
        belongs=_belongs(session, place, buyer, now),
        events=timeline(session, buyer),
        **_consent(session, place, buyer, now),
    )


def _consent(session: Session, place: Here, buyer: Buyer, now: datetime) -> dict[str, Any]:
    """Return what the page says of consent; evidence is personal, so not everybody sees the history."""
    names = {channel: _(words) for channel, words in CHANNELS.items()}
    topics = [(each.slug, each.name(current_language())) for each in topics_of(session, buyer.shop_id)]
    personal = place.member.may(Scope.BUYERS_PERSONAL)
    rows = answers_of(session, buyer.shop_id, buyer.id) if personal else []
    who = names_of(session, {row.recorded_by for row in rows})
    return {
        "preferences": preferences_of(session, buyer, at=now),
        "channel_names": names,
        "channel_options": [(channel.value, name) for channel, name in names.items()],
        "source_options": sources.source_options(),
        "topics": topics,
        "topic_names": dict(topics),
        "may_record": place.member.may(Scope.CONSENTS_WRITE),
        "history": [(row, who.get(row.recorded_by, "")) for row in rows] if personal else None,
    }


def _belongs(session: Session, place: Place, buyer: Buyer, now: datetime) -> list[Segment]:
    matcher = open_matcher(session, place.shop, now=now)
    hidden = hidden_segments(session, place.member)
    shown = [segment for segment in list_segments(session, place.shop.id) if segment.slug not in hidden]
    return [segment for segment in shown if buyer.id in matcher.try_segment(segment.slug)[0]]
