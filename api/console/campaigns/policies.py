"""Policies: the limits that hold over all campaigns of the shop, what they mean today, consent and topics."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from api.console.campaigns.rules import CAP_LINES, CapLine, rule_choices, typed_caps, whole
from api.console.shell import Here, go, show
from api.deps import Now, Place, Reading, Writing, require
from api.forms import read_texts
from campaigns.campaign.policy import Cap, ShopPolicy
from campaigns.campaign.shop_policy import save_shop_policy, shop_policy
from campaigns.optouts.topics import create_topic, find_topic, rename_topic, topics_of
from campaigns.plans.caps import BUYERS_AT_CAP
from retention.access import Scope
from retention.consent import ANSWERS, Answer, Channel, count_pauses
from retention.figures import figure_of, is_counting, moment_shown
from retention.i18n import gettext as _
from retention.i18n import gettext_noop

router = APIRouter(prefix="/shops/{slug}/policies", dependencies=[require(Scope.CAMPAIGNS_READ)])
for_writers = [require(Scope.CAMPAIGNS_WRITE)]
for_owners = [require(Scope.PEOPLE_WRITE)]
"""The limits decide who has to approve, so whoever is held by them does not change them."""

CHANNELS = {
    Channel.EMAIL: gettext_noop("Email"),
    Channel.SMS: gettext_noop("SMS"),
    Channel.PARCEL: gettext_noop("Parcel inserts"),
    Channel.GROUP: gettext_noop("Group messages"),
    Channel.PERSONAL: gettext_noop("Personal messages"),
    Channel.WEBHOOK: gettext_noop("App messages"),
}


@dataclass
class PolicyLimits:
    """The form as typed, so that a refusal keeps it."""

    approval_required: bool = False
    quiet_from: str = ""
    quiet_to: str = ""
    quiet_zone: str = "buyer"
    most_inserts: str = ""
    caps: list[CapLine] = field(default_factory=list)

    @property
    def cap_lines(self) -> list[CapLine]:
        return [*self.caps, *[CapLine(over="all") for _line in range(max(CAP_LINES - len(self.caps), 1))]]

    def values(self) -> dict[str, Any]:
        """Return the policy as the use case takes it; quiet hours only when one of the two times is typed."""
        quiet = {"from": self.quiet_from, "to": self.quiet_to, "zone": self.quiet_zone}
        return {
            "approval_required": self.approval_required,
            "quiet": quiet if self.quiet_from or self.quiet_to else None,
            "most_inserts": whole(self.most_inserts, "most_inserts"),
            "caps": [line.values() for line in self.caps],
        }


@dataclass(frozen=True)
class CapToday:
    """How many buyers have had as much as a cap allows, at this moment."""

    cap: Cap
    words: str
    buyers: int


@router.get("")
def show_policies(request: Request, session: Reading, place: Here, now: Now) -> HTMLResponse:
    """Show the limits, whom they hold at this moment, who agreed to what, and the topics."""
    return _page(request, session, place, _limits_of(shop_policy(session, place.shop)), now=now)


async def typed_limits(request: Request) -> PolicyLimits:
    """Read the form; it has several lines for caps."""
    form = await read_texts(request)

    def text(name: str) -> str:
        return str(form.get(name, "")).strip()

    return PolicyLimits(
        approval_required=bool(text("approval_required")),
        quiet_from=text("quiet_from"),
        quiet_to=text("quiet_to"),
        quiet_zone=text("quiet_zone") or "buyer",
        most_inserts=text("most_inserts"),
        caps=typed_caps(form),
    )


@router.post("", dependencies=for_owners)
def save_policies(
    session: Writing, place: Here, now: Now, typed: Annotated[PolicyLimits, Depends(typed_limits)]
) -> Response:
    """Save the limits; a refusal keeps what was typed."""
    save_shop_policy(session, place.shop, values=typed.values(), at=now, actor=place.member.actor)
    return go(_address(place), done="saved")


@router.post("/topics", dependencies=for_writers)
def save_topic(
    session: Writing,
    place: Here,
    now: Now,
    topic: Annotated[str, Form()],
    en: Annotated[str, Form()] = "",
    zh: Annotated[str, Form()] = "",
    *,
    is_new: Annotated[str, Form()] = "",
) -> Response:
    """Add a topic, or give one other names."""
    names, actor = {"en": en, "zh-CN": zh}, place.member.actor
    if is_new:
        create_topic(session, place.shop, topic, names=names, at=now, actor=actor)
    else:
        rename_topic(session, find_topic(session, place.shop.id, topic), names=names, at=now, actor=actor)
    return go(_address(place), done="saved")


def _page(
    request: Request,
    session: Session,
    place: Place,
    typed: PolicyLimits,
    *,
    now: datetime,
) -> HTMLResponse:
    answers = figure_of(session, place.shop, ANSWERS, now=now)
    return show(
        request,
        session,
        "campaigns/policies.html",
        typed=typed,
        options=rule_choices(),
        today=_caps_today(session, place, now=now),
        consents=[
            (_(name), answers.value[channel][Answer.IN], answers.value[channel][Answer.OUT])
            for channel, name in CHANNELS.items()
            if answers
        ],
        paused=count_pauses(session, place.shop.id, at=now),
        topics=topics_of(session, place.shop.id),
        counted_at=moment_shown(session),
        counting=is_counting(session),
    )


def _caps_today(session: Session, place: Place, *, now: datetime) -> list[CapToday]:
    return [
        CapToday(cap, _sentence_of(cap), found.value)
        for cap in shop_policy(session, place.shop).caps
        if cap.messages and (found := figure_of(session, place.shop, BUYERS_AT_CAP, cap.model_dump_json(), now=now))
    ]


def _sentence_of(cap: Cap) -> str:
    words = dict(rule_choices()["windows"])
    within = _("within {days} days").format(days=cap.days) if cap.days else words[cap.per or ""]
    over = dict(rule_choices()["over"]).get(cap.over, cap.over)
    return _("At most {count} {over} {within}").format(count=cap.messages, over=over, within=within)


def _limits_of(policy: ShopPolicy) -> PolicyLimits:
    quiet = policy.quiet
    return PolicyLimits(
        approval_required=policy.approval_required,
        quiet_from=quiet.start if quiet else "",
        quiet_to=quiet.end if quiet else "",
        quiet_zone=quiet.zone.value if quiet else "buyer",
        most_inserts="" if policy.most_inserts is None else str(policy.most_inserts),
        caps=[
            CapLine(str(cap.messages), str(cap.days or 7), cap.per or "rolling", cap.over, cap.when_full)
            for cap in policy.caps
        ],
    )


def _address(place: Place) -> str:
    return f"/shops/{place.shop.slug}/policies"
