"""Calling webhooks: events are read behind a cursor into calls, and each call is retried until it is accepted.

The rows that are read get their numbers before their transaction commits, so a lower number can appear after a higher
one. Everything is therefore read again until each transaction that was writing then is over, however long that takes;
a call's key, made from the row's number, keeps it from being made twice. A call that has had every wait turns its
webhook off: nobody has listened for three days.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState
from campaigns.channels.channel import Accepted, Outcome
from campaigns.webhooks.webhooks import Webhook, WebhookCall, WebhookCallState, WebhookEvent, call_all
from retention import audit
from retention.buyers import Buyer
from retention.consent import Answer, Consent
from retention.database import Horizon, horizon, insert, reached, storable, transaction
from retention.shops import Shop
from retention.touches import Touch, TouchEvent
from retention.versions import DataVersion, Family

log = structlog.get_logger()

OVERLAP = timedelta(minutes=5)
"""How long everything is read again at least: a row may have its number a little before its transaction has one."""

_LATE = timedelta(days=1)
"""How much older than its transaction the moment of a failure may be: that of the whole round of sending."""

WAITS = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""After each try, as https://www.standardwebhooks.com proposes."""

KEPT = timedelta(days=30)
"""How long calls that were taken are kept."""

_PAGE = 1000
_CLAIM = timedelta(minutes=5)
_GONE = "410 "

_OF_TOUCH = {
    TouchEvent.SENT: WebhookEvent.SENT,
    TouchEvent.CLICKED: WebhookEvent.CLICKED,
    TouchEvent.SCANNED: WebhookEvent.SCANNED,
    TouchEvent.CLAIMED: WebhookEvent.CLAIMED,
    TouchEvent.REDEEMED: WebhookEvent.REDEEMED,
}
_NO_SYNC = {"synchronize_session": False}


def webhooks_with_news(session: Session, *, now: datetime) -> list[Webhook]:
    """Return the webhooks for whose shop something happened since their last look: three SELECTs for all.

    Touches and consents have versions. A failure has none: for a day after one, the shop's webhooks are looked at.
    """
    webhooks = session.exec(select(Webhook).where(Webhook.active).order_by(col(Webhook.id))).all()
    failed = {shop_id: at for shop_id, at in session.execute(_LAST_FAILURES)} if webhooks else {}  # noqa: C416
    versions = _versions(session)
    return [
        webhook
        for webhook in webhooks
        if _has_news(webhook, versions.get(webhook.shop_id, _UNMOVED), failed.get(webhook.shop_id), now=now)
    ]


def _has_news(webhook: Webhook, versions: list[int], failed: datetime | None, *, now: datetime) -> bool:
    try:
        seen, looked = webhook.read_until[_SEEN], _looked(webhook.read_until["failed"][-1], now)
    except (
        LookupError,
        TypeError,
        ValueError,
    ):  # never looked at, or a cursor nobody can read, which tells itself then
        return True
    if seen != versions:
        return True
    return WebhookEvent.FAILED.value in webhook.events and failed is not None and failed > looked - _LATE - OVERLAP


_SEEN, _UNMOVED = "seen", [0, 0]


def _versions(session: Session, shop_id: int | None = None) -> dict[int, list[int]]:
    """Return the versions of touches and consents, by shop."""
    found = select(DataVersion).where(col(DataVersion.family).in_((Family.TOUCHES, Family.CONSENTS)))
    versions: dict[int, list[int]] = {}
    for row in session.exec(found if shop_id is None else found.where(DataVersion.shop_id == shop_id)):
        versions.setdefault(row.shop_id, [0, 0])[row.family is Family.CONSENTS] = row.version
    return versions


def _looked(mark: Any, now: datetime) -> datetime:
    """Return the moment of a mark; one that is to come is that of a clock put right since."""
    return min(datetime.fromisoformat(mark[0]), now)


def collect_calls(session: Session, webhook: Webhook, *, now: datetime) -> int:
    """Turn what happened since the cursor into calls, a page at a time; return how many calls were made of it."""
    shop = session.get_one(Shop, webhook.shop_id)
    versions = _versions(session, webhook.shop_id).get(webhook.shop_id, _UNMOVED)  # before any row is read
    made, all_read = 0, True
    for source, read in (("touches", _touches), ("consents", _consents)):
        marks = webhook.read_until[source]
        last = session.execute(sa.select(sa.func.max(sa.column("id"))).select_from(sa.table(source))).scalar() or 0
        writers = horizon(session)  # after the last row and before all others: whoever numbered one of these is below
        start = marks[0][1]
        rows = read(session, webhook, shop, start, max(start, last))
        made += _add(session, webhook, rows, now=now)
        if len(rows) < _PAGE:  # else the next page is read from the same place
            webhook.read_until = webhook.read_until | {source: _moved(marks, now, max(start, last), writers)}
        all_read = all_read and len(rows) < _PAGE
    if all_read:
        webhook.read_until = webhook.read_until | {_SEEN: versions}
    made += _collect_failures(session, webhook, shop, now=now)
    session.add(webhook)
    return made


def _collect_failures(session: Session, webhook: Webhook, shop: Shop, *, now: datetime) -> int:
    marks, writers = webhook.read_until["failed"], horizon(session)
    since = _looked(marks[0], now) - _LATE
    rows = _failures(session, webhook, shop, max(since, min(webhook.created_at, now)), now)
    if len(rows) < _PAGE:
        webhook.read_until = webhook.read_until | {"failed": _moved(marks, now, 0, writers)}
    return _add(session, webhook, rows, now=now)


def make_calls(engine: Engine, *, now: datetime, limit: int = 100) -> int:
    """Make up to `limit` due calls and write down what came of each; return how many were tried."""
    with transaction(engine) as session:
        calls = _claim(session, now=now, limit=limit)
    if not calls:
        return 0
    outcomes = call_all([(webhook, call.key, call.body) for call, webhook in calls], at=now)
    with transaction(engine) as session:
        _write_down(session, [call for call, _ in calls], outcomes, now=now)
    return len(calls)


def forget_calls(session: Session, *, now: datetime) -> None:
    """Remove calls that were taken long ago."""
    old = sa.delete(WebhookCall).where(
        col(WebhookCall.state) == WebhookCallState.SENT, col(WebhookCall.due_at) < now - KEPT
    )
    session.execute(old, execution_options=_NO_SYNC)


def _touches(session: Session, webhook: Webhook, shop: Shop, start: int, last: int) -> list[dict[str, Any]]:
    wanted = [touch for touch, event in _OF_TOUCH.items() if event.value in webhook.events]
    key = sa.literal("touch-") + sa.cast(col(Touch.id), sa.Text)
    rows = session.execute(
        sa.select(col(Touch.id), col(Touch.event), col(Touch.campaign), col(Touch.at), col(Buyer.external_id))
        .join(Buyer, col(Buyer.id) == Touch.buyer_id)
        .where(
            col(Touch.shop_id) == webhook.shop_id,
            col(Touch.id) > start,
            col(Touch.id) <= last,
            col(Touch.event).in_(wanted),
            ~_called(webhook, key),
        )
        .order_by(col(Touch.id))
        .limit(_PAGE)
    )
    return [
        _call(f"touch-{number}", _OF_TOUCH[TouchEvent(event)], shop, buyer, at, campaign=campaign)
        for number, event, campaign, at, buyer in rows
    ]


def _consents(session: Session, webhook: Webhook, shop: Shop, start: int, last: int) -> list[dict[str, Any]]:
    if WebhookEvent.UNSUBSCRIBED.value not in webhook.events:
        return []
    key = sa.literal("consent-") + sa.cast(col(Consent.id), sa.Text)
    rows = session.execute(
        sa.select(Consent, col(Buyer.external_id))
        .join(Buyer, col(Buyer.id) == Consent.buyer_id)
        .where(
            col(Consent.shop_id) == webhook.shop_id,
            col(Consent.id) > start,
            col(Consent.id) <= last,
            col(Consent.answer) == Answer.OUT,
            col(Consent.counts),
            ~_called(webhook, key),
        )
        .order_by(col(Consent.id))
        .limit(_PAGE)
    )
    return [
        _call(
            f"consent-{each.id}",
            WebhookEvent.UNSUBSCRIBED,
            shop,
            buyer,
            each.at,
            channel=each.channel.value,
            topic=each.topic,
            source=each.source,
        )
        for each, buyer in rows
    ]


def _failures(session: Session, webhook: Webhook, shop: Shop, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return what failed in a time; a failed delivery keeps the moment in `due_at`."""
    if WebhookEvent.FAILED.value not in webhook.events:
        return []
    moment = sa.cast(sa.extract("epoch", col(Delivery.due_at)), sa.BigInteger)
    key = sa.literal("failed-") + sa.cast(col(Delivery.id), sa.Text) + "-" + sa.cast(moment, sa.Text)
    rows = session.execute(
        sa.select(key, Delivery, col(Campaign.slug), col(Buyer.external_id))
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .where(
            col(Delivery.shop_id) == webhook.shop_id,
            col(Delivery.state) == DeliveryState.FAILED,
            col(Delivery.due_at) > since,
            col(Delivery.due_at) <= until,
            ~_called(webhook, key),
        )
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(_PAGE)
    )
    return [
        _call(
            name, WebhookEvent.FAILED, shop, buyer, each.due_at, campaign=slug, reason=each.reason, detail=each.detail
        )
        for name, each, slug, buyer in rows
    ]


def _call(key: str, event: WebhookEvent, shop: Shop, buyer: str, at: datetime, **data: str) -> dict[str, Any]:
    body = {"type": event.value, "timestamp": at.isoformat(), "data": {"shop": shop.slug, "buyer_id": buyer, **data}}
    return {"key": key, "event": event, "body": body}


def _called(webhook: Webhook, key: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    there = sa.select(sa.literal(1)).where(
        col(WebhookCall.shop_id) == webhook.shop_id, col(WebhookCall.hook_id) == webhook.id, col(WebhookCall.key) == key
    )
    return there.exists()


def _add(session: Session, webhook: Webhook, calls: Iterable[dict[str, Any]], *, now: datetime) -> int:
    rows = [
        {"shop_id": webhook.shop_id, "hook_id": webhook.id, "state": WebhookCallState.WAITING, "attempts": 0,
         "due_at": now, "answer": "", **call}
        for call in calls
    ]  # fmt: skip
    if not rows:
        return 0
    row = insert(session, WebhookCall).on_conflict_do_nothing(index_elements=["shop_id", "hook_id", "key"])
    session.execute(row, rows)
    return len(rows)


def _moved(marks: Sequence[Any], now: datetime, last: int, writers: Horizon) -> list[Any]:
    """Return the marks after everything behind the first has been read: from the newest that is over, with a new one.

    It is over when all who were writing then have ended, so what they wrote was there to be read. `writers` is older
    than the reading. At most one new mark a minute is kept.
    """
    old = [mark for mark in marks if _is_over(mark, now, writers)]
    new = [mark for mark in marks if not _is_over(mark, now, writers)]
    if new and timedelta() <= now - datetime.fromisoformat(new[-1][0]) < timedelta(minutes=1):
        return [*old[-1:], *new]
    return [*old[-1:], *new, [now.isoformat(), last, writers.begun]]


_LAST_FAILURES = sa.select(
    col(Shop.id),
    sa.select(col(Delivery.due_at))
    .where(col(Delivery.shop_id) == Shop.id, col(Delivery.state) == DeliveryState.FAILED)
    .order_by(col(Delivery.due_at).desc())
    .limit(1)
    .scalar_subquery(),
).where(col(Shop.id).in_(sa.select(col(Webhook.shop_id)).where(col(Webhook.active))))


def _is_over(mark: Any, now: datetime, writers: Horizon) -> bool:
    return datetime.fromisoformat(mark[0]) <= now - OVERLAP and mark[2] <= writers.ended


def _claim(session: Session, *, now: datetime, limit: int) -> list[tuple[WebhookCall, Webhook]]:
    """Take due calls of webhooks that are on, and those whose caller died."""
    due = sa.or_(
        sa.and_(
            col(WebhookCall.state) == WebhookCallState.WAITING, reached(WebhookCall.due_at, now, longest=WAITS[-1])
        ),
        sa.and_(
            col(WebhookCall.state) == WebhookCallState.CLAIMED,
            reached(WebhookCall.claim_expires_at, now, longest=2 * _CLAIM),
        ),
    )
    on = sa.select(col(Webhook.id)).where(col(Webhook.active))
    found = (
        sa.select(col(WebhookCall.id)).where(due, col(WebhookCall.hook_id).in_(on)).order_by(col(WebhookCall.due_at))
    )
    ids = list(session.execute(found.limit(limit).with_for_update(skip_locked=True)).scalars())
    taken = sa.update(WebhookCall).where(col(WebhookCall.id).in_(ids), due)
    values = {"state": WebhookCallState.CLAIMED, "claim_expires_at": now + _CLAIM, "attempts": WebhookCall.attempts + 1}
    claimed = session.execute(taken.values(**values).returning(col(WebhookCall.id)), execution_options=_NO_SYNC)
    ours = claimed.scalars().all()
    rows = session.exec(
        select(WebhookCall, Webhook)
        .join(Webhook, col(Webhook.id) == WebhookCall.hook_id)
        .where(col(WebhookCall.id).in_(ours))
        .order_by(col(WebhookCall.hook_id), col(WebhookCall.id))
    )
    return list(rows)


def _write_down(session: Session, calls: Sequence[WebhookCall], outcomes: Sequence[Outcome], *, now: datetime) -> None:
    given_up: set[int] = set()
    rows = []
    for call, outcome in zip(calls, outcomes, strict=True):
        response = "" if isinstance(outcome, Accepted) else storable(str(outcome), 500)
        over = call.attempts > len(WAITS) or response.startswith(_GONE)
        if isinstance(outcome, Accepted):
            state, due = WebhookCallState.SENT, now
        elif over:
            state, due = WebhookCallState.FAILED, now
            given_up.add(call.hook_id)
        else:
            state, due = WebhookCallState.WAITING, now + WAITS[call.attempts - 1]
        rows.append({"id": call.id, "state": state, "due_at": due, "answer": response, "claim_expires_at": None,
                     "sent_at": now if state is WebhookCallState.SENT else None})  # fmt: skip
    session.execute(sa.update(WebhookCall), rows)
    for webhook in session.exec(select(Webhook).where(col(Webhook.id).in_(given_up), col(Webhook.active))).all():
        webhook.active = False
        session.add(webhook)
        log.warning("a webhook is turned off", webhook=webhook.slug, shop=webhook.shop_id)
        audit.record(session, webhook.shop_id, "system", action="hook.off", subject=f"hook:{webhook.slug}", at=now)
