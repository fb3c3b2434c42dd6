"""The text of a post: the campaign's text without a name for a group, or with the buyer's own code."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.campaign.posts import Post
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link, link_address
from campaigns.offers.offers import Offer
from campaigns.posts.posts import served_by
from campaigns.texts.messages import choose_language, render
from campaigns.texts.wording import message_values
from retention import i18n
from retention.buyers import Buyer
from retention.i18n import gettext as _
from retention.products import Product
from retention.shops import Shop
from retention.tokens import spaced


@dataclass(frozen=True, slots=True)
class PostText:
    """A post ready to copy: one text with its link at the end, and the SHA-256 of the picture that goes with it."""

    subject: str
    text: str
    language: str
    picture: str


def text_of(session: Session, shop: Shop, post: Post, *, public_url: str, at: datetime) -> PostText:
    """Return what a post says; Invalid when the campaign's text cannot be made for it."""
    campaign = session.get_one(Campaign, post.campaign_id)
    delivery = session.exec(select(Delivery).where(*served_by(post)).limit(1)).first() if post.buyer_id else None
    coupon = session.get(Coupon, delivery.coupon_id) if delivery and delivery.coupon_id else None
    buyer = session.get_one(Buyer, post.buyer_id) if post.buyer_id else _nobody(shop, at)
    token = post.token or _own_token(session, post, delivery)
    link = link_address(public_url, token) if token else ""
    return _text(session, shop, campaign, buyer, link=link, coupon=coupon, at=at)


def _text(
    session: Session, shop: Shop, campaign: Campaign, buyer: Buyer, *, link: str, coupon: Coupon | None, at: datetime
) -> PostText:
    offer = session.get(Offer, campaign.offer_id) if campaign.offer_id else None
    product = session.get(Product, campaign.product_id) if campaign.product_id else None
    language = choose_language(campaign.content, buyer.language, shop.language)
    code = coupon.code if coupon else ""
    ends = (coupon.expires_at if coupon else None) or (offer.ends_at if offer else None)
    values = message_values(
        shop, buyer, product=product, offer=offer, code=code, ends=ends, link=link, language=language, at=at
    )
    rendered = render(campaign.content, values, language=language)
    with i18n.speaking(language):
        parts = [rendered.body]  # the subject names the message in the console; a chat has no place for it
        if code and spaced(code) not in rendered.body:
            parts.append(_("Your code: {code}").format(code=spaced(code)))
    if link and link not in rendered.body:
        parts.append(link)
    return PostText(rendered.subject, "\n\n".join(filter(None, parts)), language, product.picture if product else "")


def _own_token(session: Session, post: Post, delivery: Delivery | None) -> str:
    if delivery is None:
        return ""
    found = select(Link.token).where(Link.shop_id == post.shop_id, Link.delivery_id == delivery.id)
    return session.exec(found).first() or ""


def _nobody(shop: Shop, at: datetime) -> Buyer:
    """Return a buyer without name or language: what a group reads is meant for all of it."""
    return Buyer(shop_id=shop.id, external_id="", name="", created_at=at)
