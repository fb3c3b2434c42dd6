"""Measurability: the smallest effect that the planned groups could show, said before the launch."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from campaigns.plans.planning import Plan
from campaigns.statistics.power import smallest_effect
from retention.shops import Shop
from segments.matching import match
from segments.rules import parse


@dataclass(frozen=True)
class Measurable:
    """What the planned groups can show.

    `base` is the share of the audience that ordered within as many days before the plan as the read-out waits after it:
    those who would buy anyway. `rate` is the smallest share among the treated that would show with 80 % power; None
    when nothing would.
    """

    treated: int
    control: int
    days: int
    base: float
    rate: float | None
    read_out_at: datetime


def can_be_measured(session: Session, shop: Shop, planned: Plan) -> Measurable:
    """Return what `planned` could show at its read-out."""
    days = planned.policy.read_out_days
    lately = parse({"orders": {"measure": "count", "at_least": 1, "window": {"last_days": days}}})
    reached = planned.final | planned.control
    bought = reached & match(session, shop, lately, now=planned.at)
    base = len(bought) / len(reached) if reached else 0.0
    treated, control = len(planned.final), len(planned.control)
    # Nobody bought lately: a base of half a buyer keeps the arithmetic honest instead of dividing by nothing.
    floor = base or 0.5 / max(len(reached), 1)
    effect = smallest_effect(floor, treated=treated, control=control) if 0 < floor < 1 else None
    rate = floor + effect if effect is not None else None
    return Measurable(treated, control, days, base, rate, planned.policy.read_out_at(planned.at))
