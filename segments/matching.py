"""Matching: from a rule to the set of buyers, by set algebra over one bitmap per condition."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Any

from pyroaring import BitMap
from sqlmodel import Session, select

from retention.bitmaps import read_bitmap
from retention.errors import Invalid, NotFound
from retention.shops import Shop
from segments.buckets import in_bucket
from segments.conditions import Asked, ask_buyer, ask_consent, ask_follows, ask_group, ask_touch, everyone
from segments.lists import list_members
from segments.nodes import (
    All,
    AnyOf,
    Bucket,
    BuyerField,
    ConsentIs,
    Follows,
    InGroup,
    InList,
    InSegment,
    Leaf,
    Node,
    Not,
    Orders,
    Rfm,
    Touched,
)
from segments.purchases import ask_orders
from segments.rfm import match_rfm
from segments.rules import parse
from segments.segments import Segment
from segments.view import View


def match(session: Session, shop: Shop, rule: object, *, now: datetime, as_of: datetime | None = None) -> BitMap:
    """Return the ids of the shop's buyers that match a rule (JSON as DESIGN 5.2 describes it).

    With `as_of`, only facts strictly before that moment are known. Without, everything recorded is, and "the last N
    days" begin at the full hour. Invalid names what is wrong with a rule; NotFound an unknown segment, list or group.
    """
    session.flush()
    return Matcher(session, View(shop, now, as_of)).match(parse(rule))


@dataclass
class Matcher:
    """Answers rules for one view of one shop, each leaf once."""

    session: Session
    view: View
    known: dict[Leaf, BitMap] = field(default_factory=dict)
    entered: tuple[str, ...] = ()
    _everyone: BitMap | None = None

    def match(self, node: Node) -> BitMap:
        """Return the buyers that match. The answer may be shared: treat it as frozen."""
        match node:
            case All(nodes):
                return reduce(BitMap.__and__, map(self.match, nodes)) if nodes else self.everyone
            case AnyOf(nodes):
                return BitMap.union(*map(self.match, nodes)) if nodes else BitMap()
            case Not(inner):
                return self.everyone - self.match(inner)
            case _:
                return self.leaf(node)

    def leaf(self, leaf: Leaf) -> BitMap:
        """Return the buyers one condition matches."""
        if leaf not in self.known:
            self.known[leaf] = self._answer(leaf)
        return self.known[leaf]

    @property
    def everyone(self) -> BitMap:
        """All buyers of the shop."""
        if self._everyone is None:
            self._everyone = read_bitmap(self.session, everyone(self.view.shop.id))
        return self._everyone

    def _answer(self, leaf: Leaf) -> BitMap:
        match leaf:
            case InSegment(slug):
                return self.segment(slug)
            case InList(slug):
                return list_members(self.session, self.view.shop.id, slug) & self.everyone
            case Bucket():
                return in_bucket(self.everyone, leaf, shop_id=self.view.shop.id)
            case Rfm():
                return match_rfm(self.session, self.view, leaf, everyone=self.everyone)
        asked = _ask(self.session, self.view, leaf)
        found = read_bitmap(self.session, asked.query)
        return self.everyone - found if asked.others else found

    def segment(self, slug: str) -> BitMap:
        """Return the buyers in a saved segment: its rule, then its pins. NotFound for an unknown one."""
        if slug in self.entered:
            trail = " → ".join((*self.entered, slug))
            raise Invalid("A segment cannot contain itself: {trail}.", trail=trail)
        query = select(Segment).where(Segment.shop_id == self.view.shop.id, Segment.slug == slug)
        segment = self.session.exec(query).first()
        if segment is None:
            raise NotFound("No segment is called {slug}.", slug=slug)
        before, self.entered = self.entered, (*self.entered, slug)
        found = self.match(parse(segment.rule))
        self.entered = before
        pinned_in, pinned_out = BitMap.deserialize(segment.pinned_in), BitMap.deserialize(segment.pinned_out)
        return (found | (pinned_in & self.everyone)) - pinned_out


def _ask(session: Session, view: View, leaf: Leaf) -> Asked:
    ask: dict[type, Callable[[Any], Asked]] = {
        BuyerField: lambda leaf: ask_buyer(session, view, leaf),
        Orders: lambda leaf: ask_orders(session, view, leaf),
        Follows: lambda leaf: ask_follows(view, leaf),
        InGroup: lambda leaf: ask_group(session, view, leaf),
        ConsentIs: lambda leaf: ask_consent(view, leaf),
        Touched: lambda leaf: ask_touch(session, view, leaf),
    }
    return ask[type(leaf)](leaf)
