"""Segments: rules counted, saved, said in words; who is in them, now or as of a moment; who came and who left."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from api.deps import Now, Reading, Writing
from api.downloads import csv_of
from api.shapes.presets import PresetOut, PresetsOut
from api.shapes.segments import (
    ChangeOut,
    ChangesOut,
    CountedSegmentOut,
    CountOut,
    ListedSegmentOut,
    MembershipOut,
    PartOut,
    RefreshesOut,
    SegmentOut,
    SegmentsOut,
    WordsOut,
)
from api.shapes.shape import Input
from api.v1.callers import Caller, caller_with
from api.v1.field_types import Moment
from api.v1.pages import Paged, Text
from api.v1.parameters import AsOf, ExternalId, PresetSlug, SegmentSlug
from api.v1.routing import made_or_changed, router_for, say_made
from campaigns.campaign.audiences import remove_segment
from retention.access import Scope
from retention.buyers import buyer_for
from retention.column_limits import LARGEST
from retention.paging import MOST, page_within
from segments import segments, snapshots
from segments.descriptions import describe
from segments.lists import external_ids_of
from segments.matching import match
from segments.personal_conditions import check_asking
from segments.presets import PRESETS, Preset, find_preset
from segments.preview import preview
from segments.rule_ast import InSegment, to_json
from segments.rules import parse

router = router_for("segments")

Reader = Annotated[Caller, caller_with(Scope.SEGMENTS_READ)]
Writer = Annotated[Caller, caller_with(Scope.SEGMENTS_WRITE)]
BuyerReader = Annotated[Caller, caller_with(Scope.SEGMENTS_READ, Scope.BUYERS_READ)]

MOST_CHANGES = 100


class RuleOnlyIn(Input):
    """A rule."""

    rule: dict[str, Any] = Field(examples=[{"orders": {"measure": "count", "at_least": 2}}])


class RuleIn(RuleOnlyIn):
    """A rule to count, without saving it."""

    as_of: Moment | None = Field(None, description="Count with what was known before this moment.")


class SegmentIn(RuleOnlyIn):
    """A segment to save."""

    name: str = Field("", max_length=200, description="Its name for people; left out, the name stays as it was.")


@router.get("/segments")
def list_all(session: Reading, caller: Reader, wanted: Paged, q: Text = "") -> SegmentsOut:
    """List the shop's segments with their size at the last refresh. Scope segments:read."""
    sizes = snapshots.sizes(session, caller.shop.id)
    page = segments.page_of_segments(session, caller.shop.id, wanted, text=q)
    return SegmentsOut(
        segments=[
            ListedSegmentOut.of(each, caller.shop, caller.member, buyers_at_refresh=sizes.get(each.id))
            for each in page.rows
        ],
        next=page.next,
    )


@router.get("/segments/{slug}")
def show(slug: SegmentSlug, session: Reading, now: Now, caller: Reader, as_of: AsOf = None) -> CountedSegmentOut:
    """Show a segment with its size. Scope segments:read."""
    found = segments.find_segment(session, caller.shop.id, slug)
    buyers = _match(session, caller, slug, now, as_of)
    return CountedSegmentOut.of(found, caller.shop, caller.member, buyers=len(buyers))


@router.put("/segments/{slug}", responses=made_or_changed(SegmentOut))
def save(
    slug: SegmentSlug, sent: SegmentIn, session: Writing, now: Now, caller: Writer, request: Request, response: Response
) -> SegmentOut:
    """Save a rule as a segment, new or in place of the one there. Scope segments:write.

    A rule about names, mail, phone or ids needs buyers:personal too, to be saved, counted or exported.
    """
    node = parse(sent.rule)
    check_asking(session, caller.member, node, InSegment(slug))
    is_new = not segments.has_segment(session, caller.shop.id, slug)
    saved = segments.save_segment(session, caller.shop.id, slug, rule=node, name=sent.name, actor=caller.actor, at=now)
    if is_new:
        say_made(request, response)
    return SegmentOut.of(saved, caller.shop, caller.member)


@router.delete("/segments/{slug}", status_code=204)
def remove(slug: SegmentSlug, session: Writing, now: Now, caller: Writer) -> None:
    """Remove a segment that no campaign and no other segment is built on (409 otherwise). Scope segments:write."""
    remove_segment(session, caller.shop.id, slug, actor=caller.actor, at=now)


@router.post("/segments/count")
def count(sent: RuleIn, session: Reading, now: Now, caller: Reader) -> CountOut:
    """Count the buyers a rule matches, and each of its parts; nothing is saved. Scope segments:read."""
    node = parse(sent.rule)
    check_asking(session, caller.member, node)
    shown = preview(session, caller.shop, node, now=now, as_of=sent.as_of)
    return CountOut(
        words=describe(node, currency=caller.shop.currency),
        buyers=len(shown.buyers),
        of=shown.everyone,
        parts=[PartOut(path=part.path, buyers=part.count) for part in shown.parts],
        notes=list(shown.notes),
        counted_back_from=shown.floored_to,
    )


@router.post("/segments/describe")
def say(sent: RuleOnlyIn, caller: Reader) -> WordsOut:
    """Say a rule in the language of the request; refused with the path of what is wrong. Scope segments:read."""
    return WordsOut(words=describe(parse(sent.rule), currency=caller.shop.currency))


@router.get("/segment-presets")
def list_presets(caller: Reader, wanted: Paged) -> PresetsOut:
    """List the ready-made rules, in the language of the request. Scope segments:read."""
    page = page_within(PRESETS, wanted)
    return PresetsOut(presets=[_preset(each, {}, caller) for each in page.rows], next=page.next)


@router.get("/segment-presets/{preset}")
def show_preset(
    preset: PresetSlug,
    caller: Reader,
    category: Annotated[str, Query(description="The category, where the preset asks for one.")] = "",
    bought: Annotated[str, Query(description="The SKU that was bought, where the preset asks for it.")] = "",
    missing: Annotated[str, Query(description="The SKU that was not bought, where the preset asks for it.")] = "",
) -> PresetOut:
    """Show a ready-made rule with what it asks for: a `category`, or the SKUs `bought` and `missing`.

    Scope segments:read.
    """
    found = find_preset(preset)
    values = {"category": category, "bought": bought, "missing": missing}
    return _preset(found, values, caller)


@router.post("/segments/refresh")
def refresh_all(session: Writing, now: Now, caller: Writer) -> RefreshesOut:
    """Bring every segment up to date. Scope segments:write."""
    return RefreshesOut.of(snapshots.refresh_segments(session, caller.shop, now=now))


@router.post("/segments/{slug}/refresh")
def refresh(slug: SegmentSlug, session: Writing, now: Now, caller: Writer) -> RefreshesOut:
    """Bring one segment up to date. Scope segments:write."""
    return RefreshesOut.of([snapshots.refresh_segment(session, caller.shop, slug, now=now)])


@router.get("/segments/{slug}/changes")
def show_changes(
    slug: SegmentSlug,
    session: Reading,
    caller: BuyerReader,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="The change after which to begin.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = MOST_CHANGES,
) -> ChangesOut:
    """Tell who came in and who left after a sequence, oldest first.

    Scopes segments:read and buyers:read.
    """
    check_asking(session, caller.member, InSegment(slug))
    found = list(snapshots.changes_since(session, caller.shop.id, slug, after=after, most=limit + 1))
    more, found = len(found) > limit, found[:limit]
    names = external_ids_of(session, caller.shop.id, (each.entered | each.left for each in found))

    def named(buyers: Iterable[int]) -> list[str]:
        return sorted(names[buyer] for buyer in buyers if buyer in names)

    changes = [
        ChangeOut(sequence=each.sequence, at=each.at, entered=named(each.entered), left=named(each.left))
        for each in found
    ]
    last = found[-1].sequence if found else after
    return ChangesOut(changes=changes, last=last, next=str(last) if more else None)


@router.get("/segments/{slug}/buyers.csv", response_class=StreamingResponse)
def export(slug: SegmentSlug, session: Reading, now: Now, caller: BuyerReader, as_of: AsOf = None) -> StreamingResponse:
    """Send the buyers as CSV; names, mail and phone are masked for a key that may not see persons.

    Scopes segments:read and buyers:read.
    """
    check_asking(session, caller.member, InSegment(slug))
    return csv_of(session, caller.shop, caller.member, slug=slug, now=now, as_of=as_of)


@router.get("/segments/{slug}/buyers/{external_id}")
def show_buyer(
    slug: SegmentSlug, external_id: ExternalId, session: Reading, now: Now, caller: BuyerReader
) -> MembershipOut:
    """Tell whether a buyer, by the shop's own id, is in a segment. Scopes segments:read and buyers:read."""
    check_asking(session, caller.member, InSegment(slug))
    buyer = buyer_for(session, caller.member, external_id)
    member = buyer.id in _match(session, caller, slug, now, None)
    return MembershipOut(segment=slug, buyer_id=external_id, member=member)


def _match(session: Reading, caller: Caller, slug: str, now: datetime, as_of: datetime | None) -> Any:
    return match(session, caller.shop, InSegment(slug), now=now, as_of=as_of)


def _preset(preset: Preset, values: dict[str, str], caller: Caller) -> PresetOut:
    if preset.asks and not values:
        return PresetOut(slug=preset.slug, name=preset.title, asks=list(preset.asks))
    node = preset.node(values)
    words = describe(node, currency=caller.shop.currency)
    asks = list(preset.asks)
    return PresetOut(slug=preset.slug, name=preset.titled(values), asks=asks, words=words, rule=to_json(node))
