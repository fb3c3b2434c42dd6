"""Email: one delivery's text in the built-in template, as HTML and plain text."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from functools import lru_cache
from typing import Protocol

from campaigns.campaign.campaigns import Campaign
from campaigns.channels.channel import Message
from campaigns.offers.links import link_address
from campaigns.offers.offers import Offer
from campaigns.optouts.unsubscribe_links import unsubscribe_address, unsubscribe_token
from campaigns.texts.branding import PLAIN, BrandStyle
from campaigns.texts.mail_page import MailFrame, logo_address, render_mail
from campaigns.texts.messages import MOST_SUBJECT, Text, choose_language, render
from campaigns.texts.wording import message_values
from retention.consent import Channel
from retention.i18n import ngettext, speaking
from retention.products import Product
from retention.shops import Shop


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """Where links lead, what signs the unsubscribe address, from whom mail comes, and how a text message begins.

    Without a signature a text begins with the shop's name.
    """

    public_url: str
    signing_key: bytes
    mail_from: str
    signature: str = ""


class MessageDelivery(Protocol):
    """A delivery, as far as its message goes."""

    @property
    def id(self) -> int: ...


class Recipient(Protocol):
    """A buyer, as far as a message goes."""

    @property
    def id(self) -> int: ...
    @property
    def external_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def phone(self) -> str: ...


class MessageLink(Protocol):
    """A link, as far as a message goes."""

    @property
    def token(self) -> str: ...


class MessageCoupon(Protocol):
    """A coupon, as far as a message goes."""

    @property
    def code(self) -> str: ...
    @property
    def expires_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class MessageContext:
    """All one message is made from: rows, or their columns. `others` go in the same message (`sending.digests`)."""

    delivery: MessageDelivery
    buyer: Recipient
    link: MessageLink
    campaign: Campaign
    shop: Shop
    offer: Offer | None = None
    coupon: MessageCoupon | None = None
    product: Product | None = None
    style: BrandStyle = PLAIN
    others: tuple["MessageContext", ...] = ()


def compose(context: MessageContext, identity: SenderIdentity, *, at: datetime) -> Message:
    """Return the complete message as of `at`, in the buyer's language or the shop's; Invalid when it cannot be made."""
    shop, buyer, offer = context.shop, context.buyer, context.offer
    language = choose_language(context.campaign.content, buyer.language, shop.language)
    link = link_address(identity.public_url, context.link.token)
    code = context.coupon.code if context.coupon else ""
    ends = (context.coupon.expires_at if context.coupon else None) or (offer.ends_at if offer else None)
    values = message_values(
        shop, buyer, product=context.product, offer=offer, code=code, ends=ends, link=link, language=language, at=at
    )
    text = _with_others(render(context.campaign.content, values, language=language), context, identity, at=at)
    token = unsubscribe_token(identity.signing_key, shop_id=shop.id, buyer_id=buyer.id, channel=Channel.EMAIL)
    coupon, terms = values.get("coupon", {}), values.get("offer", {})
    address = _address_in(identity.mail_from)
    frame = MailFrame(
        shop=shop.name,
        link=link,
        unsubscribe=unsubscribe_address(identity.public_url, token),
        style=context.style,
        logo_address=logo_address(identity.public_url, context.style),
        code=coupon.get("code", ""),
        ends=coupon.get("ends", ""),
        headline=terms.get("headline", "") if coupon else "",
        terms=terms.get("terms", "") if coupon else "",
    )
    html, plain = render_mail(text, frame)
    return Message(
        to=buyer.email,
        sender=address,
        sender_name=shop.name,
        subject=text.subject,
        text=plain,
        html=html,
        language=language,
        message_id=message_id(context, address),
        unsubscribe_address=frame.unsubscribe,
    )


def _with_others(text: Text, context: MessageContext, identity: SenderIdentity, *, at: datetime) -> Text:
    """Return the text with those of the deliveries that go in the same mail, each with its own link."""
    if not context.others:
        return text
    bodies = [text.body]
    for other in context.others:
        link = link_address(identity.public_url, other.link.token)
        values = message_values(
            other.shop, other.buyer, product=other.product, offer=None, code="", ends=None, link=link,
            language=text.language, at=at,
        )  # fmt: skip
        product = values["product"]
        bodies.append(f"{product['title']}, {product['price']}\n{link}")
    with speaking(text.language):
        subject = ngettext("{first}, and one more", "{first}, and {count} more", len(context.others))
    subject = subject.format(first=text.subject, count=len(context.others))[:MOST_SUBJECT]
    return replace(text, subject=subject, body="\n\n".join(bodies))


def message_id(context: MessageContext, address: str) -> str:
    """Return the Message-ID of a delivery, the same at every try, so that a mailbox can drop a second copy."""
    return f"<{delivery_key(context)}@{address.rpartition('@')[2] or 'localhost'}>"


@lru_cache(maxsize=64)
def _address_in(mail_from: str) -> str:
    return parseaddr(mail_from)[1]


def delivery_key(context: MessageContext) -> str:
    """Return what a delivery is called outside, the same at every try; nobody can guess another's."""
    mark = hashlib.sha256(context.link.token.encode()).hexdigest()[:16]
    return f"{context.delivery.id}.{mark}"
