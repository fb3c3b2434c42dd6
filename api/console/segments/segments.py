"""Segments: every saved rule with its size and how it moved; one of them with who came, who left and what uses it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from pyroaring import BitMap
from sqlmodel import Session

from api.console.reports.sparkline import Sparkline, sparkline
from api.console.segments.rule_answer import some_of
from api.console.shell import Here, go, refused, show
from api.console.shop.failures import failure_lines
from api.console.states import shown
from api.deps import Now, Place, Reading, Writing, require
from api.downloads import csv_of
from campaigns.campaign.audiences import campaigns_on, remove_segment
from retention import clock
from retention.access import Scope
from retention.errors import Invalid
from retention.failures import failures_of
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.shops import Shop
from segments.descriptions import describe
from segments.lists import buyers_called
from segments.matching import Matcher, open_matcher
from segments.personal_conditions import check_asking, may_ask, readable
from segments.presets import save_presets
from segments.rule_ast import InSegment
from segments.segments import Segment, find_segment, list_segments, set_manual_members
from segments.snapshots import Moved, changes_since, histories, refresh_segment

router = APIRouter(prefix="/shops/{slug}/segments", dependencies=[require(Scope.SEGMENTS_READ)])

SHOWN = 12
"""So many of those who came or left are shown by name."""


@dataclass(frozen=True)
class SegmentLine:
    """A segment as the list shows it: its rule in words, how many match, their share of everybody, how it moved."""

    segment: Segment
    words: str
    count: int
    share: float
    last: Moved | None = None
    spark: Sparkline | None = None
    problem: str = ""


@router.get("")
def list_all(request: Request, session: Reading, place: Here, now: Now) -> HTMLResponse:
    """Show every segment; conditions that several share are asked once."""
    matcher = open_matcher(session, place.shop, now=now)
    lines = segment_lines(session, place, matcher)
    matcher.keep()
    return show(request, session, "segments/segments.html", lines=lines, everybody=len(matcher.everyone))


@router.post("/presets", dependencies=[require(Scope.SEGMENTS_WRITE)])
def add_presets(session: Writing, place: Here, now: Now) -> RedirectResponse:
    """Save the segments every shop asks for first."""
    save_presets(session, place.shop, at=now, actor=place.member.actor)
    return go(f"/shops/{place.shop.slug}/segments", done="saved")


@router.get("/saved/{name}")
def show_one(request: Request, session: Reading, place: Here, now: Now, name: str) -> HTMLResponse:
    """Show a segment: its words, its trend, who came and who left last, what is built on it."""
    return segment_page(request, session, place, name, now=now)


@router.post("/saved/{name}/refresh", dependencies=[require(Scope.SEGMENTS_WRITE)])
def refresh(session: Writing, place: Here, now: Now, name: str) -> RedirectResponse:
    """Bring the segment up to date now instead of within a minute."""
    refresh_segment(session, place.shop, name, now=now)
    return go(f"/shops/{place.shop.slug}/segments/saved/{name}", done="refreshed")


@router.post("/saved/{name}/pin", dependencies=[require(Scope.SEGMENTS_WRITE), require(Scope.BUYERS_PERSONAL)])
def pin_buyers(
    session: Writing,
    place: Here,
    now: Now,
    name: str,
    buyers: Annotated[str, Form()] = "",
    where: Annotated[str, Form()] = "",
) -> Response:
    """Include or exclude buyers by their ids, one a line, or let the rule decide about them again."""
    find_segment(session, place.shop.id, name)
    found, unknown = buyers_called(session, place.shop.id, buyers.splitlines())
    if unknown or not found:
        raise Invalid(
            gettext_noop("No buyer is called {ids}. Nothing was changed."),
            ids=", ".join(unknown) or "—",
            field="buyers",
        )
    set_manual_members(
        session, place.shop.id, name, buyers=found, where=where or None, actor=place.member.actor, at=now
    )
    refresh_segment(session, place.shop, name, now=now)
    return go(f"/shops/{place.shop.slug}/segments/saved/{name}", done="saved")


@router.post("/saved/{name}/delete", dependencies=[require(Scope.SEGMENTS_WRITE)])
def delete(session: Writing, place: Here, now: Now, name: str) -> Response:
    """Remove a segment that nothing is built on."""
    remove_segment(session, place.shop.id, name, actor=place.member.actor, at=now)
    return go(f"/shops/{place.shop.slug}/segments", done="removed")


@router.get("/saved/{name}/buyers.csv", dependencies=[require(Scope.BUYERS_READ)])
def export(session: Reading, place: Here, now: Now, name: str) -> StreamingResponse:
    """Send the buyers as CSV, masked for those who may not see names, mail and phone."""
    check_asking(session, place.member, InSegment(name))
    return csv_of(session, place.shop, place.member, slug=name, now=now)


def rule_words(place: Place, segment: Segment) -> str:
    """Return the rule of a segment in words as the member may read it; what is wrong where it cannot be read."""
    if segment.damage:
        return segment.damage.say(_)
    return describe(readable(place.member, segment.rule), currency=place.shop.currency)


def segment_lines(session: Session, place: Place, matcher: Matcher) -> list[SegmentLine]:
    """Return a shop's segments with their counts, the largest first."""
    shop = place.shop
    everybody = len(matcher.everyone) or 1
    moved = histories(session, shop.id)
    lines = []
    for segment in list_segments(session, shop.id):
        members, error = matcher.try_segment(segment.slug)
        count = len(members)
        history = moved.get(segment.id, [])
        lines.append(
            SegmentLine(
                segment,
                rule_words(place, segment),
                count,
                count / everybody,
                history[-1] if history else None,
                sparkline([(each.at, each.size) for each in history]),
                error.say(_) if error else "",
            )
        )
    return sorted(lines, key=lambda line: -line.count)


def count_by_slug(session: Session, shop: Shop, *, now: datetime) -> dict[str, int]:
    """Return how many buyers each segment of a shop has now, by its slug."""
    matcher = open_matcher(session, shop, now=now)
    return {segment.slug: len(matcher.try_segment(segment.slug)[0]) for segment in list_segments(session, shop.id)}


def segment_page(
    request: Request,
    session: Session,
    place: Place,
    name: str,
    *,
    now: datetime,
) -> HTMLResponse:
    """Return the page of a segment."""
    shop = place.shop
    segment = find_segment(session, shop.id, name)
    is_hidden = not may_ask(session, place.member, InSegment(name))
    matcher = open_matcher(session, shop, now=now)
    members, broken = matcher.try_segment(name)
    matcher.keep()
    history = histories(session, shop.id, last=60).get(segment.id, [])
    return show(
        request,
        session,
        "segments/segment.html",
        notice=refused(broken) if broken else None,
        segment=segment,
        failing=failure_lines(failures_of(session, shop.id, kind="segment", thing_id=segment.id), shop, clock.now()),
        words=rule_words(place, segment),
        count=len(members),
        everybody=len(matcher.everyone),
        is_hidden=is_hidden,
        sample=[] if is_hidden else some_of(session, place, members),
        history=history,
        chart=_chart(history, shop),
        last=history[-1] if history else None,
        moved={} if is_hidden else _moved(session, place, segment, history),
        pinned={
            "in": len(BitMap.deserialize(segment.manual_includes)),
            "out": len(BitMap.deserialize(segment.manual_excludes)),
        },
        campaigns=[(each, shown(each.state)) for each in campaigns_on(session, shop.id, name)],
        built_on=[each for each in list_segments(session, shop.id) if each.is_built_on(name)],
    )


def _moved(session: Session, place: Place, segment: Segment, history: list[Moved]) -> dict[str, Any]:
    """Return some of those who came and who left at the last change."""
    if not history:
        return {}
    (last,) = changes_since(session, segment.shop_id, segment.slug, after=history[-1].sequence - 1)
    return {
        "entered": some_of(session, place, last.entered, size=SHOWN),
        "left": some_of(session, place, last.left, size=SHOWN),
    }


def _chart(history: list[Moved], shop: Shop) -> dict[str, Any]:
    zone = clock.zone(shop.timezone)
    labels = [f"{each.at.astimezone(zone):%m-%d %H:%M}" for each in history]
    return {
        "shape": "lines",
        "labels": labels,
        "series": [{"name": _("Buyers"), "values": [each.size for each in history]}],
    }
