"""Segments, and what a count of buyers found."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from api.shapes.shape import PageOut, Shape
from retention.access import Member
from retention.i18n import gettext
from retention.shops import Shop
from segments.descriptions import describe
from segments.personal_conditions import readable_json
from segments.rules import parse
from segments.segments import Segment
from segments.snapshots import Refreshed


class SegmentOut(Shape):
    """A saved rule; `words` says it in the language of the request."""

    slug: str
    name: str
    words: str
    rule: dict[str, Any]
    refreshed_at: datetime | None = None

    @classmethod
    def of(cls, segment: Segment, shop: Shop, member: Member, **more: Any) -> Self:
        """Return a segment as a member may see it, with what else its shape has.

        One whose stored rule cannot be read says so in place of its words, and hides nobody else's.
        """
        damage = segment.damage
        rule = {} if damage else readable_json(member, segment.rule_json)
        words = damage.say(gettext) if damage else describe(parse(rule), currency=shop.currency)
        fields = {name: getattr(segment, name) for name in ("slug", "name", "refreshed_at")}
        return cls(**fields, words=words, rule=rule, **more)


class ListedSegmentOut(SegmentOut):
    """A segment as the list has it, with its size at the last refresh."""

    buyers_at_refresh: int | None = None


class SegmentsOut(PageOut):
    """The shop's segments by slug."""

    segments: list[ListedSegmentOut]


class CountedSegmentOut(SegmentOut):
    """A segment with its size."""

    buyers: int


class WordsOut(Shape):
    """A rule in the language of the request."""

    words: str


class PartOut(Shape):
    """One node of a rule by its path, and how many buyers match it by itself."""

    path: str
    buyers: int


class CountOut(WordsOut):
    """How many buyers match, of how many, and how many match each part of the rule."""

    buyers: int
    of: int
    parts: list[PartOut]
    notes: list[str] = Field(description="What must be known of the answer, such as that nothing is predicted yet.")
    counted_back_from: datetime | None = Field(description="The hour that “the last N days” count back from.")


class RefreshedOut(Shape):
    """What a refresh found."""

    slug: str
    buyers: int = Field(description="How many members the segment has after the refresh.")
    entered: int
    left: int

    @classmethod
    def of(cls, found: Refreshed) -> Self:
        """Return what the refresh of one segment found."""
        return cls(slug=found.slug, buyers=found.size, entered=found.entered, left=found.left)


class RefreshesOut(Shape):
    """What a refresh of several segments found."""

    segments: list[RefreshedOut] = Field(description="What was found in each segment.")

    @classmethod
    def of(cls, found: Iterable[Refreshed]) -> Self:
        """Return what the refreshes found."""
        return cls(segments=[RefreshedOut.of(each) for each in found])


class MembershipOut(Shape):
    """Whether one buyer is in a segment."""

    segment: str
    buyer_id: str
    member: bool


class ChangeOut(Shape):
    """Who came in and who left at one change, by the shop's own ids."""

    sequence: int
    at: datetime
    entered: list[str] = Field(description="The external ids of the buyers who came in.")
    left: list[str] = Field(description="The external ids of the buyers who went out.")


class ChangesOut(PageOut):
    """Changes in order. Ask for the next ones after `last`; an empty list says there are none yet."""

    changes: list[ChangeOut]
    last: int = Field(
        description="The number of the last change on this page; ask with it as `after` for the next ones."
    )
