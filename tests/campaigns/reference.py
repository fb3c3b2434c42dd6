"""The reference reading: what campaigns brought, recomputed in plain Python from rows, as docs/campaigns.md says it.

It reads neither which order a coupon is stored with nor any `redeemed` touch: those are what it is held against.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.offers.coupons import Coupon
from retention.orders import Order, OrderStatus
from retention.touches import Touch, TouchEvent

REACHED = {DeliveryState.SENT, DeliveryState.UNKNOWN}


class Use(NamedTuple):
    """A coupon was used: by which order, once it is known, when, and through which delivery."""

    coupon: Coupon
    order: Order | None
    at: datetime
    delivery: Delivery | None


class ReadTouch(NamedTuple):
    """A touch as rules, webhooks and last touch read it, in the order in which touches follow each other."""

    at: datetime
    redeemed: bool
    number: int
    buyer_id: int
    campaign: str


@dataclass
class Arm:
    """The buyers of an arm and what those who ordered spent in their window."""

    buyers: int
    spent: list[int]


@dataclass
class Reading:
    """All figures of one campaign at a moment."""

    redeemed: int
    code_matched: tuple[int, int]
    last_touch: tuple[int, int]
    treated: Arm
    control: Arm
    runs_read_out: int


class Reader:
    """The rows of one shop, read once."""

    def __init__(self, session: Session, shop_id: int, *, at: datetime, checkouts: dict[int, tuple[str, datetime]]):
        def rows(kind):
            return list(session.exec(select(kind).where(kind.shop_id == shop_id).order_by(kind.id)))

        self.checkouts = checkouts
        self.orders = [order for order in rows(Order) if order.ordered_at <= at]
        self.coupons, self.deliveries = rows(Coupon), rows(Delivery)
        self.runs = {run.id: run for run in rows(Run)}
        self.campaigns = {campaign.id: campaign for campaign in rows(Campaign)}
        self.uses = [use for coupon in self.coupons if (use := self._use(coupon))]
        self.touches = self._touches(rows(Touch))

    def _use(self, coupon: Coupon) -> Use | None:
        order, at = None, None
        if coupon.id in self.checkouts:
            reference, at = self.checkouts[coupon.id]
            order = next((order for order in self.orders if order.external_id == reference), None)
            if order and _undone(order):
                order, at = None, None
        if at is None:
            carrying = [order for order in self.orders if order.counts and _code(order) == coupon.code]
            order = min(carrying, key=lambda order: (order.ordered_at, order.external_id), default=None)
        moment = order.ordered_at if order else at
        return Use(coupon, order, moment, self._last_delivery(coupon, moment)) if moment else None

    def _handed_at(self, delivery: Delivery) -> datetime:
        return delivery.handed_at or delivery.sent_at or self.runs[delivery.run_id].planned_at

    def _last_delivery(self, coupon: Coupon, before: datetime) -> Delivery | None:
        handed = [
            delivery
            for delivery in self.deliveries
            if delivery.coupon_id == coupon.id
            and self.runs[delivery.run_id].planned_at <= before
            and self._handed_at(delivery) <= before
        ]
        return max(handed, key=lambda each: (each.state in REACHED, self._handed_at(each), each.id), default=None)

    def _touches(self, stored: list[Touch]) -> list[ReadTouch]:
        others = [each for each in stored if each.event is not TouchEvent.REDEEMED]
        touches = [ReadTouch(each.at, False, each.id, each.buyer_id, each.campaign) for each in others]
        return touches + [
            ReadTouch(use.at, True, use.coupon.id, use.coupon.buyer_id, self._slug(use.delivery)) for use in self.uses
        ]

    def _slug(self, delivery: Delivery | None) -> str:
        return self.campaigns[delivery.campaign_id].slug if delivery else ""

    def read(self, campaign: Campaign, *, at: datetime) -> Reading:
        """Return the figures as they stood at a moment."""
        runs = [run for run in self.runs.values() if run.campaign_id == campaign.id and run.read_out_at <= at]
        uses = [use for use in self.uses if use.at <= at]
        arms = self._arms(campaign, runs)
        return Reading(
            redeemed=sum(use.delivery is not None and use.delivery.campaign_id == campaign.id for use in uses),
            code_matched=_sums(order for order in self._code_matched(campaign) if order.ordered_at <= at),
            last_touch=_sums(order for order in self._last_touched(campaign) if order.ordered_at <= at),
            treated=arms[False],
            control=arms[True],
            runs_read_out=len(runs),
        )

    def _code_matched(self, campaign: Campaign) -> list[Order]:
        behind = defaultdict(list)
        for use in self.uses:
            if use.order and use.order.counts and use.delivery:
                behind[use.order.id].append((self._handed_at(use.delivery), use.delivery.id, use))
        last = [max(each, key=lambda one: one[:2])[2] for each in behind.values()]
        return [use.order for use in last if use.order and use.delivery and use.delivery.campaign_id == campaign.id]

    def _last_touched(self, campaign: Campaign) -> list[Order]:
        window = timedelta(days=30 if campaign.medium is Medium.PARCEL else 7)
        credited = []
        for order in self.orders:
            before = [each for each in self.touches if each.buyer_id == order.buyer_id and each.at <= order.ordered_at]
            last = max(before, default=None)
            if order.counts and last and last.campaign == campaign.slug and order.ordered_at - last.at <= window:
                credited.append(order)
        return credited

    def _arms(self, campaign: Campaign, runs: list[Run]) -> dict[bool, Arm]:
        first: dict[int, Delivery] = {}
        for delivery in self.deliveries:
            if delivery.campaign_id == campaign.id:
                first.setdefault(delivery.buyer_id, delivery)
        arms = {False: Arm(0, []), True: Arm(0, [])}
        for delivery in first.values():
            run = self.runs[delivery.run_id]
            if run not in runs:
                continue
            arm = arms[delivery.state is DeliveryState.CONTROL]
            spent = [
                order.amount - order.refunded
                for order in self.orders
                if order.counts
                and order.buyer_id == delivery.buyer_id
                and run.planned_at <= order.ordered_at < run.read_out_at
            ]
            arm.buyers += 1
            arm.spent += [sum(spent)] if spent else []
        return arms


def _undone(order: Order) -> bool:
    return not order.counts and order.status is not OrderStatus.PLACED


def _code(order: Order) -> str:
    return order.coupon_code.replace("-", "").replace(" ", "").upper()


def _sums(orders: Iterable[Order]) -> tuple[int, int]:
    spent = [order.amount - order.refunded for order in orders]
    return len(spent), sum(spent)
