"""Mail: one delivery's text set in the built-in template, as HTML and as its plain twin."""

import hashlib
from dataclasses import dataclass
from email.utils import parseaddr
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from campaigns.campaigns import Campaign, Delivery
from campaigns.channels.channel import Message
from campaigns.coupons import Coupon
from campaigns.links import Link, link_address
from campaigns.messages import choose_language, render
from campaigns.offers import Offer
from campaigns.unsubscribe import unsubscribe_address, unsubscribe_token
from campaigns.wording import message_values
from retention import words
from retention.buyers import Buyer
from retention.consent import Channel
from retention.products import Product
from retention.shops import Shop
from retention.words import gettext as _


@dataclass(frozen=True, slots=True)
class Sender:
    """Where links lead, what signs the unsubscribe address, and from whom mail comes."""

    public_url: str
    signing_key: bytes
    mail_from: str


@dataclass(frozen=True, slots=True)
class Letter:
    """All rows one message is made from."""

    delivery: Delivery
    buyer: Buyer
    link: Link
    campaign: Campaign
    shop: Shop
    offer: Offer | None = None
    coupon: Coupon | None = None
    product: Product | None = None


def compose(letter: Letter, sender: Sender) -> Message:
    """Return the complete message in the buyer's language, else the shop's; Invalid when the text cannot be made."""
    shop, buyer, offer = letter.shop, letter.buyer, letter.offer
    language = choose_language(letter.campaign.content, buyer.language, shop.language)
    link = link_address(sender.public_url, letter.link.token)
    code = letter.coupon.code if letter.coupon else ""
    ends = (letter.coupon.expires_at if letter.coupon else None) or (offer.ends_at if offer else None)
    values = message_values(
        shop, buyer, product=letter.product, offer=offer, code=code, ends=ends, link=link, language=language
    )
    text = render(letter.campaign.content, values, language=language)
    token = unsubscribe_token(sender.signing_key, shop_id=shop.id, buyer_id=buyer.id, channel=Channel.EMAIL)
    coupon, terms = values.get("coupon", {}), values.get("offer", {})
    address = parseaddr(sender.mail_from)[1]
    with words.speaking(language):
        shown = {
            "language": language,
            "subject": text.subject,
            "shop": shop.name,
            "body": text.body,
            "paragraphs": [part.split("\n") for part in text.body.split("\n\n")],
            "code": coupon.get("code", ""),
            "ends": coupon.get("ends", ""),
            "headline": terms.get("headline", ""),
            "terms": terms.get("terms", ""),
            "button": _("Get the coupon") if code else _("See it in the shop"),
            "link": link,
            "unsubscribe": unsubscribe_address(sender.public_url, token),
        }
        return Message(
            to=buyer.email,
            sender=address,
            sender_name=shop.name,
            subject=text.subject,
            text=_template("mail.txt").render(shown),
            html=_template("mail.html").render(shown),
            language=language,
            message_id=message_id(letter, address),
            unsubscribe_address=shown["unsubscribe"],
        )


def message_id(letter: Letter, address: str) -> str:
    """Return the Message-ID of a delivery, the same at every try, so that a mailbox can drop a second copy."""
    mark = hashlib.sha256(letter.link.token.encode()).hexdigest()[:16]
    return f"<{letter.delivery.id}.{mark}@{address.rpartition('@')[2] or 'localhost'}>"


@cache
def _environment() -> Environment:
    pages = Environment(
        loader=PackageLoader("campaigns"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    pages.globals["_"] = _
    return pages


_template = _environment().get_template
