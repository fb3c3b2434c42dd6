"""The moves of a delivery: from which states, to which, what they set and clear, and which touch they write or remove.

Every write to a delivery is a line of this table. A move is one conditional UPDATE of as many rows as a `where` finds;
rows in any other state stay as they are, so whoever comes second moves nothing. Nobody else writes deliveries or their
`sent` touches; tests/campaigns/test_writers.py reads the source and says so. One exception: the erasure of a buyer and
the retention periods empty the words of a delivery (`address`, `detail`, `message_id`, as declared beside the model);
they leave its row, its state, reason, claim and times.

Three rules hold for all of them. A row that leaves `claimed` loses its claim. A row whose reason is `no_record` may
have arrived: a move that `keeps_doubt` leaves it unknown, where it would end any other. Rows that come to an end, or
back from one, raise the data version of their shop, so that no kept figure passes for the one of now.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.campaigns import DeliveryState as State
from campaigns.campaign.reasons import Reason
from campaigns.deliveries.row_ids import with_ids
from campaigns.deliveries.touches import remove_sent_touches, write_sent_touches
from retention.database import choice
from retention.versions import Family, raise_version

_Where = sa.ColumnElement[bool]
_ROWS: sa.Table = Delivery.__table__  # type: ignore[attr-defined]


class Move(StrEnum):
    """What happens to a delivery."""

    CLAIM = "claim"
    CLAIM_POST = "claim_post"
    BEGIN = "begin"
    RELEASE = "release"
    DEFER = "defer"
    EXPIRE = "expire"
    RETRY = "retry"
    RETRY_DOUBTED = "retry_doubted"
    SEND = "send"
    SEND_LATE = "send_late"
    INCLUDE = "include"
    POST_BY_BOT = "post_by_bot"
    POST_BY_HAND = "post_by_hand"
    UNSEND = "unsend"
    SKIP = "skip"
    SKIP_IN_POST = "skip_in_post"
    UNSKIP = "unskip"
    FAIL = "fail"
    REFUSE = "refuse"
    FAIL_TEXT = "fail_text"
    LOSE = "lose"
    LOSE_WITH_HOST = "lose_with_host"
    RESEND = "resend"
    RESCHEDULE = "reschedule"
    ASSIGN_POST = "assign_post"
    JOIN_DIGEST = "join_digest"
    LEAVE_DIGEST = "leave_digest"


class SentTouch(StrEnum):
    """What a move does to the touch that being sent leaves with the buyer."""

    WRITTEN = "written"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of the table.

    `sets` are columns with what they become, `asks` the columns that whoever moves must give, `takes` those they may.
    `unbegun` takes a claimed row only while its hand-over has not begun, `doubted` only rows that may have arrived.
    """

    sources: frozenset[State]
    target: State
    sets: Mapping[str, Any] = field(default_factory=dict)
    asks: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    unbegun: bool = False
    doubted: bool = False
    keeps_doubt: bool = False
    touch: SentTouch | None = None


def _transition(sources: str, target: str, sets: Mapping[str, Any] | None = None, **more: Any) -> Transition:
    more |= {name: frozenset(more.get(name, "").split()) for name in ("asks", "takes")}
    return Transition(sources=frozenset(map(State, sources.split())), target=State(target), sets=sets or {}, **more)


_LESS, _MORE = {"attempts": _ROWS.c.attempts - 1}, {"attempts": _ROWS.c.attempts + 1}
_NOT_BEGUN = {"handed_at": None}
_NOTHING_SAID = {"reason": "", "detail": ""}
_DOUBT = {"reason": Reason.NO_RECORD.value}
_SENT = {"touch": SentTouch.WRITTEN, "asks": "sent_at"}
_DOUBT_STAYS = {"reason": sa.case((_ROWS.c.state == State.UNKNOWN, _ROWS.c.reason), else_="")}

MOVES: dict[Move, Transition] = {
    # A sender takes deliveries in hand, writes down that it begins, or lets go; that alone is no try.
    Move.CLAIM: _transition("waiting", "claimed", _MORE | _NOT_BEGUN, asks="claim_token claim_expires_at"),
    Move.CLAIM_POST: _transition("waiting", "claimed", asks="claim_token claim_expires_at handed_at"),
    Move.BEGIN: _transition("claimed", "claimed", asks="handed_at"),
    Move.RELEASE: _transition("claimed", "waiting", _LESS, takes="due_at detail", unbegun=True),
    Move.DEFER: _transition("claimed", "waiting", _LESS | _NOT_BEGUN, asks="due_at", takes="detail"),
    # It died, or was told to come again: that was a try. In doubt, where the other side takes one key only once.
    Move.EXPIRE: _transition("claimed", "waiting", unbegun=True),
    Move.RETRY: _transition("claimed", "waiting", _NOT_BEGUN, takes="due_at detail"),
    Move.RETRY_DOUBTED: _transition("claimed", "waiting", _NOT_BEGUN | _DOUBT, takes="due_at detail"),
    # It has left: by itself, by a sender that is heard late, in a parcel or another's mail, in a group's post.
    Move.SEND: _transition("claimed", "sent", _NOTHING_SAID, takes="message_id address", **_SENT),
    Move.SEND_LATE: _transition(
        "waiting unknown", "sent", _NOTHING_SAID, takes="message_id address", doubted=True, **_SENT
    ),
    Move.INCLUDE: _transition("waiting", "sent", _NOTHING_SAID, **_SENT),
    Move.POST_BY_BOT: _transition("claimed unknown", "sent", _NOTHING_SAID, **_SENT),
    Move.POST_BY_HAND: _transition("waiting skipped", "sent", _NOTHING_SAID, **_SENT),
    Move.UNSEND: _transition("sent", "waiting", {"sent_at": None} | _NOT_BEGUN, touch=SentTouch.REMOVED),
    # It does not leave. What may have been said at an earlier try stays in doubt, in a post as in a message.
    Move.SKIP: _transition("waiting claimed", "skipped", asks="reason", unbegun=True, keeps_doubt=True),
    Move.SKIP_IN_POST: _transition("waiting", "skipped", asks="reason", takes="detail post_id", keeps_doubt=True),
    Move.UNSKIP: _transition("skipped", "waiting", _NOTHING_SAID),
    Move.FAIL: _transition("claimed", "failed", asks="reason due_at", takes="detail", keeps_doubt=True),
    Move.REFUSE: _transition("claimed", "failed", asks="reason due_at", takes="detail"),
    Move.FAIL_TEXT: _transition("waiting", "failed", asks="reason due_at", takes="detail", keeps_doubt=True),
    # Nobody can know whether it left; a person may have it tried again.
    Move.LOSE: _transition("claimed", "unknown", _DOUBT, takes="due_at detail"),
    Move.LOSE_WITH_HOST: _transition("waiting", "unknown", _DOUBT),
    Move.RESEND: _transition("failed unknown", "waiting", {"attempts": 0} | _NOT_BEGUN | _DOUBT_STAYS, asks="due_at"),
    # It waits, for another moment or in another's company.
    Move.RESCHEDULE: _transition("waiting", "waiting", asks="due_at", takes="attempts"),
    Move.ASSIGN_POST: _transition("waiting", "waiting", asks="post_id"),
    Move.JOIN_DIGEST: _transition("waiting", "waiting", asks="digest_id"),
    Move.LEAVE_DIGEST: _transition("waiting", "waiting", {"digest_id": None}),
}

BEGINNINGS = frozenset({State.WAITING, State.CONTROL})
"""The states a delivery may be made in."""


def create(
    session: Session, state: State, source: sa.FromClause, *, order_by: Any, **columns: sa.ColumnElement[Any]
) -> None:
    """Make a delivery of each row of `source` by one INSERT ... SELECT. `columns` are expressions over it."""
    if state not in BEGINNINGS:
        raise ValueError(state)
    blank = {"reason": "", "detail": "", "address": "", "attempts": 0, "message_id": ""}
    values: dict[str, Any] = {name: sa.literal(value) for name, value in blank.items()}
    values |= {"state": sa.literal(state, choice(State)), **columns}
    chosen = sa.select(*values.values()).select_from(source).order_by(order_by)
    session.execute(sa.insert(_ROWS).from_select(list(values), chosen, include_defaults=False))


def move(session: Session, which: Move, *where: _Where, **values: Any) -> list[int]:
    """Move the deliveries that meet these conditions, with their touches; return the numbers of those that moved.

    `values` are the columns that the table asks for and takes; the rows of others, and other states, stay as they are.
    """
    session.flush()
    if MOVES[which].touch is SentTouch.REMOVED:
        where = (_without_touches(session, which, where),)
    moving = statement(which, *where, **values).returning(_ROWS.c.shop_id, _ROWS.c.id)
    moved = _by_shop(session.connection().execute(moving).all())
    if MOVES[which].touch is SentTouch.WRITTEN:
        for shop_id, ids in moved.items():
            write_sent_touches(session, shop_id, ids)
    _raise_versions(session, which, moved)
    found = [delivery_id for ids in moved.values() for delivery_id in ids]
    _forget(session, found)
    return found


def move_all(session: Session, which: Move, *where: _Where, **values: Any) -> int:
    """Move deliveries likewise, without keeping their numbers, since they may be a whole campaign's; return how many.

    For moves that touch nobody.
    """
    if MOVES[which].touch:
        raise ValueError(which)
    session.flush()
    moving = statement(which, *where, **values).returning(_ROWS.c.shop_id)
    moved = Counter(session.connection().execute(moving).scalars())
    _raise_versions(session, which, moved)
    _forget(session, None)
    return moved.total()


class Prepared:
    """A move made once, for a path as hot as the hand-over: building the statement would cost more than running it.

    Its conditions and values are bound parameters; it moves what has been written, past the session's own objects.
    """

    def __init__(self, which: Move, *where: _Where, **values: Any) -> None:
        if MOVES[which].touch is SentTouch.REMOVED:
            raise ValueError(which)
        self._which = which
        self._statement = statement(which, *where, **values).returning(_ROWS.c.id)

    def run(self, session: Session, shop_id: int, **parameters: Any) -> list[int]:
        """Move the deliveries of one shop; return the numbers of those that moved."""
        moved = list(session.connection().execute(self._statement, {"shop": shop_id, **parameters}).scalars())
        if MOVES[self._which].touch is SentTouch.WRITTEN:
            write_sent_touches(session, shop_id, moved)
        _raise_versions(session, self._which, [shop_id] if moved else [])
        return moved


def statement(which: Move, *where: _Where, **values: Any) -> sa.Update:
    """Return a move as its UPDATE; TypeError for columns other than the table asks for and takes."""
    step = MOVES[which]
    if not step.asks <= values.keys() <= step.asks | step.takes:
        raise TypeError(f"{which} asks for {sorted(step.asks)}, takes {sorted(step.takes)} and got {sorted(values)}.")
    changes = {**step.sets, **values}
    if isinstance(why := changes.get("reason"), Reason):
        changes["reason"] = why.value
    if step.sources != {step.target}:
        changes["state"] = step.target
    if State.CLAIMED in step.sources - {step.target}:
        changes |= {"claim_token": None, "claim_expires_at": None}
    if step.keeps_doubt:
        changes |= _unless_doubted(step.target, changes["reason"])
    return sa.update(_ROWS).where(*where, *_from(step)).values(**changes)


_DOUBTED: _Where = col(Delivery.reason) == Reason.NO_RECORD.value


def _from(step: Transition) -> list[_Where]:
    """Return the conditions that a delivery is where the step begins."""
    inside = [_is_in(state, step) for state in State if state in step.sources]
    if step.unbegun or len(inside) == 1:
        conditions = [sa.or_(*inside)]
    else:
        conditions = [_ROWS.c.state.in_([state for state in State if state in step.sources])]
    return [*conditions, _DOUBTED] if step.doubted else conditions


def _is_in(state: State, step: Transition) -> _Where:
    here: _Where = _ROWS.c.state == state
    return sa.and_(here, _ROWS.c.handed_at.is_(None)) if step.unbegun and state is State.CLAIMED else here


def _unless_doubted(target: State, reason: str) -> dict[str, Any]:
    unknown, known = sa.literal(State.UNKNOWN, choice(State)), sa.literal(target, choice(State))
    return {
        "state": sa.case((_DOUBTED, unknown), else_=known),
        "reason": sa.case((_DOUBTED, sa.literal(Reason.NO_RECORD.value)), else_=sa.literal(reason)),
    }


def _without_touches(session: Session, which: Move, where: tuple[_Where, ...]) -> _Where:
    """Hold the rows a move will find, remove their touches, and return the condition that finds them again."""
    found = sa.select(_ROWS.c.shop_id, _ROWS.c.id).where(*where, *_from(MOVES[which])).with_for_update()
    held = _by_shop(session.connection().execute(found).all())
    for shop_id, ids in held.items():
        remove_sent_touches(session, shop_id, ids)
    return sa.or_(sa.false(), *(with_ids(shop_id, ids) for shop_id, ids in held.items()))


def _raise_versions(session: Session, which: Move, shop_ids: Iterable[int]) -> None:
    """Say that what was counted of these shops has moved; deliveries that are still on their way count as they did."""
    step = MOVES[which]
    if not step.sources | {step.target} <= {State.WAITING, State.CLAIMED}:
        for shop_id in sorted(shop_ids):
            raise_version(session, shop_id, Family.TOUCHES)


def _by_shop(rows: Collection[Any]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for shop_id, delivery_id in rows:
        found[shop_id].append(delivery_id)
    return found


def _forget(session: Session, ids: Collection[int] | None) -> None:
    """Have rows that were moved read again by whoever holds them as objects; None for every delivery."""
    moved = None if ids is None else set(ids)
    for (kind, number, *_), row in list(zip(session.identity_map.keys(), session.identity_map.values(), strict=True)):
        if kind is Delivery and (moved is None or number[0] in moved):
            session.expire(row)
