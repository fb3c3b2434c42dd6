"""Claiming: workers claim deliveries so that no buyer gets one twice, and record the outcome of each.

waiting -> claimed            by conditional UPDATE, with a token and an expiry; rows another sender locks are passed by
claimed -> begun              `handed_at` is written and committed before a byte leaves
begun   -> sent, failed, waiting again, or unknown

Each arrow is a move of `transitions`. An expired claim that had not begun waits again; so does one that had, where the
other side takes the same key only once. Any other is unknown, since nobody can know. A waiting row whose reason is
`no_record` may have arrived: whatever ends its waiting but a message that is taken leaves it unknown.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import Reason
from campaigns.channels.rates import FARTHEST
from campaigns.channels.senders import Sender
from campaigns.deliveries.row_ids import NOTHING, any_of, ids_parameter, with_ids
from campaigns.deliveries.transitions import Move, Prepared, move, move_all
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
    """Deliveries of one shop claimed by one sender; `hosts` are those whose message includes others (a digest)."""

    shop_id: int
    token: str
    delivery_ids: list[int]
    hosts: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the channel answered for one delivery: its response, its id of the message, and the address it went to."""

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
    taken = {"claim_token": token, "claim_expires_at": now + CLAIM}
    return Claim(shop_id, token, sorted(move(session, Move.CLAIM, with_ids(shop_id, ids), **taken)))


def bring_forward(session: Session, shop_ids: Sequence[int], *, now: datetime) -> int:
    """Have deliveries leave now that a clock which was ahead put off; return how many.

    They are those a try was made of and whose next one is further away than the wait after that try, and those of runs
    launched in what is the future again.
    """
    put_off = (col(Delivery.detail) != "", col(Delivery.due_at) > now + FARTHEST)  # as the index has it
    tried = sa.and_(*put_off, col(Delivery.due_at) > farthest(Delivery.attempts, now))
    later = sa.select(col(Run.id)).where(col(Run.shop_id).in_(shop_ids), col(Run.planned_at) > now + AHEAD)
    found = list(session.execute(later).scalars())
    theirs = col(Delivery.shop_id).in_(shop_ids)
    moved = move_all(session, Move.RESCHEDULE, theirs, tried, due_at=now)
    if found:
        planned = sa.select(col(Run.planned_at)).where(col(Run.id) == Delivery.run_id).scalar_subquery()
        at_once = (col(Delivery.run_id).in_(found), col(Delivery.due_at) > now, col(Delivery.due_at) <= planned)
        moved += move_all(session, Move.RESCHEDULE, theirs, *at_once, due_at=now)
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
        move(session, Move.SKIP, *_ours(held, ids), reason=reason)


def postpone(session: Session, held: Claim, moments: Mapping[int, datetime]) -> None:
    """Put claimed deliveries back until a moment each, as if they had not been claimed: one UPDATE per moment."""
    for moment in sorted(set(moments.values())):
        ids = [delivery_id for delivery_id, due in moments.items() if due == moment]
        move(session, Move.RELEASE, *_ours(held, ids), due_at=moment, detail="")


def begin(session: Session, held: Claim, delivery_ids: Sequence[int], *, now: datetime) -> set[int]:
    """Write down that hand-overs begin; return those that were still claimed by us.

    A second time says the same: when the connection was lost at the commit, nobody knows whether the first one stood.
    """
    return set(_BEGIN.run(session, held.shop_id, token=held.token, ids=list(delivery_ids), at=now))


def record_sent(session: Session, held: Claim, receipts: Sequence[Receipt], *, at: datetime) -> None:
    """Write down that messages were taken, also of those that came to wait again or be unknown meanwhile.

    A delivery whose content went in another's message is sent with it.
    """
    if not receipts:
        return
    ids = [each.id for each in receipts]
    sending = _sent(is_postgresql(session))
    sent = sending.run(session, held.shop_id, token=held.token, ids=ids, at=at, receipts=_as_json(receipts, _OF_SENT))
    if len(sent) < len(receipts):  # our claim expired while we were still handing over
        late = [each for each in receipts if each.id not in set(sent)]
        per_row = _values_per_row(session, late, _OF_SENT)
        where = with_ids(held.shop_id, [each.id for each in late])
        sent += move(session, Move.SEND_LATE, where, sent_at=at, **per_row)
    if hosts := held.hosts.intersection(sent):
        _INCLUDED.run(session, held.shop_id, ids=hosts, at=at)


def record_refused(
    session: Session,
    held: Claim,
    receipts: Sequence[Receipt],
    *,
    reason: Reason,
    at: datetime,
    settles_earlier: bool = False,
) -> None:
    """Write down that messages will never be taken. `due_at` keeps the moment.

    A refusal `settles_earlier` tries where the other side knows the key: then none of them has arrived either.
    """
    _settle(session, held, receipts, Move.REFUSE if settles_earlier else Move.FAIL, reason=reason, due_at=at)


def record_undecided(session: Session, held: Claim, receipts: Sequence[Receipt]) -> None:
    """Write down that nobody can know."""
    _settle(session, held, receipts, Move.LOSE)


def record_later(
    session: Session, held: Claim, receipts: Sequence[Receipt], *, now: datetime, may_have_arrived: bool = False
) -> None:
    """Have deliveries tried again after the next wait; those that have had every wait have failed.

    Those that `may_have_arrived` are tried under the same key, and are unknown at the end.
    """
    over = col(Delivery.attempts) > len(BACK_OFF)
    if may_have_arrived:
        _settle(session, held, receipts, Move.LOSE, over, due_at=now)
    else:
        _settle(session, held, receipts, Move.FAIL, over, reason=Reason.GAVE_UP, due_at=now)
    waits = sa.case(
        *((col(Delivery.attempts) == tries, sa.literal(now + wait, _MOMENT)) for tries, wait in enumerate(BACK_OFF, 1)),
        else_=sa.literal(now, _MOMENT),
    )
    _settle(session, held, receipts, Move.RETRY_DOUBTED if may_have_arrived else Move.RETRY, due_at=waits)


def record_wait(session: Session, held: Claim, receipts: Sequence[Receipt], *, until: datetime) -> None:
    """Have deliveries wait as long as the other side asked; that counts as no try."""
    _settle(session, held, receipts, Move.DEFER, due_at=until)


def release(session: Session, held: Claim, delivery_ids: Sequence[int]) -> None:
    """Put deliveries that were not begun back as if they had not been claimed."""
    if delivery_ids:
        move(session, Move.RELEASE, *_ours(held, delivery_ids))


def expire_claims(session: Session, *, now: datetime) -> int:
    """Settle the claims of senders that died; return how many deliveries became unknown."""
    expired = (
        col(Delivery.shop_id).in_(sa.select(col(Shop.id))),  # leads to the index, which begins with the shop
        reached(Delivery.claim_expires_at, now, longest=2 * CLAIM),
    )
    move_all(session, Move.EXPIRE, *expired)
    keyed = sa.select(col(Campaign.id)).join(Sender, col(Sender.id) == Campaign.sender_id).where(col(Sender.repeatable))
    fresh = col(Delivery.handed_at) > now - KEY_HOLDS
    move_all(session, Move.RETRY_DOUBTED, *expired, fresh, col(Delivery.campaign_id).in_(keyed))
    return move_all(session, Move.LOSE, *expired)


_MOMENT = UTCDateTime()
_OF_SENT = ("message_id", "address")


def _running(medium: Medium, sender_id: int | None) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Campaign.state) == CampaignState.RUNNING,
        col(Campaign.medium) == medium,
        col(Campaign.sender_id).is_(None) if sender_id is None else col(Campaign.sender_id) == sender_id,
    )


def _ours(held: Claim, delivery_ids: Collection[int]) -> tuple[sa.ColumnElement[bool], ...]:
    return (with_ids(held.shop_id, delivery_ids), col(Delivery.claim_token) == held.token)


def _settle(
    session: Session,
    held: Claim,
    receipts: Sequence[Receipt],
    which: Move,
    *where: sa.ColumnElement[bool],
    **values: Any,
) -> None:
    """Take deliveries out of the claim, each with the response to it, in one UPDATE."""
    if receipts:
        per_row = _values_per_row(session, receipts, ("detail",))
        move(session, which, *_ours(held, [each.id for each in receipts]), *where, **values, **per_row)


_LONGEST = {"detail": 500, "message_id": 200, "address": 254}


def _values_per_row(
    session: Session, receipts: Sequence[Receipt], fields: Iterable[str]
) -> dict[str, sa.ColumnElement[str]]:
    """Return each field as it is for the row at hand, looked up in one JSON value by the row's number.

    The statement is the same whatever the values, and neither database has a join to plan.
    """
    payload = _as_json(receipts, fields)
    known = sa.bindparam("receipts", payload, type_=_json(postgresql=is_postgresql(session)), unique=True)
    return _looked_up(known, fields, postgresql=is_postgresql(session))


def _looked_up(
    known: sa.BindParameter[Any], fields: Iterable[str], *, postgresql: bool
) -> dict[str, sa.ColumnElement[str]]:
    number = sa.cast(col(Delivery.id), sa.Text)
    if postgresql:
        return {field: sa.func.jsonb_extract_path_text(known, number, field, type_=sa.Text) for field in fields}
    return {field: sa.func.json_extract(known, '$."' + number + f'".{field}', type_=sa.Text) for field in fields}


def _as_json(receipts: Sequence[Receipt], fields: Iterable[str]) -> dict[str, dict[str, str]]:
    return {
        str(each.id): {field: getattr(each, field)[: _LONGEST[field]].replace("\0", "") for field in fields}
        for each in receipts
    }


def _json(*, postgresql: bool) -> sa.types.TypeEngine[Any]:
    return JSONB() if postgresql else sa.JSON()


# The three statements of every group are made once.
_LISTED = ids_parameter("ids")
_OURS = (with_ids(sa.bindparam("shop"), _LISTED), col(Delivery.claim_token) == sa.bindparam("token"))
_BEGIN = Prepared(Move.BEGIN, *_OURS, handed_at=sa.bindparam("at"))
_INCLUDED = Prepared(
    Move.INCLUDE,
    col(Delivery.shop_id) + NOTHING == sa.bindparam("shop"),
    any_of(col(Delivery.digest_id), _LISTED),
    col(Delivery.digest_id).is_not(None),  # what the index says too; PostgreSQL cannot tell it of an array to come
    sent_at=sa.bindparam("at"),
)


@cache
def _sent(postgresql: bool) -> Prepared:  # noqa: FBT001
    known = sa.bindparam("receipts", type_=_json(postgresql=postgresql))
    per_row = _looked_up(known, _OF_SENT, postgresql=postgresql)
    return Prepared(Move.SEND, *_OURS, sent_at=sa.bindparam("at"), **per_row)
