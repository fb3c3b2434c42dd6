"""Arrivals: products that are coming, live and sold out, their alerts, and the time to the first sale."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console.shell import Here, go, show
from api.console.states import shown
from api.date_input import typed_moment
from api.deps import Files, Now, Place, Reading, Writing, require
from campaigns.runs.arrivals import Alert, ArrivalStage, board
from printables.drawing.pictures import cleaned
from retention import clock
from retention.access import Scope
from retention.errors import Invalid, NotFound
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.products import edit_product, product_for
from retention.shops import Shop

router = APIRouter(prefix="/shops/{slug}/arrivals", dependencies=[require(Scope.CAMPAIGNS_READ)])

_SHELVES = {
    ArrivalStage.COMING: gettext_noop("Coming soon"),
    ArrivalStage.LIVE: gettext_noop("Arrived"),
    ArrivalStage.SOLD_OUT: gettext_noop("Sold out"),
}


@router.get("")
def show_board(request: Request, session: Reading, place: Here, now: Now) -> HTMLResponse:
    """Show the products on three shelves with their alerts."""
    return _page(request, session, place, now=now)


@router.post("/{number:int}", dependencies=[require(Scope.CAMPAIGNS_WRITE)])
def change_product(
    session: Writing,
    place: Here,
    now: Now,
    number: int,
    arrival: Annotated[str, Form(max_length=30)] = "",
    stock: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Say when a product arrives, on the shop's clock, and how many there are."""
    product = product_for(session, place.member, number)
    arrival_at, count = (
        typed_moment(arrival, place.shop.timezone, field="arrival") if arrival.strip() else None,
        _stock(stock),
    )
    edit_product(session, place.member, product, arrival_at=arrival_at, stock=count, at=now)
    return go(f"/shops/{place.shop.slug}/arrivals", done="saved")


@router.get("/{number:int}/picture")
def show_picture(session: Reading, place: Here, files: Files, number: int) -> Response:
    """Send a product's picture, small."""
    name = product_for(session, place.member, number).picture
    if not name:
        raise NotFound(gettext_noop("This product has no picture."))
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(cleaned(files.get(name), 320), media_type="image/jpeg", headers=headers)


def _page(
    request: Request,
    session: Session,
    place: Place,
    *,
    now: datetime,
) -> HTMLResponse:
    found = board(session, place.shop, at=now)
    shelves = [
        (_(_SHELVES[stage]), stage.value, arrivals)
        for stage, arrivals in zip(ArrivalStage, (found.coming, found.live, found.sold_out), strict=True)
    ]
    return show(
        request,
        session,
        "campaigns/arrivals.html",
        shelves=shelves,
        untold=[each for each in found.live if not each.alerts],
        any=any(arrivals for _name, _stage, arrivals in shelves),
        typed=lambda at: _typed(at, place.shop),
        alert_address=lambda sku: f"campaigns/new/arrival-alert?product={quote(sku, safe='')}",
        goal=goal,
        shown=shown,
    )


def goal(alert: Alert) -> int | None:
    """Return after how many sales an alert stops by itself; None when it does not."""
    return None if alert.campaign.damage else alert.campaign.policy.stop_after_sales


def _typed(at: datetime | None, shop: Shop) -> str:
    """Return a moment as a form's field for the shop's clock takes it."""
    return at.astimezone(clock.zone(shop.timezone)).strftime("%Y-%m-%dT%H:%M") if at else ""


def _stock(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().removeprefix("-").isdecimal():
        raise Invalid(gettext_noop("A stock is a whole number such as 40, not {text}."), text=text)
    return int(text)
