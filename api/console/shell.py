"""The frame of every console page: navigation by role, and the confirmation of what was done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session

from api import deps, pages
from api.console import figures, sources
from api.deps import Place, current_place
from campaigns.campaign.campaigns import CampaignState
from campaigns.posts.task_list import waiting_posts
from campaigns.runs.finding import count_campaigns
from printables.piece_ledger import count_open_batches
from retention.access import Member, Scope
from retention.errors import Error
from retention.i18n import current_language, gettext_noop
from retention.i18n import gettext as _
from segments.segments import count_segments

pages.environment.filters |= figures.FILTERS | {"source": sources.in_words}

Here = Annotated[Place, Depends(current_place)]
"""The shop of the address and the person acting in it."""

DONE: dict[str, str] = {
    "saved": gettext_noop("Saved."),
    "launched": gettext_noop("Launched. The figures below update automatically."),
    "paused": gettext_noop("Paused. Nothing is sent until you resume."),
    "resumed": gettext_noop("Resumed."),
    "cancelled": gettext_noop("Cancelled. Unsent messages will not be sent."),
    "printed": gettext_noop("Marked as printed."),
    "unchanged": gettext_noop("Nothing changed: every insert of this batch already has a print result."),
    "closed": gettext_noop("Closed. All inserts are reconciled."),
    "approved": gettext_noop("Approved for your shop."),
    "proved": gettext_noop("A new proof is ready. Review it before you approve it."),
    "batch": gettext_noop("The batch is ready to print."),
    "removed": gettext_noop("Removed."),
    "signed-out": gettext_noop("Signed out of all sessions."),
    "refreshed": gettext_noop("Up to date."),
    "scheduled": gettext_noop(
        "Activated. It is sent automatically and can be paused, changed or cancelled until then."
    ),
    "submitted": gettext_noop("Submitted for approval."),
    "campaign-approved": gettext_noop("Approved as shown. It can be launched now."),
    "sent-back": gettext_noop("Returned to draft."),
    "resent": gettext_noop("Retrying failed messages."),
    "sender-paused": gettext_noop("Paused. Unsent messages wait."),
    "erased": gettext_noop("Erased. Counts and amounts stay, anonymised; later imports do not restore the buyer."),
    "import-undone": gettext_noop("Undone. What the import had added is gone, what it had changed is as before."),
    "tested": gettext_noop("The test was sent. It is not counted in results."),
}
"""What was done, by the word an address carries after a redirect."""


def add_done(words: Mapping[str, str]) -> None:
    """Add what the pages of a room say was done; ValueError for a word that another room has given a meaning."""
    if twice := DONE.keys() & words:
        raise ValueError(twice)
    DONE.update(words)


@dataclass(frozen=True)
class Notice:
    """One line above the page. `kind` is good, warn, bad or info."""

    kind: str
    text: str


@dataclass(frozen=True)
class NavLink:
    """A line of the navigation. `tail` is a figure behind it, `kind` its pill's colour, `means` what is counted."""

    name: str
    address: str
    icon: str
    current: bool
    tail: str = ""
    kind: str = ""
    means: str = ""


@dataclass(frozen=True)
class NavPart:
    """A heading of the navigation and what stands under it."""

    heading: str
    links: list[NavLink]


@dataclass(frozen=True)
class Navigation:
    """Everything this person may open."""

    home: str
    parts: list[NavPart] = field(default_factory=list)


def show(
    request: Request,
    session: Session,
    template: str,
    *,
    status: int = 200,
    notice: Notice | None = None,
    **context: Any,
) -> HTMLResponse:
    """Return a page of the console inside its frame; `notice` falls back to what ``?done=`` names."""
    at = deps.tell_time(request)
    return pages.page(
        request,
        template,
        status=status,
        nav=navigation(request, session),
        notice=notice or _done(request),
        standstill=[each.say(_) for each in request.app.state.readiness.standstill(session)],
        other_language_address=_other_language(request),
        now=at,
        Scope=Scope,
        **context,
    )


def refused(error: Error) -> Notice:
    """Return a refusal as the line above a form that keeps its content."""
    return Notice("bad", error.say(_))


def go(address: str, *, done: str = "", **query: str) -> RedirectResponse:
    """Lead on after a form was accepted; `done` names the line that says so."""
    asked = {**query, "done": done} if done else query
    return RedirectResponse(f"{address}?{urlencode(asked)}" if asked else address, 303)


def navigation(request: Request, session: Session) -> Navigation:
    """Return the navigation of the signed-in member."""
    member: Member = request.state.member
    home = f"/shops/{request.state.shop.slug}"
    tails = _tails(session, member, deps.tell_time(request))
    parts = []
    for heading, lines in _MAP:
        links = [
            NavLink(
                _(line.name),
                home + line.path,
                line.icon,
                _is_current(request, home, line.path),
                *tails.get(line.path, ("", "", "")),
            )
            for line in lines
            if line.scope is None or member.may(line.scope)
        ]
        if links:
            parts.append(NavPart(_(heading) if heading else "", links))
    return Navigation(home, parts)


@dataclass(frozen=True)
class _Line:
    """A line of the map: name, path behind the shop's address, icon, the scope that shows it."""

    name: str
    path: str
    icon: str
    scope: Scope | None


_MAP = [
    ("", [_Line(gettext_noop("Today"), "", icon="home", scope=None)]),
    (
        gettext_noop("Buyers"),
        [
            _Line(gettext_noop("Buyers"), "/buyers", icon="users", scope=Scope.BUYERS_READ),
            _Line(gettext_noop("Segments"), "/segments", icon="filter", scope=Scope.SEGMENTS_READ),
            _Line(gettext_noop("Imports"), "/imports", icon="file-import", scope=Scope.IMPORTS_WRITE),
        ],
    ),
    (
        gettext_noop("Reach"),
        [
            _Line(gettext_noop("Campaigns"), "/campaigns", icon="send", scope=Scope.CAMPAIGNS_READ),
            _Line(gettext_noop("Calendar"), "/calendar", icon="calendar", scope=Scope.CAMPAIGNS_READ),
            _Line(gettext_noop("Offers"), "/offers", icon="ticket", scope=Scope.CAMPAIGNS_READ),
            _Line(gettext_noop("Arrivals"), "/arrivals", icon="sparkles", scope=Scope.CAMPAIGNS_READ),
            _Line(gettext_noop("Manual posts"), "/tasks", icon="message-circle-heart", scope=Scope.POSTS_WRITE),
        ],
    ),
    (
        gettext_noop("Parcel inserts"),
        [
            _Line(gettext_noop("Flyers"), "/flyers", icon="qrcode", scope=Scope.BATCHES_READ),
            _Line(gettext_noop("Print room"), "/print-room", icon="printer", scope=Scope.BATCHES_READ),
            _Line(gettext_noop("Packing station"), "/packing", icon="package", scope=Scope.PACKING_WRITE),
            _Line(gettext_noop("Joint flyers"), "/joint", icon="layout-grid", scope=Scope.JOINT_APPROVE),
        ],
    ),
    (
        gettext_noop("Results"),
        [_Line(gettext_noop("Results"), "/results", icon="chart-bar", scope=Scope.RESULTS_READ)],
    ),
    (
        gettext_noop("Shop"),
        [
            _Line(gettext_noop("Senders"), "/senders", icon="send-2", scope=Scope.CAMPAIGNS_READ),
            _Line(gettext_noop("Policies"), "/policies", icon="shield-check", scope=Scope.CAMPAIGNS_READ),
            _Line(gettext_noop("Privacy"), "/privacy", icon="eye-off", scope=Scope.BUYERS_READ),
            _Line(gettext_noop("Webhooks"), "/hooks", icon="webhook", scope=Scope.PEOPLE_WRITE),
            _Line(gettext_noop("Users and API keys"), "/people", icon="key", scope=Scope.PEOPLE_WRITE),
        ],
    ),
]


def _is_current(request: Request, home: str, path: str) -> bool:
    asked = request.url.path.rstrip("/")
    return asked == home if not path else asked == home + path or asked.startswith(f"{home}{path}/")


def _tails(session: Session, member: Member, at: datetime) -> Mapping[str, tuple[str, str, str]]:
    """Return the figures behind the lines, each one count over an index."""
    tails: dict[str, tuple[str, str, str]] = {}
    if saved := count_segments(session, member.shop_id):
        tails["/segments"] = (figures.compact(saved), "", "")
    if running := count_campaigns(session, member.shop_id, CampaignState.RUNNING):
        tails["/campaigns"] = (str(running), "brand", _("{count} running").format(count=running))
    if member.may(Scope.POSTS_WRITE) and (posts := waiting_posts(session, member, at=at)):
        tails["/tasks"] = (str(posts), "warn", _("{count} to send").format(count=posts))
    if batches := count_open_batches(session, member.shop_id):
        tails["/print-room"] = (str(batches), "warn", _("{count} open").format(count=batches))
    return tails


def _done(request: Request) -> Notice | None:
    text = DONE.get(request.query_params.get("done", ""))
    return Notice("good", _(text)) if text else None


def _other_language(request: Request) -> str:
    other = "zh-CN" if current_language() == "en" else "en"
    url = request.url.include_query_params(lang=other)
    return f"{url.path}?{url.query}"
