"""RFM: the buyers by recency and frequency as a heat map, the eleven groups, and who moved between them in a month.

Every cell and every group opens as a rule in the builder.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.console.shell import Here, show
from api.deps import Now, Reading, require
from retention import clock
from retention.access import Scope
from retention.i18n import gettext as _
from segments.labels import GROUPS, SCALES
from segments.matching import open_matcher
from segments.rfm import Movement, cells, group_members, movement
from segments.rule_ast import Scale

router = APIRouter(prefix="/shops/{slug}/segments/rfm", dependencies=[require(Scope.SEGMENTS_READ)])

BACK = 30
"""So many days back the groups are compared with."""
LEVELS = 9
MOST_FLOWS = 8


@dataclass(frozen=True)
class Square:
    """A cell of the heat map with its shade and the address that opens it as a segment."""

    count: int
    money: float
    recency: int
    frequency: int
    level: int
    address: str


@dataclass(frozen=True)
class GroupLine:
    """One of the eleven groups: its size, and the address that opens it as a segment."""

    slug: str
    name: str
    count: int
    share: float
    address: str


@dataclass(frozen=True)
class Flow:
    """How many went from one group to another."""

    origin: str
    target: str
    count: int


@router.get("")
def show_rfm(request: Request, session: Reading, place: Here, now: Now, scale: Scale = Scale.QUINTILES) -> HTMLResponse:
    """Show the heat map and the groups as they are now."""
    matcher = open_matcher(session, place.shop, now=now)
    scores = matcher.scored(scale)
    builder = f"/shops/{place.shop.slug}/segments/new"
    squares = [[_square(cell, scale, builder) for cell in row] for row in cells(scores)]
    most = max(square.count for row in squares for square in row)
    everybody = len(matcher.everyone)
    members = group_members(scores, everyone=matcher.everyone)
    matcher.keep()
    return show(
        request,
        session,
        "segments/rfm.html",
        rows=[[_shaded(square, most) for square in row] for row in squares],
        groups=[_group_line(slug, len(members[slug]), everybody, scale, builder) for slug in GROUPS],
        scored=len(scores.ids),
        everybody=everybody,
        scale=scale.value,
        scales=[(key, _(name)) for key, name in SCALES.items()],
    )


@router.get("/movement")
def show_movement(
    request: Request, session: Reading, place: Here, now: Now, scale: Scale = Scale.QUINTILES
) -> HTMLResponse:
    """Draw who moved between the groups in the last thirty days; it reads the past, so the page asks for it apart.

    The thirty days begin with a day of the shop, so that what was then need only be asked once a day.
    """
    since = clock.start_of_day(place.shop.day(now) - BACK, place.shop.timezone)
    present, past = open_matcher(session, place.shop, now=now), open_matcher(session, place.shop, now=now, as_of=since)
    before, after = (group_members(each.scored(scale), everyone=present.everyone) for each in (past, present))
    moved = movement(before, after)
    past.keep()
    present.keep()
    return show(
        request,
        session,
        "segments/rfm_movement.html",
        since=since,
        names=[_(GROUPS[slug]) for slug in moved.groups],
        moved=moved.moved,
        before=[sum(row) for row in moved.moved],
        after=[sum(column) for column in zip(*moved.moved, strict=True)],
        flows=_flows(moved),
    )


def _square(cell: Any, scale: Scale, builder: str) -> Square:
    rule = {"rfm": {"recency": {"is": cell.recency}, "frequency": {"is": cell.frequency}, **_scaled(scale)}}
    name = _("Recency {recency}, frequency {frequency}").format(recency=cell.recency, frequency=cell.frequency)
    return Square(cell.buyers, cell.money, cell.recency, cell.frequency, 0, _opening(builder, rule, name))


def _shaded(square: Square, most: int) -> Square:
    level = -(-square.count * LEVELS // most) if most else 0
    return Square(square.count, square.money, square.recency, square.frequency, level, square.address)


def _group_line(slug: str, count: int, everybody: int, scale: Scale, builder: str) -> GroupLine:
    name = _(GROUPS[slug])
    rule = {"rfm": {"group": [slug], **_scaled(scale)}}
    return GroupLine(slug, name, count, count / (everybody or 1), _opening(builder, rule, name))


def _flows(moved: Movement) -> list[Flow]:
    """Return the largest movements, without those who stayed."""
    flows = [
        Flow(_(GROUPS[origin]), _(GROUPS[target]), moved.moved[i][j])
        for i, origin in enumerate(moved.groups)
        for j, target in enumerate(moved.groups)
        if i != j and moved.moved[i][j]
    ]
    return sorted(flows, key=lambda flow: -flow.count)[:MOST_FLOWS]


def _scaled(scale: Scale) -> dict[str, str]:
    return {} if scale is Scale.QUINTILES else {"scale": scale.value}


def _opening(builder: str, rule: dict[str, Any], name: str) -> str:
    return f"{builder}?{urlencode({'rule': json.dumps(rule, ensure_ascii=False), 'name': name})}"
