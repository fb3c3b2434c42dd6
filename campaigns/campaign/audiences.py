"""Audiences: which campaigns name a segment, and the removal of a segment that none of them does.

Segments know of no campaign, so whoever removes one asks here, whichever way in they came.
"""

import json
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.triggers import OnEvent, Waves
from retention.access import Member
from retention.errors import Conflict, Invalid
from segments.personal_conditions import check_asking, check_using, may_ask, readable_json
from segments.rule_ast import Node
from segments.segments import delete_segment, find_segment, names_segment


def campaigns_on(session: Session, shop_id: int, slug: str) -> list[Campaign]:
    """Return the campaigns a segment is part of, the newest first: of who gets it, who does not, what starts it."""
    found = select(Campaign).where(Campaign.shop_id == shop_id).order_by(col(Campaign.id).desc())
    return [each for each in session.exec(found) if _is_built_on(each, slug)]


def _is_built_on(campaign: Campaign, slug: str) -> bool:
    try:
        rules = rules_of(campaign)
        return any(rule is not None and names_segment(rule, slug) for rule in rules) or _waits_for(campaign, slug)
    except Invalid:  # nobody can tell, so whatever has its name in it may be
        return f'"{slug}"' in json.dumps([campaign.audience_json, campaign.excluded_json, campaign.trigger_json])


def _waits_for(campaign: Campaign, slug: str) -> bool:
    trigger = campaign.trigger
    return isinstance(trigger, OnEvent) and trigger.segment == slug


def rules_of(campaign: Campaign) -> tuple[Node, Node | None, *tuple[Node, ...]]:
    """Return every rule of a campaign: its audience, its exclusion, its waves; None for an exclusion it has not."""
    trigger = campaign.trigger
    waves = [wave.node for wave in trigger.waves] if isinstance(trigger, Waves) else []
    return (campaign.audience, campaign.excluded, *waves)


def check_seeing(session: Session, member: Member, campaign: Campaign) -> None:
    """Raise Forbidden unless the member may know of single buyers whether they are in a campaign's audience."""
    check_asking(session, member, *rules_of(campaign))


def may_see(session: Session, member: Member, campaign: Campaign) -> bool:
    """Tell whether the member may know of single buyers whether they are in a campaign's audience."""
    return may_ask(session, member, *rules_of(campaign))


def check_choosing(session: Session, member: Member, campaign: Campaign) -> None:
    """Raise Forbidden unless the member may give a campaign the rules it has."""
    check_using(session, member, *rules_of(campaign))


def readable_trigger(member: Member, trigger: dict[str, Any]) -> dict[str, Any]:
    """Return a trigger as the member may read it: what the rules of its waves ask about personal data is hidden."""
    if "waves" not in trigger:
        return trigger
    return {"waves": [{**wave, "rule": readable_json(member, wave["rule"])} for wave in trigger["waves"]]}


def remove_segment(session: Session, shop_id: int, slug: str, *, actor: str, at: datetime) -> None:
    """Remove a segment with its history; Conflict while a campaign or another segment is built on it."""
    find_segment(session, shop_id, slug)
    if users := campaigns_on(session, shop_id, slug):
        names = ", ".join(each.name for each in users)
        raise Conflict("Segment {slug} is used by {users}.", slug=slug, users=names)
    delete_segment(session, shop_id, slug, actor=actor, at=at)
