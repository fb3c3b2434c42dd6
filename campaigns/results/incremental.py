"""Incremental results: the effect of a campaign against its control group, from the rows of its runs.

Each buyer counts once, in the run that first assigned them, and is read out on that run's own day: a recurring
campaign pools all runs whose day has come and says nothing of the others.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run, deliveries_of
from campaigns.statistics.intervals import Rate, Spend
from campaigns.statistics.lift import Arm, Lift, measure
from retention.bitmaps import ids_in
from retention.orders import Order


class ReadOut(NamedTuple):
    """How far the runs of a campaign are: how many there are, how many are read out, which days come."""

    runs: int
    done: int
    next_at: datetime | None  # of the runs whose day has not come
    last_at: datetime | None  # when everything is final

    @property
    def early(self) -> bool:
        """Whether no run has come to its day, so that nothing may be said yet."""
        return not self.done


def read_out(runs: Sequence[Run], *, at: datetime) -> ReadOut:
    """Return how far these runs are at a moment."""
    days = sorted(run.read_out_at for run in runs)
    coming = [day for day in days if day > at]
    return ReadOut(len(days), len(days) - len(coming), coming[0] if coming else None, days[-1] if days else None)


def lift_of(session: Session, campaign: Campaign, runs: Sequence[Run], *, at: datetime) -> Lift | None:
    """Hold everybody assigned by the runs that are read out against their control group; None before the first run.

    Before the first read-out it tells only whether the groups have their planned sizes: its state is "early" then.
    """
    if not runs:
        return None
    early = read_out(runs, at=at).early
    ripe = [run for run in runs if early or run.read_out_at <= at]
    # A run without a control group has nothing to be held against.
    compared = [run for run in ripe if run.control_share > 0] or ripe
    sizes = _sizes(session, campaign, compared)
    spent = {False: [], True: []} if early else _spent(session, campaign, compared)
    arms = (_arm("treated", sizes, spent, control=False), _arm("control", sizes, spent, control=True))
    [lift] = measure(arms[1], [arms[0]], planned=_planned(sizes, compared))
    return lift.hidden() if early else lift


class _Sizes(NamedTuple):
    """Buyers first assigned by each run, by (run_id, control)."""

    buyers: dict[tuple[int, bool], int]

    def of_arm(self, *, control: bool) -> int:
        return sum(buyers for (_, held), buyers in self.buyers.items() if held is control)

    def of_run(self, run: Run) -> int:
        return sum(self.buyers.get((run.id, held), 0) for held in (False, True))


def _planned(sizes: _Sizes, runs: Sequence[Run]) -> dict[str, float] | None:
    """Return the planned shares of the arms, over runs of different shares by their buyers; None without control."""
    buyers = sum(sizes.of_run(run) for run in runs)
    held = sum(run.control_share * sizes.of_run(run) for run in runs)
    return {"treated": 1 - held / buyers, "control": held / buyers} if 0 < held < buyers else None


def _arm(name: str, sizes: _Sizes, spent: dict[bool, list[int]], *, control: bool) -> Arm:
    """Make an arm of which those in `spent` ordered; the others spent nothing."""
    buyers, values = sizes.of_arm(control=control), spent[control]
    sums = {"total": sum(values), "squares": sum(each * each for each in values)}
    return Arm(name, Rate(len(values), buyers), Spend.from_sums(buyers, **sums, ordering=len(values)))


def _sizes(session: Session, campaign: Campaign, runs: Sequence[Run]) -> _Sizes:
    assigned = _first_assignment(session, campaign, runs)
    counted = sa.select(assigned.c.run_id, assigned.c.control, sa.func.count())
    rows = session.execute(counted.group_by(assigned.c.run_id, assigned.c.control))
    return _Sizes({(run_id, bool(control)): buyers for run_id, control, buyers in rows})


def _spent(session: Session, campaign: Campaign, runs: Sequence[Run]) -> dict[bool, list[int]]:
    """Return what each buyer spent who ordered between the planning and the read-out of their run, by control."""
    assigned = _first_assignment(session, campaign, runs)
    rows = session.execute(
        sa.select(assigned.c.control, sa.func.sum(Order.amount - Order.refunded))
        .select_from(assigned)
        .join(Run, col(Run.id) == assigned.c.run_id)
        .join(Order, sa.and_(col(Order.shop_id) == campaign.shop_id, col(Order.buyer_id) == assigned.c.buyer_id))
        .where(col(Order.counts), col(Order.ordered_at) >= Run.planned_at, col(Order.ordered_at) < Run.read_out_at)
        .group_by(assigned.c.buyer_id, assigned.c.control)
    )
    spent: dict[bool, list[int]] = {False: [], True: []}
    for control, total in rows:
        spent[bool(control)].append(int(total))
    return spent


def _first_assignment(session: Session, campaign: Campaign, runs: Sequence[Run]) -> sa.Subquery:
    """Return (buyer_id, run_id, control) of each buyer's first delivery row, of those that these runs made."""
    first = sa.select(sa.func.min(Delivery.id)).where(*deliveries_of(campaign)).group_by(col(Delivery.buyer_id))
    control = (col(Delivery.state) == DeliveryState.CONTROL).label("control")
    return (
        sa.select(col(Delivery.buyer_id), col(Delivery.run_id), control)
        .where(col(Delivery.id).in_(first), col(Delivery.run_id).in_(ids_in(session, BitMap([run.id for run in runs]))))
        .subquery()
    )
