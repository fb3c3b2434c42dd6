"""Next steps: open tasks of a shop that this member may do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import shorten
from urllib.parse import quote

from sqlmodel import Session

from api.console import figures
from api.console.campaigns.wording import blocked_words
from api.deps import Place
from campaigns.campaign.campaigns import CampaignState
from campaigns.campaign.recipes import recipe_name
from campaigns.runs.approving import authors_of
from campaigns.runs.finding import campaigns_in, untold_arrivals
from campaigns.sending.blocked import blocked_campaigns
from printables.batches import BatchState
from printables.joint.approving import standing
from printables.joint.partners import joint_flyers_of
from printables.piece_ledger import batches_in
from printables.print_room import runs_waiting
from retention.access import Scope
from retention.figures import figure_of
from retention.i18n import gettext as _
from retention.i18n import ngettext
from segments.lapsed import LAPSING, LATE

MOST_OF_A_KIND = 3
FRESH = timedelta(days=7)


@dataclass(frozen=True)
class NextStep:
    """One thing worth doing now: what, why, and the word that leads there."""

    what: str
    why: str
    label: str
    address: str


def next_steps(session: Session, place: Place, *, now: datetime) -> list[NextStep]:
    """Return what waits, the paper of today first."""
    may = place.member.may
    steps: list[NextStep] = []
    if may(Scope.BATCHES_WRITE):
        steps += [*_waiting_for_paper(session, place), *_unprinted(session, place)]
    if may(Scope.JOINT_APPROVE):
        steps += _joint(session, place)
    if may(Scope.CAMPAIGNS_APPROVE):
        steps += _reviews(session, place)
    if may(Scope.CAMPAIGNS_WRITE):
        steps += [
            *_standing_still(session, place, now),
            *_drafts(session, place),
            *_arrivals(session, place, now),
            *_lapsing(session, place, now),
        ]
    return steps


def _waiting_for_paper(session: Session, place: Place) -> Iterator[NextStep]:
    for line in runs_waiting(session, place.member)[:MOST_OF_A_KIND]:
        yield NextStep(
            ngettext("{count} insert to print", "{count} inserts to print", line.inserts).format(
                count=figures.count(line.inserts)
            ),
            line.campaign.name,
            _("Print inserts"),
            _address(place, "print-room"),
        )


def _unprinted(session: Session, place: Place) -> Iterator[NextStep]:
    for batch in batches_in(session, place.shop.id, BatchState.RENDERED, most=MOST_OF_A_KIND):
        pieces = ngettext("{count} insert", "{count} inserts", batch.pieces).format(count=figures.count(batch.pieces))
        what = _("Batch {number} is ready to print").format(number=batch.number)
        yield NextStep(what, pieces, _("Print batch"), _address(place, f"print-room/{batch.number}"))


def _joint(session: Session, place: Place) -> Iterator[NextStep]:
    for joint in joint_flyers_of(session, place.member)[:MOST_OF_A_KIND]:
        stands = standing(session, joint, profile="office")
        waits = stands.proof is not None and place.shop.id in {shop.id for shop in stands.missing}
        if waits and joint.closed_at is None:
            what = _("The joint flyer “{theme}” awaits your approval").format(theme=joint.theme)
            yield NextStep(what, stands.message, _("Review"), _address(place, f"joint/{joint.id}"))


def _reviews(session: Session, place: Place) -> Iterator[NextStep]:
    state, most = CampaignState.IN_REVIEW, MOST_OF_A_KIND
    for campaign in campaigns_in(session, place.shop.id, state, most=most, oldest_first=True):
        if place.member.actor not in authors_of(session, campaign):
            what = _("“{campaign}” awaits your approval").format(campaign=campaign.name)
            yield NextStep(
                what, recipe_name(campaign.recipe), _("Review"), _address(place, f"campaigns/{campaign.slug}")
            )


def _standing_still(session: Session, place: Place, now: datetime) -> Iterator[NextStep]:
    found = blocked_campaigns(session, place.shop.id)
    for campaign, stands in found[:MOST_OF_A_KIND]:
        what = _("“{campaign}” cannot be sent").format(campaign=campaign.name)
        why = blocked_words(stands, place.shop, now=now)
        yield NextStep(what, why, _("Review"), _address(place, f"campaigns/{campaign.slug}"))
    if more := [campaign.name for campaign, _stands in found[MOST_OF_A_KIND:]]:
        what = ngettext("{count} more campaign cannot be sent", "{count} more campaigns cannot be sent", len(more))
        yield NextStep(
            what.format(count=len(more)),
            shorten(", ".join(more), 80, placeholder=" …"),
            _("View senders"),
            _address(place, "senders"),
        )


def _drafts(session: Session, place: Place) -> Iterator[NextStep]:
    for campaign in campaigns_in(session, place.shop.id, CampaignState.DRAFT, most=MOST_OF_A_KIND):
        what = _("“{campaign}” is still a draft").format(campaign=campaign.name)
        address = _address(place, f"campaigns/{campaign.slug}")
        yield NextStep(what, recipe_name(campaign.recipe), _("Review the plan"), address)


def _arrivals(session: Session, place: Place, now: datetime) -> Iterator[NextStep]:
    for product in untold_arrivals(session, place.shop.id, since=now - FRESH, at=now, most=MOST_OF_A_KIND):
        what = _("“{product}” is new and has not been announced").format(product=product.title)
        address = _address(place, f"campaigns/new/arrival-alert?product={quote(product.sku, safe='')}")
        yield NextStep(what, figures.ago(product.arrival_at, now), _("Announce it"), address)


def _lapsing(session: Session, place: Place, now: datetime) -> Iterator[NextStep]:
    found = figure_of(session, place.shop, LATE, now=now)
    if late := found and found.value:
        what = ngettext(
            "{count} buyer is overdue for their next order",
            "{count} buyers are overdue for their next order",
            late,
        )
        why = _("longer than 1.5 times their usual interval between orders")
        address = _address(place, f"buyers?segment={LAPSING}")
        yield NextStep(what.format(count=figures.count(late)), why, _("View buyers"), address)


def _address(place: Place, path: str) -> str:
    return f"/shops/{place.shop.slug}/{path}"
