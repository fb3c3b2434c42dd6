"""The last look: whether deliveries about to leave still may. Asked set-wise, in the transaction that claims them.

What was right when planned can be wrong by now: a no to the channel, an offer that is over, a product sold out, a cap
that something else has filled. What may leave later, after quiet hours or when a cap has room, is put off instead.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col

from campaigns.campaigns import Delivery, Medium
from campaigns.noes.bounces import Bounce, BounceKind
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.plans.caps import Leaving, Other, others_of, reach_back, verdict
from campaigns.plans.hours import out_of_quiet
from campaigns.plans.policy import (
    CHANNEL,
)
from campaigns.reasons import Reason
from campaigns.sending.numbered import among, by_number
from campaigns.sending.purchases import bought_meanwhile, still_unpaid
from campaigns.sending.terms import Terms, read_terms
from campaigns.timing.schedule import known_zone
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent, Pause
from retention.shops import Shop
from retention.suppressions import KEY, Suppression, same_address


@dataclass(frozen=True, slots=True)
class LastLook:
    """What a last look finds: `skipped` must not leave, each with the first reason; `later` not before a moment."""

    skipped: dict[int, Reason]
    later: dict[int, datetime]


def look_again(session: Session, shop_id: int, delivery_ids: Collection[int], *, at: datetime) -> LastLook:
    """Look once more at deliveries about to leave. Those in neither part of the answer may leave now."""
    look = _look(session, shop_id, delivery_ids, at=at)
    skipped: dict[int, Reason] = {}
    later: dict[int, datetime] = {}
    for delivery_id, row in look.rows.items():
        said = look.wrong(row) or look.capped(row)
        if isinstance(said, Reason):
            skipped[delivery_id] = said
        elif (moment := look.out_of_quiet(row, said or at)) > at:
            later[delivery_id] = moment
    return LastLook(skipped, later)


def recheck(session: Session, shop_id: int, delivery_ids: Collection[int], *, at: datetime) -> dict[int, Reason]:
    """Return the deliveries that must not leave, each with the first reason that applies."""
    return look_again(session, shop_id, delivery_ids, at=at).skipped


class _Delivery(NamedTuple):
    id: int
    run_id: int
    coupon_id: int | None
    expires_at: datetime | None


class _Buyer(NamedTuple):
    id: int
    email: str
    phone: str
    timezone: str


@dataclass(frozen=True, slots=True)
class _Row:
    """All about one delivery as it is now."""

    delivery: _Delivery
    buyer: _Buyer
    terms: Terms
    paused_until: datetime | None


@dataclass
class _Look:
    """One look at the deliveries of one shop. What only some of them need is asked for when the first one does."""

    session: Session
    shop: Shop
    at: datetime
    rows: dict[int, _Row]
    terms: Collection[Terms]
    _answers: dict[tuple[Channel, str], dict[int, Answer]] = field(default_factory=dict)
    _facts: dict[str, set[int]] = field(default_factory=dict)
    _held: dict[Channel, set[tuple[int, str]]] = field(default_factory=dict)
    _others: dict[int, list[Other]] | None = None
    _coupons: dict[int, Reason] | None = None

    def wrong(self, row: _Row) -> Reason | None:
        """Return why this may not leave, whatever else the buyer gets."""
        if refused := self._refused(row) or self._unreachable(row):
            return refused
        if row.delivery.expires_at and self.at > row.delivery.expires_at:
            return Reason.LATE
        if row.terms.reminds and row.delivery.id not in self._unpaid():
            return Reason.PAID_ALREADY  # nothing to remind of any more
        if row.delivery.coupon_id and (spent := self._spent().get(row.delivery.coupon_id)):
            return spent
        bought = row.terms.has_product and row.delivery.id in self._bought()
        return row.terms.over or (Reason.BOUGHT_ALREADY if bought else None)

    def capped(self, row: _Row) -> Reason | datetime | None:
        """Return what the caps say: a reason, the moment until which they put it off, or nothing."""
        terms = row.terms
        if not terms.caps:
            return None
        others = self._all_others().get(row.delivery.id, ())
        leaving = Leaving(row.delivery.id, terms.medium, terms.priority)
        zone = self.shop.timezone
        # Where there is nothing else, a cap only holds that lets nothing leave at all.
        caps = terms.caps if others else [cap for cap in terms.caps if cap.messages == 0]
        said = [verdict(cap, leaving, others, at=self.at, timezone=zone) for cap in caps]
        reasons = [each for each in said if isinstance(each, Reason)]
        return reasons[0] if reasons else max((each for each in said if isinstance(each, datetime)), default=None)

    def out_of_quiet(self, row: _Row, moment: datetime) -> datetime:
        """Return the first moment from `moment` on that lies in no quiet hours."""
        if not row.terms.quiets:
            return moment
        zones = {"buyer_zone": known_zone(row.buyer.timezone, self.shop.timezone), "shop_zone": self.shop.timezone}
        return out_of_quiet(row.terms.quiets, moment, **zones)

    def _refused(self, row: _Row) -> Reason | None:
        """Return whether the buyer does not want it: by this channel, on this topic, or for a while."""
        terms = row.terms
        answer = self._answer(row, "")
        if ((answer is not Answer.IN) if terms.needs_yes else (answer is Answer.OUT)) or self._address_held(row, ""):
            return Reason.NO_CONSENT
        if terms.topic and (self._answer(row, terms.topic) is Answer.OUT or self._address_held(row, terms.topic)):
            return Reason.TOPIC_OUT
        paused = row.paused_until and row.paused_until > self.at
        return Reason.PAUSED if paused or row.delivery.id in self._address_paused() else None

    def _address_held(self, row: _Row, topic: str) -> bool:
        """Return whether the buyer's address has said no, whoever said it."""
        channel = row.terms.channel
        if channel not in KEY:
            return False
        if channel not in self._held:
            found = self.session.execute(_held_here(self.shop.id, list(self.rows), channel))
            self._held[channel] = {(delivery_id, about) for delivery_id, about in found}
        return (row.delivery.id, topic) in self._held[channel]

    def _address_paused(self) -> set[int]:
        """Return the deliveries to an address that somebody has who wants quiet."""
        channels = {terms.channel for terms in self.terms} & KEY.keys()
        return self._found(
            "paused", lambda: (_paused_here(self.shop.id, list(self.rows), each, at=self.at) for each in channels)
        )

    def _unreachable(self, row: _Row) -> Reason | None:
        if not row.terms.address:
            return None
        if not getattr(row.buyer, row.terms.address):
            return Reason.NO_ADDRESS
        return Reason.BOUNCED if row.delivery.id in self._bounced() else None

    def _answer(self, row: _Row, topic: str) -> Answer | None:
        asked = row.terms.channel, topic
        if asked not in self._answers:
            self._answers[asked] = dict(self._ask_answers(*asked))
        return self._answers[asked].get(row.buyer.id)

    def _ask_answers(self, channel: Channel, topic: str) -> Iterable[tuple[int, Answer]]:
        buyers = {row.buyer.id for row in self.rows.values()}
        # Every answer of these buyers, the last to stand: a maximum by buyer had PostgreSQL read all of the shop's.
        rows = self.session.execute(
            sa.select(col(Consent.id), col(Consent.buyer_id), col(Consent.answer)).where(
                col(Consent.shop_id) == self.shop.id,
                col(Consent.channel) == channel,
                col(Consent.topic) == topic,
                col(Consent.counts),
                among(col(Consent.buyer_id), buyers),
            )
        )
        return [(buyer_id, Answer(answer)) for _, buyer_id, answer in sorted(map(tuple, rows))]

    def _all_others(self) -> dict[int, list[Other]]:
        if self._others is None:
            caps = [cap for terms in self.terms for cap in terms.caps]
            since = reach_back(caps, self.at, self.shop.timezone)
            self._others = others_of(self.session, self.shop.id, list(self.rows), since=since)
        return self._others

    def _spent(self) -> dict[int, Reason]:
        """Return the coupons nobody can use any more, each with why: no message and no paper carries them again."""
        if self._coupons is None:
            coupons = {row.delivery.coupon_id for row in self.rows.values() if row.delivery.coupon_id}
            over = sa.or_(col(Coupon.state) == CouponState.VOID, col(Coupon.expires_at) <= self.at)
            rows = self.session.execute(
                sa.select(col(Coupon.id), col(Coupon.state)).where(
                    among(col(Coupon.id), coupons), sa.or_(col(Coupon.state) == CouponState.REDEEMED, over)
                )
            )
            used = CouponState.REDEEMED
            self._coupons = {
                number: Reason.COUPON_USED if state == used else Reason.COUPON_OVER for number, state in rows
            }
        return self._coupons

    def _bought(self) -> set[int]:
        return self._found("bought", lambda: [bought_meanwhile(self.shop.id, list(self.rows))])

    def _unpaid(self) -> set[int]:
        return self._found("unpaid", lambda: [still_unpaid(self.shop.id, list(self.rows))])

    def _bounced(self) -> set[int]:
        def questions() -> Iterable[sa.Select[int]]:
            media = {terms.medium for terms in self.terms if terms.address}
            return (_bounced(self.shop.id, list(self.rows), medium) for medium in media)

        return self._found("bounced", questions)

    def _found(self, name: str, questions: Callable[[], Iterable[sa.Select[int]]]) -> set[int]:
        """Return the deliveries that any of the questions finds; asked once."""
        if name not in self._facts:
            self._facts[name] = {each for asked in questions() for each in self.session.execute(asked).scalars()}
        return self._facts[name]


def _look(session: Session, shop_id: int, delivery_ids: Collection[int], *, at: datetime) -> _Look:
    """Read the rows as they are now: the buyers' own in one SELECT, the shared ones once each."""
    if not delivery_ids:
        return _Look(session, session.get_one(Shop, shop_id), at, {}, ())
    found = session.execute(
        sa.select(*_columns(Delivery, _Delivery), *_columns(Buyer, _Buyer), col(Pause.until))
        .join_from(Delivery, Buyer, col(Buyer.id) == Delivery.buyer_id)
        .outerjoin(Pause, sa.and_(col(Pause.shop_id) == Delivery.shop_id, col(Pause.buyer_id) == Delivery.buyer_id))
        .where(by_number(shop_id, delivery_ids))
    )
    own = len(_Delivery._fields)
    read = [(_Delivery._make(row[:own]), _Buyer._make(row[own:-1]), row[-1]) for row in found]
    terms = read_terms(session, shop_id, {delivery.run_id for delivery, _, _ in read}, at=at)
    rows = {
        delivery.id: _Row(delivery, buyer, terms[delivery.run_id], paused_until)
        for delivery, buyer, paused_until in read
    }
    return _Look(session, session.get_one(Shop, shop_id), at, rows, terms.values())


def _columns(table: type[SQLModel], kind: type[_Delivery | _Buyer]) -> list[Any]:
    return [getattr(table, name) for name in kind._fields]


def _bounced(shop_id: int, delivery_ids: Collection[int], medium: Medium) -> sa.Select[int]:
    """Return a SELECT of deliveries whose buyer's present address takes nothing any more."""
    same = sa.and_(
        col(Bounce.shop_id) == shop_id,
        col(Bounce.channel) == CHANNEL[medium],
        col(Bounce.kind) == BounceKind.HARD,
        col(Bounce.address) == KEY[CHANNEL[medium]],
        col(Bounce.address) != "",
    )
    return (
        sa.select(col(Delivery.id))
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .join(Bounce, same)
        .where(by_number(shop_id, delivery_ids))
    )


def _held_here(shop_id: int, delivery_ids: Collection[int], channel: Channel) -> sa.Select[int, str]:
    """Return a SELECT of deliveries whose buyer's present address has said no, and to what."""
    no = sa.and_(
        col(Suppression.shop_id) == shop_id,
        col(Suppression.channel) == channel,
        col(Suppression.lifted_at).is_(None),
        same_address(channel),
    )
    return (
        sa.select(col(Delivery.id), col(Suppression.topic))
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .join(Suppression, no)
        .where(by_number(shop_id, delivery_ids))
    )


def _paused_here(shop_id: int, delivery_ids: Collection[int], channel: Channel, *, at: datetime) -> sa.Select[int]:
    """Return a SELECT of deliveries to an address that somebody has who wants quiet."""
    other = aliased(Buyer)
    here = KEY[channel]
    return (
        sa.select(col(Delivery.id))
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .join(other, sa.and_(col(other.shop_id) == shop_id, getattr(other, here.key) == here, here != ""))
        .join(Pause, sa.and_(col(Pause.shop_id) == shop_id, col(Pause.buyer_id) == other.id, col(Pause.until) > at))
        .where(by_number(shop_id, delivery_ids))
    )
