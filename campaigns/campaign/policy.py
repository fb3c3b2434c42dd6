"""Policy: the limits of a campaign, as values; planning applies them."""

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from campaigns.campaign.media import Medium
from retention.consent import Answer, Channel
from retention.errors import Wrong
from retention.i18n import gettext_noop
from retention.validation_errors import refusal_in

CHANNEL = {
    Medium.EMAIL: Channel.EMAIL,
    Medium.SMS: Channel.SMS,
    Medium.WEBHOOK: Channel.WEBHOOK,
    Medium.BOT: Channel.GROUP,
    Medium.ASSISTED: Channel.PERSONAL,
    Medium.PARCEL: Channel.PARCEL,
}
"""The consent channel a medium answers to."""

NEEDS_YES = frozenset({Channel.EMAIL, Channel.SMS})
"""Channels on which never asked means no. On the others a buyer has to have said no."""

QUIET_MEDIA = frozenset(Medium) - {Medium.PARCEL}
"""Media that quiet hours and a time of sending hold for; paper in a parcel wakes nobody."""

_FROZEN = ConfigDict(
    frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True, validate_by_alias=True
)


class Period(StrEnum):
    """A calendar period in the shop's zone; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class WhenFull(StrEnum):
    """What happens to a buyer who has had as much as a cap allows.

    `skip`: they get nothing. `delay`: theirs waits until the cap allows it. `yield`: what waits of campaigns with a
    higher priority goes first, and what waits of lower ones makes way.
    """

    SKIP = "skip"
    DELAY = "delay"
    YIELD = "yield"


class Whose(StrEnum):
    """Whose zone a time of day is in. A buyer without a known zone is taken to be in the shop's."""

    BUYER = "buyer"
    SHOP = "shop"


def read_time(text: str) -> time:
    """Return a time of day written HH:MM; ValueError for anything else."""
    hours, _, minutes = text.partition(":")
    if not (len(text) == 5 and hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60):
        raise Wrong(gettext_noop("{field} must be a time of day like 08:30, not {text}."), text=text[:40])
    return time(int(hours), int(minutes))


def _checked_time(text: str) -> str:
    read_time(text)
    return text


def _plain_number(value: object) -> object:
    """Return a value that SQL reads as `int` does: no truth value, and of texts one of few digits."""
    if isinstance(value, bool) or (isinstance(value, str) and not re.fullmatch("[0-9]{1,9}", value)):
        raise Wrong(gettext_noop("{field} must be a whole number, like 14."))
    return value


WholeNumber = Annotated[int, BeforeValidator(_plain_number)]
TimeOfDay = Annotated[str, AfterValidator(_checked_time)]


class Cap(BaseModel):
    """At most `messages` per buyer within a window; 0 means none may go.

    The window is rolling, the `days` (24 h each) before a moment, or the calendar period `per`; one of the two. `over`
    says what counts: `medium` what goes by the same medium as the campaign, `all` everything, or one medium by name,
    which binds only campaigns by that medium.
    """

    model_config = _FROZEN

    messages: int = Field(ge=0, le=1000, description="How many a buyer may get within the window; 0 for none.")
    days: int | None = Field(None, ge=1, le=366, description="A rolling window of so many days of 24 hours.")
    per: Period | None = Field(None, description="A calendar window in the shop's time zone, in place of `days`.")
    over: str = Field(
        "medium",
        pattern="^(" + "|".join(("medium", "all", *Medium)) + ")$",
        description="What counts: the campaign's own `medium`, `all` media, or one medium by its name.",
    )
    when_full: WhenFull = Field(WhenFull.SKIP, description="What becomes of a buyer who has had that many.")

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if (self.days is None) == (self.per is None):
            raise Wrong(gettext_noop("{field} needs either a number of days or a calendar period, one of the two."))
        return self

    def binds(self, medium: Medium) -> bool:
        """Tell whether campaigns by a medium are held by this cap."""
        return self.over in {"medium", "all", medium.value}

    def counted(self, medium: Medium) -> frozenset[Medium]:
        """Return the media whose deliveries count against it, for a campaign by `medium`."""
        return frozenset(Medium) if self.over == "all" else frozenset({medium})


class Quiet(BaseModel):
    """Hours in which nothing is handed over: from included, to excluded; over midnight when `to` is before `from`."""

    model_config = _FROZEN

    start: TimeOfDay = Field(alias="from", description="When the quiet hours begin, HH:MM.")
    end: TimeOfDay = Field(alias="to", description="When they end, HH:MM; before `from` for those over midnight.")
    zone: Whose = Field(Whose.BUYER, description="Whose time zone the hours are in: each buyer's, or the shop's.")

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if self.start == self.end:
            raise Wrong(
                gettext_noop("{field} must start and end at different times, not both at {time}."), time=self.start
            )
        return self


class SendAt(BaseModel):
    """The time of day, on each buyer's own clock or the shop's, at which messages leave."""

    model_config = _FROZEN

    time: TimeOfDay
    zone: Whose = Whose.BUYER


class OverCeiling(StrEnum):
    """What a plan does that would cost more than it may: refuse to launch, or leave buyers out by chance."""

    REFUSE = "refuse"
    CUT = "cut"


class PostsTo(StrEnum):
    """Whom a person of the shop writes to: a chat group once for everybody in it, or each buyer."""

    GROUPS = "groups"
    BUYERS = "buyers"


class Policy(BaseModel):
    """The limits of one campaign. Unknown names are refused."""

    model_config = _FROZEN

    control_share: float = Field(0.2, ge=0, le=0.9, description="Share of the audience that deliberately gets nothing.")
    caps: tuple[Cap, ...] = Field((), max_length=10, description="Frequency caps; each of them holds.")
    priority: WholeNumber = Field(50, ge=0, le=100, description="Who goes first where a cap yields; 100 before 0.")
    quiet: Quiet | None = Field(None, description="Quiet hours, beside the shop's.")
    send_at: SendAt | None = Field(None, description="Time of day at which messages leave; null for at once.")
    late_after: int | None = Field(None, ge=1, le=8760, description="Hours after which it is too late; null for never.")
    cost_ceiling: int | None = Field(None, ge=0, description="What a run may cost, in minor units; null for no limit.")
    over_ceiling: OverCeiling = OverCeiling.REFUSE
    cost_each: int | None = Field(
        None, ge=0, description="What one delivery costs, in hundredths of a minor unit; null for the sender's price."
    )
    transactional: bool = Field(
        default=False, description="About the buyer's own order: never capped, never counted, not held by shop quiet."
    )
    most_inserts: int | None = Field(None, ge=1, le=20, description="Inserts a parcel may carry, this one included.")
    stop_after_sales: int | None = Field(None, ge=1, description="Sales of the product after which the rest stays.")
    posts_to: PostsTo = Field(PostsTo.BUYERS, description="Where a person presses send: in chat groups, or per buyer.")
    read_out_days: int = Field(7, ge=1, le=366, description="Days after planning at which the result is read.")

    @model_validator(mode="before")
    @classmethod
    def _answer_everybody(cls, values: Any) -> Any:
        """Give a transactional message no control group unless one is asked for."""
        if isinstance(values, dict) and values.get("transactional") is True:
            return {"control_share": 0.0} | values
        return values

    @property
    def lateness(self) -> timedelta | None:
        """How long after its due time a delivery may still leave; None for ever."""
        return None if self.late_after is None else timedelta(hours=self.late_after)

    def read_out_at(self, planned_at: datetime) -> datetime:
        """Return the moment the result is read, fixed when the run is planned."""
        return planned_at + timedelta(days=self.read_out_days)


class ShopPolicy(BaseModel):
    """The limits of a shop over all its campaigns, beside what each sets itself. Unknown names are refused."""

    model_config = _FROZEN

    approval_required: bool = Field(default=False, description="Whether somebody else has to approve each campaign.")
    caps: tuple[Cap, ...] = Field((), max_length=10, description="Caps over all campaigns of the shop.")
    quiet: Quiet | None = Field(None, description="Hours in which no campaign but a transactional one sends.")
    most_inserts: int | None = Field(None, ge=1, le=20, description="Inserts a parcel may carry; null for any number.")


_SENTENCES = {"control_share": gettext_noop("{field} must be between 0 and 90 %.")}
"""What is typed in another unit than it is kept in."""

_Values = TypeVar("_Values", Policy, ShopPolicy)


def read_policy(values: object) -> Policy:
    """Return a policy from its stored or sent values; Invalid names the first wrong one."""
    return _read(Policy, values)


def read_shop_policy(values: object) -> ShopPolicy:
    """Return a shop's policy from its stored or sent values; Invalid names the first wrong one."""
    return _read(ShopPolicy, values)


def caps_on(policy: Policy, shop_policy: ShopPolicy, medium: Medium) -> list[Cap]:
    """Return every cap that holds a campaign: its own, then the shop's; none for a transactional one."""
    caps: Sequence[Cap] = () if policy.transactional else (*policy.caps, *shop_policy.caps)
    return [cap for cap in caps if cap.binds(medium)]


def quiet_on(policy: Policy, shop_policy: ShopPolicy, medium: Medium) -> list[Quiet]:
    """Return the quiet hours that hold a campaign: its own, and the shop's unless it is transactional."""
    if medium not in QUIET_MEDIA:
        return []
    return [quiet for quiet in (policy.quiet, None if policy.transactional else shop_policy.quiet) if quiet]


def limits_on(policy: Policy, shop_policy: ShopPolicy, medium: Medium) -> ShopPolicy:
    """Return what of a shop's policy holds a campaign; whether campaigns need approval holds none of them."""
    ours, sends = not policy.transactional, medium in QUIET_MEDIA
    return ShopPolicy(
        caps=tuple(cap for cap in shop_policy.caps if ours and cap.binds(medium)),
        quiet=shop_policy.quiet if ours and sends else None,
        most_inserts=shop_policy.most_inserts if medium is Medium.PARCEL else None,
    )


def channel_of(medium: Medium, policy: Policy) -> Channel:
    """Return the consent channel a campaign answers to; what a person posts in a group asks as a bot's post does."""
    if medium is Medium.ASSISTED and policy.posts_to is PostsTo.GROUPS:
        return Channel.GROUP
    return CHANNEL[medium]


def needed_answer(medium: Medium) -> Answer:
    """Return the answer that decides: `in` where a yes is needed, `out` where only a no forbids."""
    return Answer.IN if CHANNEL[medium] in NEEDS_YES else Answer.OUT


def _read(kind: type[_Values], values: object) -> _Values:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise refusal_in(error, "policy", _SENTENCES) from error
