"""Policy: how much a campaign may do. Values only; who they leave out is decided when a run is planned."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from campaigns.campaigns import Medium
from retention.consent import Answer, Channel
from retention.errors import Invalid

CHANNEL = {
    Medium.EMAIL: Channel.EMAIL,
    Medium.SMS: Channel.SMS,
    Medium.WEBHOOK: Channel.WEBHOOK,
    Medium.ROBOT: Channel.GROUP,
    Medium.ASSISTED: Channel.PERSONAL,
    Medium.PARCEL: Channel.PARCEL,
}
"""The consent channel a medium answers to."""

NEEDS_YES = frozenset({Channel.EMAIL, Channel.SMS})
"""Channels on which never asked means no. On the others a buyer has to have said no."""


class Cap(BaseModel):
    """At most `messages` per buyer and medium within the `days` (24 h each) before a run; 0 means none may go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    messages: int = Field(ge=0, le=1000)
    days: int = Field(ge=1, le=366)


class Policy(BaseModel):
    """The limits of one campaign. Unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    control_share: float = Field(0.2, ge=0, le=0.9, description="Share of the audience that deliberately gets nothing.")
    cap: Cap | None = Field(None, description="Frequency cap; null for none.")
    read_out_days: int = Field(7, ge=1, le=366, description="Days after planning at which the result is read.")

    def read_out_at(self, planned_at: datetime) -> datetime:
        """Return the moment the result is read, fixed when the run is planned."""
        return planned_at + timedelta(days=self.read_out_days)


def read_policy(values: dict[str, Any]) -> Policy:
    """Return a policy from its stored or sent values; Invalid names the first wrong one."""
    try:
        return Policy.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "policy"
        raise Invalid("Policy: {name} is wrong. {problem}.", name=name, problem=first["msg"]) from error


def needed_answer(medium: Medium) -> Answer:
    """Return the answer that decides: `in` where a yes is needed, `out` where only a no forbids."""
    return Answer.IN if CHANNEL[medium] in NEEDS_YES else Answer.OUT
