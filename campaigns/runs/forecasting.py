"""Forecasts for the calendar: the overlap of campaigns on one day, and the buyers at their caps by then.

Audiences are matched as they are now; who comes in or leaves until the day is not foreseen, and the answer says so by
the moment it was made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.policy import Cap, Policy, caps_on
from campaigns.campaign.shop_policy import shop_policy
from campaigns.plans.caps import counts_under, window
from campaigns.runs.calendar import Day, Entry, EntryKind
from retention.errors import Error
from retention.shops import Shop
from segments.matching import match

MOST = 40
"""Occurrences looked at: beyond that a forecast says nothing more, and it says from which moment on."""


@dataclass(frozen=True, slots=True)
class CampaignOverlap:
    """Two campaigns of one day that would both reach `buyers`, which is `share` of the smaller one."""

    first: str
    second: str
    at: datetime
    buyers: int
    share: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """One coming occurrence: how many match, and how many of them a frequency cap would stop or make wait."""

    slug: str
    at: datetime
    buyers: int
    capped: int


@dataclass(frozen=True, slots=True)
class CampaignForecast:
    """What the coming days would bring; `until` is the moment up to which it looked, None for all."""

    outlooks: list[Outlook] = field(default_factory=list)
    overlaps: list[CampaignOverlap] = field(default_factory=list)
    until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "outlooks": [
                {"slug": each.slug, "at": each.at.isoformat(), "buyers": each.buyers, "capped": each.capped}
                for each in self.outlooks
            ],
            "overlaps": [
                {
                    "first": each.first,
                    "second": each.second,
                    "at": each.at.isoformat(),
                    "buyers": each.buyers,
                    "share": round(each.share, 4),
                }
                for each in self.overlaps
            ],
            "until": self.until.isoformat() if self.until else None,
        }


@dataclass(slots=True)
class _Coming:
    entry: Entry
    campaign: Campaign
    policy: Policy
    buyers: BitMap
    reached: BitMap = field(default_factory=BitMap)


def forecast(session: Session, shop: Shop, days: Sequence[Day], *, at: datetime) -> CampaignForecast:
    """Return who would be reached twice in a day and who would be capped, among the coming entries of `days`."""
    entries = [entry for day in days for entry in day.entries if entry.kind is EntryKind.COMING]
    coming = list(_audiences(session, shop, entries[:MOST], at=at))
    outlooks = [_outlook(session, shop, each, coming[:place]) for place, each in enumerate(coming)]
    return CampaignForecast(
        outlooks=outlooks,
        overlaps=_overlaps(shop, coming),
        until=entries[MOST].at if len(entries) > MOST else None,
    )


def _audiences(session: Session, shop: Shop, entries: Sequence[Entry], *, at: datetime) -> Iterator[_Coming]:
    found = select(Campaign).where(
        Campaign.shop_id == shop.id, col(Campaign.id).in_({entry.campaign_id for entry in entries})
    )
    campaigns = {campaign.id: campaign for campaign in session.exec(found)}
    matched: dict[int, BitMap] = {}
    for entry in entries:
        assert entry.campaign_id is not None
        campaign = campaigns[entry.campaign_id]
        if campaign.damage:  # its own page says why
            continue
        if campaign.id not in matched:
            matched[campaign.id] = _reached(session, shop, campaign, at=at)
        yield _Coming(entry, campaign, campaign.policy, matched[campaign.id])


def _reached(session: Session, shop: Shop, campaign: Campaign, *, at: datetime) -> BitMap:
    """Return whom a campaign means; nobody when its rules have no answer, for its own page says why."""
    try:
        excluded = match(session, shop, campaign.excluded, now=at) if campaign.excluded else BitMap()
        return match(session, shop, campaign.audience, now=at) - excluded
    except Error:
        return BitMap()


def _outlook(session: Session, shop: Shop, each: _Coming, earlier: Sequence[_Coming]) -> Outlook:
    capped = BitMap()
    for cap in caps_on(each.policy, shop_policy(session, shop), each.campaign.medium):
        capped |= _full(session, shop, each, cap, earlier)
    each.reached = each.buyers - capped
    return Outlook(each.campaign.slug, each.entry.at, len(each.buyers), len(capped))


def _full(session: Session, shop: Shop, each: _Coming, cap: Cap, earlier: Sequence[_Coming]) -> BitMap:
    """Return who of an audience would have had as many as a cap allows: from the ledger, and from what comes before."""
    if cap.messages == 0:
        return each.buyers.copy()
    start = window(cap, each.entry.at, shop.timezone).start
    counted = cap.counted(each.campaign.medium)
    before = [
        np.asarray(other.reached.to_array(), dtype=np.int64)
        for other in earlier
        if other.entry.at >= start and other.campaign.medium in counted and not other.policy.transactional
    ]
    ids, counts = counts_under(session, shop, each.campaign.medium, cap, at=each.entry.at)
    buyers, places = np.unique(np.concatenate([ids, *before]), return_inverse=True)
    weights = np.concatenate([counts, *(np.ones(len(part), dtype=np.int64) for part in before)])
    totals = np.bincount(places, weights=weights, minlength=len(buyers))
    return each.buyers & BitMap(buyers[totals >= cap.messages].tolist())


def _overlaps(shop: Shop, coming: Sequence[_Coming]) -> list[CampaignOverlap]:
    """Return the pairs of different campaigns on one day of the shop that share buyers, the most shared first."""
    found = []
    for first, second in combinations(coming, 2):
        if first.campaign.id == second.campaign.id or shop.day(first.entry.at) != shop.day(second.entry.at):
            continue
        both = len(first.buyers & second.buyers)
        if both:
            smaller = min(len(first.buyers), len(second.buyers))
            found.append(
                CampaignOverlap(first.campaign.slug, second.campaign.slug, second.entry.at, both, both / smaller)
            )
    return sorted(found, key=lambda overlap: -overlap.buyers)
