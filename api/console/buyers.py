"""Buyers: the list with its search, and everything that happened with one of them."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlmodel import Session, func, select

from api.console.shell import Here, show
from api.deps import Now, Reading, require
from retention import browsing
from retention.access import Scope
from retention.buyers import Buyer, buyer_for
from retention.consent import Answer, Channel, last_answer
from retention.shops import Shop
from segments.matching import match, open_matcher
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
    among = match(session, place.shop, {"segment": segment}, now=now) if chosen else None
    lines = browsing.page_of_buyers(session, place.member, search=q, among=among, before=before)
    context: dict[str, Any] = {
        "lines": lines,
        "q": q,
        "segment": segment,
        "more": len(lines) == browsing.PAGE,
        "chosen": chosen,
    }
    if request.headers.get("HX-Target") == "lines":
        return show(request, session, "buyer_lines.html", **context)
    total = len(among) if among is not None else _all_buyers(session, place.shop)
    return show(request, session, "buyers.html", total=total, segments=list_segments(session, place.shop.id), **context)


@router.get("/{buyer_id:path}")
def show_buyer(request: Request, session: Reading, place: Here, now: Now, buyer_id: str) -> HTMLResponse:
    """Show one buyer: who, how to reach them, which segments, and the timeline."""
    buyer = buyer_for(session, place.member, buyer_id)
    facts = browsing.find_facts(session, buyer)
    return show(
        request,
        session,
        "buyer.html",
        buyer=browsing.buyer_line(place.member, buyer, facts),
        facts=facts,
        answers=_answers(session, buyer),
        belongs=_belongs(session, place.shop, buyer, now),
        happenings=browsing.timeline(session, buyer),
    )


def _answers(session: Session, buyer: Buyer) -> dict[Channel, Answer | None]:
    return {
        channel: last_answer(session, buyer.shop_id, buyer_id=buyer.id, channel=channel)
        for channel in (Channel.EMAIL, Channel.SMS, Channel.PARCEL)
    }


def _all_buyers(session: Session, shop: Shop) -> int:
    return session.exec(select(func.count()).where(Buyer.shop_id == shop.id)).one()


def _belongs(session: Session, shop: Shop, buyer: Buyer, now: datetime) -> list[Segment]:
    matcher = open_matcher(session, shop, now=now)
    return [segment for segment in list_segments(session, shop.id) if buyer.id in matcher.segment(segment.slug)]
