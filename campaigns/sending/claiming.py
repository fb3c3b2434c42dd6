"""Claiming: how senders share deliveries without anybody getting two, and how a row learns what became of it.

waiting -> claimed            by conditional UPDATE, with a token and an expiry; rows another sender locks are passed by
claimed -> begun              `handed_at` is written and committed before a byte leaves
begun   -> sent, failed, waiting again, or unknown
An expired claim that had not begun waits again; so does one that had, where the other side takes the same key only
once. Any other is unknown, since nobody can know. A waiting row whose reason is `no_record` may have arrived: whatever
ends its waiting but a message that is taken leaves it unknown.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Medium, Run
from campaigns.reasons import Reason
from campaigns.sending.numbered import NOTHING, among, by_number, listed
from campaigns.sending.rates import FARTHEST
from campaigns.sending.senders import Sender
from campaigns.sending.touches import write_sent_touches
from campaigns.stopping import UNCLAIMED, ended, moved_of
from retention.clock import AHEAD
from retention.database import is_postgresql, reached
from retention.shops import Shop

CLAIM = timedelta(minutes=10)

KEY_HOLDS = timedelta(hours=12)
"""How long a gateway surely remembers a key: half of the 24 hours that most of them promise."""

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720))
"""Waits after each try that may be repeated; after the last of them the delivery has failed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries of one shop in one sender's hands; the message of a carrier has those of others in it."""

    shop_id: int
    token: str
    delivery_ids: list[int]
    carriers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one delivery: what the other side said, how it calls the message, where it went."""

    id: int
    detail: str = ""
    message_id: str = ""
    address: str = ""


def shops_with_work(session: Session, medium: Medium, *, sender_id: int | None = None) -> list[int]:
    """Return the shops that have a running campaign by this medium and sender."""
    running = sa.select(col(Campaign.shop_id)).where(*_running(medium, sender_id))
    return sorted(set(session.execute(running).scalars()))


def claim(
    session: Session, shop_id: int, medium: Medium, *, now: datetime, limit: int, sender_id: int | None = None
) -> Claim:
    """Take up to `limit` due deliveries of running campaigns, the longest due first.

    Deliveries that a post or another delivery's message serves are theirs.
    """
    running = sa.select(col(Campaign.id)).where(col(Campaign.shop_id) == shop_id, *_running(medium, sender_id))
    due = (
        sa.select(col(Delivery.id))
        .where(
            col(Delivery.shop_id) == shop_id,
            col(Delivery.state) == DeliveryState.WAITING,
            col(Delivery.due_at) <= now,
            col(Delivery.campaign_id).in_(running),
            col(Delivery.post_id).is_(None),
            col(Delivery.digest_id).is_(None),
        )
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(limit)
        .with_for_update(skip_locked=True)  # SQLite has one writer and leaves this out
    )
    # Two statements: inside one UPDATE, PostgreSQL may run the limited SELECT once per row and take too many.
    ids = list(session.execute(due).scalars())
    token = secrets.token_hex(16)
    if not ids:
        return Claim(shop_id, token, [])
    taken = {"state": DeliveryState.CLAIMED, "claim_token": token, "claim_expires_at": now + CLAIM}
    claimed = (
        sa.update(Delivery)
        .where(by_number(shop_id, ids), col(Delivery.state) == DeliveryState.WAITING)
        .values(**taken, handed_at=None, attempts=Delivery.attempts + 1)
    )
    rows = session.execute(claimed.returning(col(Delivery.id)), execution_options=_NO_SYNC)
    return Claim(shop_id, token, sorted(rows.scalars()))


def bring_forward(session: Session, shop_ids: Sequence[int], *, now: datetime) -> int:
    """Have deliveries leave now that a clock which was ahead put off; return how many.

    They are those a try was made of and whose next one is further away than the wait after that try, and those of runs
    launched in what is the future again.
    """
    put_off = (col(Delivery.detail) != "", col(Delivery.due_at) > now + FARTHEST)  # as the index has it
    tried = sa.and_(*put_off, col(Delivery.due_at) > farthest(Delivery.attempts, now))
    later = sa.select(col(Run.id)).where(col(Run.shop_id).in_(shop_ids), col(Run.planned_at) > now + AHEAD)
    found = list(session.execute(later).scalars())
    waits = (col(Delivery.shop_id).in_(shop_ids), col(Delivery.state) == DeliveryState.WAITING)
    moved = _expire(session, *waits, tried, due_at=now)
    if found:
        planned = sa.select(col(Run.planned_at)).where(col(Run.id) == Delivery.run_id).scalar_subquery()
        at_once = (col(Delivery.run_id).in_(found), col(Delivery.due_at) > now, col(Delivery.due_at) <= planned)
        moved += _expire(session, *waits, *at_once, due_at=now)
    return moved


def farthest(attempts: Any, now: datetime) -> sa.ColumnElement[datetime]:
    """Return how far ahead something is put at most after so many tries: by its wait, or as the other side asked."""
    waits = {tries: max(wait, FARTHEST) for tries, wait in enumerate(BACK_OFF, 1)}
    cases = ((col(attempts) == tries, sa.literal(now + wait, _MOMENT)) for tries, wait in waits.items())
    return sa.case(*cases, else_=sa.literal(now + FARTHEST, _MOMENT))


def skip(session: Session, held: Claim, reasons: Mapping[int, Reason]) -> None:
    """Give claimed deliveries up for good, each with its reason: one UPDATE per reason."""
    for reason in sorted(set(reasons.values())):
        ids = [delivery_id for delivery_id, why in reasons.items() if why is reason]
        _settle(session, held, ids, **ended(DeliveryState.SKIPPED, reason))


def postpone(session: Session, held: Claim, moments: Mapping[int, datetime]) -> None:
    """Put claimed deliveries back until a moment each, as if they had not been claimed: one UPDATE per moment."""
    for moment in sorted(set(moments.values())):
        ids = [delivery_id for delivery_id, due in moments.items() if due == moment]
        _settle(session, held, ids, **_AGAIN, due_at=moment, detail="")


def begin(session: Session, held: Claim, delivery_ids: Sequence[int], *, now: datetime) -> set[int]:
    """Write down that hand-overs begin; return those that were still in our hands.

    A second time says the same: when the connection was lost at the commit, nobody knows whether the first one stood.
    """
    values = _held(held) | {"ids": list(delivery_ids), "at": now}
    return set(session.connection().execute(_BEGIN, values).scalars())


def record_sent(session: Session, held: Claim, told: Sequence[Told], *, at: datetime) -> None:
    """Write down that messages were taken, also of those that came to wait again or be unknown meanwhile.

    A delivery whose content went in another's message is sent with it.
    """
    if not told:
        return
    words = ("message_id", "address")
    line = session.connection()
    known = {"ids": [each.id for each in told], "at": at, "told": _as_json(told, words)}
    sent = list(line.execute(_sent(is_postgresql(session)), _held(held) | known).scalars())
    if len(sent) < len(told):  # our claim expired while we were still handing over
        late = [each for each in told if each.id not in set(sent)]
        doubted = (
            col(Delivery.shop_id) == held.shop_id,
            col(Delivery.state).in_((DeliveryState.UNKNOWN, DeliveryState.WAITING)),
            col(Delivery.reason) == Reason.NO_RECORD.value,
        )
        values = {"state": DeliveryState.SENT, "sent_at": at, "reason": "", "detail": ""}
        sent += _settle_each(session, late, *doubted, words=words, **values)
    if carriers := held.carriers.intersection(sent):
        sent += line.execute(_CARRIED, {"shop": held.shop_id, "ids": carriers, "at": at}).scalars()
    write_sent_touches(session, held.shop_id, sent)


def record_refused(
    session: Session, held: Claim, told: Sequence[Told], *, reason: Reason, at: datetime, says_all: bool = False
) -> None:
    """Write down that messages will never be taken. `due_at` keeps the moment.

    A refusal `says_all` where the other side knows the key: then no earlier try has arrived either.
    """
    if not told:
        return
    failed = (
        {"state": DeliveryState.FAILED, "reason": reason.value} if says_all else ended(DeliveryState.FAILED, reason)
    )
    _settle_each(session, told, *_ours(held), words=("detail",), due_at=at, **failed)


def record_undecided(session: Session, held: Claim, told: Sequence[Told]) -> None:
    """Write down that nobody can know."""
    if not told:
        return
    values = {"state": DeliveryState.UNKNOWN, "reason": Reason.NO_RECORD.value}
    _settle_each(session, told, *_ours(held), words=("detail",), **values)


def record_later(
    session: Session, held: Claim, told: Sequence[Told], *, now: datetime, may_have_arrived: bool = False
) -> None:
    """Have deliveries tried again after the next wait; those that have had every wait have failed.

    Those that `may_have_arrived` are tried under the same key, and are unknown at the end.
    """
    if not told:
        return
    doubt = {"reason": Reason.NO_RECORD.value} if may_have_arrived else {}
    over = col(Delivery.attempts) > len(BACK_OFF)
    gone = ended(DeliveryState.FAILED, Reason.GAVE_UP)
    if may_have_arrived:
        gone = {"state": DeliveryState.UNKNOWN, **doubt}
    _settle_each(session, told, *_ours(held), over, words=("detail",), due_at=now, **gone)
    waits = sa.case(
        *((col(Delivery.attempts) == tries, sa.literal(now + wait, _MOMENT)) for tries, wait in enumerate(BACK_OFF, 1)),
        else_=sa.literal(now, _MOMENT),
    )
    values = {"state": DeliveryState.WAITING, "due_at": waits, "handed_at": None}
    _settle_each(session, told, *_ours(held), words=("detail",), **values, **doubt)


def record_wait(session: Session, held: Claim, told: Sequence[Told], *, until: datetime) -> None:
    """Have deliveries wait as long as the other side asked; that counts as no try."""
    _settle_each(session, told, *_ours(held), words=("detail",), **_AGAIN, due_at=until)


def release(session: Session, held: Claim, delivery_ids: Sequence[int]) -> None:
    """Put deliveries that were not begun back as if they had not been claimed."""
    if delivery_ids:
        _settle(session, held, delivery_ids, **_AGAIN)


def expire_claims(session: Session, *, now: datetime) -> int:
    """Settle the claims of senders that died; return how many deliveries became unknown."""
    expired = (
        col(Delivery.shop_id).in_(sa.select(col(Shop.id))),  # leads to the index, which begins with the shop
        col(Delivery.state) == DeliveryState.CLAIMED,
        reached(Delivery.claim_expires_at, now, longest=2 * CLAIM),
    )
    _expire(session, *expired, col(Delivery.handed_at).is_(None), state=DeliveryState.WAITING)
    keyed = sa.select(col(Campaign.id)).join(Sender, col(Sender.id) == Campaign.sender_id).where(col(Sender.repeatable))
    again = {"state": DeliveryState.WAITING, "reason": Reason.NO_RECORD.value, "handed_at": None}
    fresh = col(Delivery.handed_at) > now - KEY_HOLDS
    _expire(session, *expired, fresh, col(Delivery.campaign_id).in_(keyed), **again)
    return _expire(session, *expired, state=DeliveryState.UNKNOWN, reason=Reason.NO_RECORD.value)


_NO_SYNC = {"synchronize_session": False}
_MOMENT = UTCDateTime()
_AGAIN: dict[str, Any] = {"state": DeliveryState.WAITING, "attempts": Delivery.attempts - 1, "handed_at": None}


def _running(medium: Medium, sender_id: int | None) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Campaign.state) == CampaignState.RUNNING,
        col(Campaign.medium) == medium,
        col(Campaign.sender_id).is_(None) if sender_id is None else col(Campaign.sender_id) == sender_id,
    )


def _ours(held: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Delivery.shop_id) + NOTHING == held.shop_id,  # as in `by_number`
        col(Delivery.state) == DeliveryState.CLAIMED,
        col(Delivery.claim_token) == held.token,
    )


def _settle(session: Session, held: Claim, delivery_ids: Sequence[int], **values: Any) -> None:
    """Take deliveries out of the claim."""
    settled = sa.update(Delivery).where(*_ours(held), among(col(Delivery.id), delivery_ids))
    session.execute(settled.values(**values, **UNCLAIMED), execution_options=_NO_SYNC)
    if values["state"] is not DeliveryState.WAITING:
        moved_of(session, [held.shop_id])


def _settle_each(
    session: Session, told: Sequence[Told], *where: sa.ColumnElement[bool], words: Iterable[str], **values: Any
) -> list[int]:
    """Take deliveries out of the claim, each with its own words, in one UPDATE; return those that were in it."""
    if not told:
        return []
    own = _own_words(session, told, words)
    settled = sa.update(Delivery).where(among(col(Delivery.id), [each.id for each in told]), *where)
    settled = settled.values(**values, **own, **UNCLAIMED).returning(col(Delivery.id), col(Delivery.shop_id))
    rows = session.execute(settled, execution_options=_NO_SYNC).all()
    if values["state"] is not DeliveryState.WAITING:
        moved_of(session, [shop_id for _, shop_id in rows])
    return [number for number, _ in rows]


_LONGEST = {"detail": 500, "message_id": 200, "address": 254}


def _own_words(session: Session, told: Sequence[Told], words: Iterable[str]) -> dict[str, sa.ColumnElement[str]]:
    """Return each word as it is for the row at hand, looked up in one JSON value by the row's number.

    The statement is the same whatever is told, and neither database has a join to plan.
    """
    listed = _as_json(told, words)
    known = sa.bindparam("told", listed, type_=_json(postgresql=is_postgresql(session)), unique=True)
    return _looked_up(known, words, postgresql=is_postgresql(session))


def _looked_up(
    known: sa.BindParameter[Any], words: Iterable[str], *, postgresql: bool
) -> dict[str, sa.ColumnElement[str]]:
    number = sa.cast(col(Delivery.id), sa.Text)
    if postgresql:
        return {word: sa.func.jsonb_extract_path_text(known, number, word, type_=sa.Text) for word in words}
    return {word: sa.func.json_extract(known, '$."' + number + f'".{word}', type_=sa.Text) for word in words}


def _as_json(told: Sequence[Told], words: Iterable[str]) -> dict[str, dict[str, str]]:
    return {
        str(each.id): {word: getattr(each, word)[: _LONGEST[word]].replace("\0", "") for word in words} for each in told
    }


def _json(*, postgresql: bool) -> sa.types.TypeEngine[Any]:
    return JSONB() if postgresql else sa.JSON()


def _held(held: Claim) -> dict[str, Any]:
    return {"shop": held.shop_id, "token": held.token}


# The three statements of every group are made once, past the session's own bookkeeping: built each time they cost more
# than the database takes to run them.
_rows = Delivery.__table__  # type: ignore[attr-defined]
_LISTED = listed("ids")
_OURS = sa.and_(
    by_number(sa.bindparam("shop"), _LISTED, _rows.c),
    _rows.c.state == DeliveryState.CLAIMED,
    _rows.c.claim_token == sa.bindparam("token"),
)
_BEGIN = sa.update(_rows).where(_OURS).values(handed_at=sa.bindparam("at")).returning(_rows.c.id)
_NOW_SENT = {"state": DeliveryState.SENT, "reason": "", "detail": ""}
_CARRIED = (
    sa.update(_rows)
    .where(_rows.c.shop_id + NOTHING == sa.bindparam("shop"), among(_rows.c.digest_id, _LISTED))
    .where(_rows.c.digest_id.is_not(None))  # what the index says too; PostgreSQL cannot tell it of an array to come
    .where(_rows.c.state == DeliveryState.WAITING)
    .values(sent_at=sa.bindparam("at"), **_NOW_SENT)
    .returning(_rows.c.id)
)


@cache
def _sent(postgresql: bool) -> Any:  # noqa: FBT001
    known = sa.bindparam("told", type_=_json(postgresql=postgresql))
    own = _looked_up(known, ("message_id", "address"), postgresql=postgresql)
    values = {"sent_at": sa.bindparam("at"), **_NOW_SENT, **own, **UNCLAIMED}
    return sa.update(_rows).where(_OURS).values(**values).returning(_rows.c.id)


def _expire(session: Session, *where: sa.ColumnElement[bool], **values: Any) -> int:
    expired = sa.update(Delivery).where(*where).values(**values, **UNCLAIMED)
    rows = session.execute(expired.returning(col(Delivery.shop_id)), execution_options=_NO_SYNC)
    return len(moved_of(session, rows.scalars()))
