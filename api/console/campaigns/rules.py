"""The step "rules" of a campaign: control group, caps, priority, cost, lateness. Values as typed, and as the policy."""

from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import OverCeiling, Period, WhenFull
from retention import money
from retention.errors import Invalid
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.shops import Shop

CAP_LINES = 3
"""So many lines for caps the form offers; a campaign with more keeps them, each with its own line."""


@dataclass
class CapLine:
    """One cap as typed: at most `messages` within `window` (a number of days, or day, week, month)."""

    messages: str = ""
    days: str = "7"
    window: str = "rolling"
    over: str = "medium"
    when_full: str = WhenFull.SKIP.value

    def values(self) -> dict[str, Any]:
        rolling = self.window == "rolling"
        return {
            "messages": whole(self.messages, "caps.messages"),
            "days": whole(self.days, "caps.days") if rolling else None,
            "per": None if rolling else self.window,
            "over": self.over,
            "when_full": self.when_full,
        }


@dataclass
class Rules:
    """The fields of the step as typed, so that a refusal keeps them."""

    control: str = "20"
    read_out_days: str = "7"
    caps: list[CapLine] = field(default_factory=list)
    priority: str = "50"
    late_after: str = ""
    cost_ceiling: str = ""
    over_ceiling: str = OverCeiling.REFUSE.value
    most_inserts: str = ""
    stop_after_sales: str = ""
    transactional: bool = False

    @property
    def cap_lines(self) -> list[CapLine]:
        """The lines to show: the caps there are, and empty ones up to a few."""
        return [*self.caps, *[CapLine() for _line in range(max(CAP_LINES - len(self.caps), 1))]]

    def changes(self, shop: Shop, campaign: Campaign) -> dict[str, Any]:
        """Return the values of the campaign this step speaks of; Invalid for what is no number."""
        policy: dict[str, Any] = {
            "control_share": share(self.control),
            "read_out_days": whole(self.read_out_days, "read_out_days"),
            "caps": [line.values() for line in self.caps],
            "priority": whole(self.priority, "priority"),
            "late_after": whole(self.late_after, "late_after"),
            "cost_ceiling": money.minor(self.cost_ceiling, shop.currency) if self.cost_ceiling else None,
            "over_ceiling": self.over_ceiling,
            "transactional": self.transactional,
        }
        if campaign.medium is Medium.PARCEL:
            policy["most_inserts"] = whole(self.most_inserts, "most_inserts")
        if campaign.product_id:
            policy["stop_after_sales"] = whole(self.stop_after_sales, "stop_after_sales")
        return {"policy": policy}


def rules_of(shop: Shop, campaign: Campaign) -> Rules:
    """Return the step as a campaign stands."""
    policy = campaign.policy
    ceiling = policy.cost_ceiling
    return Rules(
        control=f"{policy.control_share * 100:g}",
        read_out_days=str(policy.read_out_days),
        caps=[
            CapLine(str(cap.messages), str(cap.days or 7), cap.per or "rolling", cap.over, cap.when_full)
            for cap in policy.caps
        ],
        priority=str(policy.priority),
        late_after=_text(policy.late_after),
        cost_ceiling="" if ceiling is None else str(money.major(ceiling, shop.currency)),
        over_ceiling=policy.over_ceiling,
        most_inserts=_text(policy.most_inserts),
        stop_after_sales=_text(policy.stop_after_sales),
        transactional=policy.transactional,
    )


def typed_rules(form: FormData) -> Rules:
    """Return what was typed."""

    def text(name: str) -> str:
        return str(form.get(name, "")).strip()

    return Rules(
        control=text("control"),
        read_out_days=text("read_out_days"),
        caps=typed_caps(form),
        priority=text("priority"),
        late_after=text("late_after"),
        cost_ceiling=text("cost_ceiling"),
        over_ceiling=text("over_ceiling") or OverCeiling.REFUSE.value,
        most_inserts=text("most_inserts"),
        stop_after_sales=text("stop_after_sales"),
        transactional=bool(text("transactional")),
    )


def rule_choices() -> dict[str, list[tuple[str, str]]]:
    """Return what the lists of the step offer."""
    return {
        "windows": [
            ("rolling", _("rolling window of days")),
            (Period.DAY.value, _("per calendar day")),
            (Period.WEEK.value, _("per calendar week")),
            (Period.MONTH.value, _("per calendar month")),
        ],
        "over": [("medium", _("messages in the same channel")), ("all", _("messages in all channels"))],
        "when_full": [
            (WhenFull.SKIP.value, _("skip the buyer")),
            (WhenFull.DELAY.value, _("delay until the cap allows it")),
            (WhenFull.YIELD.value, _("higher priority wins")),
        ],
        "over_ceiling": [
            (OverCeiling.REFUSE.value, _("refuse the launch")),
            (OverCeiling.CUT.value, _("leave buyers out at random")),
        ],
    }


def whole(text: str, field: str) -> int | None:
    """Return a whole number, None for nothing typed; Invalid names what is none."""
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise Invalid(gettext_noop("{field} must be a whole number, like 14."), field=field) from error


def share(text: str) -> float:
    """Return a share typed in percent; Invalid when it is none."""
    try:
        return float(text.replace(",", ".").rstrip("% ")) / 100
    except ValueError as error:
        raise Invalid(gettext_noop("The control group is a percentage such as 20, not {text}."), text=text) from error


def typed_caps(form: FormData) -> list[CapLine]:
    """Return the lines for caps that say something."""
    columns = [[str(value).strip() for value in form.getlist(f"cap_{name}")] for name in _CAP_FIELDS]
    return [CapLine(*values) for values in zip(*columns, strict=False) if values[0]]


_CAP_FIELDS = ("messages", "days", "window", "over", "when_full")


def _text(value: int | None) -> str:
    return "" if value is None else str(value)
