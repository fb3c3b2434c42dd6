"""Results: what a campaign brought, by three numbers that answer different questions.

Code-matched orders used its coupon. Last-touch orders followed it as the last thing the buyer had from us. Incremental
orders are those that would not have come without it, measured against the control group. The unit is the buyer as first
assigned; everybody assigned counts, whether or not it arrived.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from campaigns.campaigns import Campaign, Delivery, DeliveryState, Medium, Run, deliveries_of
from campaigns.ledger import Ledger, count_campaign, runs_of
from campaigns.measuring.intervals import Rate, Spend
from campaigns.measuring.lift import Arm, Lift, measure
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.links import Link, Scan
from campaigns.recipes import MESSAGE_DAYS, PARCEL_DAYS
from retention.figures import Figure, define
from retention.orders import Order
from retention.shops import Shop
from retention.touches import Touch
from retention.versions import Family

TOUCH_WINDOW = {medium: timedelta(days=PARCEL_DAYS if medium is Medium.PARCEL else MESSAGE_DAYS) for medium in Medium}
"""How long the last touch may claim an order."""


class Orders(NamedTuple):
    """Counted orders and what they brought: paid minus refunded, in minor units."""

    orders: int
    revenue: int


@dataclass(frozen=True, slots=True)
class Results:
    """What a campaign brought so far.

    `planned` are buyers assigned to get it, `opened` deliveries with a human scan or click, `scans` all human ones.
    `lift` is None before the first run. Before `read_out_at` it is `early`: shown by nobody as a result.
    """

    ledger: Ledger
    planned: int
    sent: int
    scans: int
    opened: int
    claimed: int
    redeemed: int
    code_matched: Orders
    last_touch: Orders
    lift: Lift | None
    read_out_at: datetime | None
    early: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "ledger": self.ledger.as_json(),
            "planned": self.planned,
            "sent": self.sent,
            "scans": self.scans,
            "opened": self.opened,
            "claimed": self.claimed,
            "redeemed": self.redeemed,
            "code_matched": self.code_matched._asdict(),
            "last_touch": self.last_touch._asdict(),
            "lift": self.lift.as_json() if self.lift else None,
            "read_out_at": self.read_out_at.isoformat() if self.read_out_at else None,
            "early": self.early,
        }


def campaign_results(session: Session, shop: Shop, campaign: Campaign, *, at: datetime) -> Results:
    """Return what `campaign` brought up to `at`."""
    runs = runs_of(session, campaign)
    ledger = count_campaign(session, campaign)
    scans, opened = _scans(session, campaign)
    claimed, redeemed = _coupons(session, campaign)
    read_out_at = max((run.read_out_at for run in runs), default=None)
    return Results(
        ledger=ledger,
        planned=_planned(session, campaign),
        sent=ledger.sent,
        scans=scans,
        opened=opened,
        claimed=claimed,
        redeemed=redeemed,
        code_matched=_code_matched(session, shop, campaign),
        last_touch=_last_touch(session, shop, campaign),
        lift=_lift(session, campaign, runs, at=at) if runs else None,
        read_out_at=read_out_at,
        early=read_out_at is None or at < read_out_at,
    )


def _planned(session: Session, campaign: Campaign) -> int:
    rows = select(func.count()).where(*deliveries_of(campaign), Delivery.state != DeliveryState.CONTROL)
    return session.exec(rows).one()


def _scans(session: Session, campaign: Campaign) -> tuple[int, int]:
    """Return human scans, repeats left out, and the deliveries they belong to."""
    human = (
        select(func.count(), func.count(sa.distinct(col(Link.delivery_id))))
        .select_from(Scan)
        .join(Link, col(Link.id) == Scan.link_id)
        .where(
            Scan.shop_id == campaign.shop_id,
            Link.shop_id == campaign.shop_id,
            Link.campaign_id == campaign.id,
            col(Scan.bot).is_(False),
            col(Scan.preview).is_(False),
            col(Scan.repeat).is_(False),
        )
    )
    scans, opened = session.exec(human).one()
    return scans, opened


def _handed_coupons(campaign: Campaign) -> sa.Select[int | None]:
    return sa.select(col(Delivery.coupon_id)).where(*deliveries_of(campaign), col(Delivery.coupon_id).is_not(None))


def _coupons(session: Session, campaign: Campaign) -> tuple[int, int]:
    """Return how many of the coupons handed out were claimed and how many redeemed."""
    used = col(Coupon.state) == CouponState.REDEEMED
    rows = sa.select(
        sa.func.count(col(Coupon.claimed_at)), sa.func.coalesce(sa.func.sum(sa.case((used, 1), else_=0)), 0)
    ).where(col(Coupon.shop_id) == campaign.shop_id, col(Coupon.id).in_(_handed_coupons(campaign)))
    claimed, redeemed = session.execute(rows).one()
    return int(claimed), int(redeemed)


def _code_matched(session: Session, shop: Shop, campaign: Campaign) -> Orders:
    by_code = (
        sa.select(sa.func.count(col(Order.id)), sa.func.coalesce(sa.func.sum(Order.amount - Order.refunded), 0))
        .select_from(Order)
        .join(Coupon, sa.and_(col(Coupon.order_id) == Order.id, col(Coupon.shop_id) == Order.shop_id))
        .where(col(Order.shop_id) == shop.id, col(Order.counts), col(Coupon.id).in_(_handed_coupons(campaign)))
    )
    orders, revenue = session.execute(by_code).one()
    return Orders(int(orders), int(revenue))


def _last_touch(session: Session, shop: Shop, campaign: Campaign) -> Orders:
    """Count the orders before which this campaign was the last touch, if it was recent enough."""
    later = aliased(Touch)
    between = sa.select(col(later.id)).where(
        col(later.shop_id) == Touch.shop_id,
        col(later.buyer_id) == Touch.buyer_id,
        col(later.at) <= Order.ordered_at,
        sa.or_(col(later.at) > Touch.at, sa.and_(col(later.at) == Touch.at, col(later.id) > Touch.id)),
    )
    credited = (
        sa.select(col(Order.ordered_at), col(Touch.at), col(Order.amount) - col(Order.refunded))
        .select_from(Order)
        .join(Touch, sa.and_(col(Touch.shop_id) == Order.shop_id, col(Touch.buyer_id) == Order.buyer_id))
        .where(
            col(Order.shop_id) == shop.id,
            col(Order.counts),
            col(Touch.campaign) == campaign.slug,
            col(Touch.at) <= Order.ordered_at,
            ~between.exists(),
        )
    )
    window = TOUCH_WINDOW[campaign.medium]
    spent = [amount for ordered, touched, amount in session.execute(credited) if ordered - touched <= window]
    return Orders(len(spent), sum(spent))


def _lift(session: Session, campaign: Campaign, runs: Sequence[Run], *, at: datetime) -> Lift:
    """Hold everybody assigned to get it against the control group, by counted orders until the read-out or `at`."""
    share = runs[0].control_share
    sizes = {False: 0, True: 0}
    spent: dict[bool, list[int]] = {False: [], True: []}
    assigned = _first_assignment(campaign)
    for control, buyers in session.execute(sa.select(assigned.c.control, sa.func.count()).group_by(assigned.c.control)):
        sizes[bool(control)] = buyers
    for control, total in session.execute(_spent_in_window(campaign, assigned, at=at)):
        spent[bool(control)].append(int(total))
    treated = _arm("treated", sizes[False], spent[False])
    held_out = _arm("control", sizes[True], spent[True])
    same_share = share > 0 and all(run.control_share == share for run in runs)
    planned = {"treated": 1 - share, "control": share} if same_share else None
    [lift] = measure(held_out, [treated], planned=planned)
    return lift


def _arm(name: str, buyers: int, spent: list[int]) -> Arm:
    """Make an arm of `buyers` of whom those in `spent` ordered; the others spent nothing."""
    sums = {"total": sum(spent), "squares": sum(each * each for each in spent)}
    return Arm(name, Rate(len(spent), buyers), Spend.from_sums(buyers, **sums, ordering=len(spent)))


def _first_assignment(campaign: Campaign) -> sa.Subquery:
    """Return (buyer_id, run_id, control) of each buyer's first delivery row: assigned once, counted once."""
    first = sa.select(sa.func.min(Delivery.id)).where(*deliveries_of(campaign)).group_by(col(Delivery.buyer_id))
    control = (col(Delivery.state) == DeliveryState.CONTROL).label("control")
    rows = sa.select(col(Delivery.buyer_id), col(Delivery.run_id), control).where(col(Delivery.id).in_(first))
    return rows.subquery()


def _spent_in_window(campaign: Campaign, assigned: sa.Subquery, *, at: datetime) -> sa.Select[bool, int]:
    """Return a SELECT of (control, spend) for each assigned buyer who ordered between planning and read-out."""
    return (
        sa.select(assigned.c.control, sa.func.sum(Order.amount - Order.refunded))
        .select_from(assigned)
        .join(Run, col(Run.id) == assigned.c.run_id)
        .join(Order, sa.and_(col(Order.shop_id) == campaign.shop_id, col(Order.buyer_id) == assigned.c.buyer_id))
        .where(
            col(Order.counts),
            col(Order.ordered_at) >= Run.planned_at,
            col(Order.ordered_at) < Run.read_out_at,
            col(Order.ordered_at) <= at,
        )
        .group_by(assigned.c.buyer_id, assigned.c.control)
    )


def _results_by_number(session: Session, shop: Shop, key: str, now: datetime) -> Results:
    return campaign_results(session, shop, session.get_one(Campaign, int(key)), at=now)


RESULTS = define(Figure("results", (Family.ORDERS, Family.TOUCHES), Results, _results_by_number))
"""A campaign's results by its row number, as pages of many campaigns show them."""
