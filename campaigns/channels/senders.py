"""Senders: one row is one account at a mail server, an SMS gateway, a bot platform or a webhook.

Rate and errors are kept in the row, so that they hold over any number of processes. Secrets are encrypted in it and
are never shown again.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlmodel import Field, Session, col, select

from campaigns.campaign.media import Medium
from campaigns.campaign.policy import CHANNEL
from campaigns.channels.channel import Accepted, Message, MessageChannel, TryLater
from campaigns.channels.kinds import KINDS, check_secrets, make_channel, read_settings
from campaigns.channels.outages import translated
from retention import audit
from retention.database import Json, ShopRow, choice, write_after
from retention.encryption import decrypt, encrypt
from retention.errors import Conflict, Forbidden, Invalid, NotFound
from retention.failures import forget_failure
from retention.i18n import gettext as _
from retention.paging import Page, Wanted, page_of, where_equal, where_named
from retention.settings import get_settings
from retention.shops import Shop, check_slug
from retention.suppressions import OptOutSubject, is_held


class SenderKind(StrEnum):
    """Who takes the messages."""

    SMTP = "smtp"
    SMS_HTTP = "sms-http"
    SMS_ALIYUN = "sms-aliyun"
    SMS_TWILIO = "sms-twilio"
    WEBHOOK = "webhook"
    BOT = "robot"
    ASSISTED = "assisted"
    MEMORY = "memory"


class SenderState(StrEnum):
    """Whether a sender may be used: `paused` by a person, `broken` by too many failures in a row."""

    ACTIVE = "active"
    PAUSED = "paused"
    BROKEN = "broken"


class Sender(ShopRow, table=True):
    """One account. `settings` are the plain values of its kind; `encrypted_secrets` the secret ones, encrypted.

    `per_second` limits the rate (None: no limit); `next_slot_at` is when the next message may leave under it.
    `price` is what one message, or one part of an SMS, costs in hundredths of a minor unit of the shop's currency.
    `failures` counts failures in a row; a broken sender is tried again after `broken_until`. `repeatable` says that the
    other side takes the same key only once, so that a message nobody knows of may be handed over again.
    """

    __tablename__ = "senders"
    __table_args__ = (UniqueConstraint("shop_id", "slug"),)

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    medium: Medium = Field(sa_type=choice(Medium))
    kind: SenderKind = Field(sa_type=choice(SenderKind))
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    encrypted_secrets: bytes = Field(default=b"", sa_type=LargeBinary, repr=False)
    repeatable: bool = False
    per_second: float | None = None
    price: int = 0
    state: SenderState = Field(default=SenderState.ACTIVE, sa_type=choice(SenderState))
    next_slot_at: datetime | None = None
    failures: int = 0
    broken_until: datetime | None = None
    last_error: str = Field(default="", max_length=500)
    created_at: datetime


def create_sender(  # noqa: PLR0913 - everything a sender is made of, by name
    session: Session,
    shop: Shop,
    slug: str,
    *,
    kind: SenderKind,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
    at: datetime,
    actor: str,
    name: str = "",
    per_second: float | None = None,
    price: int = 0,
) -> Sender:
    """Add a sender. Invalid names the setting or secret that is wrong; Conflict when the slug is taken.

    `per_second` is the most messages a second, None for no limit; `price` is in hundredths of a minor unit.
    """
    check_slug(slug)
    if kind.value not in KINDS:
        raise Invalid("Manual posts are sent by users; a sender of the kind {kind} is not needed.", kind=kind.value)
    if session.exec(select(Sender.id).where(Sender.shop_id == shop.id, Sender.slug == slug)).first():
        raise Conflict("This shop already has a sender called {slug}.", slug=slug)
    sender = Sender(
        shop_id=shop.id,
        slug=slug,
        name=name or slug,
        medium=KINDS[kind.value].medium,
        kind=kind,
        created_at=at,
    )
    _set_up(sender, settings, secrets)
    _limit(sender, per_second, price)
    session.add(sender)
    session.flush()
    record_change(session, sender, "sender.create", at=at, actor=actor, after=_shown(sender))
    return sender


def edit_sender(
    session: Session,
    sender: Sender,
    *,
    at: datetime,
    actor: str,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    per_second: float | None = None,
    price: int | None = None,
) -> Sender:
    """Change a sender; what is None stays, and so do the secrets that are not named. `per_second` 0 is no limit.

    Secrets go to another host only when they are entered again. Whatever was broken is tried again at once, since a
    wrong password was perhaps put right.
    """
    before = _shown(sender)
    if settings is not None:
        read_settings(sender.kind.value, settings)
    moved = settings is not None and _host(settings) != _host(sender.settings)
    if moved and secrets is None and sender.encrypted_secrets:
        raise Invalid("The address has changed. Enter the secrets again.")
    known = {} if moved or secrets is None else decrypt(get_settings().signing_key(), sender.encrypted_secrets)
    _set_up(sender, sender.settings if settings is None else settings, None if secrets is None else known | {**secrets})
    _limit(sender, sender.per_second if per_second is None else per_second, sender.price if price is None else price)
    sender.name = sender.name if name is None else name or sender.slug
    if sender.state is SenderState.BROKEN:
        sender.state, sender.failures, sender.broken_until = SenderState.ACTIVE, 0, None
    session.add(sender)
    session.flush()
    forget_failure(session, sender.shop_id, "sender", sender.id)
    record_change(session, sender, "sender.edit", at=at, actor=actor, before=before, after=_shown(sender))
    return sender


def find_sender(session: Session, shop_id: int, slug: str) -> Sender:
    """Return a shop's sender; NotFound otherwise."""
    sender = session.exec(select(Sender).where(Sender.shop_id == shop_id, Sender.slug == slug)).first()
    if sender is None:
        raise NotFound("No sender is called {slug}.", slug=slug)
    return sender


def default_sender(session: Session, shop_id: int, medium: Medium) -> Sender | None:
    """Return the shop's own sender that takes a campaign which names none: the oldest in use, else the oldest."""
    own = select(Sender).where(Sender.shop_id == shop_id, Sender.medium == medium).order_by(col(Sender.id))
    found = session.exec(own).all()
    return next((each for each in found if each.state is SenderState.ACTIVE), found[0] if found else None)


def page_of_senders(
    session: Session,
    shop_id: int,
    wanted: Wanted,
    *,
    medium: Medium | None = None,
    kind: SenderKind | None = None,
    state: SenderState | None = None,
    text: str = "",
) -> Page[Sender]:
    """Return a page of a shop's senders by slug; `text` is in their slug or name."""
    found = select(Sender).where(Sender.shop_id == shop_id)
    found = where_equal(found, {col(Sender.medium): medium, col(Sender.kind): kind, col(Sender.state): state})
    found = where_named(found, text, col(Sender.slug), col(Sender.name))
    return page_of(session, found, wanted, col(Sender.slug))


def senders_of(session: Session, shop_id: int) -> list[Sender]:
    """Return a shop's senders by name."""
    return list(session.exec(select(Sender).where(Sender.shop_id == shop_id).order_by(Sender.name, col(Sender.id))))


def channel_for(sender: Sender) -> MessageChannel:
    """Return the channel a sender speaks through; Conflict when its secrets cannot be read."""
    settings = get_settings()
    secrets = decrypt(settings.signing_key(), sender.encrypted_secrets)
    allowed = settings.allow_private_addresses
    return make_channel(sender.kind.value, sender.settings, secrets, allow_private=allowed)


def send_test_message(session: Session, shop: Shop, sender: Sender, *, to: str, at: datetime, actor: str) -> str:
    """Send one message that says it is a test, and return what the other side calls it.

    Give it a session that only reads: the other side may take its time. Conflict with what it said when it did not
    take the message.
    """
    check_may_be_sent(session, shop, sender.medium, to)
    mail_from = str(sender.settings.get("mail_from", ""))
    text = _("This is a test of the sender {name} of {shop}.").format(name=sender.name, shop=shop.name)
    key = f"test.{sender.id}.{int(at.timestamp())}"
    message = Message(
        to=to,
        sender=mail_from,
        sender_name=shop.name,
        subject=_("A test by {shop}").format(shop=shop.name),
        text=text,
        html=f"<p>{text.replace('&', '&amp;').replace('<', '&lt;')}</p>",
        language=shop.language,
        message_id=f"<{key}@{mail_from.rpartition('@')[2] or 'localhost'}>",
        unsubscribe_address=get_settings().public_url,
        key=key,
    )
    try:
        with channel_for(sender).connect() as connection:
            (outcome,) = connection.hand_over_all([message])
    except TryLater as error:
        outcome = error
    refusal = "" if isinstance(outcome, Accepted) else translated(str(outcome))
    after = {"to": to, "said": refusal[:500]}
    write_after(session, lambda own: record_change(own, sender, "sender.test", at=at, actor=actor, after=after))
    if not isinstance(outcome, Accepted):
        raise Conflict("The test was rejected: {response}", response=refusal)
    return outcome.reference


def check_may_be_sent(session: Session, shop: Shop, medium: Medium, to: str) -> None:
    """Raise Forbidden where the address a test shall go to has said no to the shop's messages."""
    if is_held(session, OptOutSubject(shop.id, CHANNEL[medium]), to):
        raise Forbidden("{to} has opted out of messages of this shop, including tests.", to=to)


def _set_up(sender: Sender, settings: Mapping[str, Any], secrets: Mapping[str, str] | None) -> None:
    """Check and keep settings and secrets; secrets that are None stay."""
    kind = sender.kind.value
    read = read_settings(kind, settings)
    if secrets is not None:
        check_secrets(kind, secrets)
        kept = {name: value for name, value in secrets.items() if value}
        sender.encrypted_secrets = encrypt(get_settings().signing_key(), kept)
    else:
        kept = decrypt(get_settings().signing_key(), sender.encrypted_secrets)
    sender.settings = read.model_dump(mode="json", exclude_defaults=True)
    try:
        channel = make_channel(kind, sender.settings, kept, allow_private=True)
    except ValueError as error:  # what libraries say of a secret that is none
        raise Invalid("Sender: its secrets cannot be used. {problem}.", problem=str(error)) from error
    sender.repeatable = channel.repeatable


def _host(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return where the secrets go."""
    place = urlsplit(str(settings.get("url", settings.get("endpoint", ""))))
    return place.scheme, place.netloc, *(str(settings.get(name, "")) for name in ("host", "port", "platform"))


def _limit(sender: Sender, per_second: float | None, price: int) -> None:
    if per_second is not None and not 0 <= per_second <= 10_000:
        raise Invalid(
            "A sender sends up to 10000 messages per second, not {rate}.", rate=per_second, field="per_second"
        )
    if price < 0:
        raise Invalid("A price cannot be below 0, as {price} is.", price=price, field="price")
    sender.per_second, sender.price = per_second or None, price


def _shown(sender: Sender) -> dict[str, Any]:
    """Return what the audit log keeps: no secret, since `encrypted_secrets` is left out."""
    return sender.model_dump(mode="json", include={"slug", "name", "kind", "settings", "per_second", "price"})


def record_change(session: Session, sender: Sender, action: str, *, at: datetime, actor: str, **values: Any) -> None:
    subject = f"sender:{sender.slug}"
    audit.record(session, sender.shop_id, actor, action=action, subject=subject, at=at, **values)
