"""What comes after an import: who can be reached now, and the segments that are worth a look."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.shops import Shop
from segments.matching import open_matcher
from segments.presets import find_preset
from segments.rules import parse

SHOWN_PRESETS = ("repeat-customers", "one-time-buyers", "lapsed", "vip")
_CHANNELS = (("email", gettext_noop("By email")), ("phone", gettext_noop("By SMS")))
_CONSENT = {"email": "email", "phone": "sms"}


@dataclass(frozen=True)
class FoundSegment:
    """A preset with how many buyers match it."""

    slug: str
    title: str
    buyers: int


@dataclass(frozen=True)
class Reach:
    """How many buyers opted in to a channel, of those with an address for it."""

    name: str
    opted_in: int
    with_address: int


@dataclass(frozen=True)
class AfterImport:
    """What the shop has now."""

    everyone: int
    segments: list[FoundSegment]
    reach: list[Reach]


def after_import(session: Session, shop: Shop, *, now: datetime) -> AfterImport:
    """Return who can be reached and which presets have buyers, the largest first."""
    matcher = open_matcher(session, shop, now=now)
    segments = []
    for slug in SHOWN_PRESETS:
        preset = find_preset(slug)
        segments.append(FoundSegment(slug, preset.title, len(matcher.match(preset.node()))))
    reach = []
    for field, name in _CHANNELS:
        known = matcher.match(parse({"buyer": {"field": field, "exists": True}}))
        opted_in = matcher.match(parse({"consent": {"channel": _CONSENT[field], "is": "in"}}))
        reach.append(Reach(_(name), len(known & opted_in), len(known)))
    found = [each for each in segments if each.buyers]
    return AfterImport(len(matcher.everyone), sorted(found, key=lambda each: -each.buyers), reach)
