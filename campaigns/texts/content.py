"""Content: what a campaign's text may use, and how it reads for one buyer.

What is shown is made by the composing of the send. Nothing of it is kept: no delivery, no coupon, no link, and the way
out that a preview shows is nobody's.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from pyroaring import BitMap
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState
from campaigns.campaign.media import Medium
from campaigns.channels.channel import Message
from campaigns.channels.senders import Sender, SenderKind
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link, link_address
from campaigns.offers.offers import Offer
from campaigns.texts.branding import brand_style_of
from campaigns.texts.composing import compose
from campaigns.texts.mail import MessageContext, SenderIdentity
from campaigns.texts.messages import Text, choose_language, render
from campaigns.texts.sms import SmsParts, count_sms, render_sms, sign
from campaigns.texts.wording import message_values, sample_values
from retention import clock, money
from retention.buyers import Buyer
from retention.errors import Invalid
from retention.i18n import current_language, gettext_noop
from retention.i18n import gettext as _
from retention.products import Product
from retention.salutations import salutation
from retention.settings import get_settings
from retention.shops import Shop
from segments.matching import match

SAMPLE_CODE = "23456789"
"""Stands where the buyer's own code and token will: they are made at launch."""

FEW = 500
"""Buyers that one statement may name; a larger audience is picked from all of the shop's."""

COMPOSED = frozenset({Medium.EMAIL, Medium.SMS, Medium.WEBHOOK})
"""Media whose messages are made one per buyer, ready to leave; on the others a person or a bot says the text."""

_SENTENCES = {
    "shop.name": gettext_noop("The shop's name."),
    "buyer.name": gettext_noop("The buyer's name; empty for some. Use {{ buyer.name | default: 'friend' }}."),
    "product.title": gettext_noop("The product's title."),
    "product.price": gettext_noop("Its price when the message is made."),
    "product.category": gettext_noop("Its category."),
    "product.brand": gettext_noop("Its brand."),
    "offer.name": gettext_noop("The offer's name."),
    "offer.headline": gettext_noop("The offer in a few words."),
    "offer.terms": gettext_noop("Its terms, as shown on the landing page."),
    "coupon.code": gettext_noop("The buyer's unique coupon code."),
    "coupon.ends": gettext_noop("The last day of the coupon; empty where there is none."),
    "link": gettext_noop("The buyer's tracked link."),
}


@dataclass(frozen=True, slots=True)
class Variable:
    """A name a text may use, what it stands for, and an example."""

    name: str
    sentence: str
    example: str


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message as one buyer would get it; `body` is what its author wrote, `text` all that the buyer reads.

    `html` is a mail's, `sms` counts a text message, `call` is a webhook's data.
    `cost` is in hundredths of a minor unit of the shop's currency, None where the sender states no price.
    """

    buyer: str
    medium: Medium
    language: str
    subject: str
    preheader: str
    body: str
    text: str
    html: str = ""
    sms: SmsParts | None = None
    cost: int | None = None
    call: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TextSource:
    """The rows a campaign's text is made from, read once, and when that was."""

    shop: Shop
    campaign: Campaign
    offer: Offer | None
    product: Product | None
    sender: Sender | None
    at: datetime


def text_source_of(session: Session, shop: Shop, campaign: Campaign) -> TextSource:
    """Return the rows behind a campaign's text."""
    return TextSource(
        shop,
        campaign,
        session.get(Offer, campaign.offer_id) if campaign.offer_id else None,
        session.get(Product, campaign.product_id) if campaign.product_id else None,
        session.get(Sender, campaign.sender_id) if campaign.sender_id else None,
        clock.now(),
    )


def variables(session: Session, shop: Shop, campaign: Campaign) -> list[Variable]:
    """Return what this campaign's text may use, each with a sentence and an example in the language spoken."""
    source = text_source_of(session, shop, campaign)
    values = sample_values(shop, product=source.product, offer=source.offer, language=current_language())
    flat = {name: _look_up(values, name) for name in _SENTENCES}
    return [Variable(name, _(_SENTENCES[name]), value) for name, value in flat.items() if value is not None]


def show_to(
    session: Session, shop: Shop, campaign: Campaign, buyer: Buyer, *, identity: SenderIdentity | None = None
) -> ShownMessage:
    """Return the message as `buyer` would get it; Invalid when its text cannot be made.

    `identity` says where links lead and from whom mail comes; the sender's own and the settings' where it is not given.
    """
    source = text_source_of(session, shop, campaign)
    identity = identity or identity_of(source.sender)
    text = _text(source, buyer, identity)
    if campaign.medium not in COMPOSED:
        heading = text.subject, text.preheader
        return ShownMessage(buyer.external_id, campaign.medium, text.language, *heading, text.body, text.body)
    message = compose(sample_context(session, source, buyer), identity, at=source.at)
    is_sms = campaign.medium is Medium.SMS
    parts = count_sms(message.text, always_wide=_counts_wide(source.sender)) if is_sms else None
    return ShownMessage(
        buyer=buyer.external_id,
        medium=campaign.medium,
        language=message.language,
        subject=message.subject,
        preheader=text.preheader,
        body=text.body,
        text=message.text,
        html=message.html,
        sms=parts,
        cost=_cost(source.sender, parts),
        call=_call(message) if campaign.medium is Medium.WEBHOOK else None,
    )


def extremes(session: Session, shop: Shop, campaign: Campaign, *, at: datetime) -> list[Buyer]:
    """Return the buyers of the audience with the shortest and the longest message: one, two, or none of an empty one.

    Within one language only the name differs in length, and in an SMS a name outside the alphabet makes all of it
    longer. So the shortest and the longest name of each such group are found in one pass, and only those are rendered.
    """
    audience = match(session, shop, campaign.audience, now=at)
    candidates = [session.get_one(Buyer, number) for number in _by_name(session, shop, campaign, audience)]
    if len(candidates) < 2:
        return candidates
    source = text_source_of(session, shop, campaign)
    identity = identity_of(source.sender)
    ranked = sorted(candidates, key=lambda buyer: _length(source, buyer, identity))
    return [ranked[0], ranked[-1]]


def _by_name(session: Session, shop: Shop, campaign: Campaign, audience: BitMap) -> list[int]:
    """Return who has the shortest and the longest name of each group that reads the same text in the same letters."""
    rows = select(Buyer.id, Buyer.name, Buyer.language).where(Buyer.shop_id == shop.id).order_by(col(Buyer.id))
    if len(audience) <= FEW:
        rows = rows.where(col(Buyer.id).in_(list(audience)))
    shortest: dict[tuple[str, bool], tuple[int, int]] = {}
    longest: dict[tuple[str, bool], tuple[int, int]] = {}
    for number, name, language in session.exec(rows.execution_options(yield_per=20_000)):
        if number not in audience:
            continue
        group = language if language in campaign.content else "", name.isascii()
        length = len(salutation(name))
        if group not in shortest or length < shortest[group][0]:
            shortest[group] = length, number
        if group not in longest or length > longest[group][0]:
            longest[group] = length, number
    return sorted({number for found in (shortest, longest) for _, number in found.values()})


def _length(source: TextSource, buyer: Buyer, identity: SenderIdentity) -> tuple[int, int, int]:
    """Return the parts of a text message and the letters of text and name; no text where none can be made."""
    try:
        text = _text(source, buyer, identity)
    except Invalid:
        return 0, 0, len(salutation(buyer.name))
    if source.campaign.medium is not Medium.SMS:
        return 0, len(text.body), len(salutation(buyer.name))
    signature = identity.signature or sign(source.shop.name, text.language)
    whole = render_sms(text.body, signature=signature, language=text.language)
    return count_sms(whole, always_wide=_counts_wide(source.sender)).parts, len(text.body), len(salutation(buyer.name))


def identity_of(sender: Sender | None) -> SenderIdentity:
    """Return where links lead, from whom mail comes and how a text message begins."""
    settings = get_settings()
    own = SenderIdentity(settings.public_url, settings.signing_key(), settings.mail_from)
    if sender is None:
        return own
    mail_from = str(sender.settings.get("mail_from") or own.mail_from)
    return replace(own, mail_from=mail_from, signature=str(sender.settings.get("signature", "")))


def sample_context(session: Session, source: TextSource, buyer: Buyer) -> MessageContext:
    """Return rows as a launch would make them, none stored; their buyer has no number, so the way out is nobody's."""
    shop, campaign, at = source.shop, source.campaign, source.campaign.created_at
    coupon = None
    if source.offer:
        coupon = Coupon(id=0, shop_id=shop.id, offer_id=source.offer.id, code=SAMPLE_CODE, issued_at=at)
    waits = DeliveryState.WAITING
    delivery = Delivery(id=0, shop_id=shop.id, campaign_id=campaign.id, run_id=0, buyer_id=0, state=waits, due_at=at)
    medium = campaign.medium.value
    link = Link(id=0, shop_id=shop.id, host_shop_id=shop.id, token=SAMPLE_CODE, medium=medium, created_at=at)
    nobody = Buyer(**buyer.model_dump(exclude={"id"}), id=0)
    style = brand_style_of(session, shop.id)
    return MessageContext(delivery, nobody, link, campaign, shop, source.offer, coupon, source.product, style)


def _text(source: TextSource, buyer: Buyer, identity: SenderIdentity) -> Text:
    """Return what the author wrote, as this buyer reads it."""
    content, shop, offer = source.campaign.content, source.shop, source.offer
    language = choose_language(content, buyer.language, shop.language)
    values = message_values(
        shop,
        buyer,
        product=source.product,
        offer=offer,
        code=SAMPLE_CODE if offer else "",
        ends=offer.ends_at if offer else None,
        link=link_address(identity.public_url, SAMPLE_CODE),
        language=language,
        at=source.at,
    )
    return render(content, values, language=language)


def _look_up(values: Mapping[str, Any], name: str) -> str | None:
    found: Any = values
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return str(found)


def _counts_wide(sender: Sender | None) -> bool:
    return sender is not None and sender.kind is SenderKind.SMS_ALIYUN


def in_money(shown: ShownMessage, currency: str) -> dict[str, Any]:
    """Return a message as plain values, what it costs in major units as a string."""
    cost = None if shown.cost is None else money.write_price(shown.cost, currency)
    return asdict(shown) | {"cost": cost}


def _cost(sender: Sender | None, parts: SmsParts | None) -> int | None:
    if sender is None or not sender.price:
        return None
    return parts.cost(sender.price) if parts else sender.price


def _call(message: Message) -> dict[str, Any]:
    """Return the data of the webhook's call, as its channel makes it."""
    return {
        "to": message.to,
        "subject": message.subject,
        "text": message.text,
        "language": message.language,
        "unsubscribe": message.unsubscribe_address,
        "values": dict(message.fields),
    }
