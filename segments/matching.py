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
from segments.buckets import in_bucket
from segments.condition_cache import ConditionCache, open_cache
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
from segments.lists import list_members
from segments.order_sums import Fold, add_up
from segments.purchases import ask_times, measure_orders, minor_units
from segments.rfm import Scores, match_rfm, read_scores
from segments.rule_ast import (
    EVERYONE,
    MONEY,
    All,
    AnyOf,
    Bucket,
    BuyerField,
    Condition,
    ConsentIs,
    Follows,
    InGroup,
    InList,
    InSegment,
    Node,
    Not,
    Orders,
    Predicted,
    Rfm,
    Scale,
    Touched,
    conditions_of,
)
from segments.segments import find_segment
from segments.tallies import Tallied, Tally, is_tallied, untested
from segments.view import View

PAGE_SECONDS, MOST_SECONDS = 10, 60
"""What answering one rule may take while somebody waits for a page, and in a worker."""


class TooLong(Invalid):
    """The rule takes too long to answer."""


def match(session: Session, shop: Shop, node: Node, *, now: datetime, as_of: datetime | None = None) -> BitMap:
    """Return the ids of the shop's buyers that match a rule.

    With `as_of`, only facts strictly before that moment are known. Without, everything recorded is, and "the last N
    days" begin at the full hour. Invalid when it takes too long; NotFound an unknown segment, list or group.
    """
    matcher = open_matcher(session, shop, now=now, as_of=as_of)
    found = matcher.match(node)
    matcher.keep()
    return found


def open_matcher(session: Session, shop: Shop, *, now: datetime, as_of: datetime | None = None) -> "Matcher":
    """Return what answers any number of rules for one shop and moment, each of their conditions once."""
    session.flush()
    seconds = PAGE_SECONDS if is_reading(session) else MOST_SECONDS
    return Matcher(open_cache(session, View(shop, now, as_of)), seconds=seconds)


@dataclass
class Matcher:
    """Answers rules for one view of one shop, each condition once."""

    cache: ConditionCache
    known: dict[Condition, BitMap] = field(default_factory=dict)
    scores: dict[Scale, Scores] = field(default_factory=dict)
    segments: dict[str, BitMap] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    seconds: int = MOST_SECONDS
    """What answering one rule may take."""
    ends_at: float = 0.0
    """When what is being matched now has taken too long; 0 between."""

    def match(self, node: Node) -> BitMap:
        """Return the buyers that match. The answer may be shared: treat it as frozen.

        Invalid when what has to be asked for it takes too long.
        """
        self.known |= self.cache.read(
            condition for condition in {EVERYONE, *conditions_of(node)} if condition not in self.known
        )
        if self.ends_at or all(condition in self.known for condition in conditions_of(node)):
            return self._match(node)
        seconds = self.seconds
        self.ends_at = monotonic() + seconds
        try:
            with time_limit(self.cache.session, seconds):
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
        """Store the results that had to be queried, for the next reader."""
        self.cache.save()

    @property
    def everyone(self) -> BitMap:
        """All buyers of the shop."""
        if EVERYONE not in self.known:
            self.known |= self.cache.read([EVERYONE])
        return self._match_condition(EVERYONE)

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
                return self._match_condition(node)

    def _match_condition(self, condition: Condition) -> BitMap:
        if condition not in self.known:
            if self.ends_at and monotonic() > self.ends_at:
                raise TimedOut
            self.known[condition] = self._ask(condition)
            self.cache.put(condition, self.known[condition])
        found = self.known[condition]
        return self.everyone - found if inverted(condition) else found

    def _ask(self, condition: Condition) -> BitMap:
        session, view = self.cache.session, self.cache.view
        match condition:
            case InList(slug):
                return list_members(session, view.shop.id, slug) & self.everyone
            case Bucket():
                return in_bucket(self.everyone, condition, shop_id=view.shop.id)
            case Rfm():
                return match_rfm(self.scored(condition.scale), condition, everyone=self.everyone)
            case ConsentIs():
                buyers, last = add_up(session, ask_consent(view, condition), Fold.MOST)
                answered = BitMap(buyers[last % 2 == 1].astype(np.uint32))
                held = read_bitmap(session, ask_held(view, condition)) if condition.channel in KEY else BitMap()
                return answered - held if condition.answer == "in" else answered | held
            case Orders() | Touched() | Predicted() if is_tallied(condition):
                return self._compare(condition)
        return read_bitmap(session, _query(session, view, condition))

    def _compare(self, condition: Tallied) -> BitMap:
        """Return the buyers whose number passes, or when the condition is inverted those whose number fails."""
        session, view = self.cache.session, self.cache.view
        tally = self.cache.tally(untested(condition), lambda: _measure(session, view, condition))
        is_money = isinstance(condition, Orders) and condition.measure in MONEY
        tests = minor_units(condition.tests, view.shop.currency) if is_money else condition.tests
        return tally.failing(tests) if inverted(condition) else tally.passing(tests)

    def scored(self, scale: Scale) -> Scores:
        """Return the RFM scores of every buyer with an order, as kept; the buyers are scored when they are not."""
        if scale not in self.scores:
            every = Rfm(scale=scale)
            packed = self.cache.get_packed(every)
            self.scores[scale] = Scores.unpack(packed) if packed else self._score(every)
        return self.scores[scale]

    def _score(self, every: Rfm) -> Scores:
        scores = read_scores(self.cache.session, self.cache.view, scale=every.scale)
        self.cache.put_packed(every, scores.pack)
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
        """Return the buyers in a saved segment: its rule, then its manual members. NotFound for an unknown one."""
        if slug in self.segments:
            return self.segments[slug]
        if slug in self.path:
            path = " → ".join((*self.path, slug))
            raise Invalid("A segment cannot contain itself: {path}.", path=path)
        segment = find_segment(self.cache.session, self.cache.view.shop.id, slug)
        before, self.path = self.path, (*self.path, slug)
        try:
            found = self.match(segment.rule)
        finally:
            self.path = before
        includes, excludes = BitMap.deserialize(segment.manual_includes), BitMap.deserialize(segment.manual_excludes)
        self.segments[slug] = (found | (includes & self.everyone)) - excludes
        return self.segments[slug]


def _measure(session: Session, view: View, condition: Tallied) -> Tally:
    match condition:
        case Orders():
            return measure_orders(session, view, condition)
        case Touched():
            return Tally(*read_columns(session, measure_touches(session, view, condition)))
        case Predicted():
            return Tally(*read_columns(session, measure_forecasts(view, condition)))


def _query(session: Session, view: View, condition: Condition) -> Query:
    ask: dict[type, Callable[[Any], Query]] = {
        BuyerField: lambda condition: ask_buyer(session, view, condition),
        Orders: lambda condition: ask_times(session, view, condition),
        Follows: lambda condition: ask_follows(view, condition),
        InGroup: lambda condition: ask_group(session, view, condition),
    }
    return ask[type(condition)](condition)
