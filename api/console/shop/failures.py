"""Failures of background work, shown on the page of the affected item and on Today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import Response

from api.console import figures
from api.console.shell import Here, go
from api.deps import Now, Writing, require
from campaigns.channels.outages import translated
from retention.access import Scope
from retention.failures import WORKS, Failure, is_given_up, try_again
from retention.i18n import gettext as _
from retention.shops import Shop

router = APIRouter(prefix="/shops/{slug}/failures", dependencies=[require(Scope.CAMPAIGNS_WRITE)])

PAGES = {
    "campaign": "campaigns/{name}",
    "post": "campaigns/{name}",
    "sender": "senders",
    "hook": "hooks/{name}",
    "segment": "segments/saved/{name}",
    "batch": "print-room/{name}",
    "job": "imports/{name}",
}
"""The page of each kind of thing."""


@router.post("/{number}/retry")
def retry(session: Writing, place: Here, now: Now, number: int) -> Response:
    """Have something that rests or was given up tried at once, and lead to its page."""
    failure = try_again(session, place.member, number, at=now)
    return go(f"/shops/{place.shop.slug}/{page_of(failure)}".rstrip("/"), done="resumed")


@dataclass(frozen=True)
class FailureLine:
    """One failure as a page tells it; `page` is where the thing is, "" on that page itself."""

    id: int
    words: str
    page: str = ""


def failure_lines(failures: Sequence[Failure], shop: Shop, now: datetime, *, linked: bool = False) -> list[FailureLine]:
    """Return failures for `failing.html`."""
    return [FailureLine(each.id, failure_words(each, shop, now), page_of(each) if linked else "") for each in failures]


def page_of(failure: Failure) -> str:
    """Return the page of the thing that fails, below the shop's; Today where it has none."""
    return PAGES.get(failure.kind, "").format(name=failure.name)


def failure_words(failure: Failure, shop: Shop, now: datetime) -> str:
    """Return what goes wrong, why, how often it was tried, and when it is tried again."""
    work = _(WORKS.get(failure.work, failure.work))
    name = f" “{failure.name}”" if failure.name else ""
    sentence = _("{work}{name} failed: {why}.").format(work=work, name=name, why=translated(failure.why).rstrip(". 。"))
    tried = _("Attempts: {count}.").format(count=failure.tries)
    if failure.next_at is None:
        return f"{sentence} {tried} {_('Given up.')}"
    again = _("Suspended until {time}.") if is_given_up(failure) else _("Next retry at {time}.")
    return f"{sentence} {tried} {again.format(time=figures.moment(max(failure.next_at, now), shop.timezone))}"
