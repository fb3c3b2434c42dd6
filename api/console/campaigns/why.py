"""Why: the reason a buyer did or did not get a campaign, by run."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.console.shell import Here, show
from api.console.states import shown
from api.deps import Now, Reading, require
from campaigns.campaign.audiences import check_seeing
from campaigns.campaign.campaigns import DeliveryState
from campaigns.campaign.reasons import step_name
from campaigns.runs.drafting import campaign_for
from campaigns.runs.explaining import explain_outcome
from retention.access import Scope
from retention.buyer_list import buyer_summary, page_of_buyers
from retention.buyers import buyer_for

router = APIRouter(prefix="/shops/{slug}/campaigns", dependencies=[require(Scope.CAMPAIGNS_READ)])

MOST_FOUND = 12


@router.get("/{name}/why", dependencies=[require(Scope.BUYERS_READ)])
def ask_why(
    request: Request, session: Reading, place: Here, name: str, q: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Ask about whom; HTMX asks for the buyers alone while somebody types."""
    campaign = campaign_for(session, place.member, name)
    found = page_of_buyers(session, place.member, search=q, length=MOST_FOUND) if q.strip() else []
    template = "campaigns/why_lines.html" if request.headers.get("HX-Target") == "lines" else "campaigns/why_ask.html"
    return show(request, session, template, campaign=campaign, found=found, q=q)


@router.get("/{name}/why/{external_id:path}", dependencies=[require(Scope.BUYERS_READ)])
def show_why(request: Request, session: Reading, place: Here, now: Now, name: str, external_id: str) -> HTMLResponse:
    """Say why one buyer did or did not get a campaign."""
    campaign, buyer = campaign_for(session, place.member, name), buyer_for(session, place.member, external_id)
    check_seeing(session, place.member, campaign)
    return show(
        request,
        session,
        "campaigns/why.html",
        campaign=campaign,
        buyer=buyer_summary(place.member, buyer, None),
        answers=explain_outcome(session, place.shop, campaign, buyer, at=now),
        pills={state.value: shown(state) for state in DeliveryState},
        step_name=step_name,
    )
