"""The last part of the demonstration: buyers scan, claim and order; the orders come back as a file; it is measured."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from sqlmodel import col, select

from api.demo.behaviour import Deed, Habits, behave
from api.demo.reach import Sent
from api.demo.shops import Cast
from api.demo.stage import Stage
from api.demo.visitors import Visit, replay
from campaigns.campaign.campaigns import Delivery, DeliveryState
from campaigns.offers.attribution import match_orders
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from retention.buyers import Buyer
from retention.database import reading, transaction
from retention.ingest import import_file

HABITS = {
    "push": Habits(base=0.04, uplift=0.06),
    "alert": Habits(base=0.03, uplift=0.04),
    "flyer": Habits(base=0.04, uplift=0.12, scan=0.42),
    "joint": Habits(base=0.04, uplift=0.05, scan=0.3),
    "neighbour": Habits(base=0.0, uplift=0.03, scan=0.18),
}
WAITING = timedelta(days=4)
"""How far back the orders lie whose parcels wait on the morning the demonstration is looked at."""

IN_THE_POST_HOURS = 40.0
"""From the packing station to the buyer's door."""


@dataclass(frozen=True)
class Reached:
    """One buyer of a campaign: the link and coupon they have, when they got it; nothing of it in control."""

    buyer: str
    token: str = ""
    code: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Purchase:
    """An order to come, as the shop's other systems will export it."""

    buyer: str
    at: datetime
    token: str = ""
    """Of a buyer who pays with the coupon behind a link."""


class Crowd:
    """What everybody does after the campaigns: visits to pages, and orders by shop."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        # Nothing may happen after the morning on which the demonstration is looked at.
        self._end = stage.morning
        self.visits: list[Visit] = []
        self.orders: dict[str, list[Purchase]] = {}

    def live(self, cast: Cast, sent: Sent, habits: str, *, delay_hours: float = 0.0) -> None:
        """Let everybody assigned to a campaign behave as the sample has it, the control group too."""
        treated, control = _assigned(self._stage, cast, sent)
        rng = np.random.default_rng([self._stage.seed, *map(ord, habits + cast.shop.slug)])
        deeds = behave(rng, [each.buyer for each in treated], [each.buyer for each in control], habits=HABITS[habits])
        for reached, deed in zip([*treated, *control], deeds, strict=True):
            start = (reached.at or sent.run.planned_at) + timedelta(hours=delay_hours)
            self._act(cast.shop.slug, reached, start, deed)

    def meet(self, owner: Cast, host: Cast, sent: Sent) -> None:
        """Let the host shop's buyers look at the slot of the other shop, whose new customers they may become."""
        neighbours = _neighbours(self._stage, owner, host, sent)
        rng = np.random.default_rng([self._stage.seed, *map(ord, "meet" + owner.shop.slug)])
        deeds = behave(rng, [each.buyer for each in neighbours], habits=HABITS["neighbour"])
        for reached, deed in zip(neighbours, deeds, strict=True):
            start = (reached.at or sent.run.planned_at) + timedelta(hours=IN_THE_POST_HOURS)
            self._act(owner.shop.slug, replace(reached, buyer=f"via-{reached.buyer}"), start, deed)

    def replay(self) -> None:
        """Make every visit over HTTP."""
        with self._stage.step("Scan and claim on phones", total=len(self.visits)) as step:
            replay(self._stage, self.visits, step)

    def come_back(self, cast: Cast) -> None:
        """Import the orders that followed, as a file like any other."""
        purchases = sorted(self.orders.get(cast.shop.slug, []), key=lambda each: (each.at, each.buyer))
        path = self._stage.out / "files" / cast.shop.slug / "orders-after.csv"
        self._stage.now = self._end
        with self._stage.step(f"Import the orders that followed at {cast.shop.slug}") as step:
            _write(path, _rows(self._stage, cast, purchases))
            import_file(
                self._stage.engine,
                cast.shop.slug,
                "orders",
                path,
                now=self._end,
                files=self._stage.files,
                progress=step.seen,
            )
            with transaction(self._stage.engine) as session:
                match_orders(session, cast.shop, at=self._end)

    def leave_parcels(self, cast: Cast) -> None:
        """Let the newest orders wait as today's parcels, so that whoever opens the packing station finds work."""
        recent = [each for each in self.orders.get(cast.shop.slug, []) if each.at > self._end - WAITING]
        if not recent:
            return
        path = self._stage.out / "files" / cast.shop.slug / "parcels-today.csv"
        buyers = sorted({each.buyer for each in recent})
        _write(
            path,
            ({"waybill": f"TODAY{k:08d}", "buyer_id": buyer, "pick_position": k} for k, buyer in enumerate(buyers, 1)),
        )
        import_file(self._stage.engine, cast.shop.slug, "parcels", path, now=self._stage.morning)

    def _act(self, shop: str, reached: Reached, start: datetime, deed: Deed) -> None:
        for hours in deed.scans:
            self._visit(Visit(start + timedelta(hours=hours), reached.token))
        if reached.code and deed.claim is not None:
            self._visit(Visit(start + timedelta(hours=deed.claim), reached.token, "claim"))
        if deed.order is not None and (at := start + timedelta(hours=deed.order)) < self._end:
            used = reached.token if reached.code and deed.coupon else ""
            self.orders.setdefault(shop, []).append(Purchase(reached.buyer, at, used))

    def _visit(self, visit: Visit) -> None:
        if visit.at < self._end:
            self.visits.append(visit)


def _assigned(stage: Stage, cast: Cast, sent: Sent) -> tuple[list[Reached], list[Reached]]:
    """Return who was reached and who is in the control group, each by buyer id so that chance falls alike."""
    with reading(stage.engine) as session:
        rows = session.execute(
            sa.select(
                col(Buyer.external_id), col(Delivery.state), col(Link.token), col(Coupon.code), col(Delivery.sent_at)
            )
            .join(Delivery, col(Delivery.buyer_id) == Buyer.id)
            .outerjoin(Link, (col(Link.delivery_id) == Delivery.id) & (Link.shop_id == cast.shop.id))
            .outerjoin(Coupon, col(Coupon.id) == Link.coupon_id)
            .where(col(Delivery.shop_id) == cast.shop.id, col(Delivery.run_id) == sent.run.id)
            .order_by(col(Buyer.external_id))
        ).all()
    states = [
        (DeliveryState(state), Reached(buyer, token or "", code or "", at)) for buyer, state, token, code, at in rows
    ]
    return (
        [each for state, each in states if state is DeliveryState.SENT],
        [each for state, each in states if state is DeliveryState.CONTROL],
    )


def _neighbours(stage: Stage, owner: Cast, host: Cast, sent: Sent) -> list[Reached]:
    """Return the host shop's reached buyers with their link to the owner's slot."""
    with reading(stage.engine) as session:
        rows = session.exec(
            select(Buyer.external_id, Link.token, Coupon.code, Delivery.sent_at)
            .join(Delivery, col(Delivery.buyer_id) == Buyer.id)
            .join(Link, (col(Link.delivery_id) == Delivery.id) & (Link.shop_id == owner.shop.id))
            .join(Coupon, col(Coupon.id) == Link.coupon_id)
            .where(
                Delivery.shop_id == host.shop.id,
                Delivery.run_id == sent.run.id,
                Delivery.state == DeliveryState.SENT,
            )
            .order_by(Buyer.external_id)
        ).all()
    return [Reached(buyer, token, code, at) for buyer, token, code, at in rows]


def _rows(stage: Stage, cast: Cast, purchases: list[Purchase]) -> Iterator[dict[str, object]]:
    """Yield order rows: one product each, 20 yuan less for who pays with a coupon."""
    codes = _codes(stage, [each.token for each in purchases if each.token])
    rng = np.random.default_rng([stage.seed, 7, len(cast.shop.slug)])
    on_sale = [product for product in cast.bag.catalogue.products if product.weight]
    for number, purchase in enumerate(purchases, start=1):
        product = on_sale[int(rng.integers(len(on_sale)))]
        quantity = max(1, -(-9900 // product.price)) if purchase.token else 1
        off = 2000 if purchase.token else 0
        yield {
            "order_id": f"{cast.bag.catalogue.prefix}-N{number:05d}",
            "buyer_id": purchase.buyer,
            "paid_at": purchase.at.replace(microsecond=0).isoformat(),
            "status": "paid",
            "sku": product.sku,
            "title": product.title,
            "category": product.category,
            "quantity": quantity,
            "unit_price": f"{product.price / 100:.2f}",
            "amount": f"{(product.price * quantity - off) / 100:.2f}",
            "coupon": codes.get(purchase.token, ""),
        }


def _codes(stage: Stage, tokens: list[str]) -> dict[str, str]:
    with reading(stage.engine) as session:
        claimed = select(Link.token, Coupon.code).join(Coupon, col(Coupon.id) == Link.coupon_id)
        rows = session.exec(claimed.where(col(Link.token).in_(tokens), col(Coupon.claimed_at).is_not(None)))
        return dict(rows.all())


def _write(path: Path, rows: Iterator[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = None
        for row in rows:
            writer = writer or csv.DictWriter(file, list(row), lineterminator="\n")
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)
