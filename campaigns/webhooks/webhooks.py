"""Hooks: the shop's other systems told of what happened, signed as Standard Webhooks, at least once.

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

from campaigns.campaign.campaigns import Medium
from campaigns.channels.channel import Message, Refused, Taken, TryLater, Undecided
from campaigns.channels.web import HttpRequest, HttpResponse, WebChannel
from campaigns.channels.webhook import WebhookSettings, signed_request, signer
from retention import audit
from retention.consent import Consent
from retention.database import BigId, Json, ShopRow, choice, write_after
from retention.errors import Conflict, Invalid, NotFound
from retention.failures import forget_failure
from retention.privacy.personal import mentions, personal
from retention.privacy.times import Kind, forgets
from retention.sealing import seal, unseal
from retention.settings import get_settings
from retention.shops import Shop, check_slug
from retention.touches import Touch


class HookEvent(StrEnum):
    """What a hook can be told."""

    SENT = "message.sent"
    FAILED = "message.failed"
    CLICKED = "link.clicked"
    SCANNED = "link.scanned"
    CLAIMED = "coupon.claimed"
    REDEEMED = "coupon.redeemed"
    UNSUBSCRIBED = "buyer.unsubscribed"


class Hook(ShopRow, table=True):
    """An address that wants to be told of some events. `sealed` is its signing secret, encrypted.

    `read_until` is the cursor: for each source marks of [moment, last row's number, transactions begun] at which
    everything visible had been turned into calls (`campaigns.webhooks.calling`).
    """

    __tablename__ = "hooks"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    url: str = Field(max_length=1000)
    events: list[str] = Field(sa_type=Json)
    sealed: bytes = Field(sa_type=LargeBinary, repr=False)
    active: bool = True
    read_until: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    created_at: datetime


class HookCallState(StrEnum):
    """Where a call stands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"


class HookCall(ShopRow, table=True):
    """One event to one hook, tried until it is taken. `key` is its webhook-id, the same at every try."""

    __tablename__ = "hook_calls"
    __table_args__ = (UniqueConstraint("shop_id", "hook_id", "key"), Index(None, "state", "due_at"))

    hook_id: int = Field(foreign_key="hooks.id", sa_type=BigId)
    key: str = Field(max_length=64)
    event: HookEvent = Field(sa_type=choice(HookEvent))
    body: dict[str, Any] = Field(sa_type=Json)
    state: HookCallState = Field(default=HookCallState.WAITING, sa_type=choice(HookCallState))
    attempts: int = 0
    due_at: datetime
    claim_expires_at: datetime | None = None
    answer: str = Field(default="", max_length=500)
    sent_at: datetime | None = None


def create_hook(
    session: Session, shop: Shop, slug: str, *, url: str, events: Sequence[str], at: datetime, actor: str
) -> tuple[Hook, str]:
    """Add a hook for what happens from now on; return it and its signing secret, which is shown this once.

    Invalid for an address or event that is none; Conflict when the slug is taken.
    """
    check_slug(slug)
    wanted = _read_events(events)
    try:
        WebhookSettings(url=url)
    except ValueError as error:
        raise Invalid("{url} is no address to call. Write it like https://shop.example/hook.", url=repr(url)) from error
    if session.exec(select(Hook.id).where(Hook.shop_id == shop.id, Hook.slug == slug)).first():
        raise Conflict("This shop has a webhook called {slug} already.", slug=slug)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    hook = Hook(
        shop_id=shop.id,
        slug=slug,
        url=url,
        events=wanted,
        sealed=seal(get_settings().signing_key(), {"secret": secret}),
        read_until={
            "touches": [[at.isoformat(), _last(session, shop.id, Touch), 0]],
            "consents": [[at.isoformat(), _last(session, shop.id, Consent), 0]],
            "failed": [[at.isoformat(), 0, 0]],
        },
        created_at=at,
    )
    session.add(hook)
    session.flush()
    _record(session, hook, "hook.create", at=at, actor=actor, after={"url": url, "events": wanted})
    return hook, secret


def find_hook(session: Session, shop_id: int, slug: str) -> Hook:
    """Return a shop's hook; NotFound otherwise."""
    hook = session.exec(select(Hook).where(Hook.shop_id == shop_id, Hook.slug == slug)).first()
    if hook is None:
        raise NotFound("No webhook is called {slug}.", slug=slug)
    return hook


def hooks_of(session: Session, shop_id: int) -> list[Hook]:
    """Return a shop's hooks by slug."""
    return list(session.exec(select(Hook).where(Hook.shop_id == shop_id).order_by(Hook.slug)))


def calls_of(session: Session, hook: Hook, *, limit: int = 100) -> list[HookCall]:
    """Return a hook's latest calls, newest first."""
    found = select(HookCall).where(HookCall.shop_id == hook.shop_id, HookCall.hook_id == hook.id)
    return list(session.exec(found.order_by(col(HookCall.id).desc()).limit(limit)))


def delete_hook(session: Session, hook: Hook, *, at: datetime, actor: str) -> None:
    """Remove a hook with its calls."""
    forget_failure(session, hook.shop_id, "hook", hook.id)
    session.execute(delete(HookCall).where(col(HookCall.shop_id) == hook.shop_id, col(HookCall.hook_id) == hook.id))
    _record(session, hook, "hook.delete", at=at, actor=actor, before={"url": hook.url})
    session.delete(hook)


def turn_on(session: Session, hook: Hook, *, at: datetime, actor: str) -> None:
    """Call a hook again that was turned off; what failed meanwhile stays failed until a person resends it."""
    if hook.active:
        raise Conflict("The webhook {slug} is on.", slug=hook.slug)
    hook.active = True
    session.add(hook)
    forget_failure(session, hook.shop_id, "hook", hook.id)
    _record(session, hook, "hook.on", at=at, actor=actor)


def resend_call(session: Session, hook: Hook, call_id: int, *, at: datetime, actor: str) -> HookCall:
    """Make a call again under the same webhook-id, because a person says so; NotFound for another hook's."""
    call = session.get(HookCall, call_id)
    if call is None or (call.shop_id, call.hook_id) != (hook.shop_id, hook.id):
        raise NotFound("The webhook {slug} has no call {number}.", slug=hook.slug, number=call_id)
    if call.state not in {HookCallState.SENT, HookCallState.FAILED}:
        raise Conflict("The call {number} is on its way already.", number=call_id)
    call.state, call.attempts, call.due_at, call.claim_expires_at = HookCallState.WAITING, 0, at, None
    session.add(call)
    session.flush()
    _record(session, hook, "hook.resend", at=at, actor=actor, after={"call": call_id})
    return call


def test_hook(session: Session, hook: Hook, *, at: datetime, actor: str) -> None:
    """Make one call that says it is a test; Conflict with why it was refused. The session should only read."""
    body = {"type": "hook.test", "timestamp": at.isoformat(), "data": {"hook": hook.slug}}
    outcome = call_all([(hook, f"test-{hook.id}-{int(at.timestamp())}", body)], at=at)[0]
    refusal = "" if isinstance(outcome, Taken) else str(outcome)
    write_after(session, lambda own: _record(own, hook, "hook.test", at=at, actor=actor, after={"said": refusal[:500]}))
    if refusal:
        raise Conflict("The test was not taken: {said}", said=refusal)


test_hook.__test__ = False  # type: ignore[attr-defined]  # pytest takes any name that begins like this for a test


def call_all(
    calls: Sequence[tuple[Hook, str, dict[str, Any]]], *, at: datetime
) -> list[Taken | TryLater | Refused | Undecided]:
    """Make calls, (hook, webhook-id, body) each, and return what became of them."""
    settings = get_settings()
    key = settings.signing_key()
    by_key = {f"{hook.id}/{call_id}": (hook, call_id, body) for hook, call_id, body in calls}

    def build_request(message: Message) -> HttpRequest:  # whatever it raises is the outcome of this call
        hook, call_id, body = by_key[message.key]
        return signed_request(hook.url, signer(unseal(key, hook.sealed)["secret"]), call_id, body, at=at)

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


def _taken(_response: HttpResponse) -> Taken:
    return Taken()


def _read_events(events: Sequence[str]) -> list[str]:
    try:
        wanted = sorted({HookEvent(event).value for event in events})
    except ValueError as error:
        known = ", ".join(event.value for event in HookEvent)
        raise Invalid("{error}. Known events: {known}.", error=str(error), known=known) from error
    if not wanted:
        raise Invalid("Name at least one event.")
    return wanted


def _last(session: Session, shop_id: int, table: type[Touch | Consent]) -> int:
    return session.exec(select(func.max(table.id)).where(table.shop_id == shop_id)).one() or 0


def _record(session: Session, hook: Hook, action: str, *, at: datetime, actor: str, **values: Any) -> None:
    audit.record(session, hook.shop_id, actor, action=action, subject=f"hook:{hook.slug}", at=at, **values)


personal(HookCall, which=lambda who: mentions(col(HookCall.body), who), delete=True)
forgets(Kind.TEXTS, HookCall, moment="sent_at")
