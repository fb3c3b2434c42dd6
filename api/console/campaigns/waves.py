"""The waves of the step "when": the order of the parts of the audience, and the hours between them.

People choose from what waves are made of as a rule: who bought the like, followers, group members, a segment, the rest.
A rule that came another way (the REST API, the command line) is shown in words and kept under its number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pyroaring import BitMap
from sqlmodel import Session
from starlette.datastructures import FormData

from campaigns.campaign.campaigns import Campaign, Recipe
from campaigns.campaign.recipes import EVERYBODY, FOLLOWERS, GROUP_MEMBERS, Rule, fans_of, suggested_trigger
from campaigns.campaign.triggers import Wave, Waves, read_trigger
from campaigns.runs.finding import product_of
from retention.errors import Invalid
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.shops import Shop
from segments.descriptions import describe
from segments.matching import match
from segments.segments import list_segments

MOST_WAVES, EMPTY_LINES = 10, 2


@dataclass
class WaveLine:
    """One wave as typed: `who` by the name of a choice, `hours` after the wave before, or after the arrival."""

    who: str = ""
    hours: str = ""


@dataclass(frozen=True)
class WaveChoice:
    """What a wave can be made of."""

    name: str
    words: str
    rule: Rule


@dataclass(frozen=True)
class WaveCount:
    """A wave in words: its number, whom it means, hours after the beginning, how many no earlier wave has told."""

    number: int
    words: str
    after: int
    buyers: int


def has_waves(campaign: Campaign) -> bool:
    """Tell whether a campaign may go in waves: it tells of a product, or goes so already."""
    alert = campaign.recipe is Recipe.ARRIVAL_ALERT or campaign.product_id is not None
    return alert or isinstance(campaign.trigger, Waves)


def wave_choices(session: Session, shop: Shop, campaign: Campaign) -> list[WaveChoice]:
    """Return what a wave of this campaign can be made of, the rules it has already last."""
    product = product_of(session, campaign)
    known = [
        *(
            [WaveChoice("fans", _("Repeat buyers of the product's category or brand"), fans_of(session, product))]
            if product
            else []
        ),
        WaveChoice("followers", _("Followers"), FOLLOWERS),
        WaveChoice("members", _("Group members"), GROUP_MEMBERS),
        WaveChoice("rest", _("Rest of the audience"), EVERYBODY),
        *[
            WaveChoice(f"segment:{each.slug}", each.name, {"segment": each.slug})
            for each in list_segments(session, shop.id)
        ],
    ]
    kept = [
        WaveChoice(f"kept:{number}", describe(wave.node, currency=shop.currency), wave.rule)
        for number, wave in enumerate(_waves_of(campaign))
        if wave.rule not in [each.rule for each in known]
    ]
    return known + kept


def wave_lines(session: Session, shop: Shop, campaign: Campaign) -> list[WaveLine]:
    """Return the waves a campaign has, or those its recipe would suggest."""
    waves, offered = _waves_of(campaign) or _suggested(session, campaign), wave_choices(session, shop, campaign)
    before = [0, *(wave.after for wave in waves)]
    return [
        WaveLine(_choice(offered, wave.rule).name, str(wave.after - since))
        for wave, since in zip(waves, before, strict=False)
    ]


def shown_lines(lines: list[WaveLine]) -> list[WaveLine]:
    """Return the lines of the form: those that say something, and empty ones for more."""
    return [*lines, *[WaveLine() for _line in range(min(EMPTY_LINES, MOST_WAVES - len(lines)))]]


def typed_waves(form: FormData) -> list[WaveLine]:
    """Return the lines that name somebody, in order."""
    whom = [str(value).strip() for value in form.getlist("wave_who")]
    hours = [str(value).strip() for value in form.getlist("wave_hours")]
    return [WaveLine(who, after) for who, after in zip(whom, hours, strict=False) if who]


def waves_trigger(session: Session, shop: Shop, campaign: Campaign, lines: list[WaveLine]) -> dict[str, object]:
    """Return the trigger the lines mean; Invalid when there is none, or one does not follow the one before."""
    if not lines:
        raise Invalid(gettext_noop("Choose who is notified first: a campaign in waves needs at least one wave."))
    rules = {each.name: each.rule for each in wave_choices(session, shop, campaign)}
    waves, after = [], 0
    for number, line in enumerate(lines, start=1):
        after += _hours(line, number)
        if line.who not in rules:
            raise Invalid(gettext_noop("Wave {number}: choose whom it notifies."), number=number)
        waves.append({"rule": rules[line.who], "after": after})
    return {"waves": waves}


def count_waves(session: Session, shop: Shop, campaign: Campaign, *, now: datetime) -> list[WaveCount]:
    """Return the saved waves with how many of the audience each would be the first to tell, as things stand."""
    offered = wave_choices(session, shop, campaign)
    left, counted = match(session, shop, campaign.audience, now=now), []
    for number, wave in enumerate(_waves_of(campaign), start=1):
        people: BitMap = left & match(session, shop, wave.node, now=now)
        counted.append(WaveCount(number, _choice(offered, wave.rule).words, wave.after, len(people)))
        left = left - people
    return counted


def _choice(offered: list[WaveChoice], rule: Rule) -> WaveChoice:
    """Return the first choice that means a rule. Compared as values: PostgreSQL keeps keys in an order of its own."""
    return next(each for each in offered if each.rule == rule)


def _waves_of(campaign: Campaign) -> Sequence[Wave]:
    trigger = campaign.trigger
    return trigger.waves if isinstance(trigger, Waves) else []


def _suggested(session: Session, campaign: Campaign) -> Sequence[Wave]:
    product = product_of(session, campaign)
    trigger = read_trigger(suggested_trigger(session, Recipe.ARRIVAL_ALERT, product))
    return trigger.waves if isinstance(trigger, Waves) else []


def _hours(line: WaveLine, number: int) -> int:
    """Return the hours a wave comes after the one before; the first may come at once."""
    least = 0 if number == 1 else 1
    if not (line.hours or "0").isdecimal() or int(line.hours or "0") < least:
        raise Invalid(
            gettext_noop("Wave {number}: enter whole hours, {least} or more, not {text}."),
            number=number,
            least=least,
            text=repr(line.hours),
        )
    return int(line.hours or "0")
