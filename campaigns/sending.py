"""Sending: claim, look again, begin, hand over, record; each in a short transaction, none open while others answer.

Whatever step a sender dies at, the rows say what is known: not begun waits again, begun but not recorded is unknown.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import Session, col

from campaigns import claiming
from campaigns.campaigns import Campaign, Delivery, DeliveryState
from campaigns.channels.channel import Channel, Connection, Refused, TryLater, Undecided
from campaigns.claiming import Claim
from campaigns.coupons import Coupon
from campaigns.links import Link
from campaigns.mail import Letter, Sender, compose
from campaigns.offers import Offer
from campaigns.reasons import Reason
from campaigns.rechecking import recheck
from retention import audit
from retention.buyers import Buyer
from retention.database import transaction
from retention.errors import Invalid
from retention.products import Product
from retention.queue import send
from retention.settings import get_settings
from retention.shops import Shop

BATCH = 50
"""Deliveries in one claim: few enough that the last look is fresh, many enough that a connection is worth opening."""


def send_waiting(
    engine: Engine, channel: Channel, *, now: datetime, limit: int = 1000, sender: Sender | None = None
) -> Counter[str]:
    """Hand over up to `limit` due deliveries of running campaigns, and return how many were sent, skipped and so on.

    Keys of the result: sent, skipped, failed, unknown, later (will be tried again). `sender` comes from the settings
    when it is not given.
    """
    sender = sender or sender_from_settings()
    counts: Counter[str] = Counter()
    with transaction(engine) as session:
        claiming.expire_claims(session, now=now)
        shops = claiming.shops_with_work(session, channel.medium)
    for shop_id in shops:
        while limit > 0:
            taken = _send_batch(engine, channel, sender, shop_id, now=now, limit=min(BATCH, limit), counts=counts)
            limit -= taken
            if not taken:
                break
    return counts


def sender_from_settings() -> Sender:
    """Return who sends, as this installation's settings say."""
    settings = get_settings()
    return Sender(settings.public_url, settings.signing_key(), settings.mail_from)


def resend(session: Session, shop: Shop, delivery_ids: list[int], *, at: datetime, actor: str) -> int:
    """Have deliveries that failed or are unknown tried once more, because a person says so; return how many.

    They keep their coupon, their link and their Message-ID.
    """
    again = sa.update(Delivery).where(
        col(Delivery.shop_id) == shop.id,
        col(Delivery.id).in_(delivery_ids),
        col(Delivery.state).in_((DeliveryState.FAILED, DeliveryState.UNKNOWN)),
    )
    values = {"state": DeliveryState.WAITING, "due_at": at, "attempts": 0, "handed_at": None, "reason": ""}
    ids = sorted(session.execute(again.values(**values).returning(col(Delivery.id))).scalars())
    for delivery_id in ids:
        audit.record(session, shop.id, actor, action="delivery.resend", subject=f"delivery:{delivery_id}", at=at)
    send(session, "campaigns.send")
    return len(ids)


@dataclass
class _Batch:
    """One claim in one sender's hands. `record` writes what became of the letter before, in the next transaction."""

    engine: Engine
    held: Claim
    now: datetime
    sender: Sender
    counts: Counter[str]
    record: Callable[[Session], None] | None = None

    def hand_over_all(self, connection: Connection, letters: list[Letter]) -> list[int]:
        """Hand over one letter after the other; return those not begun because the line broke."""
        for position, letter in enumerate(letters):
            if self._begin(letter) and not self._hand_over(connection, letter):
                return [each.delivery.id for each in letters[position + 1 :]]
        return []

    def write_record(self, session: Session) -> None:
        if self.record:
            self.record(session)
        self.record = None

    def _begin(self, letter: Letter) -> bool:
        with transaction(self.engine) as session:
            self.write_record(session)
            return claiming.begin(session, self.held, letter.delivery.id, now=self.now)

    def _hand_over(self, connection: Connection, letter: Letter) -> bool:
        """Hand over one letter and keep what came of it; False when the line does not stand any more."""
        held, delivery_id = self.held, letter.delivery.id
        try:
            message = compose(letter, self.sender)
            connection.hand_over(message)
        except Invalid as error:
            self._note("failed", claiming.record_refused, reason=Reason.TEXT_ERROR, detail=str(error), of=delivery_id)
        except Refused as error:
            self._note("failed", claiming.record_refused, reason=Reason.REFUSED, detail=str(error), of=delivery_id)
        except TryLater as error:
            self.counts["later"] += 1
            self.record = partial(
                claiming.record_later, held=held, delivery_ids=[delivery_id], now=self.now, detail=str(error)
            )
            return error.line_stands
        except Undecided as error:
            self._note("unknown", claiming.record_undecided, detail=str(error), of=delivery_id)
            return False
        else:
            known = {"at": self.now, "message_id": message.message_id, "address": message.to}
            self._note("sent", claiming.record_sent, of=delivery_id, **known)
        return True

    def _note(self, outcome: str, write: Callable[..., None], *, of: int, **values: Any) -> None:
        self.counts[outcome] += 1
        self.record = partial(write, held=self.held, delivery_id=of, **values)


def _send_batch(
    engine: Engine,
    channel: Channel,
    sender: Sender,
    shop_id: int,
    *,
    now: datetime,
    limit: int,
    counts: Counter[str],
) -> int:
    """Claim and hand over one batch; return how many were claimed, 0 when nothing can go on now."""
    with transaction(engine) as session:
        held = claiming.claim(session, shop_id, channel.medium, now=now, limit=limit)
        reasons = recheck(session, shop_id, held.delivery_ids, at=now)
        claiming.skip(session, held, reasons)
        letters = _letters(session, held, [each for each in held.delivery_ids if each not in reasons])
    counts["skipped"] += len(reasons)
    if not letters:
        return len(held.delivery_ids)
    batch = _Batch(engine, held, now, sender, counts)
    try:
        with channel.connect() as connection:
            left = batch.hand_over_all(connection, letters)
    except TryLater as trouble:  # nobody answered, so nothing began
        ids = [letter.delivery.id for letter in letters]
        with transaction(engine) as session:
            claiming.record_later(session, held, ids, now=now, detail=str(trouble))
        counts["later"] += len(ids)
        return 0
    with transaction(engine) as session:
        batch.write_record(session)
        claiming.release(session, held, left)
    return len(held.delivery_ids)


def _letters(session: Session, held: Claim, delivery_ids: list[int]) -> list[Letter]:
    """Return the rows the claimed messages are made from, in one SELECT."""
    rows = session.execute(
        sa.select(Delivery, Buyer, Link, Campaign, Shop, Offer, Coupon, Product)
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .join(Link, sa.and_(col(Link.shop_id) == Delivery.shop_id, col(Link.delivery_id) == Delivery.id))
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .join(Shop, col(Shop.id) == Delivery.shop_id)
        .outerjoin(Offer, col(Offer.id) == Campaign.offer_id)
        .outerjoin(Coupon, col(Coupon.id) == Delivery.coupon_id)
        .outerjoin(Product, col(Product.id) == Campaign.product_id)
        .where(col(Delivery.shop_id) == held.shop_id, col(Delivery.id).in_(delivery_ids))
        .order_by(col(Delivery.id))
    )
    return [
        Letter(delivery, buyer, link, campaign, shop, offer=offer, coupon=coupon, product=product)
        for delivery, buyer, link, campaign, shop, offer, coupon, product in rows
    ]
