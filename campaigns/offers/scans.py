"""Scans: the opening of a link is recorded and answered with its target; it never claims or redeems."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.campaign.media import Medium
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link, Scan, TouchKind
from campaigns.offers.offers import Offer
from retention.errors import NotFound
from retention.products import Product
from retention.shops import Shop
from retention.touches import Touch, TouchEvent
from retention.versions import Family, raise_version

REPEAT = timedelta(seconds=60)

# Programs that say what they are. Whoever hides among browsers is judged again later: the row keeps the user agent.
_BOTS = re.compile(
    r"bot\b|crawl|spider|slurp|scan(?:ner)?\b|monitor|curl/|wget/|python-|httpx|aiohttp|okhttp|go-http-client|java/"
    r"|libwww|headless|phantomjs|lighthouse|facebookexternalhit|bytespider|petalbot|yisou|sogou|360spider",
    re.IGNORECASE,
)
_PREVIEWS = re.compile(
    r"whatsapp/|telegrambot|slackbot|discordbot|twitterbot|linkedinbot|skypeuripreview|googleimageproxy"
    r"|yahoomailproxy|outlook-?ios-?preview|bingpreview|applebot|preview|facebookexternalhit",
    re.IGNORECASE,
)
_PREFETCH = re.compile(r"prefetch|preview|prerender", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """What is behind a link: the shop that owns it and what it shows there."""

    link: Link
    scan: Scan
    shop: Shop
    offer: Offer | None
    coupon: Coupon | None
    product: Product | None
    campaign: Campaign | None


def find_link(session: Session, token: str) -> Link:
    """Return the link behind a token in any case; NotFound otherwise."""
    link = session.exec(select(Link).where(Link.token == token.strip().upper())).first()
    if link is None:
        raise NotFound("This link does not exist.")
    return link


def offer_behind(session: Session, link: Link) -> Offer | None:
    """Return the offer that a link shows, if it shows one."""
    return session.get(Offer, link.offer_id) if link.offer_id else None


def product_behind(session: Session, link: Link) -> Product | None:
    """Return the product that a link shows, if it shows one."""
    return session.get(Product, link.product_id) if link.product_id else None


def coupon_behind(session: Session, link: Link) -> Coupon | None:
    """Return the coupon of a link as it is now, if it has one."""
    return session.get(Coupon, link.coupon_id, populate_existing=True) if link.coupon_id else None


def whose(session: Session, link: Link) -> int | None:
    """Return the buyer, by row number, that a link is the own of; None where it is nobody's, as on joint flyers."""
    delivery = session.get(Delivery, link.delivery_id) if link.delivery_id else None
    return delivery.buyer_id if delivery and delivery.shop_id == link.shop_id else None


def open_link(
    session: Session,
    token: str,
    *,
    at: datetime,
    user_agent: str = "",
    address: str = "",
    method: str = "GET",
    purpose: str = "",
) -> Opened:
    """Write down that a link was opened and return what is behind it; NotFound for an unknown token.

    `purpose` is what the headers Purpose, Sec-Purpose or X-Purpose say. A HEAD request and a prefetch are previews.
    """
    link = find_link(session, token)
    delivery = session.get(Delivery, link.delivery_id) if link.delivery_id else None
    scan = Scan(
        shop_id=link.shop_id,
        link_id=link.id,
        host_shop_id=link.host_shop_id,
        # On a joint flyer the owner of the slot learns whose parcel it came in, never whose buyer it is.
        buyer_id=delivery.buyer_id if delivery and link.host_shop_id == link.shop_id else None,
        kind=TouchKind.SCAN if link.medium == Medium.PARCEL else TouchKind.CLICK,
        at=at,
        bot=bool(_BOTS.search(user_agent)),
        preview=method == "HEAD" or bool(_PREVIEWS.search(user_agent) or _PREFETCH.search(purpose)),
        address_digest=_digest(link, address),
        user_agent=user_agent[:300],
    )
    scan.repeat = _is_repeat(session, scan)
    session.add(scan)
    if not (scan.bot or scan.preview or scan.repeat):
        if delivery:
            _touch(session, delivery, scan)
        if link.campaign_id and (delivery is None or delivery.shop_id != link.shop_id):
            raise_version(session, link.shop_id, Family.TOUCHES)  # nobody's touch, and yet a scan of the campaign
    session.flush()
    return _opened(session, link, scan)


def _opened(session: Session, link: Link, scan: Scan) -> Opened:
    return Opened(
        link=link,
        scan=scan,
        shop=session.get_one(Shop, link.shop_id),
        offer=session.get(Offer, link.offer_id) if link.offer_id else None,
        coupon=session.get(Coupon, link.coupon_id) if link.coupon_id else None,
        product=session.get(Product, link.product_id) if link.product_id else None,
        campaign=session.get(Campaign, link.campaign_id) if link.campaign_id else None,
    )


def _digest(link: Link, address: str) -> str:
    """Return what tells one network address from another on this link, and on no other."""
    return hmac.new(link.token.encode(), address.encode(), hashlib.sha256).hexdigest() if address else ""


def _is_repeat(session: Session, scan: Scan) -> bool:
    """Tell whether the same device opened the same link within the last minute; a preview before does not count."""
    earlier = select(Scan.id).where(
        Scan.shop_id == scan.shop_id,
        Scan.link_id == scan.link_id,
        Scan.at > scan.at - REPEAT,
        Scan.at <= scan.at,
        Scan.address_digest == scan.address_digest,
        Scan.user_agent == scan.user_agent,
        col(Scan.preview).is_(False),
    )
    return session.exec(earlier.limit(1)).first() is not None


def _touch(session: Session, delivery: Delivery, scan: Scan) -> None:
    """Add the touch to the shop whose buyer it is: the one that carried the link."""
    slug = session.exec(select(Campaign.slug).where(Campaign.id == delivery.campaign_id)).one()
    event = TouchEvent.SCANNED if scan.kind is TouchKind.SCAN else TouchEvent.CLICKED
    session.add(Touch(shop_id=delivery.shop_id, buyer_id=delivery.buyer_id, event=event, campaign=slug, at=scan.at))
    raise_version(session, delivery.shop_id, Family.TOUCHES)
