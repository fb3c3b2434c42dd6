"""Presets: the segments every shop asks for first, with good defaults, under names in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from retention.errors import Choices, Invalid, NotFound
from retention.i18n import gettext, gettext_noop, speaking
from retention.shops import Shop
from segments.rule_ast import Node
from segments.rules import parse
from segments.segments import Segment, list_segments, save_segment

Rule = Mapping[str, Any]

ASKED = {
    "category": gettext_noop("Category"),
    "bought": gettext_noop("Product they bought"),
    "missing": gettext_noop("Product they never bought"),
}
"""What presets ask for, as people read it."""


@dataclass(frozen=True)
class Preset:
    """A ready rule. `name` is English and the key of its translation.

    What it `asks` for (a category, products) stands in its name and rule as a gap, "{category}".
    """

    slug: str
    name: str
    rule: Rule
    asks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name in the language being spoken, with what it asks for left open."""
        return gettext(self.name).format(**dict.fromkeys(self.asks, "…"))

    def titled(self, values: Mapping[str, str]) -> str:
        """Return the name with what was asked for."""
        return gettext(self.name).format(**values)

    def node(self, values: Mapping[str, str] | None = None) -> Node:
        """Return the rule with what it asks for; Invalid while something is missing."""
        values = values or {}
        missing = [name for name in self.asks if not values.get(name, "").strip()]
        if missing:
            raise Invalid(
                "The preset {slug} still needs: {missing}.",
                slug=Choices((self.slug,), {self.slug: self.title}),
                missing=Choices(missing, ASKED),
            )
        return parse(_filled(self.rule, values))


_BOUGHT: Rule = {"orders": {"measure": "count", "at_least": 1}}

_ALL = (
    Preset("repeat-customers", gettext_noop("Repeat customers"), {"orders": {"measure": "count", "at_least": 2}}),
    Preset("one-time-buyers", gettext_noop("One-time buyers"), {"orders": {"measure": "count", "is": 1}}),
    Preset(
        "new-buyers",
        gettext_noop("New in the last 30 days"),
        {"orders": {"measure": "days_since_first", "at_most": 30}},
    ),
    Preset(
        "lapsed",
        gettext_noop("Lapsed: nothing for 180 days"),
        {"orders": {"measure": "days_since_last", "more_than": 180}},
    ),
    Preset(
        "about-to-lapse",
        gettext_noop("About to lapse: past 1.5 times their usual interval"),
        {
            "all": [
                {"orders": {"measure": "lateness", "more_than": "1.5"}},
                {"orders": {"measure": "days_since_last", "at_most": 180}},
            ]
        },
    ),
    Preset("vip", gettext_noop("VIP: top 20 % by spend"), {"rfm": {"monetary": {"is": 5}}}),
    Preset("followers", gettext_noop("Followers"), {"follows": {}}),
    Preset(
        "followers-not-yet-buyers",
        gettext_noop("Followers who have not bought yet"),
        {"all": [{"follows": {}}, {"not": _BOUGHT}]},
    ),
    Preset("group-members", gettext_noop("Group members"), {"group": {}}),
    Preset(
        "coupon-lovers",
        gettext_noop("Coupon lovers: two orders or more with a coupon"),
        {"orders": {"measure": "count", "at_least": 2, "of": {"coupon_used": True}}},
    ),
    Preset(
        "birthday-this-month", gettext_noop("Birthday this month"), {"buyer": {"field": "birthday", "month": "this"}}
    ),
    Preset(
        "never-scanned",
        gettext_noop("Received a flyer and never scanned"),
        {
            "all": [
                {"touch": {"event": "sent", "at_least": 1}},
                {"touch": {"event": "scanned", "at_most": 0}},
            ]
        },
    ),
    Preset("flyer-responders", gettext_noop("Flyer responders"), {"touch": {"event": "scanned", "at_least": 1}}),
    Preset(
        "category-fans",
        gettext_noop("Fans of “{category}”: two orders or more"),
        {"orders": {"measure": "count", "at_least": 2, "of": {"category": "{category}"}}},
        asks=("category",),
    ),
    Preset(
        "bought-but-not",
        gettext_noop("Bought “{bought}”, never “{missing}”"),
        {
            "all": [
                {"orders": {"measure": "count", "at_least": 1, "of": {"sku": "{bought}"}}},
                {"not": {"orders": {"measure": "count", "at_least": 1, "of": {"sku": "{missing}"}}}},
            ]
        },
        asks=("bought", "missing"),
    ),
)

PRESETS: dict[str, Preset] = {preset.slug: preset for preset in _ALL}


def find_preset(slug: str) -> Preset:
    """Return a preset; NotFound lists the known ones."""
    if slug not in PRESETS:
        raise NotFound(
            "No preset is called {slug}. There are: {known}.",
            slug=slug,
            known=Choices(PRESETS, {name: each.title for name, each in PRESETS.items()}),
        )
    return PRESETS[slug]


def save_presets(session: Session, shop: Shop, *, at: datetime, actor: str = "system") -> list[Segment]:
    """Save every preset that asks for nothing and that the shop does not have yet, named in the shop's language.

    Returns those that are new.
    """
    there = {segment.slug for segment in list_segments(session, shop.id)}
    with speaking(shop.language):
        return [
            save_segment(session, shop.id, preset.slug, rule=preset.node(), name=preset.title, actor=actor, at=at)
            for preset in PRESETS.values()
            if preset.slug not in there and not preset.asks
        ]


def _filled(part: Any, values: Mapping[str, str]) -> Any:
    if isinstance(part, Mapping):
        return {name: _filled(each, values) for name, each in part.items()}
    if isinstance(part, list):
        return [_filled(each, values) for each in part]
    gap = part[1:-1] if isinstance(part, str) and part.startswith("{") else None
    return values[gap].strip() if gap else part
