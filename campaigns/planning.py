"""Planning: who gets a campaign at a moment, who does not and why, as sets. Preview and launch both call `plan`.

It writes nothing. The funnel takes its steps in one fixed order, each from who is left by the one before, so that every
buyer of the segment is in exactly one of: a skip, the control group, the final set.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns.assignment import control_group
from campaigns.campaigns import Campaign, Delivery, DeliveryState, Medium
from campaigns.issuing import buyers_with_coupon
from campaigns.offers import Offer
from campaigns.policy import CHANNEL, Cap, Policy, needed_answer, read_policy
from campaigns.reasons import Reason
from retention.bitmaps import read_bitmap
from retention.buyers import Buyer
from retention.consent import Answer, buyers_answering
from retention.parcels import Parcel
from retention.products import Product
from retention.shops import Shop
from segments.matching import match

# A delivery in one of these has reached the buyer, may have, or still will.
TAKEN = (DeliveryState.WAITING, DeliveryState.CLAIMED, DeliveryState.SENT, DeliveryState.UNKNOWN)


class Step(NamedTuple):
    """One line of a funnel: `segment` and `final` count who is there, every other who drops out at this step."""

    name: str
    buyers: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a launch at this moment would do. `audience` = skips + `control` + `final`, without overlap.

    `coupons` are the codes it would make and `coupons_left` what the offer still allows (None: no limit).
    """

    at: datetime
    policy: Policy
    funnel: list[Step]
    skips: dict[str, BitMap]
    control: BitMap
    final: BitMap
    audience: BitMap
    fingerprint: str
    coupons: int = 0
    coupons_left: int | None = None
    product_price: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "funnel": [list(step) for step in self.funnel],
            "audience": len(self.audience),
            "skipped": {reason: len(buyers) for reason, buyers in self.skips.items() if buyers},
            "control": len(self.control),
            "final": len(self.final),
            "coupons": self.coupons,
            "coupons_left": self.coupons_left,
            "read_out_at": self.policy.read_out_at(self.at).isoformat(),
            "fingerprint": self.fingerprint,
        }


def plan(session: Session, shop: Shop, campaign: Campaign, *, at: datetime) -> Plan:
    """Return who would get `campaign` at `at`, with every reason why somebody would not."""
    policy = read_policy(campaign.policy)
    audience = match(session, shop, campaign.audience, now=at)
    left, skips = audience.copy(), {}
    for reason, dropped in _sieves(session, shop, campaign, policy=policy, left=left, at=at):
        skips[str(reason)] = dropped
        left -= dropped
    control = control_group(left, secret=campaign.secret, share=policy.control_share)
    final = left - control
    offer = session.get(Offer, campaign.offer_id) if campaign.offer_id else None
    product = session.get(Product, campaign.product_id) if campaign.product_id else None
    return Plan(
        at=at,
        policy=policy,
        funnel=[
            Step("segment", len(audience)),
            *(Step(reason, len(buyers)) for reason, buyers in skips.items()),
            Step("control", len(control)),
            Step("final", len(final)),
        ],
        skips=skips,
        control=control,
        final=final,
        audience=audience,
        fingerprint=_fingerprint(promise(session, campaign), [*skips.values(), control, final]),
        coupons=len(final - _with_coupon(session, offer)) if offer else 0,
        coupons_left=offer.most_coupons - offer.issued if offer and offer.most_coupons is not None else None,
        product_price=product.price if product else None,
    )


def _sieves(
    session: Session, shop: Shop, campaign: Campaign, *, policy: Policy, left: BitMap, at: datetime
) -> Iterator[tuple[Reason, BitMap]]:
    """Yield each reason with whom it drops; `left` is who is left when the next one is asked."""
    excluded = match(session, shop, campaign.excluded, now=at) if campaign.excluded else BitMap()
    yield Reason.EXCLUDED, left & excluded
    yield Reason.SERVED, left & read_bitmap(session, _served(campaign))
    yield Reason.NO_CONSENT, _without_consent(session, shop, campaign.medium, left)
    if campaign.medium is Medium.EMAIL:
        yield Reason.NO_ADDRESS, left & read_bitmap(session, _without_address(shop))
        yield Reason.SAME_ADDRESS, _same_address(session, shop, left)
    yield Reason.CAPPED, _capped(session, campaign, policy.cap, left, at=at)
    if campaign.medium is Medium.PARCEL:
        yield Reason.NO_PARCEL, left - read_bitmap(session, select(waiting_parcels(shop, at).c.buyer_id))


def waiting_parcels(shop: Shop, at: datetime) -> sa.Subquery:
    """Return (buyer_id, parcel_id) of parcels not shipped yet that leave on the shop's day of `at`, one per buyer."""
    found = select(col(Parcel.buyer_id), func.min(Parcel.id).label("parcel_id")).where(
        Parcel.shop_id == shop.id,
        Parcel.ship_day == shop.day(at),
        col(Parcel.shipped_at).is_(None),
        col(Parcel.buyer_id).is_not(None),
    )
    return found.group_by(col(Parcel.buyer_id)).subquery()


def _served(campaign: Campaign) -> SelectOfScalar[int]:
    return select(Delivery.buyer_id).where(
        Delivery.shop_id == campaign.shop_id, Delivery.campaign_id == campaign.id, col(Delivery.state).in_(TAKEN)
    )


def _without_consent(session: Session, shop: Shop, medium: Medium, left: BitMap) -> BitMap:
    answer = needed_answer(medium)
    answering = read_bitmap(session, buyers_answering(shop.id, CHANNEL[medium], answer))
    return left - answering if answer is Answer.IN else left & answering


def _without_address(shop: Shop) -> SelectOfScalar[int]:
    return select(Buyer.id).where(Buyer.shop_id == shop.id, Buyer.email == "")


def _same_address(session: Session, shop: Shop, left: BitMap) -> BitMap:
    """Return those of `left` whose address a buyer of `left` with a lower number has too, whatever its case."""
    address = func.lower(Buyer.email)
    of_shop = (Buyer.shop_id == shop.id, Buyer.email != "")
    shared = select(address).where(*of_shop).group_by(address).having(func.count() > 1)
    rows = session.execute(select(Buyer.id, address).where(*of_shop, address.in_(shared)).order_by(col(Buyer.id)))
    seen, dropped = set(), BitMap()
    for buyer_id, text in rows:
        if buyer_id not in left:
            continue
        if text in seen:
            dropped.add(buyer_id)
        seen.add(text)
    return dropped


def _capped(session: Session, campaign: Campaign, cap: Cap | None, left: BitMap, *, at: datetime) -> BitMap:
    if cap is None:
        return BitMap()
    if cap.messages == 0:
        return left.copy()
    lately = func.coalesce(Delivery.sent_at, Delivery.due_at) >= at - timedelta(days=cap.days)
    medium = select(Campaign.id).where(Campaign.shop_id == campaign.shop_id, Campaign.medium == campaign.medium)
    full = select(Delivery.buyer_id).where(
        Delivery.shop_id == campaign.shop_id,
        col(Delivery.state).in_(TAKEN),
        col(Delivery.campaign_id).in_(medium),
        lately,
    )
    return left & read_bitmap(session, full.group_by(col(Delivery.buyer_id)).having(func.count() >= cap.messages))


def _with_coupon(session: Session, offer: Offer) -> BitMap:
    return read_bitmap(session, buyers_with_coupon(offer))


def promise(session: Session, campaign: Campaign) -> str:
    """Return the SHA-256 of what a campaign promises, whoever gets it: words, rules, terms, time. Approvals bind to it.

    The moment of a launch belongs to it only where a person chose it; of a recurring campaign the trigger does.
    """
    offer = session.get(Offer, campaign.offer_id) if campaign.offer_id else None
    product = session.get(Product, campaign.product_id) if campaign.product_id else None
    once = not campaign.trigger or "once" in campaign.trigger
    promised = {
        "campaign": campaign.model_dump(mode="json", include=_PROMISED | ({"scheduled_at"} if once else set())),
        "offer": offer.model_dump(mode="json", exclude={"issued"}) if offer else None,
        "product": product.model_dump(mode="json", include={"sku", "title", "price"}) if product else None,
    }
    return hashlib.sha256(json.dumps(promised, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


_PROMISED = frozenset(
    {"slug", "recipe", "medium", "audience", "excluded", "content", "policy", "trigger", "sender_id", "topic"}
)


def _fingerprint(promised: str, sets: list[BitMap]) -> str:
    """Return the SHA-256 of all that was promised and to whom: the promise, then every set of buyers."""
    digest = hashlib.sha256(promised.encode())
    for buyers in sets:
        digest.update(len(buyers).to_bytes(8, "little") + buyers.to_array().tobytes())
    return digest.hexdigest()
