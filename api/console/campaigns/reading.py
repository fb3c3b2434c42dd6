"""A campaign as one buyer gets it: the message, or the reason why there is none."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlmodel import Session

from api.deps import Place
from campaigns.campaign.audiences import may_see
from campaigns.campaign.campaigns import Campaign
from campaigns.texts.checks import Severity, check_text
from campaigns.texts.content import ShownMessage, extremes, identity_of, show_to, text_source_of
from campaigns.texts.preview import first_of
from retention.buyer_list import seen_by
from retention.buyers import Buyer, buyer_for
from retention.errors import Error
from retention.i18n import gettext as _
from segments.matching import match
from segments.rule_ast import All


@dataclass(frozen=True)
class Read:
    """What one buyer reads: who, and the message; or the sentence that says why there is none."""

    label: str
    name: str
    shown: ShownMessage | None
    error: str = ""


@dataclass(frozen=True)
class ShownFinding:
    """One thing the checks of the text found, and in which languages; none when it concerns no text alone."""

    severity: Severity
    sentence: str
    languages: list[str]


def found_in(session: Session, place: Place, campaign: Campaign, *, now: datetime) -> list[ShownFinding]:
    """Return what the checks found, what holds in several languages once."""
    languages: dict[tuple[Severity, str], list[str]] = {}
    for each in check_text(session, place.shop, campaign, at=now):
        named = languages.setdefault((each.severity, each.sentence), [])
        if each.language:
            named.append(each.language)
    return [ShownFinding(*kind, named) for kind, named in languages.items()]


def preview_context(
    session: Session,
    place: Place,
    campaign: Campaign,
    *,
    here: str,
    now: datetime,
    external_id: str = "",
    language: str = "",
) -> dict[str, Any]:
    """Return what the preview shows: the chosen buyer's message, then the shortest and the longest name's."""
    try:
        reader = reader_of(session, place, campaign, external_id, now=now)
    except Error as error:
        return {"read": Read("", external_id, None, error.say(_)), "cases": [], "findings": [], "reader": None}
    labels = (_("Preview with the shortest name"), _("Preview with the longest name"))
    edges = (
        extremes(session, place.shop, campaign, at=now) if reader and may_see(session, place.member, campaign) else []
    )
    return {
        "read": replace(
            read_as(session, place, campaign, reader, here=here, language=language),
            label=_("Preview with the buyer's own name"),
        )
        if reader
        else None,
        "cases": [
            replace(read_as(session, place, campaign, buyer, here=here, language=language), label=label)
            for label, buyer in zip(labels, edges, strict=False)
        ],
        "findings": found_in(session, place, campaign, now=now),
        "reader": reader,
    }


def read_as(
    session: Session, place: Place, campaign: Campaign, reader: Buyer, *, here: str, language: str = ""
) -> Read:
    """Return a campaign as a buyer reads it, in their own language or in `language`.

    Pictures come from `here`: the public address need not answer to us.
    """
    seen = seen_by(place.member, reader)
    if language:
        seen = Buyer(**{**seen.model_dump(), "language": language})
    identity = replace(identity_of(text_source_of(session, place.shop, campaign).sender), public_url=here)
    try:
        return Read("", seen.name or seen.external_id, show_to(session, place.shop, campaign, seen, identity=identity))
    except Error as error:
        return Read("", seen.name or seen.external_id, None, error.say(_))


def reader_of(session: Session, place: Place, campaign: Campaign, external_id: str, *, now: datetime) -> Buyer | None:
    """Return the buyer somebody chose, or the first of the audience; None when it is empty.

    Where the audience is not the member's to know, the shop's first buyer.
    """
    if external_id.strip():
        return buyer_for(session, place.member, external_id.strip())
    audience = campaign.audience if may_see(session, place.member, campaign) else All(())
    return first_of(session, match(session, place.shop, audience, now=now))


def here_of(request: Request) -> str:
    """Return the address this console is opened at."""
    return str(request.base_url).rstrip("/")
