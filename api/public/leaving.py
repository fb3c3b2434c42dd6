"""The way out: `/u/{token}` asks, a POST to it opts the buyer out of one channel of one shop.

The POST needs no page before it: mail programs send it for their one-click button (RFC 8058). A scanner that follows
links only opens the question.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from api.deps import CurrentSettings, Now, Reading, Writing
from api.guard import LANGUAGE_COOKIE
from api.pages import page
from campaigns import unsubscribe as leaving
from campaigns.unsubscribe import Subject
from retention.buyers import Buyer
from retention.consent import Channel
from retention.shops import Shop
from retention.words import current_language, gettext, gettext_noop, speaking

router = APIRouter()

NAMES = {Channel.EMAIL: gettext_noop("mail"), Channel.PARCEL: gettext_noop("cards in parcels")}


@router.get("/u/{token}")
def ask(request: Request, token: str, session: Reading, settings: CurrentSettings) -> Response:
    """Ask whether the buyer means it; changes nothing."""
    return _show(request, session, leaving.read_token(settings.signing_key(), token), done=False)


@router.post("/u/{token}")
def unsubscribe(request: Request, token: str, session: Writing, settings: CurrentSettings, at: Now) -> Response:
    """Opt out and say so; again is harmless."""
    address = request.client.host if request.client else ""
    subject = leaving.unsubscribe(session, token, key=settings.signing_key(), at=at, address=address)
    return _show(request, session, subject, done=True)


def _show(request: Request, session: Session, subject: Subject, *, done: bool) -> Response:
    shop = session.get(Shop, subject.shop_id)
    buyer = session.get(Buyer, subject.buyer_id)
    language = current_language()
    if buyer and buyer.language and "lang" not in request.query_params and LANGUAGE_COOKIE not in request.cookies:
        language = buyer.language
    with speaking(language):
        channel = gettext(NAMES.get(subject.channel, subject.channel.value))
        return page(request, "public/leaving.html", shop_name=shop.name if shop else "", channel=channel, done=done)
