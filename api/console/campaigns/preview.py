"""Preview of a campaign: for any buyer, shortest and longest, as mail in a separate frame, and test messages.

The mail of a preview is a page without scripts, in a sandbox, under a policy of its own: its styles are part of the
message, so the strict policy of the console cannot hold for it.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console.campaigns.editor import Typed
from api.console.campaigns.reading import Read, here_of, preview_context, read_as, reader_of
from api.console.campaigns.what import typed_what
from api.console.shell import Here, go, show
from api.deps import Now, Place, Reading, require
from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.draft import as_changed
from campaigns.campaign.media import Medium
from campaigns.runs.drafting import campaign_for
from campaigns.texts.sending_tests import send_test
from retention.access import Scope
from retention.buyer_list import page_of_buyers, seen_by
from retention.errors import NotFound

router = APIRouter(prefix="/shops/{slug}/campaigns", dependencies=[require(Scope.CAMPAIGNS_READ)])
for_writers = [require(Scope.CAMPAIGNS_WRITE)]

MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; sandbox"

MOST_FOUND = 8


@router.post("/{name}/edit/what/preview", dependencies=for_writers)
def preview_typed(request: Request, session: Reading, place: Here, now: Now, name: str, form: Typed) -> HTMLResponse:
    """Show what is typed as the chosen buyer reads it, with the longest and the shortest case; nothing is saved."""
    campaign = _typed_campaign(session, place, name, form)
    context = preview_context(
        session, place, campaign, here=here_of(request), now=now, external_id=str(form.get("buyer", ""))
    )
    return show(request, session, "campaigns/campaign_preview.html", campaign=campaign, **context)


@router.post("/{name}/edit/what/mail", dependencies=for_writers)
def preview_mail(request: Request, session: Reading, place: Here, now: Now, name: str, form: Typed) -> HTMLResponse:
    """Return the mail as typed for the frame beside the editor."""
    campaign = _typed_campaign(session, place, name, form)
    reader = reader_of(session, place, campaign, str(form.get("buyer", "")), now=now)
    language = str(form.get("in", ""))
    read = read_as(session, place, campaign, reader, here=here_of(request), language=language) if reader else None
    return _mail(read)


@router.get("/{name}/mail", dependencies=[require(Scope.BUYERS_READ)])
def show_mail(request: Request, session: Reading, place: Here, now: Now, name: str, buyer: str = "") -> HTMLResponse:
    """Return the mail as it is saved, as a buyer reads it."""
    campaign = campaign_for(session, place.member, name)
    reader = reader_of(session, place, campaign, buyer, now=now)
    return _mail(read_as(session, place, campaign, reader, here=here_of(request)) if reader else None)


@router.get("/{name}/edit/what/buyers", dependencies=for_writers)
def find_readers(
    request: Request, session: Reading, place: Here, name: str, buyer: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Offer buyers to read as, while somebody types."""
    campaign_for(session, place.member, name)
    found = page_of_buyers(session, place.member, search=buyer, length=MOST_FOUND) if buyer.strip() else []
    return show(request, session, "campaigns/campaign_readers.html", found=found)


@router.post("/{name}/test", dependencies=for_writers)
def try_campaign(
    session: Reading,
    place: Here,
    now: Now,
    name: str,
    to: Annotated[str, Form(max_length=254)],
    buyer: Annotated[str, Form(max_length=128)] = "",
) -> Response:
    """Send the saved message once to somebody of the shop, marked as a test."""
    campaign = campaign_for(session, place.member, name)
    reader = reader_of(session, place, campaign, buyer, now=now)
    if reader is None:
        raise NotFound("The audience is empty, so there is no buyer to preview a test message with.")
    send_test(session, place.shop, campaign, seen_by(place.member, reader), to=to, at=now, actor=place.member.actor)
    return go(f"/shops/{place.shop.slug}/campaigns/{name}", done="tested")


def _typed_campaign(session: Session, place: Place, name: str, form: Any) -> Campaign:
    """Return the campaign as it would be with what is typed; it is in no session and saved nowhere."""
    campaign = campaign_for(session, place.member, name)
    changes = typed_what(form).changes(session, place.shop, campaign)
    return as_changed(campaign, changes)


def _mail(read: Read | None) -> HTMLResponse:
    shown = read.shown if read else None
    body = shown.html if shown and shown.medium is Medium.EMAIL else ""
    return HTMLResponse(body, headers={"Content-Security-Policy": MAIL_POLICY})
