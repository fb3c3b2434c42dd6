"""Calling hooks: what happened is read behind a cursor into calls, and each call is made until it is taken.

The rows that are read get their numbers before their transaction commits, so a lower number can appear after a higher
one. Everything is therefore read again until each transaction that was writing then is over, however long that takes;
a call's key, made from the row's number, keeps it from being made twice. A call that has had every wait turns its hook
off: nobody has listened for three days.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState
from campaigns.channels.channel import Outcome, Taken
from campaigns.webhooks.webhooks import Hook, HookCall, HookCallState, HookEvent, call_all
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
    TouchEvent.SENT: HookEvent.SENT,
    TouchEvent.CLICKED: HookEvent.CLICKED,
    TouchEvent.SCANNED: HookEvent.SCANNED,
    TouchEvent.CLAIMED: HookEvent.CLAIMED,
    TouchEvent.REDEEMED: HookEvent.REDEEMED,
}
_NO_SYNC = {"synchronize_session": False}


def hooks_with_news(session: Session, *, now: datetime) -> list[Hook]:
    """Return the hooks for whose shop something happened since their last look: three SELECTs for all.

    Touches and consents have versions. A failure has none: for a day after one, the shop's hooks are looked at.
    """
    hooks = session.exec(select(Hook).where(Hook.active).order_by(col(Hook.id))).all()
    failed = {shop_id: at for shop_id, at in session.execute(_LAST_FAILURES)} if hooks else {}  # noqa: C416
    versions = _versions(session)
    return [
        hook
        for hook in hooks
        if _has_news(hook, versions.get(hook.shop_id, _UNMOVED), failed.get(hook.shop_id), now=now)
    ]


def _has_news(hook: Hook, versions: list[int], failed: datetime | None, *, now: datetime) -> bool:
    try:
        seen, looked = hook.read_until[_SEEN], _looked(hook.read_until["failed"][-1], now)
    except (
        LookupError,
        TypeError,
        ValueError,
    ):  # never looked at, or a cursor nobody can read, which tells itself then
        return True
    if seen != versions:
        return True
    return HookEvent.FAILED.value in hook.events and failed is not None and failed > looked - _LATE - OVERLAP


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


def collect_calls(session: Session, hook: Hook, *, now: datetime) -> int:
    """Turn what happened since the cursor into calls, a page at a time; return how many calls were made of it."""
    shop = session.get_one(Shop, hook.shop_id)
    versions = _versions(session, hook.shop_id).get(hook.shop_id, _UNMOVED)  # before any row is read
    made, all_read = 0, True
    for source, read in (("touches", _touches), ("consents", _consents)):
        marks = hook.read_until[source]
        last = session.execute(sa.select(sa.func.max(sa.column("id"))).select_from(sa.table(source))).scalar() or 0
        writers = horizon(session)  # after the last row and before all others: whoever numbered one of these is below
        start = marks[0][1]
        rows = read(session, hook, shop, start, max(start, last))
        made += _add(session, hook, rows, now=now)
        if len(rows) < _PAGE:  # else the next page is read from the same place
            hook.read_until = hook.read_until | {source: _moved(marks, now, max(start, last), writers)}
        all_read = all_read and len(rows) < _PAGE
    if all_read:
        hook.read_until = hook.read_until | {_SEEN: versions}
    made += _collect_failures(session, hook, shop, now=now)
    session.add(hook)
    return made


def _collect_failures(session: Session, hook: Hook, shop: Shop, *, now: datetime) -> int:
    marks, writers = hook.read_until["failed"], horizon(session)
    since = _looked(marks[0], now) - _LATE
    rows = _failures(session, hook, shop, max(since, min(hook.created_at, now)), now)
    if len(rows) < _PAGE:
        hook.read_until = hook.read_until | {"failed": _moved(marks, now, 0, writers)}
    return _add(session, hook, rows, now=now)


def make_calls(engine: Engine, *, now: datetime, limit: int = 100) -> int:
    """Make up to `limit` due calls and write down what came of each; return how many were tried."""
    with transaction(engine) as session:
        calls = _claim(session, now=now, limit=limit)
    if not calls:
        return 0
    outcomes = call_all([(hook, call.key, call.body) for call, hook in calls], at=now)
    with transaction(engine) as session:
        _write_down(session, [call for call, _ in calls], outcomes, now=now)
    return len(calls)


def forget_calls(session: Session, *, now: datetime) -> None:
    """Remove calls that were taken long ago."""
    old = sa.delete(HookCall).where(col(HookCall.state) == HookCallState.SENT, col(HookCall.due_at) < now - KEPT)
    session.execute(old, execution_options=_NO_SYNC)


def _touches(session: Session, hook: Hook, shop: Shop, start: int, last: int) -> list[dict[str, Any]]:
    wanted = [touch for touch, event in _OF_TOUCH.items() if event.value in hook.events]
    key = sa.literal("touch-") + sa.cast(col(Touch.id), sa.Text)
    rows = session.execute(
        sa.select(col(Touch.id), col(Touch.event), col(Touch.campaign), col(Touch.at), col(Buyer.external_id))
        .join(Buyer, col(Buyer.id) == Touch.buyer_id)
        .where(
            col(Touch.shop_id) == hook.shop_id,
            col(Touch.id) > start,
            col(Touch.id) <= last,
            col(Touch.event).in_(wanted),
            ~_called(hook, key),
        )
        .order_by(col(Touch.id))
        .limit(_PAGE)
    )
    return [
        _call(f"touch-{number}", _OF_TOUCH[TouchEvent(event)], shop, buyer, at, campaign=campaign)
        for number, event, campaign, at, buyer in rows
    ]


def _consents(session: Session, hook: Hook, shop: Shop, start: int, last: int) -> list[dict[str, Any]]:
    if HookEvent.UNSUBSCRIBED.value not in hook.events:
        return []
    key = sa.literal("consent-") + sa.cast(col(Consent.id), sa.Text)
    rows = session.execute(
        sa.select(Consent, col(Buyer.external_id))
        .join(Buyer, col(Buyer.id) == Consent.buyer_id)
        .where(
            col(Consent.shop_id) == hook.shop_id,
            col(Consent.id) > start,
            col(Consent.id) <= last,
            col(Consent.answer) == Answer.OUT,
            col(Consent.counts),
            ~_called(hook, key),
        )
        .order_by(col(Consent.id))
        .limit(_PAGE)
    )
    return [
        _call(
            f"consent-{each.id}",
            HookEvent.UNSUBSCRIBED,
            shop,
            buyer,
            each.at,
            channel=each.channel.value,
            topic=each.topic,
            source=each.source,
        )
        for each, buyer in rows
    ]


def _failures(session: Session, hook: Hook, shop: Shop, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return what failed in a time; a failed delivery keeps the moment in `due_at`."""
    if HookEvent.FAILED.value not in hook.events:
        return []
    moment = sa.cast(sa.extract("epoch", col(Delivery.due_at)), sa.BigInteger)
    key = sa.literal("failed-") + sa.cast(col(Delivery.id), sa.Text) + "-" + sa.cast(moment, sa.Text)
    rows = session.execute(
        sa.select(key, Delivery, col(Campaign.slug), col(Buyer.external_id))
        .join(Campaign, col(Campaign.id) == Delivery.campaign_id)
        .join(Buyer, col(Buyer.id) == Delivery.buyer_id)
        .where(
            col(Delivery.shop_id) == hook.shop_id,
            col(Delivery.state) == DeliveryState.FAILED,
            col(Delivery.due_at) > since,
            col(Delivery.due_at) <= until,
            ~_called(hook, key),
        )
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(_PAGE)
    )
    return [
        _call(name, HookEvent.FAILED, shop, buyer, each.due_at, campaign=slug, reason=each.reason, detail=each.detail)
        for name, each, slug, buyer in rows
    ]


def _call(key: str, event: HookEvent, shop: Shop, buyer: str, at: datetime, **data: str) -> dict[str, Any]:
    body = {"type": event.value, "timestamp": at.isoformat(), "data": {"shop": shop.slug, "buyer_id": buyer, **data}}
    return {"key": key, "event": event, "body": body}


def _called(hook: Hook, key: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    there = sa.select(sa.literal(1)).where(
        col(HookCall.shop_id) == hook.shop_id, col(HookCall.hook_id) == hook.id, col(HookCall.key) == key
    )
    return there.exists()


def _add(session: Session, hook: Hook, calls: Iterable[dict[str, Any]], *, now: datetime) -> int:
    rows = [
        {"shop_id": hook.shop_id, "hook_id": hook.id, "state": HookCallState.WAITING, "attempts": 0, "due_at": now,
         "answer": "", **call}
        for call in calls
    ]  # fmt: skip
    if not rows:
        return 0
    row = insert(session, HookCall).on_conflict_do_nothing(index_elements=["shop_id", "hook_id", "key"])
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
).where(col(Shop.id).in_(sa.select(col(Hook.shop_id)).where(col(Hook.active))))


def _is_over(mark: Any, now: datetime, writers: Horizon) -> bool:
    return datetime.fromisoformat(mark[0]) <= now - OVERLAP and mark[2] <= writers.ended


def _claim(session: Session, *, now: datetime, limit: int) -> list[tuple[HookCall, Hook]]:
    """Take due calls of hooks that are on, and those whose caller died."""
    due = sa.or_(
        sa.and_(col(HookCall.state) == HookCallState.WAITING, reached(HookCall.due_at, now, longest=WAITS[-1])),
        sa.and_(
            col(HookCall.state) == HookCallState.CLAIMED, reached(HookCall.claim_expires_at, now, longest=2 * _CLAIM)
        ),
    )
    on = sa.select(col(Hook.id)).where(col(Hook.active))
    found = sa.select(col(HookCall.id)).where(due, col(HookCall.hook_id).in_(on)).order_by(col(HookCall.due_at))
    ids = list(session.execute(found.limit(limit).with_for_update(skip_locked=True)).scalars())
    taken = sa.update(HookCall).where(col(HookCall.id).in_(ids), due)
    values = {"state": HookCallState.CLAIMED, "claim_expires_at": now + _CLAIM, "attempts": HookCall.attempts + 1}
    claimed = session.execute(taken.values(**values).returning(col(HookCall.id)), execution_options=_NO_SYNC)
    ours = claimed.scalars().all()
    rows = session.exec(
        select(HookCall, Hook)
        .join(Hook, col(Hook.id) == HookCall.hook_id)
        .where(col(HookCall.id).in_(ours))
        .order_by(col(HookCall.hook_id), col(HookCall.id))
    )
    return list(rows)


def _write_down(session: Session, calls: Sequence[HookCall], outcomes: Sequence[Outcome], *, now: datetime) -> None:
    tired: set[int] = set()
    rows = []
    for call, outcome in zip(calls, outcomes, strict=True):
        said = "" if isinstance(outcome, Taken) else storable(str(outcome), 500)
        over = call.attempts > len(WAITS) or said.startswith(_GONE)
        if isinstance(outcome, Taken):
            state, due = HookCallState.SENT, now
        elif over:
            state, due = HookCallState.FAILED, now
            tired.add(call.hook_id)
        else:
            state, due = HookCallState.WAITING, now + WAITS[call.attempts - 1]
        rows.append({"id": call.id, "state": state, "due_at": due, "answer": said, "claim_expires_at": None,
                     "sent_at": now if state is HookCallState.SENT else None})  # fmt: skip
    session.execute(sa.update(HookCall), rows)
    for hook in session.exec(select(Hook).where(col(Hook.id).in_(tired), col(Hook.active))).all():
        hook.active = False
        session.add(hook)
        log.warning("a hook is turned off", hook=hook.slug, shop=hook.shop_id)
        audit.record(session, hook.shop_id, "system", action="hook.off", subject=f"hook:{hook.slug}", at=now)
