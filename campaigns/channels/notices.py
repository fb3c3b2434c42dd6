"""Mail to users of the shop, such as links they asked for, sent by the shop's own mail sender."""

import structlog
from sqlmodel import Session, col, select

from campaigns.campaign.media import Medium
from campaigns.channels.channel import Accepted, Message, TryLater
from campaigns.channels.senders import Sender, SenderKind, SenderState, channel_for
from retention.errors import Error
from retention.settings import get_settings
from retention.shops import Shop
from retention.tokens import new_tokens

log = structlog.get_logger()


def mail_person(session: Session, shop: Shop, *, to: str, subject: str, text: str) -> bool:
    """Mail somebody of the shop and tell whether a mail server took it; False without a sender that works.

    Give it a session that only reads: the other side may take its time.
    """
    sender = _mail_sender(session, shop)
    if sender is None:
        return False
    try:
        with channel_for(sender).connect() as connection:
            (outcome,) = connection.hand_over_all([_message(sender, shop, to=to, subject=subject, text=text)])
    except (TryLater, Error) as error:
        outcome = error if isinstance(error, TryLater) else TryLater(str(error))
    if not isinstance(outcome, Accepted):
        log.warning("a link for somebody of the shop was not taken", shop=shop.slug, sender=sender.slug)
    return isinstance(outcome, Accepted)


def _mail_sender(session: Session, shop: Shop) -> Sender | None:
    found = select(Sender).where(
        Sender.shop_id == shop.id,
        Sender.medium == Medium.EMAIL,
        Sender.kind == SenderKind.SMTP,
        Sender.state == SenderState.ACTIVE,
    )
    return session.exec(found.order_by(col(Sender.id)).limit(1)).first()


def _message(sender: Sender, shop: Shop, *, to: str, subject: str, text: str) -> Message:
    mail_from = str(sender.settings.get("mail_from", "")) or get_settings().mail_from
    key = f"notice.{new_tokens(1)[0]}"
    plain = text.replace("&", "&amp;").replace("<", "&lt;")
    return Message(
        to=to,
        sender=mail_from,
        sender_name=shop.name,
        subject=subject,
        text=text,
        html=f"<p>{plain}</p>",
        language=shop.language,
        message_id=f"<{key}@{mail_from.rpartition('@')[2].rstrip('>') or 'localhost'}>",
        unsubscribe_address="",
        key=key,
    )
