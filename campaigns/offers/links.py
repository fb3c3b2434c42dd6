"""Links and what happened to them: a tracked address behind a token, its scans and clicks."""

from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, col

from campaigns.campaign.campaigns import Delivery
from retention.database import BigId, ShopRow, choice
from retention.errors import Conflict
from retention.internet import is_public_host, leads_inside
from retention.privacy.personal import PersonKeys, personal
from retention.privacy.retention_periods import KeptKind, forgets
from retention.settings import get_settings


class Link(ShopRow, table=True):
    """A tracked address. `shop_id` owns it: its landing page, offer and destination.

    `host_shop_id` is the shop whose parcel or message carries it; on a joint flyer the two differ. `slot` names the
    place on the paper. The token is looked up without knowing the shop, so it is unique by itself.
    """

    __tablename__ = "links"
    __table_args__ = (
        UniqueConstraint("token"),
        Index(None, "shop_id", "campaign_id"),
        Index(None, "shop_id", "delivery_id"),
    )

    token: str = Field(max_length=32)
    host_shop_id: int = Field(foreign_key="shops.id", sa_type=BigId)
    campaign_id: int | None = Field(default=None, foreign_key="campaigns.id", sa_type=BigId)
    delivery_id: int | None = Field(default=None, foreign_key="deliveries.id", sa_type=BigId)
    offer_id: int | None = Field(default=None, foreign_key="offers.id", sa_type=BigId)
    coupon_id: int | None = Field(default=None, foreign_key="coupons.id", sa_type=BigId)
    product_id: int | None = Field(default=None, foreign_key="products.id", sa_type=BigId)
    slot: str = Field(default="", max_length=32)
    medium: str = Field(max_length=16)
    destination: str = Field(default="", max_length=1000)
    created_at: datetime


def check_paper_url(public_url: str, *, demo: bool) -> None:
    """Raise Conflict where no phone could open what is printed; the demonstration prints all the same, and says so."""
    host = urlsplit(public_url).hostname or ""
    may_be_inside = get_settings().allow_private_addresses  # a public name, answered differently in this network
    if not demo and (not is_public_host(host) or (not may_be_inside and leads_inside(host))):
        raise Conflict(
            "Buyers cannot reach {address}, so nothing is printed with it. Set REGULARS_PUBLIC_URL to the public "
            "address of this installation, such as https://r.yourshop.com, and restart it.",
            address=public_url,
        )


def link_address(public_url: str, token: str) -> str:
    """Return the address behind a token as a message carries it: https://shop.example/Q/7K3M...."""
    return f"{public_url.rstrip('/')}/Q/{token}"


def paper_address(public_url: str, token: str) -> str:
    """Return the same address in capitals, which a QR code holds in its shorter alphanumeric mode."""
    return link_address(public_url, token).upper()


class TouchKind(StrEnum):
    """From paper or from a message."""

    SCAN = "scan"
    CLICK = "click"


class Scan(ShopRow, table=True):
    """A link was opened. `shop_id` is the link's owner. Bots, previews and repeats are flagged and kept."""

    __tablename__ = "scans"
    __table_args__ = (Index(None, "shop_id", "link_id", "at"), Index(None, "shop_id", "at"))

    link_id: int = Field(foreign_key="links.id", sa_type=BigId)
    host_shop_id: int = Field(foreign_key="shops.id", sa_type=BigId)
    buyer_id: int | None = Field(default=None, foreign_key="buyers.id", sa_type=BigId)
    kind: TouchKind = Field(sa_type=choice(TouchKind))
    at: datetime
    bot: bool = False
    preview: bool = False
    repeat: bool = False
    address_digest: str = Field(default="", max_length=64)
    user_agent: str = Field(default="", max_length=300)


def _carried(who: PersonKeys) -> sa.ColumnElement[bool]:
    """Links on what was handed to a buyer."""
    return col(Link.delivery_id).in_(sa.select(col(Delivery.id)).where(col(Delivery.buyer_id) == who.id))


personal(Link, which=_carried, any_shop=True)
personal(
    Scan,
    which=lambda who: sa.or_(
        col(Scan.buyer_id) == who.id, col(Scan.link_id).in_(sa.select(col(Link.id)).where(_carried(who)))
    ),
    blank={"user_agent": "", "address_digest": ""},
    any_shop=True,
)
forgets(KeptKind.AGENTS, Scan, moment="at", blank={"user_agent": "", "address_digest": ""})
