"""Draft: the values of a campaign, the same for console, REST API, command line and demo."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from campaigns.campaign.campaigns import Campaign, Recipe
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import Policy


@dataclass(frozen=True, slots=True)
class Draft:
    """What a campaign is to be; what is left out comes from the recipe.

    Rules, `content`, `policy` and `trigger` are written as their columns keep them; `policy` names only what differs
    from the recipe's. `scheduled_at` is the moment it is meant for.
    """

    slug: str
    recipe: Recipe
    name: str = ""
    medium: Medium | None = None
    audience: dict[str, Any] | None = None
    excluded: dict[str, Any] | None = None
    offer_id: int | None = None
    product_id: int | None = None
    sender_id: int | None = None
    topic: str = ""
    content: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    trigger: dict[str, Any] | None = None
    scheduled_at: datetime | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Its values by name, as a campaign's row takes them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


CHANGEABLE = frozenset(each.name for each in fields(Draft)) - {"slug", "recipe"}
"""What may still be changed once there is a campaign."""

_COLUMNS = {name: column for column, each in Campaign.model_fields.items() if (name := each.alias)}


def column_of(name: str) -> str:
    """Return the attribute of the row that keeps a value of a draft."""
    return _COLUMNS.get(name, name)


def as_changed(campaign: Campaign, changes: Mapping[str, Any]) -> Campaign:
    """Return a campaign as it would be with other values of its draft: a row of no session, saved nowhere.

    Of a policy the changes name what differs; the other values stay.
    """
    kept = {name: getattr(campaign, name) for name in Campaign.model_fields}
    values = {column_of(name): value for name, value in changes.items()}
    if "policy" in changes:
        values["policy_json"] = _merged(campaign.policy_json, changes["policy"])
    return Campaign(**kept | values)


def _merged(stored: Any, changes: Any) -> Any:
    """Return a policy with changes in it; all of it given, or what is stored being none, the changes are the policy."""
    given = {} if changes is None else changes
    if not isinstance(given, dict) or not isinstance(stored, dict) or given.keys() >= Policy.model_fields.keys():
        return given
    return stored | given
