"""The pre-send check: whether claimed deliveries may still be sent, in the transaction that claims them.

What was right when planned can be wrong by now: a no to the channel, an offer that is over, a product sold out, a cap
that something else has filled. What may leave later, after quiet hours or when a cap allows more, is put off instead.
The rules are those of the plan, each in the form for one row (`plans.rules`).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.campaign.local_time import known_zone
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import with_ids
from campaigns.plans.hours import out_of_quiet
from campaigns.plans.rules import RULES
from campaigns.plans.rules.rule import Check, PendingDelivery
from campaigns.plans.rules.terms import read_terms
from retention.buyers import Buyer
from retention.consent import Pause
from retention.failures import Thing, write_failure
from retention.shops import Shop

AT_ONCE = 5_000
"""Deliveries to check at once: bound values of one statement stay far below what either database takes."""

MENDED_WITHIN = timedelta(minutes=15)
"""How long deliveries wait whose campaign cannot be read, before they are checked again."""


@dataclass(frozen=True, slots=True)
class PreSendCheck:
    """What the check finds: `skipped` must not leave, each with the first reason; `later` not before a moment.

    `damaged` are those of `later` whose campaign cannot be read, with that campaign.
    """

    skipped: dict[int, Reason]
    later: dict[int, datetime]
    damaged: dict[int, Campaign] = field(default_factory=dict)


def check_before_sending(
    session: Session, shop_id: int, delivery_ids: Collection[int], *, at: datetime
) -> PreSendCheck:
    """Check deliveries about to leave. Those in neither part of the answer may leave now."""
    check, damaged = read_check(session, shop_id, delivery_ids, at=at)
    skipped: dict[int, Reason] = {}
    later = dict.fromkeys(damaged, at + MENDED_WITHIN)
    for row in check.rows.values():
        verdict = _verdict(check, row)
        if isinstance(verdict, Reason):
            skipped[row.id] = verdict
        elif (moment := _out_of_quiet(check, row, verdict)) > at:
            later[row.id] = moment
    return PreSendCheck(skipped, later, damaged)


def refused_before_sending(
    session: Session, shop_id: int, delivery_ids: Collection[int], *, at: datetime
) -> dict[int, Reason]:
    """Return the deliveries that must not leave, each with the first reason that applies."""
    return check_before_sending(session, shop_id, delivery_ids, at=at).skipped


def _verdict(check: Check, row: PendingDelivery) -> Reason | datetime:
    """Return the first reason against a delivery, else the moment from which the rules let it leave."""
    earliest = check.at
    for rule in RULES:
        refusal = rule.refuse(check, row)
        if isinstance(refusal, Reason):
            return refusal
        if refusal is not None:
            earliest = max(earliest, refusal)
    return earliest


def _out_of_quiet(check: Check, row: PendingDelivery, moment: datetime) -> datetime:
    """Return the first moment from `moment` on that lies in no quiet hours."""
    if not row.terms.quiets:
        return moment
    zones = {"buyer_zone": known_zone(row.timezone, check.shop.timezone), "shop_zone": check.shop.timezone}
    return out_of_quiet(row.terms.quiets, moment, **zones)


def note_damage(session: Session, shop_id: int, found: PreSendCheck, *, work: str, at: datetime) -> None:
    """Write down for each campaign that cannot be read what is wrong with it, as its own failure."""
    for campaign in {each.id: each for each in found.damaged.values()}.values():
        if why := campaign.damage:
            write_failure(session, work, Thing(shop_id, "campaign", campaign.id, campaign.slug), why, now=at)


def read_check(
    session: Session, shop_id: int, delivery_ids: Collection[int], *, at: datetime
) -> tuple[Check, dict[int, Campaign]]:
    """Read the rows as they are now: the buyers' own in one SELECT, the shared ones once each.

    Return them, and the campaigns of the deliveries that cannot be checked, since what is stored cannot be read.
    """
    shop = session.get_one(Shop, shop_id)
    if not delivery_ids:
        return Check(session, shop, at, {}, ()), {}
    read = session.execute(
        sa.select(
            col(Delivery.run_id),
            col(Delivery.id),
            col(Delivery.coupon_id),
            col(Delivery.expires_at),
            col(Buyer.id),
            col(Buyer.email),
            col(Buyer.phone_key),
            col(Buyer.timezone),
            col(Pause.until),
        )
        .join_from(Delivery, Buyer, col(Buyer.id) == Delivery.buyer_id)
        .outerjoin(Pause, sa.and_(col(Pause.shop_id) == Delivery.shop_id, col(Pause.buyer_id) == Delivery.buyer_id))
        .where(with_ids(shop_id, delivery_ids))
    ).all()
    terms, damaged = read_terms(session, shop_id, {row[0] for row in read})
    rows = (PendingDelivery(terms[row[0]], *row[1:]) for row in read if row[0] in terms)
    check = Check(session, shop, at, {row.id: row for row in rows}, terms.values())
    return check, {row[1]: damaged[row[0]] for row in read if row[0] in damaged}
