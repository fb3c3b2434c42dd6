"""Sending: claim, check again, render, hand off; no transaction is open during network calls.

Whatever step a sender dies at, the rows say what is known: not begun waits again; begun but not recorded is tried again
under the same key where that is harmless, and is unknown elsewhere.
"""

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Run, deliveries_of
from campaigns.campaign.reasons import Reason
from campaigns.channels import breaker, rates
from campaigns.channels.channel import MessageChannel, TryLater
from campaigns.channels.rates import Slots
from campaigns.channels.senders import Sender
from campaigns.deliveries import claiming
from campaigns.deliveries.campaign_moves import reopen
from campaigns.deliveries.claiming import Claim, Receipt
from campaigns.deliveries.row_ids import any_of
from campaigns.deliveries.transitions import Move, move
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.offers.offers import Offer
from campaigns.sending.blocked import MAIL
from campaigns.sending.claim_check import CheckedVersions, versions_now
from campaigns.sending.digests import with_included
from campaigns.sending.handoff import ClaimedBatch, KeptConnection, Ready, retry_transaction
from campaigns.sending.pre_send_check import check_before_sending, note_damage
from campaigns.texts.branding import brand_style_of
from campaigns.texts.composing import compose
from campaigns.texts.mail import MessageContext, SenderIdentity
from retention import audit
from retention.buyers import Buyer
from retention.database import ShopRow, lock, transaction
from retention.error_text import public_message
from retention.errors import Invalid
from retention.failures import Thing, each_alone, forget_failure, write_failure
from retention.products import Product
from retention.queue import send
from retention.settings import get_settings
from retention.shops import Shop

Columns = TypeVar("Columns", "_Delivery", "_Buyer", "_Coupon", "_Link")

MOST_RESENT = 1000
"""Deliveries a person sends again in one go."""

FIRST_BATCH, LARGEST_BATCH = 50, 500
FRESH = 2.0
"""Seconds in which a claim should leave, so that the check before sending is fresh; each is sized by the last."""

MOST_ERRORS = 3
"""Batches in a row that end in an error before a channel without a sender's row is left alone until the next sweep."""


def send_waiting(
    engine: Engine,
    channel: MessageChannel,
    *,
    now: datetime,
    limit: int = 1000,
    identity: SenderIdentity | None = None,
    sender: Sender | None = None,
) -> Counter[str]:
    """Hand over up to `limit` due deliveries of running campaigns, and return how many were sent, skipped and so on.

    Keys of the result: sent, skipped, failed, unknown, later (will be tried again). `sender` is the row whose
    campaigns are meant; without it, those that name none. `identity` comes from the settings when it is not given.
    """
    counts: Counter[str] = Counter()
    with transaction(engine) as session:
        claiming.expire_claims(session, now=now)
        shops = claiming.shops_with_work(session, channel.medium, sender_id=sender.id if sender else None)
        if shops:
            claiming.bring_forward(session, shops, now=now)
    left = limit
    with KeptConnection(channel) as connection:

        def send_for(thing: Thing) -> None:
            nonlocal left
            round_ = _Round(
                engine, connection, identity or identity_from_settings(), thing.shop_id, now, counts, sender=sender
            )
            while left > 0 and (taken := round_.send_batch(left)):
                left -= taken

        each_alone(engine, "messages", [_thing(shop_id, sender) for shop_id in shops], send_for, now=now)
    return counts


def _thing(shop_id: int, sender: Sender | None) -> Thing:
    """Return what failed when messages cannot be handed over: the sender, or the shop without one."""
    return Thing(shop_id, "sender", sender.id, sender.slug) if sender else Thing(shop_id, "shop", shop_id)


def identity_from_settings() -> SenderIdentity:
    """Return who sends, as this installation's settings say."""
    settings = get_settings()
    return SenderIdentity(settings.public_url, settings.signing_key(), settings.mail_from)


def resend(session: Session, shop: Shop, delivery_ids: list[int], *, at: datetime, actor: str) -> int:
    """Have deliveries that failed or are unknown tried once more, because a person says so; return how many.

    They keep their coupon, their link, their Message-ID and their key. One that was unknown may have arrived, and is
    unknown again unless this try is taken. A campaign that has ended by itself goes on for them; one that was cancelled
    sends nothing any more.
    """
    chosen = (
        col(Delivery.shop_id) == shop.id,
        col(Delivery.id).in_(delivery_ids),
        col(Delivery.state).in_((DeliveryState.FAILED, DeliveryState.UNKNOWN)),
    )
    going_on = _opened(session, sa.select(col(Delivery.run_id)).where(*chosen), at=at)
    ids = sorted(move(session, Move.RESEND, *chosen, col(Delivery.run_id).in_(going_on), due_at=at))
    for delivery_id in ids:
        audit.record(session, shop.id, actor, action="delivery.resend", subject=f"delivery:{delivery_id}", at=at)
    send(session, "campaigns.send")
    return len(ids)


def _opened(session: Session, run_ids: sa.Select[int], *, at: datetime) -> list[int]:
    """Have these runs go on, with their campaigns held until the end; return those that can."""
    found = []
    for run in session.exec(select(Run).where(col(Run.id).in_(run_ids)).order_by(col(Run.campaign_id), col(Run.id))):
        campaign = session.get_one(Campaign, run.campaign_id)
        lock(session, campaign)
        if campaign.state is not CampaignState.CANCELLED:
            reopen(session, campaign, run, at=at)
            found.append(run.id)
    return found


def resend_all(
    session: Session, shop: Shop, campaign: Campaign, *, state: DeliveryState, at: datetime, actor: str
) -> int:
    """Have up to a thousand deliveries of a campaign that are unknown, or failed, tried once more; return how many.

    Invalid for any other state.
    """
    if state not in (DeliveryState.UNKNOWN, DeliveryState.FAILED):
        raise Invalid("Deliveries in the state {state} cannot be resent.", state=state.value)
    chosen = sa.select(col(Delivery.id)).where(*deliveries_of(campaign), col(Delivery.state) == state)
    ids = list(session.execute(chosen.order_by(col(Delivery.id)).limit(MOST_RESENT)).scalars())
    return resend(session, shop, ids, at=at, actor=actor)


@dataclass
class _Round:
    """One shop's deliveries through one connection, batch by batch."""

    engine: Engine
    connection: KeptConnection
    identity: SenderIdentity
    shop_id: int
    now: datetime
    counts: Counter[str]
    sender: Sender | None
    size: int = FIRST_BATCH
    errors: int = 0
    noted: str | None = None

    def send_batch(self, limit: int) -> int:
        """Claim and hand over one batch; return how many were claimed, 0 when nothing can go on now."""
        started = time.monotonic()
        held, contexts, slots, checked = retry_transaction(self.engine, lambda session: self._claim(session, limit))
        if not contexts:
            return len(held.delivery_ids)
        ready = self._make(held, contexts)
        batch = ClaimedBatch(
            self.engine, self.connection, held, self.now, self.counts, checked, sender=self.sender, slots=slots
        )
        usable = batch.hand_over(ready)
        self.errors = 0 if usable else self.errors + 1
        if self.sender is None:
            self._note_mail(batch.first_error)
        if self.sender is None and self.errors >= MOST_ERRORS:
            return 0
        seconds = max(time.monotonic() - started, 0.001)
        self.size = min(max(int(len(ready) / seconds * FRESH), FIRST_BATCH // 5), LARGEST_BATCH)
        return len(held.delivery_ids)

    def _claim(self, session: Session, limit: int) -> tuple[Claim, list[MessageContext], Slots | None, CheckedVersions]:
        """Claim what may leave now, check it once more, and return the rows the messages are made from."""
        limit, checked = min(self.size, limit), versions_now(session, self.shop_id)
        if self.sender:
            self.sender = session.get_one(Sender, self.sender.id)
            may = (
                breaker.allowed(session, self.sender, now=self.now),
                rates.remaining_slots(self.sender, now=self.now),
            )
            limit = min([limit, *(most for most in may if most is not None)])
        if limit <= 0:
            return Claim(self.shop_id, "", []), [], None, checked
        medium, sender_id = self.connection.channel.medium, self.sender.id if self.sender else None
        held = claiming.claim(session, self.shop_id, medium, now=self.now, limit=limit, sender_id=sender_id)
        check = check_before_sending(session, self.shop_id, held.delivery_ids, at=self.now)
        claiming.skip(session, held, check.skipped)
        claiming.postpone(session, held, check.later)
        note_damage(session, self.shop_id, check, work="messages", at=self.now)
        stays = [each for each in held.delivery_ids if each not in check.skipped and each not in check.later]
        contexts = with_included(
            session,
            self.shop_id,
            _message_contexts(session, held, stays),
            now=self.now,
            read=partial(_message_contexts, session, held),
        )
        held = replace(held, hosts=frozenset(context.delivery.id for context in contexts if context.others))
        self.counts["skipped"] += len(check.skipped)
        if check.later:
            self.counts["later"] += len(check.later)
        slots = rates.reserve(session, self.sender, len(contexts), now=self.now) if self.sender else None
        return held, contexts, slots, checked

    def _note_mail(self, refusal: str) -> None:
        """Write down how the installation's own mail server fares, which has no row of its own; not at every batch."""
        if refusal == self.noted:
            return
        self.noted, shop = refusal, Thing(self.shop_id, "shop", self.shop_id)
        with transaction(self.engine) as session:
            if refusal:
                write_failure(session, MAIL, shop, TryLater(refusal), now=self.now)
            else:
                forget_failure(session, self.shop_id, "shop", self.shop_id, work=MAIL)

    def _make(self, held: Claim, contexts: list[MessageContext]) -> list[Ready]:
        """Make the messages; a text that cannot be made fails alone."""
        ready: list[Ready] = []
        wrong: list[Receipt] = []
        for context in contexts:
            try:
                ready.append((context.delivery.id, compose(context, self.identity, at=self.now)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others can be made
                wrong.append(Receipt(context.delivery.id, detail=public_message(error)))
        if wrong:
            self.counts["failed"] += len(wrong)
            retry_transaction(
                self.engine,
                lambda session: claiming.record_refused(session, held, wrong, reason=Reason.TEXT_ERROR, at=self.now),
            )
        return ready


class _Delivery(NamedTuple):
    id: int
    buyer_id: int
    campaign_id: int
    coupon_id: int | None


class _Buyer(NamedTuple):
    id: int
    external_id: str
    name: str
    language: str
    email: str
    phone: str


class _Coupon(NamedTuple):
    id: int
    code: str
    expires_at: datetime | None


class _Link(NamedTuple):
    delivery_id: int
    token: str


def _message_contexts(session: Session, held: Claim, delivery_ids: Collection[int]) -> list[MessageContext]:
    """Return what the claimed messages are made from.

    One plain SELECT of columns per table by row number: a join of the four is what a database without fresh statistics
    gets wrong, by minutes, and rows as objects take three times as long to make.
    """
    if not delivery_ids:
        return []
    deliveries = _by_number(session, Delivery, _Delivery, delivery_ids)
    buyers = _by_number(session, Buyer, _Buyer, {each.buyer_id for each in deliveries.values()})
    coupon_ids = {each.coupon_id for each in deliveries.values() if each.coupon_id}
    coupons = _by_number(session, Coupon, _Coupon, coupon_ids)
    links = _by_number(session, Link, _Link, delivery_ids, shop_id=held.shop_id)
    shop, style = session.get_one(Shop, held.shop_id), brand_style_of(session, held.shop_id)
    campaigns = {each: session.get_one(Campaign, each) for each in {row.campaign_id for row in deliveries.values()}}
    offers = {each.id: session.get(Offer, each.offer_id) if each.offer_id else None for each in campaigns.values()}
    products = {
        each.id: session.get(Product, each.product_id) if each.product_id else None for each in campaigns.values()
    }
    return [
        MessageContext(
            each,
            buyers[each.buyer_id],
            links[each.id],
            campaigns[each.campaign_id],
            shop,
            offer=offers[each.campaign_id],
            coupon=coupons[each.coupon_id] if each.coupon_id else None,
            product=products[each.campaign_id],
            style=style,
        )
        for each in map(deliveries.__getitem__, sorted(deliveries))
    ]


def _by_number(
    session: Session, table: type[ShopRow], kind: type[Columns], numbers: Collection[int], *, shop_id: int | None = None
) -> dict[int, Columns]:
    """Return the columns `kind` names, by the first of them, of the rows with these numbers there."""
    if not numbers:
        return {}
    columns = [getattr(table, name) for name in kind._fields]
    wanted = sa.select(*columns).where(any_of(columns[0], numbers))
    if shop_id is not None:  # leads to the index, which begins with the shop
        wanted = wanted.where(col(table.shop_id) == shop_id)
    return {row[0]: kind._make(row) for row in session.execute(wanted)}
