"""Sieves: at which step of a plan who drops out, as sets. Each looks only at who is left by the one before."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns.campaign.posts import goes_to_groups
from campaigns.campaigns import TAKEN, Campaign, Delivery, DeliveryState, Medium, deliveries_of
from campaigns.noes.bounces import bounced_addresses
from campaigns.plans.caps import full_of
from campaigns.plans.dues import Dues
from campaigns.plans.policy import CHANNEL, Policy, ShopPolicy, caps_on, channel_of, needed_answer
from campaigns.plans.reachable_groups import in_reachable_group
from campaigns.reasons import Reason
from campaigns.timing.triggers import read_trigger, serves_once
from retention.bitmaps import read_bitmap
from retention.buyers import Buyer
from retention.consent import Answer, Pause, buyers_answering
from retention.parcels import Parcel
from retention.shops import Shop
from retention.suppressions import KEY, About, held_buyers, sharing_address
from segments.matching import match

ADDRESS: dict[Medium, Any] = {Medium.EMAIL: col(Buyer.email), Medium.SMS: col(Buyer.phone)}
"""Where a buyer's address for a medium stands; the other media need none."""


@dataclass
class Sieves:
    """The steps of one plan. `left` is who is left when the next step is asked; `dues` is put off where caps delay."""

    session: Session
    shop: Shop
    campaign: Campaign
    policy: Policy
    shop_policy: ShopPolicy
    at: datetime
    left: BitMap
    dues: Dues
    skips: dict[str, BitMap] = field(default_factory=dict)

    def run(self) -> None:
        """Take every step: `skips` has whom each one dropped, `left` who stays."""
        for reason, found in self._steps():
            dropped = found & self.left
            if dropped or reason in _ALWAYS_SHOWN:
                self.skips[str(reason)] = self.skips.get(str(reason), BitMap()) | dropped
            self.left -= dropped

    def _steps(self) -> Iterator[tuple[Reason, BitMap]]:
        session, shop, campaign, medium = self.session, self.shop, self.campaign, self.campaign.medium
        yield Reason.EXCLUDED, match(session, shop, campaign.excluded, now=self.at) if campaign.excluded else BitMap()
        yield Reason.SERVED, read_bitmap(session, _served(campaign))
        yield Reason.NO_CONSENT, self._without_consent()
        if campaign.topic:
            out = buyers_answering(shop.id, channel_of(medium, self.policy), Answer.OUT, topic=campaign.topic)
            yield Reason.TOPIC_OUT, read_bitmap(session, out) | self._held(campaign.topic)
        yield Reason.PAUSED, self._paused()
        if medium in ADDRESS:
            yield Reason.NO_ADDRESS, read_bitmap(session, _without_address(shop, medium))
            yield Reason.BOUNCED, read_bitmap(session, bounced_buyers(shop.id, medium))
            yield Reason.SAME_ADDRESS, _same_address(session, shop, medium, self.left)
        if goes_to_groups(campaign):
            yield Reason.NO_ADDRESS, self.left - read_bitmap(session, in_reachable_group(session, campaign))
        yield from self._capped()
        if medium is Medium.PARCEL:
            yield Reason.NO_PARCEL, self.left - read_bitmap(session, select(waiting_parcels(shop, self.at).c.buyer_id))
            if most := most_inserts(self.policy, self.shop_policy):
                yield Reason.PARCEL_FULL, read_bitmap(session, _full_parcels(shop, self.at, most))

    def _without_consent(self) -> BitMap:
        medium = self.campaign.medium
        answer = needed_answer(medium)
        channel = channel_of(medium, self.policy)
        answering = read_bitmap(self.session, buyers_answering(self.shop.id, channel, answer))
        return (self.left - answering if answer is Answer.IN else answering) | self._held("")

    def _held(self, topic: str) -> BitMap:
        """Return who has an address that said no, whatever they said themselves."""
        channel = channel_of(self.campaign.medium, self.policy)
        return (
            read_bitmap(self.session, held_buyers(About(self.shop.id, channel, topic))) if channel in KEY else BitMap()
        )

    def _paused(self) -> BitMap:
        """Return who wants quiet, and who has the address of somebody who does."""
        paused, channel = read_bitmap(self.session, _paused(self.shop, self.at)), CHANNEL[self.campaign.medium]
        if channel not in KEY or not paused:
            return paused
        return paused | read_bitmap(self.session, sharing_address(self.shop.id, channel, _paused(self.shop, self.at)))

    def _capped(self) -> Iterator[tuple[Reason, BitMap]]:
        """Yield whom the caps drop; whom they delay stay, put off."""
        yield Reason.CAPPED, BitMap()  # the step is shown even where no cap is set
        at = self.dues.at  # on the shop's clock; whoever leaves at another hour is looked at again then
        for cap in caps_on(self.policy, self.shop_policy, self.campaign.medium):
            if cap.messages == 0:
                yield Reason.CAPPED, self.left.copy()
                continue
            full = full_of(self.session, self.shop, self.campaign, cap=cap, policy=self.policy, at=at)
            yield from full.skipped.items()
            if full.rooms:
                self.dues = self.dues.put_off(full.rooms)


_ALWAYS_SHOWN = frozenset({
    Reason.EXCLUDED, Reason.SERVED, Reason.NO_CONSENT, Reason.NO_ADDRESS, Reason.SAME_ADDRESS, Reason.CAPPED,
    Reason.NO_PARCEL,
})  # fmt: skip
"""Steps every funnel has, whomever they drop; the others are there when they drop somebody."""


def most_inserts(policy: Policy, shop_policy: ShopPolicy) -> int | None:
    """Return how many inserts a parcel may carry: the tighter of the two limits, None without any."""
    return min((most for most in (policy.most_inserts, shop_policy.most_inserts) if most), default=None)


def waiting_parcels(shop: Shop, at: datetime) -> sa.Subquery:
    """Return (buyer_id, parcel_id) of parcels not shipped yet that leave on the shop's day of `at`, one per buyer."""
    found = select(col(Parcel.buyer_id), func.min(Parcel.id).label("parcel_id")).where(
        Parcel.shop_id == shop.id,
        Parcel.ship_day == shop.day(at),
        col(Parcel.shipped_at).is_(None),
        col(Parcel.buyer_id).is_not(None),
    )
    return found.group_by(col(Parcel.buyer_id)).subquery()


def bounced_buyers(shop_id: int, medium: Medium) -> sa.Select[int]:
    """Return a SELECT of the buyers whose present address takes nothing any more."""
    here, channel = KEY[CHANNEL[medium]], CHANNEL[medium]
    return sa.select(col(Buyer.id)).where(
        col(Buyer.shop_id) == shop_id, here != "", here.in_(bounced_addresses(shop_id, channel))
    )


def _served(campaign: Campaign) -> SelectOfScalar[int]:
    """Return whom an earlier run reached; of a campaign that comes again, only those whose last one still waits."""
    counted = TAKEN if serves_once(read_trigger(campaign.trigger)) else (DeliveryState.WAITING, DeliveryState.CLAIMED)
    # SQLite would prefer the index of states, though it holds all the shop ever sent; so it gets none.
    state = func.coalesce(Delivery.state, "")
    return select(Delivery.buyer_id).where(*deliveries_of(campaign), state.in_(counted))


def _paused(shop: Shop, at: datetime) -> SelectOfScalar[int]:
    return select(Pause.buyer_id).where(Pause.shop_id == shop.id, Pause.until > at)


def _without_address(shop: Shop, medium: Medium) -> sa.Select[int]:
    return sa.select(col(Buyer.id)).where(col(Buyer.shop_id) == shop.id, ADDRESS[medium] == "")


def _same_address(session: Session, shop: Shop, medium: Medium, left: BitMap) -> BitMap:
    """Return those of `left` whose address a buyer of `left` with a lower number has too."""
    address = KEY[CHANNEL[medium]]
    of_shop = (col(Buyer.shop_id) == shop.id, address != "")
    shared = sa.select(address).where(*of_shop).group_by(address).having(func.count() > 1)
    rows = session.execute(
        sa.select(col(Buyer.id), address).where(*of_shop, address.in_(shared)).order_by(col(Buyer.id)),
        execution_options={"yield_per": 50_000},
    )
    seen, dropped = set(), BitMap()
    for buyer_id, text in rows:
        if buyer_id not in left:
            continue
        if text in seen:
            dropped.add(buyer_id)
        seen.add(text)
    return dropped


def _full_parcels(shop: Shop, at: datetime, most: int) -> sa.Select[int]:
    """Return a SELECT of the buyers whose parcel of the day carries as many inserts as it may."""
    parcels = waiting_parcels(shop, at)
    return (
        sa.select(parcels.c.buyer_id)
        .join(Delivery, col(Delivery.parcel_id) == parcels.c.parcel_id)
        .where(col(Delivery.shop_id) == shop.id, col(Delivery.state).in_(TAKEN))
        .group_by(parcels.c.buyer_id)
        .having(func.count() >= most)
    )
