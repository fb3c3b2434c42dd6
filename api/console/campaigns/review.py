"""The review of a campaign as one member sees it: who submitted it, and whether the member may decide."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from api.deps import Place
from campaigns.campaign.campaigns import Campaign, CampaignState
from campaigns.campaign.shop_policy import shop_policy
from campaigns.plans.planning import promise
from campaigns.runs.approvals import CampaignApproval, Verdict, is_approved, reviews_of
from campaigns.runs.approving import authors_of
from retention.access import Scope, terminal_name
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.users import users_numbered

VERDICTS = {
    Verdict.PENDING: (gettext_noop("awaiting approval"), "warn"),
    Verdict.APPROVED: (gettext_noop("approved"), "good"),
    Verdict.SENT_BACK: (gettext_noop("sent back"), "bad"),
    Verdict.VOID: (gettext_noop("void because the campaign changed"), ""),
}


@dataclass(frozen=True)
class PastReview:
    """One review that was: who put it up, what came of it, by whom and with which words."""

    mark: str
    submitted_by: str
    submitted_at: datetime
    verdict: str
    kind: str
    decided_by: str
    decided_at: datetime | None
    note: str


@dataclass(frozen=True)
class Review:
    """Where approval stands. `why_not` says why this member cannot decide; empty when they can.

    `needed` is whether the shop asks for approval, `holds` whether there is one for what the campaign is now.
    `fingerprint` is the promise as it is now: what a yes would name.
    """

    needed: bool
    holds: bool
    open: bool
    fingerprint: str
    why_not: str
    past: list[PastReview]

    @property
    def may_go(self) -> bool:
        """Whether approval does not stand in the way of a launch."""
        return self.holds or not self.needed


def review_of(session: Session, place: Place, campaign: Campaign) -> Review:
    """Return the review of a campaign as this member sees it."""
    promised = promise(session, campaign)
    needed = shop_policy(session, place.shop).approval_required
    reviews = reviews_of(session, campaign)
    names = names_of(session, {actor for review in reviews for actor in (review.submitted_by, review.decided_by)})
    return Review(
        needed=needed,
        holds=is_approved(session, campaign, promised),
        open=campaign.state is CampaignState.IN_REVIEW,
        fingerprint=promised,
        why_not=_why_not(session, place, campaign, needed=needed),
        past=[_past(review, names) for review in reviews],
    )


def names_of(session: Session, actors: set[str]) -> dict[str, str]:
    """Return the actors of the audit log as people know them: a person by name, the rest by what they are."""
    ids = {int(actor.removeprefix("user:")): actor for actor in actors if actor.startswith("user:")}
    names = {actor: actor for actor in actors}
    for user in users_numbered(session, ids):
        names[ids[user.id]] = user.name or user.email
    for actor in actors:
        if name := terminal_name(actor):
            names[actor] = _("{name} at the command line").format(name=name)
    return names | {"system": _("the command line")}


def _why_not(session: Session, place: Place, campaign: Campaign, *, needed: bool) -> str:
    if not place.member.may(Scope.CAMPAIGNS_APPROVE):
        return _("Your role cannot approve campaigns.")
    if needed and place.member.actor in authors_of(session, campaign):
        return _("You made, changed or submitted this campaign. Another person has to approve it.")
    return ""


def _past(review: CampaignApproval, names: dict[str, str]) -> PastReview:
    verdict, kind = VERDICTS[review.verdict]
    return PastReview(
        mark=review.fingerprint[:8],
        submitted_by=names.get(review.submitted_by, ""),
        submitted_at=review.submitted_at,
        verdict=_(verdict),
        kind=kind,
        decided_by=names.get(review.decided_by, ""),
        decided_at=review.decided_at,
        note=review.note,
    )
