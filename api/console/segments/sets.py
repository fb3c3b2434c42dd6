"""Tools on segments as sets: how they overlap, new rules made of them, a random split, lists from a file."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from io import TextIOWrapper
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pyroaring import BitMap
from sqlmodel import Session

from api.console.segments.segments import segment_lines
from api.console.shell import Here, Notice, go, show
from api.deps import Now, Place, Reading, Writing, require
from retention.access import Scope
from retention.errors import Conflict, Invalid
from retention.i18n import gettext as _
from retention.i18n import gettext_noop, ngettext
from segments.export import upload_list
from segments.lists import list_lists
from segments.matching import open_matcher
from segments.personal_conditions import check_asking, hidden_segments
from segments.rule_ast import InList, InSegment, Node, to_json
from segments.segments import find_segment, list_segments, save_segment
from segments.sets import intersection, minus, overlap, split, union

router = APIRouter(prefix="/shops/{slug}/segments", dependencies=[require(Scope.SEGMENTS_READ)])

MOST_COMPARED = 12
FIRST_COMPARED = 5
SHOWN_UNKNOWN = 20

Chosen = Annotated[list[str], Query(alias="of")]


@router.get("/overlap")
def show_overlap(request: Request, session: Reading, place: Here, now: Now, chosen: Chosen = []) -> HTMLResponse:  # noqa: B006 - FastAPI copies it
    """Show how the chosen segments overlap; without a choice the largest ones."""
    matcher = open_matcher(session, place.shop, now=now)
    lines = segment_lines(session, place, matcher)
    check_asking(session, place.member, *map(InSegment, chosen))
    hidden = hidden_segments(session, place.member)
    lines = [line for line in lines if line.segment.slug not in hidden and not line.problem]
    known = [line.segment.slug for line in lines]
    slugs = [each for each in dict.fromkeys(chosen) if each in known] or [
        line.segment.slug for line in lines[:FIRST_COMPARED] if line.count
    ]
    slugs = slugs[:MOST_COMPARED]
    found = overlap(session, place.shop, slugs, now=now)
    return show(
        request,
        session,
        "segments/overlap.html",
        lines=lines,
        chosen=[next(line for line in lines if line.segment.slug == slug) for slug in slugs],
        shared=found.shared,
        most=MOST_COMPARED,
        pairs=_pairs(place, slugs),
    )


@router.get("/combine")
def combine(place: Here, session: Reading, how: str = "any", chosen: Chosen = [], first: str = "") -> RedirectResponse:  # noqa: B006 - FastAPI copies it
    """Lead to the builder with the rule for any, all, or one without the others of the chosen segments."""
    if not chosen:
        return go(f"/shops/{place.shop.slug}/segments/overlap")
    base = first or chosen[0]
    names = {slug: find_segment(session, place.shop.id, slug).name for slug in {*chosen, base}}
    others = [slug for slug in chosen if slug != base]
    rules: dict[str, tuple[Node, str]] = {
        "any": (union(chosen), _(" or ").join(names[slug] for slug in chosen)),
        "all": (intersection(chosen), _(" and ").join(names[slug] for slug in chosen)),
        "minus": (minus(base, others), _("{name} without the others").format(name=names[base])),
    }
    if how not in rules:
        raise Invalid(gettext_noop("Combine segments with any, all or minus, not {how}."), how=repr(how))
    return RedirectResponse(_opening(place, *rules[how]), 303)


@router.post("/split", dependencies=[require(Scope.SEGMENTS_WRITE)])
def split_one(
    session: Writing,
    place: Here,
    now: Now,
    segment: Annotated[str, Form()],
    shares: Annotated[str, Form()],
) -> Response:
    """Save one segment per share that together deal out a segment at random."""
    _split(session, place, segment, _percents(shares), at=now)
    return go(f"/shops/{place.shop.slug}/segments", done="saved")


@router.get("/lists")
def show_lists(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show the lists and the form for another one."""
    return _lists(request, session, place)


@router.post("/lists", dependencies=[require(Scope.SEGMENTS_WRITE), require(Scope.BUYERS_PERSONAL)])
def upload(
    request: Request,
    session: Writing,
    place: Here,
    now: Now,
    file: UploadFile,
    name: Annotated[str, Form()] = "",
    short_name: Annotated[str, Form()] = "",
) -> Response:
    """Keep the buyers that a file names, one id a line, and say which ids no buyer has."""
    try:
        lines = TextIOWrapper(file.file, encoding="utf-8", newline=None)
        kept, unknown = upload_list(
            session, place.shop, short_name, lines=lines, actor=place.member.actor, at=now, name=name[:200]
        )
    except UnicodeDecodeError:
        sentence = gettext_noop("A list of buyer IDs must be UTF-8 text, one ID per line.")
        raise Invalid(sentence, field="file") from None
    return _lists(request, session, place, notice=_import_notice(len(BitMap.deserialize(kept.members)), unknown))


def _split(session: Session, place: Place, slug: str, percents: Sequence[int], *, at: datetime) -> None:
    found = find_segment(session, place.shop.id, slug)
    check_asking(session, place.member, InSegment(slug))
    taken = {each.slug for each in list_segments(session, place.shop.id)}
    for number, (rule, share) in enumerate(zip(split(slug, percents, seed=slug), percents, strict=True), 1):
        part = f"{slug[:55].rstrip('-')}-part-{number}"
        if part in taken:
            raise Conflict(
                gettext_noop("The segment {slug} already exists: this segment has been split before."), slug=part
            )
        name = _("{name}: part {number} ({share} %)").format(name=found.name[:150], number=number, share=share)
        save_segment(session, place.shop.id, part, rule=rule, name=name, actor=place.member.actor, at=at)


def _import_notice(count: int, unknown: Sequence[str]) -> Notice:
    text = ngettext("One buyer is on the list.", "{count} buyers are on the list.", count).format(count=count)
    if not unknown:
        return Notice("good", text)
    some = ", ".join(unknown[:SHOWN_UNKNOWN])
    more = ngettext("One ID is unknown: {ids}", "{count} IDs are unknown: {ids}", len(unknown)).format(
        count=len(unknown), ids=some + ("…" if len(unknown) > SHOWN_UNKNOWN else "")
    )
    return Notice("warn", f"{text} {more}")


def _lists(
    request: Request,
    session: Session,
    place: Place,
    *,
    notice: Notice | None = None,
) -> HTMLResponse:
    lists = list_lists(session, place.shop.id)
    return show(
        request,
        session,
        "segments/lists.html",
        notice=notice,
        lists=[
            (each, len(BitMap.deserialize(each.members)), _opening(place, InList(each.slug), each.name))
            for each in lists
        ],
        short_name=f"list-{len(lists) + 1}",
    )


def _pairs(place: Place, slugs: Sequence[str]) -> list[list[str]]:
    return [[_opening(place, intersection([one, other]), "") for other in slugs] for one in slugs]


def _percents(text: str) -> list[int]:
    try:
        return [int(each) for each in re.findall(r"[^\s,;:/%+、，]+", text)]
    except ValueError as error:
        raise Invalid(
            gettext_noop("Enter percentages such as 50 50 or 70 20 10, not {text}."), text=repr(text)
        ) from error


def _opening(place: Place, rule: Node, name: str) -> str:
    asked = {"rule": json.dumps(to_json(rule), ensure_ascii=False), "name": name}
    return f"/shops/{place.shop.slug}/segments/new?{urlencode(asked)}"
