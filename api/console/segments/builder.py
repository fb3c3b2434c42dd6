"""The builder of segments: conditions in nested groups, counted while somebody types, saved under a name.

The form carries the whole draft, so the server keeps nothing between two requests. A change of a value asks for the
counts alone; a change of what fields there are redraws the conditions.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console.segments.rule_answer import RuleFeedback, answer
from api.console.segments.rule_fields import Known
from api.console.segments.rule_tree import (
    FRESH,
    JOINS,
    DraftBox,
    RuleDraft,
    change,
    draw,
    open_rule,
    read_form,
    rule_of,
    tidy,
)
from api.console.shell import Here, go, show
from api.deps import Now, Place, Reading, Writing, require
from api.forms import read_texts
from campaigns.runs.finding import campaign_names
from retention import clock
from retention.access import Scope
from retention.errors import Conflict, Error, Invalid, NotFound
from retention.followers_and_groups import list_groups
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.products import newest_products
from retention.shops import Shop
from segments.labels import FILTERS
from segments.lists import list_lists
from segments.personal_conditions import check_asking
from segments.presets import ASKED, PRESETS, Preset, find_preset
from segments.rule_ast import InSegment, to_json
from segments.rules import parse
from segments.segments import Segment, find_segment, list_segments, save_segment
from segments.snapshots import refresh_segment

router = APIRouter(prefix="/shops/{slug}/segments", dependencies=[require(Scope.SEGMENTS_READ)])

MOST_SUGGESTED = 200

SUGGESTED = {"category": "category", "bought": "sku", "missing": "sku"}
"""Which suggestions the fields take that presets ask for."""


@dataclass
class TypedRule:
    """The form as it was sent. `editing` is the short name of the segment being changed, empty for a new one."""

    values: dict[str, list[str]]

    def text(self, name: str) -> str:
        """Return a single field without the space around it."""
        return self.values.get(name, [""])[0].strip()


@dataclass(frozen=True)
class RuleSheet:
    """Everything the page of the builder shows."""

    box: DraftBox
    answer: RuleFeedback
    known: Known
    name: str
    short_name: str
    editing: str
    as_of: str
    json_text: str


async def read_typed(request: Request) -> TypedRule:
    form = await read_texts(request)
    values: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            values.setdefault(name, []).append(value)
    return TypedRule(values)


Sent = Annotated[TypedRule, Depends(read_typed)]


@router.get("/new")
def new(
    request: Request, session: Reading, place: Here, now: Now, preset: str = "", rule: str = "", name: str = ""
) -> HTMLResponse:
    """Show the builder, empty, with a preset's rule, or with a rule from another page.

    A preset that asks for something begins empty, with fields for that beside it, until all of them are filled in.
    """
    known = what_there_is(session, place.shop, now)
    asked = _from_text(rule) if rule else {"all": []}
    if preset:
        chosen, given = find_preset(preset), dict(request.query_params)
        if _is_answered(chosen, given):
            asked, name = to_json(chosen.node(given)), chosen.titled(given)
    typed = TypedRule({"name": [name], "short_name": [_free_name(session, place.shop, preset)]})
    return _page(request, session, _sheet(session, place, open_rule(asked, known), known, typed, now))


@router.get("/saved/{name}/edit")
def edit(request: Request, session: Reading, place: Here, now: Now, name: str) -> HTMLResponse:
    """Show the builder with a saved segment."""
    segment = find_segment(session, place.shop.id, name)
    check_asking(session, place.member, InSegment(name))
    known = what_there_is(session, place.shop, now, without=name)
    typed = TypedRule({"name": [segment.name], "editing": [name]})
    return _page(request, session, _sheet(session, place, open_rule(segment.rule_json, known), known, typed, now))


@router.post("/draw")
def redraw(request: Request, session: Reading, place: Here, now: Now, typed: Sent) -> HTMLResponse:
    """Redraw the conditions after a button or a choice changed which fields there are."""
    known = what_there_is(session, place.shop, now, without=typed.text("editing"))
    error = None
    draft = read_form(typed.values, known)
    try:
        draft = _pressed(draft, typed, known)
    except Error as refusal:
        error = refusal
    sheet = _sheet(session, place, draft, known, typed, now)
    if error:
        sheet.answer.problem = error.say(_)
    if request.headers.get("HX-Request"):
        return show(request, session, "segments/builder_work.html", **_context(sheet))
    return _page(request, session, sheet)


@router.post("/preview")
def recount(request: Request, session: Reading, place: Here, now: Now, typed: Sent) -> HTMLResponse:
    """Count again and redraw the result alone; the fields keep what is being typed."""
    known = what_there_is(session, place.shop, now, without=typed.text("editing"))
    sheet = _sheet(session, place, read_form(typed.values, known), known, typed, now)
    return show(request, session, "segments/builder_recount.html", **_context(sheet))


@router.post("/save", dependencies=[require(Scope.SEGMENTS_WRITE)])
def save(session: Writing, place: Here, now: Now, typed: Sent) -> Response:
    """Save the segment and refresh it."""
    known = what_there_is(session, place.shop, now, without=typed.text("editing"))
    draft = _pressed(read_form(typed.values, known), typed, known)
    segment = _save(session, place, typed, rule=tidy(rule_of(draft)), at=now)
    return go(f"/shops/{place.shop.slug}/segments/saved/{segment.slug}", done="saved")


def _pressed(draft: RuleDraft, typed: TypedRule, known: Known) -> RuleDraft:
    """Return the draft after the buttons that were pressed since it was drawn, in their order."""
    presses = typed.values.get("do", [])
    if "json" in presses:
        return open_rule(_from_text(typed.text("json")), known)
    change(draft, presses, known)
    return draft


def what_there_is(session: Session, shop: Shop, now: datetime, *, without: str = "") -> Known:
    """Return what conditions can choose from."""

    def named(rows: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((slug, name or slug) for slug, name in rows if slug != without)

    return Known(
        segments=(("", _("choose one")), *named((each.slug, each.name) for each in list_segments(session, shop.id))),
        lists=(("", _("choose one")), *named((each.slug, each.name) for each in list_lists(session, shop.id))),
        groups=named((each.slug, each.name) for each in list_groups(session, shop.id)),
        campaigns=named(campaign_names(session, shop.id)),
        currency=shop.currency,
        today=clock.day_of(shop.day(now)).isoformat(),
    )


def suggestions(session: Session, shop: Shop) -> dict[str, list[tuple[str, str]]]:
    """Return values to suggest while typing, and what they are called, from the shop's newest products."""
    newest = newest_products(session, shop.id, most=MOST_SUGGESTED)
    return {
        "sku": [(each.sku, each.title) for each in newest],
        "category": sorted({(each.category, "") for each in newest if each.category}),
    }


def _save(session: Session, place: Place, typed: TypedRule, *, rule: Any, at: datetime) -> Segment:
    editing, slug = typed.text("editing"), typed.text("editing") or typed.text("short_name")
    name = typed.text("name")
    if not name:
        raise Invalid(gettext_noop("Give the segment a name."), field="name")
    if editing:
        find_segment(session, place.shop.id, editing)
        check_asking(session, place.member, InSegment(editing))
    elif _exists(session, place.shop, slug):
        raise Conflict(
            gettext_noop("The short name {slug} is already used by another segment. Choose a different one."), slug=slug
        )
    node = parse(rule)
    check_asking(session, place.member, node)
    segment = save_segment(session, place.shop.id, slug, rule=node, name=name[:200], actor=place.member.actor, at=at)
    refresh_segment(session, place.shop, slug, now=at)
    return segment


def _sheet(
    session: Session, place: Place, draft: RuleDraft, known: Known, typed: TypedRule, now: datetime
) -> RuleSheet:
    box = draw(draft, known)
    editing, as_of = typed.text("editing"), typed.text("as_of")
    return RuleSheet(
        box=box,
        answer=answer(session, place, box, now=now, as_of=as_of, editing=editing),
        known=known,
        name=typed.text("name"),
        short_name=typed.text("short_name"),
        editing=editing,
        as_of=as_of,
        json_text=json.dumps(tidy(rule_of(draft)), ensure_ascii=False, indent=2),
    )


def _page(request: Request, session: Session, sheet: RuleSheet) -> HTMLResponse:
    shop: Shop = request.state.shop
    chosen = PRESETS.get(request.query_params.get("preset", ""))
    return show(
        request,
        session,
        "segments/segment_builder.html",
        presets=[(preset.slug, preset.title) for preset in PRESETS.values()],
        questions=_questions(chosen, request.query_params) if chosen else [],
        suggestions=suggestions(session, shop),
        **_context(sheet),
    )


def _context(sheet: RuleSheet) -> dict[str, Any]:
    return {
        "sheet": sheet,
        "fresh_kinds": [(key, _(name)) for key, (name, _rule) in FRESH.items()],
        "filter_names": [(key, _(name)) for key, name in FILTERS.items()],
        "joins": [(key, _(name)) for key, name in JOINS.items()],
    }


def _is_answered(preset: Preset, given: Mapping[str, str]) -> bool:
    return all(given.get(name, "").strip() for name in preset.asks)


def _questions(preset: Preset, given: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Return what a preset asks for: the field, its label, the suggestions it takes, what was given."""
    return [(name, _(ASKED[name]), SUGGESTED[name], given.get(name, "")) for name in preset.asks]


def _from_text(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Invalid(gettext_noop("The rule is not valid JSON: see line {line}."), line=error.lineno) from error
    except RecursionError as error:
        raise Invalid(gettext_noop("The rule is nested too deeply.")) from error


def _exists(session: Session, shop: Shop, slug: str) -> bool:
    try:
        find_segment(session, shop.id, slug)
    except NotFound:
        return False
    return True


def _free_name(session: Session, shop: Shop, wanted: str) -> str:
    """Return the short name a new segment begins with: the preset's, or the next number."""
    taken = {segment.slug for segment in list_segments(session, shop.id)}
    if wanted and wanted not in taken:
        return wanted
    numbers = [int(found[1]) for slug in taken if (found := re.fullmatch(r"segment-(\d{1,9})", slug))]
    return f"segment-{max(numbers, default=0) + 1}"
