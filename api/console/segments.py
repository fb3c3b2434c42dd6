"""Segments: every saved rule in words, with how many buyers match it now."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session

from api.console.shell import Here, go, show
from api.deps import Now, Reading, Writing, require
from retention.access import Scope
from retention.shops import Shop
from segments.matching import Matcher, open_matcher
from segments.presets import save_presets
from segments.segments import Segment, list_segments
from segments.words import describe

router = APIRouter(prefix="/shops/{slug}/segments", dependencies=[require(Scope.SEGMENTS_READ)])


@dataclass(frozen=True)
class SegmentLine:
    """A segment as the list shows it: its rule in words, how many match and which share of everybody that is."""

    segment: Segment
    words: str
    count: int
    share: float


@router.get("")
def list_all(request: Request, session: Reading, place: Here, now: Now) -> HTMLResponse:
    """Show every segment; conditions that several share are asked once."""
    matcher = open_matcher(session, place.shop, now=now)
    lines = segment_lines(session, place.shop, matcher)
    return show(request, session, "segments.html", lines=lines, everybody=len(matcher.everyone))


@router.post("/presets", dependencies=[require(Scope.SEGMENTS_WRITE)])
def add_presets(session: Writing, place: Here, now: Now) -> RedirectResponse:
    """Save the segments every shop asks for first."""
    save_presets(session, place.shop, at=now, actor=place.member.actor)
    return go(f"/shops/{place.shop.slug}/segments", done="saved")


def segment_lines(session: Session, shop: Shop, matcher: Matcher) -> list[SegmentLine]:
    """Return a shop's segments with their counts, the largest first."""
    everybody = len(matcher.everyone) or 1
    lines = [
        SegmentLine(
            segment,
            describe(segment.rule, currency=shop.currency),
            count := len(matcher.segment(segment.slug)),
            count / everybody,
        )
        for segment in list_segments(session, shop.id)
    ]
    return sorted(lines, key=lambda line: -line.count)


def count_by_slug(session: Session, shop: Shop, *, now: datetime) -> dict[str, int]:
    """Return how many buyers each segment of a shop has now, by its slug."""
    matcher = open_matcher(session, shop, now=now)
    return {segment.slug: len(matcher.segment(segment.slug)) for segment in list_segments(session, shop.id)}
