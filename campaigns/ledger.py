"""The ledger: everybody of a run's audience is in exactly one place, and for any one buyer we can say which and why."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from babel.dates import format_datetime
from pyroaring import BitMap
from sqlmodel import Session, col, func, select

from campaigns.campaigns import Campaign, Delivery, DeliveryState, Run, RunSkip
from campaigns.plans.planning import plan
from campaigns.reasons import sentence
from retention import clock
from retention.buyers import Buyer
from retention.shops import Shop
from retention.words import current_locale
from retention.words import gettext as _
from retention.words import gettext_noop as n_


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the audience of a run is. `waiting` includes what a sender has in its hands; `skipped` is by reason."""

    audience: int
    sent: int
    skipped: dict[str, int]
    failed: int
    unknown: int
    control: int
    waiting: int

    @property
    def skipped_total(self) -> int:
        return sum(self.skipped.values())

    @property
    def adds_up(self) -> bool:
        """Tell whether nobody is lost and nobody counted twice."""
        placed = self.sent + self.skipped_total + self.failed + self.unknown + self.control + self.waiting
        return placed == self.audience

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def count(session: Session, run: Run) -> Ledger:
    """Return where the audience of one run is."""
    return _ledger(session, [run])


def count_campaign(session: Session, campaign: Campaign) -> Ledger:
    """Return where the audiences of all runs of a campaign are, added up run by run."""
    return _ledger(session, runs_of(session, campaign))


def runs_of(session: Session, campaign: Campaign) -> list[Run]:
    """Return a campaign's runs, first to last."""
    of_campaign = select(Run).where(Run.shop_id == campaign.shop_id, Run.campaign_id == campaign.id)
    return list(session.exec(of_campaign.order_by(col(Run.number))))


def _ledger(session: Session, runs: list[Run]) -> Ledger:
    ids = [run.id for run in runs]
    skipped: Counter[str] = Counter()
    for reason, buyers in session.exec(select(RunSkip.reason, RunSkip.buyers).where(col(RunSkip.run_id).in_(ids))):
        skipped[reason] += buyers
    states: Counter[DeliveryState] = Counter()
    grouped = select(Delivery.state, Delivery.reason, func.count()).where(col(Delivery.run_id).in_(ids))
    if runs:
        grouped = grouped.where(Delivery.shop_id == runs[0].shop_id)
    for state, reason, number in session.exec(grouped.group_by(col(Delivery.state), col(Delivery.reason))):
        states[DeliveryState(state)] += number
        if state == DeliveryState.SKIPPED:
            skipped[reason] += number
    return Ledger(
        audience=sum(run.audience for run in runs),
        sent=states[DeliveryState.SENT],
        skipped=dict(sorted(skipped.items())),
        failed=states[DeliveryState.FAILED],
        unknown=states[DeliveryState.UNKNOWN],
        control=states[DeliveryState.CONTROL],
        waiting=states[DeliveryState.WAITING] + states[DeliveryState.CLAIMED],
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """Why one buyer did or did not get a run. `outcome` is a delivery state, or "skipped", or "absent"."""

    run: Run | None
    outcome: str
    reason: str
    sentence: str
    delivery: Delivery | None = None


_OUTCOMES = {
    DeliveryState.WAITING: n_("It waits for its turn."),
    DeliveryState.CLAIMED: n_("It is leaving at this moment."),
    DeliveryState.SENT: n_("They got it."),
    DeliveryState.CONTROL: n_(
        "They are in the control group and deliberately get nothing, so that lift can be measured."
    ),
    DeliveryState.FAILED: n_("It could not be delivered."),
    DeliveryState.UNKNOWN: n_("Nobody can know whether they got it."),
    DeliveryState.SKIPPED: n_("They were skipped."),
}


def why(session: Session, shop: Shop, campaign: Campaign, buyer: Buyer, *, at: datetime | None = None) -> list[Answer]:
    """Return, for each run of `campaign`, why `buyer` did or did not get it; one answer when there was no run yet.

    With `at`, that one says what a launch at this moment would do.
    """
    runs = runs_of(session, campaign)
    if not runs:
        return [_before_any_run(session, shop, campaign, buyer, at=at)]
    of_buyer = select(Delivery).where(
        Delivery.shop_id == shop.id, Delivery.buyer_id == buyer.id, Delivery.campaign_id == campaign.id
    )
    deliveries = {delivery.run_id: delivery for delivery in session.exec(of_buyer)}
    return [_of_run(session, shop, run, buyer, deliveries.get(run.id)) for run in runs]


def _of_run(session: Session, shop: Shop, run: Run, buyer: Buyer, delivery: Delivery | None) -> Answer:
    if delivery:
        words = [_(_OUTCOMES[delivery.state]), sentence(delivery.reason)]
        if delivery.state is DeliveryState.WAITING and delivery.due_at > run.planned_at:
            words.append(_("It is due on {moment}.").format(moment=_shown(delivery.due_at, shop)))
        return Answer(run, delivery.state.value, delivery.reason, " ".join(filter(None, words)), delivery)
    for skip in session.exec(select(RunSkip).where(RunSkip.shop_id == run.shop_id, RunSkip.run_id == run.id)):
        if buyer.id in BitMap.deserialize(skip.buyer_ids):
            return Answer(run, "skipped", skip.reason, sentence(skip.reason))
    return Answer(run, "absent", "", _("They did not match the campaign's audience when it was planned."))


def _before_any_run(session: Session, shop: Shop, campaign: Campaign, buyer: Buyer, *, at: datetime | None) -> Answer:
    not_yet = _("The campaign has not run yet.")
    planned = plan(session, shop, campaign, at=at or campaign.created_at)
    if buyer.id not in planned.audience:
        return Answer(None, "absent", "", f"{not_yet} {_('They do not match the audience.')}")
    reason = next((reason for reason, buyers in planned.skips.items() if buyer.id in buyers), "")
    if at is None or buyer.id in planned.control:  # who will be in the control group is said once it is drawn
        words = _("They match the audience.")
    elif reason:
        words = _("Now they would be left out: {why}").format(why=sentence(reason))
    else:
        words = _("Now they would get it.")
    return Answer(None, "absent", reason if at else "", f"{not_yet} {words}")


def _shown(at: datetime, shop: Shop) -> str:
    return format_datetime(at, "medium", tzinfo=clock.zone(shop.timezone), locale=current_locale())
