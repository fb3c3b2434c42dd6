"""The ledger: every buyer of a run's audience in exactly one state."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run, RunSkip


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
