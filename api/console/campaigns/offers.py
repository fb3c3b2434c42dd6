"""Offers: the terms of an incentive, and how many coupons there are under them."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict
from sqlmodel import Session

from api.console.shell import Here, go, show
from api.date_input import end_of_day, typed_moment
from api.deps import Now, Place, Reading, Writing, require
from campaigns.offers.coupons import coupon_counts
from campaigns.offers.offers import OfferKind, create_offer, offers_of
from retention import money
from retention.access import Scope
from retention.errors import Invalid
from retention.i18n import current_locale, gettext_noop
from retention.i18n import gettext as _
from retention.shops import Shop

router = APIRouter(prefix="/shops/{slug}/offers", dependencies=[require(Scope.CAMPAIGNS_READ)])

KINDS = {
    OfferKind.AMOUNT: gettext_noop("Amount off"),
    OfferKind.PERCENT: gettext_noop("Percent off"),
    OfferKind.SHIPPING: gettext_noop("Free shipping"),
    OfferKind.GIFT: gettext_noop("A gift"),
    OfferKind.SAMPLE: gettext_noop("A sample"),
}


class OfferForm(BaseModel):
    """The fields of the form as typed."""

    model_config = ConfigDict(str_strip_whitespace=True, str_max_length=200)

    name: str = ""
    slug: str = ""
    kind: OfferKind = OfferKind.AMOUNT
    value: str = ""
    minimum: str = ""
    gift: str = ""
    ends_on: str = ""
    days_from_claim: str = ""
    most_coupons: str = ""
    starts_at: str = ""
    minutes: str = ""
    unlock_at: str = ""


@router.get("")
def list_offers(request: Request, session: Reading, place: Here) -> HTMLResponse:
    """Show every offer with its coupons."""
    return show(
        request,
        session,
        "campaigns/offers.html",
        offers=offers_of(session, place.shop.id),
        counts=coupon_counts(session, place.shop.id),
        kinds=_kind_names(),
        locale=current_locale(),
    )


@router.get("/new", dependencies=[require(Scope.CAMPAIGNS_WRITE)])
def new_offer(request: Request, session: Reading, now: Now) -> HTMLResponse:
    """Show the form."""
    return _form(request, session, OfferForm(slug=f"offer-{now:%m%d-%H%M}", days_from_claim="14"))


@router.post("/new", dependencies=[require(Scope.CAMPAIGNS_WRITE)])
def make_offer(session: Writing, place: Here, now: Now, typed: Annotated[OfferForm, Form()]) -> Response:
    """Add the offer."""
    _create(session, place, typed, at=now)
    return go(f"/shops/{place.shop.slug}/offers", done="saved")


def _create(session: Session, place: Place, typed: OfferForm, *, at: datetime) -> None:
    shop = place.shop
    with session.begin_nested():
        create_offer(
            session,
            shop.id,
            typed.slug,
            name=typed.name or typed.slug,
            kind=typed.kind,
            value=_value(typed, shop),
            minimum=money.minor(typed.minimum, shop.currency) if typed.minimum else 0,
            gift=typed.gift,
            starts_at=typed_moment(typed.starts_at, shop.timezone, field="starts_at") if typed.starts_at else None,
            ends_at=_end(typed, shop, at=at),
            days_from_claim=_whole(typed.days_from_claim),
            most_coupons=_whole(typed.most_coupons),
            unlock_at=_whole(typed.unlock_at),
            at=at,
            actor=place.member.actor,
        )


def _form(request: Request, session: Session, typed: OfferForm) -> HTMLResponse:
    return show(
        request,
        session,
        "campaigns/offer_new.html",
        typed=typed,
        kind_choices=[(kind.value, name) for kind, name in _kind_names().items()],
    )


def _kind_names() -> dict[OfferKind, str]:
    return {kind: _(name) for kind, name in KINDS.items()}


def _value(typed: OfferForm, shop: Shop) -> int:
    """Return the one number in the unit of its kind: minor units of money, or percent."""
    if typed.kind is OfferKind.AMOUNT:
        return money.minor(typed.value, shop.currency)
    return _whole(typed.value) or 0 if typed.kind is OfferKind.PERCENT else 0


def _whole(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise Invalid(gettext_noop("{text} is not a whole number."), text=repr(text)) from error


def _end(typed: OfferForm, shop: Shop, *, at: datetime) -> datetime | None:
    """Return the end: so many minutes after the beginning, or the last moment of the last day; None without any."""
    minutes = _whole(typed.minutes)
    if minutes is None:
        return end_of_day(typed.ends_on, shop.timezone, field="ends_on") if typed.ends_on else None
    if typed.ends_on:
        raise Invalid(gettext_noop("Give either a last day or a duration in minutes, not both."))
    begins = typed_moment(typed.starts_at, shop.timezone, field="starts_at") if typed.starts_at else at
    return begins + timedelta(minutes=minutes)
