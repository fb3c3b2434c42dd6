"""The steps of a campaign: who, what, when, rules; how each reads a campaign and a form, and what its page needs.

What a step holds stands in the module of its name. The last step, the check, is the campaign's own page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session
from starlette.datastructures import FormData

from api.console.campaigns.reading import preview_context
from api.console.campaigns.rules import rule_choices, rules_of, typed_rules
from api.console.campaigns.waves import count_waves, has_waves, wave_choices
from api.console.campaigns.what import typed_what, what_choices, what_of
from api.console.campaigns.when import typed_when, when_choices, when_of
from api.console.campaigns.who import WhoFields, choices, count_who, typed_who, who_of
from api.console.campaigns.wording import campaign_when, rule_words, shop_rules_words
from api.console.figures import count as shown_count
from api.console.segments.segments import count_by_slug
from api.deps import Place
from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import quiet_on
from campaigns.campaign.shop_policy import shop_policy
from campaigns.campaign.triggers import next_moment
from campaigns.texts.content import variables
from retention.errors import NotFound
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from segments.rules import parse


@dataclass(frozen=True)
class Asked:
    """What a step works on."""

    session: Session
    place: Place
    campaign: Campaign
    now: datetime
    here: str


@dataclass(frozen=True)
class Step:
    """One page of the editor: its name, how it reads a campaign and a form, what it changes, what its page needs."""

    name: str
    title: str
    template: str
    read: Callable[[Asked], Any]
    typed: Callable[[Asked, FormData], Any]
    changes: Callable[[Asked, Any], dict[str, Any]]
    context: Callable[[Asked, Any], dict[str, Any]]


def step_called(name: str) -> Step:
    """Return a step by its name in addresses; NotFound when there is none."""
    for step in STEPS:
        if step.name == name:
            return step
    raise NotFound(gettext_noop("A campaign has no step called {step}."), step=name)


def step_links(place: Place, campaign: Campaign | None) -> list[tuple[str, str, str]]:
    """Return name, title and address of every step; no addresses before the draft is saved."""
    home = f"/shops/{place.shop.slug}/campaigns/{campaign.slug}" if campaign else ""
    links = [(step.name, _(step.title), f"{home}/edit/{step.name}" if home else "") for step in STEPS]
    return [*links, ("check", _("Check"), home)]


def _who_context(asked: Asked, typed: WhoFields) -> dict[str, Any]:
    return who_context(asked.session, asked.place, typed, now=asked.now)


def who_context(session: Session, place: Place, typed: WhoFields, *, now: datetime) -> dict[str, Any]:
    """Return what the page of the first step needs, for a draft there is and for one there will be."""
    offered = choices(session, place.shop)
    counts = count_by_slug(session, place.shop, now=now)
    return {
        "choices": offered,
        "segments": [(slug, name, shown_count(counts[slug])) for slug, name in offered["segments"]],
        "counted": count_who(session, place, typed, now=now),
        "own_words": rule_words(place, parse(typed.own)) if typed.own else "",
        "own_out_words": rule_words(place, parse(typed.own_out)) if typed.own_out else "",
    }


def _what_context(asked: Asked, _typed: Any) -> dict[str, Any]:
    session, place, campaign = asked.session, asked.place, asked.campaign
    offered: dict[str, Any] = {"choices": what_choices(session, place.shop)}
    if campaign.medium is Medium.PARCEL:
        return offered
    offered["variables"] = variables(session, place.shop, campaign)
    return offered | preview_context(session, place, campaign, here=asked.here, now=asked.now)


def _when_context(asked: Asked, _typed: Any) -> dict[str, Any]:
    campaign, shop = asked.campaign, asked.place.shop
    trigger = campaign.trigger
    limits = shop_policy(asked.session, shop)
    return {
        "choices": when_choices(asked.session, shop),
        "when": campaign_when(campaign, shop),
        "following": next_moment(trigger, after=asked.now, zone=shop.timezone),
        "waves": [(each.name, each.words) for each in wave_choices(asked.session, shop, campaign)],
        "may_have_waves": has_waves(campaign),
        "wave_counts": count_waves(asked.session, shop, campaign, now=asked.now),
        "quiets": list(dict.fromkeys(quiet_on(campaign.policy, limits, campaign.medium))),
    }


STEPS = (
    Step(
        "who",
        gettext_noop("Who"),
        "campaigns/campaign_who.html",
        read=lambda asked: who_of(asked.session, asked.campaign),
        typed=lambda asked, form: typed_who(form, who_of(asked.session, asked.campaign)),
        changes=lambda asked, typed: typed.changes(asked.session, asked.place.shop),
        context=_who_context,
    ),
    Step(
        "what",
        gettext_noop("What"),
        "campaigns/campaign_what.html",
        read=lambda asked: what_of(asked.session, asked.place.shop, asked.campaign),
        typed=lambda _asked, form: typed_what(form),
        changes=lambda asked, typed: typed.changes(asked.session, asked.place.shop, asked.campaign),
        context=_what_context,
    ),
    Step(
        "when",
        gettext_noop("When"),
        "campaigns/campaign_when.html",
        read=lambda asked: when_of(asked.session, asked.place.shop, asked.campaign, now=asked.now),
        typed=lambda _asked, form: typed_when(form),
        changes=lambda asked, typed: typed.changes(asked.session, asked.place.shop, asked.campaign),
        context=_when_context,
    ),
    Step(
        "rules",
        gettext_noop("Rules"),
        "campaigns/campaign_rules.html",
        read=lambda asked: rules_of(asked.place.shop, asked.campaign),
        typed=lambda _asked, form: typed_rules(form),
        changes=lambda asked, typed: typed.changes(asked.place.shop, asked.campaign),
        context=lambda asked, _typed: {
            "options": rule_choices(),
            "held": shop_rules_words(shop_policy(asked.session, asked.place.shop), asked.campaign.medium),
        },
    ),
)
