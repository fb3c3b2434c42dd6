"""Offers: the terms of an incentive. Coupons are the codes under those terms."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, Session, col, select, update

from retention import audit, clock, money
from retention.database import ShopRow, choice
from retention.errors import Conflict, Invalid, NotFound
from retention.i18n import gettext as _
from retention.moments import show_moment
from retention.shops import Shop, check_slug


class OfferKind(StrEnum):
    """What a buyer gets."""

    AMOUNT = "amount"
    PERCENT = "percent"
    SHIPPING = "shipping"
    GIFT = "gift"
    SAMPLE = "sample"


class Offer(ShopRow, table=True):
    """Terms. Money in minor units; `value` is minor units for an amount, percent for a percentage.

    The window is absolute (`starts_at`, `ends_at`) and, after a claim, `days_from_claim` long. `issued` counts coupons
    against `most_coupons` and is raised by conditional UPDATE, so no race hands out one too many. Where `unlock_at` is
    set, a claim joins, and nobody redeems until that many have.
    """

    __tablename__ = "offers"
    __table_args__ = (
        UniqueConstraint("shop_id", "slug"),
        CheckConstraint("most_coupons IS NULL OR issued <= most_coupons", name="issued_within_limit"),
    )

    slug: str = Field(max_length=64)
    name: str = Field(max_length=200)
    kind: OfferKind = Field(sa_type=choice(OfferKind))
    value: int = 0
    minimum: int = 0
    gift: str = Field(default="", max_length=200)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    days_from_claim: int | None = None
    most_coupons: int | None = None
    issued: int = 0
    unlock_at: int | None = None
    created_at: datetime

    def headline(self, currency: str, locale: str) -> str:
        """Return the one number of the offer as people read it: ¥20, 10 %, free shipping."""
        match self.kind:
            case OfferKind.AMOUNT:
                return money.show(self.value, currency, locale)
            case OfferKind.PERCENT:
                return _("{percent}% off").format(percent=self.value)
            case OfferKind.SHIPPING:
                return _("Free shipping")
            case _:
                return self.gift

    def terms(self, currency: str, locale: str) -> str:
        """Return when the offer can be used, in a few words: from ¥99."""
        return _("from {amount}").format(amount=money.show(self.minimum, currency, locale)) if self.minimum else ""

    def is_open(self, at: datetime) -> bool:
        """Tell whether a moment lies in the offer's window, the end excluded."""
        return (self.starts_at is None or self.starts_at <= at) and (self.ends_at is None or at < self.ends_at)

    @property
    def is_short(self) -> bool:
        """Whether it is over within a day of its beginning, or of being made."""
        begins = self.starts_at or self.created_at
        return self.ends_at is not None and self.ends_at - begins <= timedelta(days=1)

    def discount(self, amount: int) -> int:
        """Return what comes off an order of `amount` minor units; a percentage is rounded half up, a gift is 0."""
        match self.kind:
            case OfferKind.AMOUNT:
                return min(self.value, amount)
            case OfferKind.PERCENT:
                return (amount * self.value + 50) // 100
            case _:
                return 0

    def expiry(self, claimed_at: datetime, timezone: str) -> datetime | None:
        """Return when a coupon claimed at a moment ends, or None when it never does.

        Days count from the day after the claim and are whole days of the shop's `timezone`: what people read as the
        last day works until it is over.
        """
        from_claim = None
        if self.days_from_claim:
            from_claim = clock.start_of_day(clock.local_day(claimed_at, timezone) + self.days_from_claim + 1, timezone)
        return min((end for end in (self.ends_at, from_claim) if end), default=None)


def create_offer(  # noqa: PLR0913 - every term of an offer, by name
    session: Session,
    shop_id: int,
    slug: str,
    *,
    name: str,
    kind: OfferKind,
    at: datetime,
    actor: str,
    value: int = 0,
    minimum: int = 0,
    gift: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    days_from_claim: int | None = None,
    most_coupons: int | None = None,
    unlock_at: int | None = None,
) -> Offer:
    """Add an offer. Money in minor units. Invalid for terms that promise nothing; Conflict when the slug is taken."""
    offer = Offer(
        shop_id=shop_id,
        slug=check_slug(slug),
        name=name,
        kind=kind,
        value=value,
        minimum=minimum,
        gift=gift,
        starts_at=starts_at,
        ends_at=ends_at,
        days_from_claim=days_from_claim,
        most_coupons=most_coupons,
        unlock_at=unlock_at,
        created_at=at,
    )
    _check_terms(offer, session.get_one(Shop, shop_id))
    if session.exec(select(Offer.id).where(Offer.shop_id == shop_id, Offer.slug == slug)).first():
        raise Conflict("This shop already has an offer called {slug}.", slug=slug)
    session.add(offer)
    session.flush()
    terms = offer.model_dump(mode="json", exclude={"id", "shop_id", "issued"})
    audit.record(session, shop_id, actor, action="offer.create", subject=f"offer:{slug}", after=terms, at=at)
    return offer


def find_offer(session: Session, shop_id: int, slug: str) -> Offer:
    """Return a shop's offer; NotFound otherwise."""
    offer = session.exec(select(Offer).where(Offer.shop_id == shop_id, Offer.slug == slug)).first()
    if offer is None:
        raise NotFound("No offer is called {slug}.", slug=slug)
    return offer


def get_offer(session: Session, number: int) -> Offer:
    """Return the offer with this row number, which a row of the shop names."""
    return session.get_one(Offer, number)


def offers_of(session: Session, shop_id: int) -> list[Offer]:
    """Return a shop's offers, newest first."""
    return list(session.exec(select(Offer).where(Offer.shop_id == shop_id).order_by(col(Offer.id).desc())))


def take_coupons(session: Session, offer: Offer, count: int) -> bool:
    """Count `count` more coupons as issued; False, with nothing changed, when the offer's limit does not allow it.

    One conditional UPDATE, so that no race hands out one too many.
    """
    if not count:
        return True
    within_limit = (col(Offer.most_coupons).is_(None)) | (Offer.issued + count <= col(Offer.most_coupons))
    taken = session.execute(
        update(Offer)
        .where(col(Offer.id) == offer.id, within_limit)
        .values(issued=Offer.issued + count)
        .returning(col(Offer.id))
    )
    return taken.first() is not None


def _check_terms(offer: Offer, shop: Shop) -> None:
    if offer.kind is OfferKind.AMOUNT and offer.value <= 0:
        raise Invalid("An amount off must be more than 0, not {value}.", value=offer.value)
    if offer.kind is OfferKind.PERCENT and not 1 <= offer.value <= 100:
        raise Invalid("A percentage off is from 1 to 100, not {value}.", value=offer.value)
    if offer.kind in {OfferKind.GIFT, OfferKind.SAMPLE} and not offer.gift:
        raise Invalid("Enter the gift.")
    if offer.minimum < 0:
        raise Invalid("A minimum order cannot be below 0, as {minimum} is.", minimum=offer.minimum)
    if offer.starts_at and offer.ends_at and offer.ends_at <= offer.starts_at:
        end = show_moment(offer.ends_at, shop.timezone)
        raise Invalid("The offer ends at {end}, before it starts.", end=end)
    if offer.unlock_at and offer.most_coupons is not None and offer.unlock_at > offer.most_coupons:
        raise Invalid(
            "An offer limited to {most} coupons cannot unlock at {people} people.",
            most=offer.most_coupons,
            people=offer.unlock_at,
        )
    counts = ("days_from_claim", "most_coupons", "unlock_at")
    for name, number in ((name, getattr(offer, name)) for name in counts):
        if number is not None and number <= 0:
            raise Invalid("{name} must be 1 or more, not {number}.", name=name, number=number)
