"""Results of a campaign: three numbers that answer different questions.

Code-matched orders used its coupon. Last-touch orders followed it as the last thing the buyer had from us. Incremental
orders are those that would not have come without it, measured against the control group. The unit is the buyer as first
assigned; everybody assigned counts, whether or not it arrived.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run, deliveries_of
from campaigns.deliveries.ledger import Ledger, count_campaign, runs_of
from campaigns.offers.links import Link, Scan
from campaigns.results.credited import CreditedOrders, code_matched, coupons_used, last_touch
from campaigns.results.incremental import ReadOut, lift_of, read_out
from campaigns.statistics.lift import Lift
from retention import money
from retention.figures import Figure, define
from retention.shops import Shop
from retention.versions import Family


@dataclass(frozen=True, slots=True)
class Results:
    """What a campaign brought so far.

    `planned` are deliveries to those not in control, `opened` those with a human scan or click, `scans` all human ones.
    `lift` is None before the first run; before the first read-out it is `early` and holds no figure, later it holds the
    runs that are `read_out`.
    """

    ledger: Ledger
    planned: int
    sent: int
    scans: int
    opened: int
    claimed: int
    redeemed: int
    code_matched: CreditedOrders
    last_touch: CreditedOrders
    lift: Lift | None
    read_out: ReadOut
    currency: str

    @property
    def early(self) -> bool:
        return self.read_out.early

    @property
    def read_out_at(self) -> datetime | None:
        """When the last run is read out and everything is final."""
        return self.read_out.last_at

    def as_json(self) -> dict[str, Any]:
        """Return plain values; money in major units as strings."""
        return {
            "ledger": self.ledger.as_json(),
            "planned": self.planned,
            "sent": self.sent,
            "scans": self.scans,
            "opened": self.opened,
            "claimed": self.claimed,
            "redeemed": self.redeemed,
            "code_matched": self._credited(self.code_matched),
            "last_touch": self._credited(self.last_touch),
            "lift": self.lift.as_json(lambda amount: money.write(amount, self.currency)) if self.lift else None,
            "runs": self.read_out.runs,
            "runs_read_out": self.read_out.done,
            "next_read_out_at": _moment(self.read_out.next_at),
            "read_out_at": _moment(self.read_out.last_at),
            "early": self.early,
            "currency": self.currency,
        }

    def _credited(self, orders: CreditedOrders) -> dict[str, Any]:
        return {"orders": orders.orders, "revenue": money.write(orders.revenue, self.currency)}


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def campaign_results(session: Session, shop: Shop, campaign: Campaign, *, at: datetime) -> Results:
    """Return what `campaign` brought up to `at`: a function of the shop's rows and that moment, nothing else."""
    runs = runs_of(session, campaign)
    ledger = count_campaign(session, campaign)
    scans, opened = _scans(session, campaign, at=at)
    claimed, redeemed = coupons_used(session, campaign, at=at)
    return Results(
        ledger=ledger,
        planned=_planned(session, campaign),
        sent=ledger.sent,
        scans=scans,
        opened=opened,
        claimed=claimed,
        redeemed=redeemed,
        code_matched=code_matched(session, campaign, at=at),
        last_touch=last_touch(session, campaign, at=at),
        lift=lift_of(session, campaign, runs, at=at),
        read_out=read_out(runs, at=at),
        currency=shop.currency,
    )


def _planned(session: Session, campaign: Campaign) -> int:
    rows = select(func.count()).where(*deliveries_of(campaign), Delivery.state != DeliveryState.CONTROL)
    return session.exec(rows).one()


def _scans(session: Session, campaign: Campaign, *, at: datetime) -> tuple[int, int]:
    """Return human scans, repeats left out, and the deliveries they belong to."""
    human = (
        select(func.count(), func.count(sa.distinct(col(Link.delivery_id))))
        .select_from(Scan)
        .join(Link, col(Link.id) == Scan.link_id)
        .where(
            Scan.shop_id == campaign.shop_id,
            Link.shop_id == campaign.shop_id,
            Link.campaign_id == campaign.id,
            col(Scan.at) <= at,
            col(Scan.bot).is_(False),
            col(Scan.preview).is_(False),
            col(Scan.repeat).is_(False),
        )
    )
    scans, opened = session.exec(human).one()
    return scans, opened


def _results_by_number(session: Session, shop: Shop, key: str, now: datetime) -> Results:
    return campaign_results(session, shop, session.get_one(Campaign, int(key)), at=now)


def _read_out_by(session: Session, key: str, now: datetime) -> str:
    """Return how many runs are read out: their hour comes within a day."""
    done = select(func.count()).where(Run.campaign_id == int(key), Run.read_out_at <= now)
    return str(session.exec(done).one())


RESULTS = define(Figure("results", (Family.ORDERS, Family.TOUCHES), Results, _results_by_number, moves=_read_out_by))
"""A campaign's results by its row number, as pages of many campaigns show them."""
