"""Random weeks of a shop: campaigns that share offers, daily runs, orders that come late, in any order, and go back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from campaigns.offers.attribution import match_orders
from campaigns.offers.coupons import Coupon
from campaigns.offers.offers import Offer
from campaigns.offers.redeem import redeem
from retention.orders import Order, OrderStatus
from retention.shops import Shop
from retention.tokens import new_codes
from retention.touches import Touch, TouchEvent
from tests.campaigns.conftest import NOON, Stage
from tests.retention.counting import order_counts

END = NOON + timedelta(days=60)
READ_OUT_DAYS = 10
_STATES = [*[DeliveryState.SENT] * 6, DeliveryState.WAITING, DeliveryState.UNKNOWN, DeliveryState.FAILED]
_ENDS: list[dict[str, Any]] = [
    *[{}] * 5,
    {"refunded": 300},
    {"refunded": 100_000},
    {"status": OrderStatus.CANCELLED},
    {"status": OrderStatus.RETURNED},
]


@dataclass
class Trading:
    """What happened in a shop. `checkouts` are coupons our own checkout redeemed: (reference, moment) by coupon."""

    stage: Stage
    seed: int
    buyers: list[int] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)
    checkouts: dict[int, tuple[str, datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.buyers = [self.stage.buyer(f"buyer-{number}") for number in range(self.chance.randint(3, 14))]
        offers = [self.stage.offer(f"offer-{number}", minimum=0) for number in range(2)]
        for number in range(self.chance.randint(1, 4)):
            self._campaign(f"campaign-{number}", self.chance.choice(offers))
        self._browse()

    def hours(self, most: int) -> timedelta:
        return timedelta(hours=self.chance.randint(0, most))

    def _campaign(self, slug: str, offer: Offer) -> None:
        make = self.chance.choice([self.stage.push, self.stage.flyer])
        campaign = make(slug, offer_id=offer.id)
        share = self.chance.choice([0.0, 0.5])
        control = {buyer for buyer in self.buyers if self.chance.random() < share}
        start = NOON + self.hours(24 * 20)
        for number in range(self.chance.choice([1, 1, 4])):
            self._run(campaign, offer, start + timedelta(days=number), share, control, number=number + 1)
        self.campaigns.append(campaign)

    def _run(
        self, campaign: Campaign, offer: Offer, at: datetime, share: float, control: set[int], *, number: int
    ) -> None:
        run = Run(
            shop_id=campaign.shop_id,
            campaign_id=campaign.id,
            number=number,
            planned_at=at,
            fingerprint="",
            funnel=[],
            audience=len(self.buyers),
            audience_ids=b"",
            control_share=share,
            read_out_at=at + timedelta(days=READ_OUT_DAYS),
        )
        self._add(run)
        for buyer in self.buyers:
            if self.chance.random() < 0.6:
                self._deliver(campaign, offer, run, buyer, held_out=buyer in control)

    def _deliver(self, campaign: Campaign, offer: Offer, run: Run, buyer: int, *, held_out: bool) -> None:
        row = Delivery(
            shop_id=run.shop_id,
            campaign_id=campaign.id,
            run_id=run.id,
            buyer_id=buyer,
            state=DeliveryState.CONTROL if held_out else self.chance.choice(_STATES),
            due_at=run.planned_at,
        )
        if not held_out:
            row.coupon_id = self._coupon(offer, buyer, run.planned_at).id
        if row.state is DeliveryState.SENT:
            row.sent_at = run.planned_at + self.hours(50)
            row.handed_at = self.chance.choice([None, row.sent_at - timedelta(minutes=self.chance.randint(0, 120))])
            self._touch(buyer, TouchEvent.SENT, campaign.slug, row.sent_at)
        if row.state is DeliveryState.UNKNOWN:
            row.handed_at = run.planned_at + self.hours(50)
        self._add(row)

    def _coupon(self, offer: Offer, buyer: int, at: datetime) -> Coupon:
        owned = select(Coupon).where(Coupon.offer_id == offer.id, Coupon.buyer_id == buyer)
        coupon = self.stage.session.exec(owned).first() or Coupon(
            shop_id=offer.shop_id, offer_id=offer.id, buyer_id=buyer, code=new_codes(1)[0], issued_at=at
        )
        self._add(coupon)
        return coupon

    def _browse(self) -> None:
        for _ in range(self.chance.randint(0, 8)):
            slug = self.chance.choice(self.campaigns).slug
            event = self.chance.choice([TouchEvent.CLICKED, TouchEvent.SCANNED])
            self._touch(self.chance.choice(self.buyers), event, slug, NOON + self.hours(24 * 40))

    def _touch(self, buyer: int, event: TouchEvent, slug: str, at: datetime) -> None:
        self._add(Touch(shop_id=self.stage.shop.id, buyer_id=buyer, event=event, campaign=slug, at=at))

    def _add(self, row: Any) -> None:
        self.stage.session.add(row)
        self.stage.session.flush()

    def orders(self) -> list[dict[str, Any]]:
        """Return the orders as they stand in the end, some with a code that is another buyer's or typed by hand."""
        coupons = self.stage.session.exec(select(Coupon).order_by(Coupon.id)).all()
        made = []
        for number in range(self.chance.randint(4, 30)):
            coupon = self.chance.choice([*coupons, None, None]) if coupons else None
            leaked = self.chance.random() < 0.2
            buyer = coupon.buyer_id if coupon and not leaked else self.chance.choice([*self.buyers, None])
            code = self._typed(coupon.code) if coupon and self.chance.random() < 0.8 else ""
            at = NOON + self.hours(24 * 45)
            made.append(self._order(f"A{number:03d}", buyer, at, code) | self.chance.choice(_ENDS))
            if coupon and self.chance.random() < 0.2:
                for used in (coupon, *self.chance.choice([(), (self.chance.choice(coupons),)])):
                    self.checkouts.setdefault(used.id, (f"A{number:03d}", at - timedelta(minutes=1)))
        return made

    def _typed(self, code: str) -> str:
        return self.chance.choice([code, code.lower(), f" {code[:4]}-{code[4:]} "])

    def _order(self, number: str, buyer: int | None, at: datetime, code: str) -> dict[str, Any]:
        values = {"external_id": number, "buyer_id": buyer, "status": OrderStatus.PAID, "coupon_code": code}
        return values | {"ordered_at": at, "amount": self.chance.randint(0, 20) * 100, "refunded": 0}

    def play(self, orders: list[dict[str, Any]], *, order_of_import: int) -> None:
        """Redeem at the checkout, then take the orders in: in some order, each perhaps before it was undone."""
        chance, stage = Random(order_of_import), self.stage
        for coupon_id, (reference, at) in self.checkouts.items():
            code = stage.session.get_one(Coupon, coupon_id).code
            redeem(stage.session, stage.shop, code, order_reference=reference, amount=1000, at=at)
        for values in _shuffled(orders, chance):
            self._take_in(values)
            if chance.random() < 0.3:
                match_orders(stage.session, stage.shop, at=END)
        match_orders(stage.session, stage.shop, at=END)
        assert match_orders(stage.session, stage.shop, at=END) == 0

    def _take_in(self, values: dict[str, Any]) -> None:
        of_number = select(Order).where(Order.external_id == values["external_id"])
        order = self.stage.session.exec(of_number).first() or Order(
            shop_id=self.stage.shop.id, source="test", order_day=0, items=1, counts=False, **values
        )
        for name, value in values.items():
            setattr(order, name, value)
        sums = {"amount": order.amount, "refunded": order.refunded}
        order.counts = order_counts(order.status, **sums, is_return=False)
        order.order_day = self.stage.shop.day(order.ordered_at)
        self._add(order)


def paid_order(shop: Shop, number: str, buyer_id: int, *, at: datetime, amount: int, code: str = "") -> Order:
    """Return an order that counts, not stored yet."""
    day = {"paid_at": at, "ordered_at": at, "order_day": shop.day(at)}
    named = {"shop_id": shop.id, "source": "test", "external_id": number, "buyer_id": buyer_id}
    return Order(**named, **day, status=OrderStatus.PAID, amount=amount, counts=True, coupon_code=code)


def _shuffled(orders: list[dict[str, Any]], chance: Random) -> Iterator[dict[str, Any]]:
    first = [values | {"status": OrderStatus.PAID, "refunded": 0} for values in orders if chance.random() < 0.4]
    last = list(orders)
    chance.shuffle(first)
    chance.shuffle(last)
    yield from first
    yield from last
