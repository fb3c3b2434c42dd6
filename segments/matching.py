"""Matching: from a rule to the set of buyers, by set algebra over one bitmap per condition."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from time import monotonic
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlmodel import Session

from retention.bitmaps import read_bitmap, read_columns
from retention.database import TimedOut, is_reading, time_limit
from retention.errors import Error, Invalid
from retention.shops import Shop
from retention.suppressions import KEY
from segments.adding import Fold, add_up
from segments.buckets import in_bucket
from segments.conditions import (
    Query,
    ask_buyer,
    ask_consent,
    ask_follows,
    ask_group,
    ask_held,
    inverted,
    measure_touches,
)
from segments.forecasts import measure_forecasts
from segments.leaves import Answers, open_answers
from segments.lists import list_members
from segments.nodes import (
    EVERYONE,
    MONEY,
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
    Predicted,
    Rfm,
    Scale,
    Touched,
    leaves,
)
from segments.purchases import ask_times, measure_orders, minor_units
from segments.rfm import Scores, match_rfm, read_scores
from segments.rules import parse
from segments.segments import find_segment
from segments.tallies import Tallied, Tally, is_tallied, untested
from segments.view import View

PAGE_SECONDS, MOST_SECONDS = 10, 60
"""What answering one rule may take while somebody waits for a page, and in a worker."""


class TooLong(Invalid):
    """The rule takes too long to answer."""


def match(session: Session, shop: Shop, rule: object, *, now: datetime, as_of: datetime | None = None) -> BitMap:
    """Return the ids of the shop's buyers that match a rule (JSON as DESIGN 5.2 describes it).

    With `as_of`, only facts strictly before that moment are known. Without, everything recorded is, and "the last N
    days" begin at the full hour. Invalid names what is wrong with a rule; NotFound an unknown segment, list or group.
    """
    matcher = open_matcher(session, shop, now=now, as_of=as_of)
    found = matcher.match(parse(rule))
    matcher.keep()
    return found


def open_matcher(session: Session, shop: Shop, *, now: datetime, as_of: datetime | None = None) -> "Matcher":
    """Return what answers any number of rules for one shop and moment, each of their conditions once."""
    session.flush()
    seconds = PAGE_SECONDS if is_reading(session) else MOST_SECONDS
    return Matcher(open_answers(session, View(shop, now, as_of)), seconds=seconds)


@dataclass
class Matcher:
    """Answers rules for one view of one shop, each leaf once."""

    answers: Answers
    known: dict[Leaf, BitMap] = field(default_factory=dict)
    scores: dict[Scale, Scores] = field(default_factory=dict)
    segments: dict[str, BitMap] = field(default_factory=dict)
    trail: tuple[str, ...] = ()
    seconds: int = MOST_SECONDS
    """What answering one rule may take."""
    ends_at: float = 0.0
    """When what is being matched now has taken too long; 0 between."""

    def match(self, node: Node) -> BitMap:
        """Return the buyers that match. The answer may be shared: treat it as frozen.

        Invalid when what has to be asked for it takes too long.
        """
        self.known |= self.answers.read(leaf for leaf in {EVERYONE, *leaves(node)} if leaf not in self.known)
        if self.ends_at or all(leaf in self.known for leaf in leaves(node)):
            return self._match(node)
        seconds = self.seconds
        self.ends_at = monotonic() + seconds
        try:
            with time_limit(self.answers.session, seconds):
                return self._match(node)
        except TimedOut as error:
            self.seconds = 1  # so that what shows many does not wait for each
            raise TooLong(
                "The rule takes longer than {seconds} seconds to answer. Ask for less: fewer conditions, fewer texts "
                "that are contained, shorter windows.",
                seconds=seconds,
            ) from error
        finally:
            self.ends_at = 0.0

    def keep(self) -> None:
        """Keep what had to be asked anew for whoever asks next."""
        self.answers.keep()

    @property
    def everyone(self) -> BitMap:
        """All buyers of the shop."""
        if EVERYONE not in self.known:
            self.known |= self.answers.read([EVERYONE])
        return self._leaf(EVERYONE)

    def _match(self, node: Node) -> BitMap:
        match node:
            case All(nodes):
                return reduce(BitMap.__and__, map(self._match, nodes)) if nodes else self.everyone
            case AnyOf(nodes):
                return BitMap.union(*map(self._match, nodes)) if nodes else BitMap()
            case Not(inner):
                return self.everyone - self._match(inner)
            case InSegment(slug):
                return self.segment(slug)
            case _:
                return self._leaf(node)

    def _leaf(self, leaf: Leaf) -> BitMap:
        if leaf not in self.known:
            if self.ends_at and monotonic() > self.ends_at:
                raise TimedOut
            self.known[leaf] = self._ask(leaf)
            self.answers.note(leaf, self.known[leaf])
        found = self.known[leaf]
        return self.everyone - found if inverted(leaf) else found

    def _ask(self, leaf: Leaf) -> BitMap:
        session, view = self.answers.session, self.answers.view
        match leaf:
            case InList(slug):
                return list_members(session, view.shop.id, slug) & self.everyone
            case Bucket():
                return in_bucket(self.everyone, leaf, shop_id=view.shop.id)
            case Rfm():
                return match_rfm(self.scored(leaf.scale), leaf, everyone=self.everyone)
            case ConsentIs():
                buyers, last = add_up(session, ask_consent(view, leaf), Fold.MOST)
                said = BitMap(buyers[last % 2 == 1].astype(np.uint32))
                held = read_bitmap(session, ask_held(view, leaf)) if leaf.channel in KEY else BitMap()
                return said - held if leaf.answer == "in" else said | held
            case Orders() | Touched() | Predicted() if is_tallied(leaf):
                return self._compare(leaf)
        return read_bitmap(session, _query(session, view, leaf))

    def _compare(self, leaf: Tallied) -> BitMap:
        """Return the buyers whose number passes, or when the leaf is inverted those whose number fails."""
        session, view = self.answers.session, self.answers.view
        tally = self.answers.tally(untested(leaf), lambda: _measure(session, view, leaf))
        is_money = isinstance(leaf, Orders) and leaf.measure in MONEY
        tests = minor_units(leaf.tests, view.shop.currency) if is_money else leaf.tests
        return tally.failing(tests) if inverted(leaf) else tally.passing(tests)

    def scored(self, scale: Scale) -> Scores:
        """Return the RFM scores of every buyer with an order, as kept; the buyers are scored when they are not."""
        if scale not in self.scores:
            every = Rfm(scale=scale)
            packed = self.answers.recall(every)
            self.scores[scale] = Scores.unpack(packed) if packed else self._score(every)
        return self.scores[scale]

    def _score(self, every: Rfm) -> Scores:
        scores = read_scores(self.answers.session, self.answers.view, scale=every.scale)
        self.answers.remember(every, scores.pack)
        return scores

    def try_segment(self, slug: str) -> tuple[BitMap, Error | None]:
        """Return the buyers in a saved segment; nobody, and what is wrong, when its rule has no answer.

        For what shows or refreshes many: one that names a list which is gone must not stop the others.
        """
        try:
            return self.segment(slug), None
        except Error as error:
            return BitMap(), error

    def segment(self, slug: str) -> BitMap:
        """Return the buyers in a saved segment: its rule, then its pins. NotFound for an unknown one."""
        if slug in self.segments:
            return self.segments[slug]
        if slug in self.trail:
            trail = " → ".join((*self.trail, slug))
            raise Invalid("A segment cannot contain itself: {trail}.", trail=trail)
        segment = find_segment(self.answers.session, self.answers.view.shop.id, slug)
        before, self.trail = self.trail, (*self.trail, slug)
        try:
            found = self.match(parse(segment.rule))
        finally:
            self.trail = before
        pinned_in, pinned_out = BitMap.deserialize(segment.pinned_in), BitMap.deserialize(segment.pinned_out)
        self.segments[slug] = (found | (pinned_in & self.everyone)) - pinned_out
        return self.segments[slug]


def _measure(session: Session, view: View, leaf: Tallied) -> Tally:
    match leaf:
        case Orders():
            return measure_orders(session, view, leaf)
        case Touched():
            return Tally(*read_columns(session, measure_touches(session, view, leaf)))
        case Predicted():
            return Tally(*read_columns(session, measure_forecasts(view, leaf)))


def _query(session: Session, view: View, leaf: Leaf) -> Query:
    ask: dict[type, Callable[[Any], Query]] = {
        BuyerField: lambda leaf: ask_buyer(session, view, leaf),
        Orders: lambda leaf: ask_times(session, view, leaf),
        Follows: lambda leaf: ask_follows(view, leaf),
        InGroup: lambda leaf: ask_group(session, view, leaf),
    }
    return ask[type(leaf)](leaf)
