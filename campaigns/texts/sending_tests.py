"""Test messages: a campaign's message sent to a user of the shop, marked as a test and in no ledger.

No delivery, coupon or link is made for it; the audit log says who sent it where.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.channels.channel import Accepted, Message, MessageChannel, TryLater
from campaigns.channels.senders import Sender, channel_for, check_may_be_sent
from campaigns.channels.smtp import SmtpChannel
from campaigns.texts.composing import compose
from campaigns.texts.content import COMPOSED, identity_of, sample_context, text_source_of
from retention import audit
from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.database import write_after
from retention.errors import Conflict, Forbidden, Invalid
from retention.i18n import gettext as _
from retention.settings import get_settings
from retention.shops import Shop
from retention.tokens import new_tokens
from retention.users import Membership, User

TESTS_A_DAY = 50


def send_test(
    session: Session,
    shop: Shop,
    campaign: Campaign,
    buyer: Buyer,
    *,
    to: str,
    at: datetime,
    actor: str,
    channel: MessageChannel | None = None,
) -> str:
    """Send the message that `buyer` would get to somebody of the shop, marked as a test; return its subject.

    A mail goes to the address of a person of the shop only; of other media the audit log says where it went. Give it a
    session that only reads: the other side may take its time. Forbidden for a stranger's address, Conflict when the
    day's tests are used up or it was not taken.
    """
    if campaign.medium not in COMPOSED:
        raise Invalid("A {medium} campaign has no message that can be tested.", medium=campaign.medium.value)
    _check_receiver(session, shop, campaign.medium, to)
    _check_tests_left(session, shop, at=at)
    source = text_source_of(session, shop, campaign)
    message = _as_test(compose(sample_context(session, source, buyer), identity_of(source.sender), at=source.at), to=to)
    refusal = _hand_over(channel or _channel(source.sender, campaign.medium), message)
    about, after = f"campaign:{campaign.slug}", {"to": to, "said": refusal[:500]}
    write_after(
        session,
        lambda own: audit.record(own, shop.id, actor, action="campaign.test", subject=about, after=after, at=at),
    )
    if refusal:
        raise Conflict("The test was rejected: {response}", response=refusal)
    return message.subject


def _channel(sender: Sender | None, medium: Medium) -> MessageChannel:
    """Return what a test leaves through; Invalid where the campaign has to name a sender first."""
    if sender is not None:
        return channel_for(sender)
    if medium is not Medium.EMAIL:
        raise Invalid("Choose a sender for the campaign first.")
    return SmtpChannel(get_settings().smtp_url)


def _as_test(message: Message, *, to: str) -> Message:
    """Return a message that says it is a test, under an identity no delivery has."""
    key = f"test.{new_tokens(1)[0]}"
    host = message.message_id.rpartition("@")[2].rstrip(">") or "localhost"
    subject = _("[Test] {subject}").format(subject=message.subject)
    return replace(message, to=to, subject=subject, key=key, message_id=f"<{key}@{host}>")


def _hand_over(channel: MessageChannel, message: Message) -> str:
    """Hand a message over and return what the other side said against it; empty when it took it."""
    try:
        with channel.connect() as connection:
            outcome = connection.hand_over_all([message])[0]
    except TryLater as error:
        outcome = error
    return "" if isinstance(outcome, Accepted) else str(outcome) or type(outcome).__name__


def _check_receiver(session: Session, shop: Shop, medium: Medium, to: str) -> None:
    people = select(User.id).join(Membership, col(Membership.user_id) == User.id)
    ours = people.where(Membership.shop_id == shop.id, User.email == to.strip().lower())
    if medium is Medium.EMAIL and session.exec(ours).first() is None:
        raise Forbidden("Tests can only be sent to users of the shop, and no user has the address {to}.", to=to)
    check_may_be_sent(session, shop, medium, to)


def _check_tests_left(session: Session, shop: Shop, *, at: datetime) -> None:
    recent = select(func.count()).where(
        AuditEntry.shop_id == shop.id, AuditEntry.action == "campaign.test", AuditEntry.at > at - timedelta(days=1)
    )
    if session.exec(recent).one() >= TESTS_A_DAY:
        raise Conflict("A shop can send at most {most} tests in 24 hours.", most=TESTS_A_DAY)
