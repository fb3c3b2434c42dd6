"""Segments: a rule that a shop saved under a name, with manual includes and excludes."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from pyroaring import BitMap
from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field, Session, col, func, select

from retention import audit
from retention.built_on import BroughtRows, at_undo
from retention.database import Json, ShopRow
from retention.errors import Conflict, Invalid, NotFound
from retention.failures import forget_failure
from retention.i18n import gettext_noop
from retention.paging import Page, Wanted, page_of, where_named
from retention.shops import check_slug
from retention.stored import Stored
from retention.versions import Family, raise_version
from segments.references import check_references
from segments.rule_ast import InSegment, Node, conditions_of, to_json
from segments.rules import parse

EMPTY = BitMap().serialize()


class Segment(ShopRow, table=True):
    """A named, saved rule of the rule language.

    `manual_includes` and `manual_excludes` are serialized bitmaps of buyer ids; an exclusion wins over everything.
    `refreshed_from` names the data the last snapshot was computed from, so that a refresh without news costs nothing.
    """

    __tablename__ = "segments"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    rule_json: dict[str, Any] = Field(alias="rule", sa_type=Json, sa_column_kwargs={"name": "rule"})
    manual_includes: bytes = Field(default=EMPTY, sa_type=LargeBinary)
    manual_excludes: bytes = Field(default=EMPTY, sa_type=LargeBinary)
    created_by: str = Field(max_length=64)
    created_at: datetime
    changed_at: datetime
    refreshed_at: datetime | None = None
    refreshed_from: str = Field(default="", max_length=64)

    rule: ClassVar[Stored[Node]] = Stored("rule_json", parse)

    @property
    def damage(self) -> Invalid | None:
        """What keeps its stored rule from being read; None for a sound segment. Whoever goes through many asks it."""
        try:
            _ = self.rule
        except Invalid as error:
            return error
        return None

    def is_built_on(self, slug: str) -> bool:
        """Tell whether its rule names a segment; of one that cannot be read, whether that name stands in it at all."""
        if self.damage:
            return f'"{slug}"' in json.dumps(self.rule_json)
        return names_segment(self.rule, slug)


@at_undo(gettext_noop("segments they were added to by hand"))
def _segments_with(session: Session, brought: BroughtRows) -> int:
    by_hand = select(Segment.manual_includes, Segment.manual_excludes).where(Segment.shop_id == brought.shop_id)
    sets = (BitMap.deserialize(each) for pair in session.exec(by_hand) for each in pair)
    return sum(brought.new_buyers.intersect(each) for each in sets)


def find_segment(session: Session, shop_id: int, slug: str) -> Segment:
    """Return a shop's segment by its slug; NotFound otherwise."""
    found = session.exec(select(Segment).where(Segment.shop_id == shop_id, Segment.slug == slug)).first()
    if found is None:
        raise NotFound("No segment is called {slug}.", slug=slug)
    return found


def list_segments(session: Session, shop_id: int) -> list[Segment]:
    """Return all segments of a shop, by name."""
    query = select(Segment).where(Segment.shop_id == shop_id).order_by(Segment.name, Segment.slug)
    return list(session.exec(query))


def count_segments(session: Session, shop_id: int) -> int:
    """Return how many segments a shop has."""
    return session.exec(select(func.count()).select_from(Segment).where(Segment.shop_id == shop_id)).one()


def save_segment(
    session: Session, shop_id: int, slug: str, *, rule: Node, actor: str, at: datetime, name: str = ""
) -> Segment:
    """Save a rule under a slug, new or in place of the one there; manual members stay.

    Invalid when the rule names a segment that does not exist, or would contain itself.
    """
    check_slug(slug)
    check_rule(session, shop_id, rule, slug=slug)
    segment = session.exec(select(Segment).where(Segment.shop_id == shop_id, Segment.slug == slug)).first()
    before = {"name": segment.name, "rule": segment.rule_json} if segment else None
    if segment is None:
        segment = Segment(
            shop_id=shop_id, slug=slug, name=name or slug, rule={}, created_by=actor, created_at=at, changed_at=at
        )
        session.add(segment)
    segment.rule_json, segment.name, segment.changed_at = to_json(rule), name or segment.name, at
    session.flush()
    forget_failure(session, shop_id, "segment", segment.id)
    raise_version(session, shop_id, Family.SEGMENTS)
    after = {"name": segment.name, "rule": segment.rule_json}
    audit.record(
        session, shop_id, actor, action="segment.save", subject=f"segment:{slug}", at=at, before=before, after=after
    )
    return segment


def page_of_segments(session: Session, shop_id: int, wanted: Wanted, *, text: str = "") -> Page[Segment]:
    """Return a page of a shop's segments by slug; `text` is in their slug or name."""
    found = where_named(select(Segment).where(Segment.shop_id == shop_id), text, col(Segment.slug), col(Segment.name))
    return page_of(session, found, wanted, col(Segment.slug))


def has_segment(session: Session, shop_id: int, slug: str) -> bool:
    """Tell whether a segment of this name is there."""
    return session.exec(select(Segment.id).where(Segment.shop_id == shop_id, Segment.slug == slug)).first() is not None


def delete_segment(session: Session, shop_id: int, slug: str, *, actor: str, at: datetime) -> None:
    """Remove a segment; Conflict while another one is built on it."""
    segment = find_segment(session, shop_id, slug)
    users = [other.slug for other in list_segments(session, shop_id) if other.is_built_on(slug)]
    if users:
        raise Conflict("Segment {slug} is used by {users}.", slug=slug, users=", ".join(users))
    before = {"name": segment.name, "rule": segment.rule_json}
    audit.record(session, shop_id, actor, action="segment.delete", subject=f"segment:{slug}", at=at, before=before)
    forget_failure(session, shop_id, "segment", segment.id)
    session.delete(segment)
    session.flush()
    raise_version(session, shop_id, Family.SEGMENTS)


def names_segment(node: Node, slug: str) -> bool:
    """Tell whether a rule is built on a segment."""
    return slug in _named_in(node)


def check_rule(session: Session, shop_id: int, node: Node, *, slug: str = "") -> None:
    """Raise Invalid unless all that a rule names is there: what keeps a rule asks this first.

    `slug` is the segment it is to be saved as, if it is to be one.
    """
    check_cycle(session, shop_id, slug, node)
    check_references(session, shop_id, node)


def check_cycle(session: Session, shop_id: int, slug: str, node: Node) -> None:
    """Raise Invalid when `node`, saved as `slug`, would name an unknown segment or lead back to itself."""
    rules = dict(
        session.exec(select(col(Segment.slug), col(Segment.rule_json)).where(Segment.shop_id == shop_id)).all()
    )
    todo: list[tuple[str, tuple[str, ...]]] = [(other, (slug, other)) for other in _named_in(node)]
    seen: set[str] = set()
    while todo:
        other, path = todo.pop()
        if other == slug:
            raise Invalid("A segment cannot contain itself: {path}.", path=" → ".join(path))
        if other not in rules:
            raise Invalid("No segment is called {slug}.", slug=other)
        if other not in seen:
            seen.add(other)
            todo += [(inner, (*path, inner)) for inner in _named_in(parse(rules[other]))]


def set_manual_members(
    session: Session,
    shop_id: int,
    slug: str,
    *,
    buyers: BitMap,
    where: str | None,
    actor: str,
    at: datetime,
) -> Segment:
    """Always include ("in") or exclude ("out") buyers, whatever the rule says, or (None) let the rule decide again."""
    if where not in {"in", "out", None}:
        raise Invalid("Include or exclude buyers, not {where}.", where=repr(where))
    row = select(Segment).where(Segment.shop_id == shop_id, Segment.slug == slug).with_for_update()
    segment = session.exec(row.execution_options(populate_existing=True)).first()
    if segment is None:
        raise NotFound("No segment is called {slug}.", slug=slug)
    inside, outside = BitMap.deserialize(segment.manual_includes), BitMap.deserialize(segment.manual_excludes)
    segment.manual_includes = (inside | buyers if where == "in" else inside - buyers).serialize()
    segment.manual_excludes = (outside | buyers if where == "out" else outside - buyers).serialize()
    segment.changed_at = at
    session.flush()
    raise_version(session, shop_id, Family.SEGMENTS)
    after = {"where": where, "buyers": len(buyers)}
    audit.record(session, shop_id, actor, action="segment.pin", subject=f"segment:{slug}", at=at, after=after)
    return segment


def _named_in(node: Node) -> Iterator[str]:
    return (condition.slug for condition in conditions_of(node) if isinstance(condition, InSegment))
