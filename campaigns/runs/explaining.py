"""Explaining: why one buyer did or did not get a campaign, by run."""

from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_datetime
from pyroaring import BitMap
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run, RunSkip
from campaigns.campaign.reasons import sentence
from campaigns.deliveries.ledger import runs_of
from campaigns.plans.planning import plan
from retention import clock
from retention.buyers import Buyer
from retention.i18n import current_locale
from retention.i18n import gettext as _
from retention.i18n import gettext_noop as n_
from retention.paging import Page, Wanted, page_of
from retention.shops import Shop


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one buyer did or did not get a run. `outcome` is a delivery state, or "skipped", or "absent"."""

    run: Run | None
    outcome: str
    reason: str
    sentence: str
    delivery: Delivery | None = None


_OUTCOMES = {
    DeliveryState.WAITING: n_("Waiting to be sent."),
    DeliveryState.CLAIMED: n_("Being sent now."),
    DeliveryState.SENT: n_("Sent."),
    DeliveryState.CONTROL: n_("They are in the control group and receive nothing, so that lift can be measured."),
    DeliveryState.FAILED: n_("It could not be delivered."),
    DeliveryState.UNKNOWN: n_("The outcome is unknown."),
    DeliveryState.SKIPPED: n_("Skipped."),
}


def explain_outcome(
    session: Session, shop: Shop, campaign: Campaign, buyer: Buyer, *, at: datetime | None = None
) -> list[Explanation]:
    """Return, for each run of `campaign`, why `buyer` did or did not get it; one answer when there was no run yet.

    With `at`, that one says what a launch at this moment would do.
    """
    runs = runs_of(session, campaign)
    if not runs:
        return [_before_any_run(session, shop, campaign, buyer, at=at)]
    return _of_runs(session, shop, campaign, buyer, runs)


def page_of_why(
    session: Session, shop: Shop, campaign: Campaign, buyer: Buyer, wanted: Wanted, *, at: datetime
) -> Page[Explanation]:
    """Return the same, a page of runs at a time."""
    of_campaign = select(Run).where(Run.shop_id == shop.id, Run.campaign_id == campaign.id)
    runs = page_of(session, of_campaign, wanted, col(Run.number))
    if not runs.rows and not wanted.after:
        return Page([_before_any_run(session, shop, campaign, buyer, at=at)], None)
    return Page(_of_runs(session, shop, campaign, buyer, runs.rows), runs.next)


def _of_runs(session: Session, shop: Shop, campaign: Campaign, buyer: Buyer, runs: list[Run]) -> list[Explanation]:
    of_buyer = select(Delivery).where(
        Delivery.shop_id == shop.id, Delivery.buyer_id == buyer.id, Delivery.campaign_id == campaign.id
    )
    deliveries = {delivery.run_id: delivery for delivery in session.exec(of_buyer)}
    return [_of_run(session, shop, run, buyer, deliveries.get(run.id)) for run in runs]


def _of_run(session: Session, shop: Shop, run: Run, buyer: Buyer, delivery: Delivery | None) -> Explanation:
    if delivery:
        words = [_(_OUTCOMES[delivery.state]), sentence(delivery.reason)]
        if delivery.state is DeliveryState.WAITING and delivery.due_at > run.planned_at:
            words.append(_("It is due on {moment}.").format(moment=_shown(delivery.due_at, shop)))
        return Explanation(run, delivery.state.value, delivery.reason, " ".join(filter(None, words)), delivery)
    for skip in session.exec(select(RunSkip).where(RunSkip.shop_id == run.shop_id, RunSkip.run_id == run.id)):
        if buyer.id in BitMap.deserialize(skip.buyer_ids):
            return Explanation(run, "skipped", skip.reason, sentence(skip.reason))
    return Explanation(run, "absent", "", _("They did not match the campaign's audience when it was planned."))


def _before_any_run(
    session: Session, shop: Shop, campaign: Campaign, buyer: Buyer, *, at: datetime | None
) -> Explanation:
    not_yet = _("The campaign has not run yet.")
    planned = plan(session, shop, campaign, at=at or campaign.created_at)
    if buyer.id not in planned.audience:
        return Explanation(None, "absent", "", f"{not_yet} {_('They do not match the audience.')}")
    reason = next((reason for reason, buyers in planned.skips.items() if buyer.id in buyers), "")
    if at is None or buyer.id in planned.control:  # who will be in the control group is said once it is drawn
        words = _("They match the audience.")
    elif reason:
        words = _("If planned now, they would be excluded: {why}").format(why=sentence(reason))
    else:
        words = _("If planned now, they would receive it.")
    return Explanation(None, "absent", reason if at else "", f"{not_yet} {words}")


def _shown(at: datetime, shop: Shop) -> str:
    return format_datetime(at, "medium", tzinfo=clock.zone(shop.timezone), locale=current_locale())
