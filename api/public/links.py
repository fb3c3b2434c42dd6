"""The target of a link: `/Q/{token}` in any case. Opening it records a scan; only the button claims.

A link without an offer leads on to its destination by 302; one with an offer shows the offer.
"""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from api.deps import Files, Now, Reading, Writing
from api.middleware import LANGUAGE_COOKIE
from api.pages import page
from api.public import limits, visits
from api.public.offer_view import view_offer
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import CHANNEL
from campaigns.offers import redeem, scans
from campaigns.offers.links import Link
from campaigns.optouts.unsubscribe_links import unsubscribe_token
from campaigns.posts.sharing import own_link
from retention.buyers import buyer_numbered
from retention.errors import Conflict, NotFound
from retention.i18n import current_language, gettext, gettext_noop, speaking
from retention.shops import Shop, get_shop

router = APIRouter()

_PICTURE_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


_REMEMBERED = 90 * 86_400  # seconds


def _own(token: str) -> str:
    """Return the cookie in which a phone remembers the link it got behind a link that a group shares."""
    return f"own_{token}"


def read_token(token: str) -> str:
    """Return the token as rows keep it; anything that cannot be one answers like an unknown one."""
    if not (token.isascii() and token.isalnum() and len(token) <= 32):
        raise NotFound(gettext_noop("This link does not exist."))
    return token.upper()


Token = Annotated[str, Depends(read_token)]


@router.api_route("/Q/{token}", methods=["GET", "HEAD"])
@router.api_route("/q/{token}", methods=["GET", "HEAD"])
def open_link(request: Request, token: Token, at: Now) -> Response:
    """Write down the scan, then show the offer or lead on; what cannot be written is shown all the same."""
    limits.check(request, limits.Act.SCAN, token, at=at)
    visit = visits.visit_of(request, token, at=at)
    try:
        return visits.show_and_record(request.app, visit, lambda session, link: _answer(request, session, link, at=at))
    except NotFound:
        limits.check_miss(request, at=at)
        raise


def _may_claim(request: Request, token: Token, at: Now) -> None:
    """Asked before a transaction is open."""
    limits.check(request, limits.Act.CLAIM, token, at=at)


@router.post("/Q/{token}/claim", dependencies=[Depends(_may_claim)])
@router.post("/q/{token}/claim", dependencies=[Depends(_may_claim)])
def claim(request: Request, token: Token, session: Writing, at: Now) -> Response:
    """Claim the coupon behind a link; again changes nothing. A refusal is shown beside the offer."""
    link = scans.find_link(session, token)
    try:
        with session.begin_nested():
            own = own_link(session, link, had=request.cookies.get(_own(token), ""), at=at)
            redeem.claim_coupon(session, own, at=at)
    except Conflict as refusal:
        return _show(request, session, link, at=at, problem=refusal.say(gettext), status=refusal.status)
    answer = RedirectResponse(f"/Q/{own.token}/coupon", 303)
    if own is not link:
        secure = request.url.scheme == "https"
        answer.set_cookie(_own(token), own.token, max_age=_REMEMBERED, httponly=True, samesite="lax", secure=secure)
    return answer


@router.get("/Q/{token}/coupon")
@router.get("/q/{token}/coupon")
def show_coupon(request: Request, token: Token, session: Reading, at: Now) -> Response:
    """Show the offer again after claiming; this is no scan."""
    return _show(request, session, scans.find_link(session, token), at=at)


@router.get("/Q/{token}/picture")
@router.get("/q/{token}/picture")
def show_picture(token: Token, session: Reading, files: Files) -> Response:
    """Return the picture of the product behind a link."""
    link = scans.find_link(session, token)
    product = scans.product_behind(session, link)
    content = files.get(product.picture if product else "")
    kind = next((kind for start, kind in _PICTURE_TYPES.items() if content.startswith(start)), None)
    if kind is None:
        raise NotFound(gettext_noop("This link does not exist."))
    return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=3600"})


def _answer(request: Request, session: Session, link: Link, *, at: datetime) -> Response:
    """Show the offer behind a link, or lead on where there is none."""
    if link.offer_id:
        return _show(request, session, link, at=at)
    shop = get_shop(session, link.shop_id)
    product = scans.product_behind(session, link)
    address = link.destination or (product.url if product else "")
    if urlsplit(address).scheme in {"http", "https"}:
        return RedirectResponse(address, 302)
    with speaking(_language(request, session, link, shop)):
        return page(request, "public/product.html", shop=shop, product=product, link=link)


def _show(
    request: Request, session: Session, link: Link, *, at: datetime, problem: str = "", status: int = 200
) -> Response:
    offer = scans.offer_behind(session, link)
    if offer is None:
        raise NotFound(gettext_noop("This link does not exist."))
    shop = get_shop(session, link.shop_id)
    coupon = scans.coupon_behind(session, link)
    product = scans.product_behind(session, link)
    with speaking(_language(request, session, link, shop)):
        view = view_offer(shop, offer, coupon, at=at)
        return page(
            request,
            "public/landing.html",
            status=status,
            shop=shop,
            product=product,
            link=link,
            view=view,
            missing=redeem.still_missing(session, offer),
            problem=problem,
            leave=_way_out(request, session, link),
        )


def _way_out(request: Request, session: Session, link: Link) -> str:
    """Return where the buyer says no to more of these; empty where the link is nobody's own, as on joint flyers."""
    buyer_id = scans.whose(session, link)
    if buyer_id is None:
        return ""
    key = request.app.state.settings.signing_key()
    channel = CHANNEL[Medium(link.medium)]
    token = unsubscribe_token(key, shop_id=link.shop_id, buyer_id=buyer_id, channel=channel)
    return f"/u/{token}"


def _language(request: Request, session: Session, link: Link, shop: Shop) -> str:
    """Return the language to speak: chosen on these pages, the buyer's own, the phone's, the shop's."""
    if "lang" in request.query_params or LANGUAGE_COOKIE in request.cookies:
        return current_language()
    buyer_id = scans.whose(session, link)
    buyer = buyer_numbered(session, shop.id, buyer_id) if buyer_id else None
    if buyer and buyer.language:
        return buyer.language
    return current_language() if request.headers.get("accept-language") else shop.language
