"""Webhooks: the shop's other systems notified of what happened, signed as Standard Webhooks, at least once.

This module keeps them; `campaigns.webhooks.calling` reads what happened and makes the calls.
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, Session, col, delete, func, select

from campaigns.campaign.media import Medium
from campaigns.channels.channel import Accepted, Message, Refused, TryLater, Undecided
from campaigns.channels.web import HttpRequest, HttpResponse, WebChannel
from campaigns.channels.webhook import WebhookSettings, signed_request, signer
from retention import audit
from retention.consent import Consent
from retention.database import BigId, Json, ShopRow, choice, write_after
from retention.encryption import decrypt, encrypt
from retention.errors import Conflict, Invalid, NotFound
from retention.failures import forget_failure
from retention.paging import Page, Wanted, page_of, where_between, where_equal, where_named
from retention.privacy.personal import mentions, personal
from retention.privacy.retention_periods import KeptKind, forgets
from retention.settings import get_settings
from retention.shops import Shop, check_slug
from retention.touches import Touch


class WebhookEvent(StrEnum):
    """What a webhook can be notified of."""

    SENT = "message.sent"
    FAILED = "message.failed"
    CLICKED = "link.clicked"
    SCANNED = "link.scanned"
    CLAIMED = "coupon.claimed"
    REDEEMED = "coupon.redeemed"
    UNSUBSCRIBED = "buyer.unsubscribed"


class Webhook(ShopRow, table=True):
    """A URL that receives the events it subscribes to. `encrypted_secret` is its signing secret, encrypted.

    `read_until` is the cursor: for each source marks of [moment, last row's number, transactions begun] at which
    everything visible had been turned into calls (`campaigns.webhooks.calling`).
    """

    __tablename__ = "hooks"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    url: str = Field(max_length=1000)
    events: list[str] = Field(sa_type=Json)
    encrypted_secret: bytes = Field(sa_type=LargeBinary, repr=False)
    active: bool = True
    read_until: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    created_at: datetime


class WebhookCallState(StrEnum):
    """Where a call stands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"


class WebhookCall(ShopRow, table=True):
    """One event for one webhook, retried until accepted. `key` is its webhook-id, the same at every try."""

    __tablename__ = "hook_calls"
    __table_args__ = (
        UniqueConstraint("shop_id", "hook_id", "key"),
        Index(None, "state", "due_at"),
        Index(None, "shop_id", "hook_id", "id"),
    )

    hook_id: int = Field(foreign_key="hooks.id", sa_type=BigId)
    key: str = Field(max_length=64)
    event: WebhookEvent = Field(sa_type=choice(WebhookEvent))
    body: dict[str, Any] = Field(sa_type=Json)
    state: WebhookCallState = Field(default=WebhookCallState.WAITING, sa_type=choice(WebhookCallState))
    attempts: int = 0
    due_at: datetime
    claim_expires_at: datetime | None = None
    answer: str = Field(default="", max_length=500)
    sent_at: datetime | None = None


def create_webhook(
    session: Session, shop: Shop, slug: str, *, url: str, events: Sequence[str], at: datetime, actor: str
) -> tuple[Webhook, str]:
    """Add a webhook for what happens from now on; return it and its signing secret, which is shown this once.

    Invalid for an address or event that is none; Conflict when the slug is taken.
    """
    check_slug(slug)
    wanted = _read_events(events)
    try:
        WebhookSettings(url=url)
    except ValueError as error:
        raise Invalid("{url} is not a webhook URL. Write it like https://shop.example/hook.", url=repr(url)) from error
    if session.exec(select(Webhook.id).where(Webhook.shop_id == shop.id, Webhook.slug == slug)).first():
        raise Conflict("This shop already has a webhook called {slug}.", slug=slug)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    webhook = Webhook(
        shop_id=shop.id,
        slug=slug,
        url=url,
        events=wanted,
        encrypted_secret=encrypt(get_settings().signing_key(), {"secret": secret}),
        read_until={
            "touches": [[at.isoformat(), _last(session, shop.id, Touch), 0]],
            "consents": [[at.isoformat(), _last(session, shop.id, Consent), 0]],
            "failed": [[at.isoformat(), 0, 0]],
        },
        created_at=at,
    )
    session.add(webhook)
    session.flush()
    _record(session, webhook, "hook.create", at=at, actor=actor, after={"url": url, "events": wanted})
    return webhook, secret


def find_webhook(session: Session, shop_id: int, slug: str) -> Webhook:
    """Return a shop's webhook; NotFound otherwise."""
    webhook = session.exec(select(Webhook).where(Webhook.shop_id == shop_id, Webhook.slug == slug)).first()
    if webhook is None:
        raise NotFound("No webhook is called {slug}.", slug=slug)
    return webhook


def page_of_webhooks(
    session: Session, shop_id: int, wanted: Wanted, *, active: bool | None = None, text: str = ""
) -> Page[Webhook]:
    """Return a page of a shop's hooks by slug; `text` is in their slug or address."""
    found = where_equal(select(Webhook).where(Webhook.shop_id == shop_id), {col(Webhook.active): active})
    return page_of(session, where_named(found, text, col(Webhook.slug), col(Webhook.url)), wanted, col(Webhook.slug))


def page_of_calls(
    session: Session,
    hook: Webhook,
    wanted: Wanted,
    *,
    state: WebhookCallState | None = None,
    event: WebhookEvent | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[WebhookCall]:
    """Return a page of a hook's calls, newest first; the moments are when they are due."""
    found = select(WebhookCall).where(WebhookCall.shop_id == hook.shop_id, WebhookCall.hook_id == hook.id)
    found = where_equal(found, {col(WebhookCall.state): state, col(WebhookCall.event): event})
    found = where_between(found, col(WebhookCall.due_at), since, until)
    return page_of(session, found, wanted, col(WebhookCall.id), latest_first=True)


def webhooks_of(session: Session, shop_id: int) -> list[Webhook]:
    """Return a shop's hooks by slug."""
    return list(session.exec(select(Webhook).where(Webhook.shop_id == shop_id).order_by(Webhook.slug)))


def calls_of(session: Session, webhook: Webhook, *, limit: int = 100) -> list[WebhookCall]:
    """Return a webhook's latest calls, newest first."""
    found = select(WebhookCall).where(WebhookCall.shop_id == webhook.shop_id, WebhookCall.hook_id == webhook.id)
    return list(session.exec(found.order_by(col(WebhookCall.id).desc()).limit(limit)))


def delete_webhook(session: Session, webhook: Webhook, *, at: datetime, actor: str) -> None:
    """Remove a webhook with its calls."""
    forget_failure(session, webhook.shop_id, "hook", webhook.id)
    session.execute(
        delete(WebhookCall).where(col(WebhookCall.shop_id) == webhook.shop_id, col(WebhookCall.hook_id) == webhook.id)
    )
    _record(session, webhook, "hook.delete", at=at, actor=actor, before={"url": webhook.url})
    session.delete(webhook)


def turn_on(session: Session, webhook: Webhook, *, at: datetime, actor: str) -> None:
    """Call a webhook again that was turned off; what failed meanwhile stays failed until a person resends it."""
    if webhook.active:
        raise Conflict("The webhook {slug} is enabled.", slug=webhook.slug)
    webhook.active = True
    session.add(webhook)
    forget_failure(session, webhook.shop_id, "hook", webhook.id)
    _record(session, webhook, "hook.on", at=at, actor=actor)


def resend_call(session: Session, webhook: Webhook, call_id: int, *, at: datetime, actor: str) -> WebhookCall:
    """Make a call again under the same webhook-id, because a person says so; NotFound for another webhook's."""
    call = session.get(WebhookCall, call_id)
    if call is None or (call.shop_id, call.hook_id) != (webhook.shop_id, webhook.id):
        raise NotFound("The webhook {slug} has no call {number}.", slug=webhook.slug, number=call_id)
    if call.state not in {WebhookCallState.SENT, WebhookCallState.FAILED}:
        raise Conflict("The call {number} is already being sent.", number=call_id)
    call.state, call.attempts, call.due_at, call.claim_expires_at = WebhookCallState.WAITING, 0, at, None
    session.add(call)
    session.flush()
    _record(session, webhook, "hook.resend", at=at, actor=actor, after={"call": call_id})
    return call


def send_test_call(session: Session, webhook: Webhook, *, at: datetime, actor: str) -> None:
    """Make one call that says it is a test; Conflict with why it was refused. The session should only read."""
    body = {"type": "hook.test", "timestamp": at.isoformat(), "data": {"hook": webhook.slug}}
    outcome = call_all([(webhook, f"test-{webhook.id}-{int(at.timestamp())}", body)], at=at)[0]
    refusal = "" if isinstance(outcome, Accepted) else str(outcome)
    after = {"said": refusal[:500]}
    write_after(session, lambda own: _record(own, webhook, "hook.test", at=at, actor=actor, after=after))
    if refusal:
        raise Conflict("The test was rejected: {response}", response=refusal)


def call_all(
    calls: Sequence[tuple[Webhook, str, dict[str, Any]]], *, at: datetime
) -> list[Accepted | TryLater | Refused | Undecided]:
    """Make calls, (webhook, webhook-id, body) each, and return what became of them."""
    settings = get_settings()
    key = settings.signing_key()
    by_key = {f"{webhook.id}/{call_id}": (webhook, call_id, body) for webhook, call_id, body in calls}

    def build_request(message: Message) -> HttpRequest:  # whatever it raises is the outcome of this call
        webhook, call_id, body = by_key[message.key]
        return signed_request(
            webhook.url, signer(decrypt(key, webhook.encrypted_secret)["secret"]), call_id, body, at=at
        )

    channel = WebChannel(
        Medium.WEBHOOK,
        build_request,
        _taken,
        repeatable=True,
        timeout=10,
        allow_private=settings.allow_private_addresses,
    )
    with channel.connect() as connection:
        return connection.hand_over_all([Message("", "", "", "", "", "", "", "", "", key=each) for each in by_key])


def _taken(_response: HttpResponse) -> Accepted:
    return Accepted()


def _read_events(events: Sequence[str]) -> list[str]:
    try:
        wanted = sorted({WebhookEvent(event).value for event in events})
    except ValueError as error:
        known = ", ".join(event.value for event in WebhookEvent)
        unknown = [event for event in events if event not in set(WebhookEvent)]
        raise Invalid("Unknown events: {unknown}. Known events: {known}.", unknown=unknown, known=known) from error
    if not wanted:
        raise Invalid("Name at least one event.")
    return wanted


def _last(session: Session, shop_id: int, table: type[Touch | Consent]) -> int:
    return session.exec(select(func.max(table.id)).where(table.shop_id == shop_id)).one() or 0


def _record(session: Session, webhook: Webhook, action: str, *, at: datetime, actor: str, **values: Any) -> None:
    audit.record(session, webhook.shop_id, actor, action=action, subject=f"hook:{webhook.slug}", at=at, **values)


personal(WebhookCall, which=lambda who: mentions(col(WebhookCall.body), who), delete=True)
forgets(KeptKind.TEXTS, WebhookCall, moment="sent_at")
