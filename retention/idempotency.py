"""Idempotency of requests: the first response is kept for a day and repeated.

The row is written in the transaction of the work itself. So either both stand or neither, and a second request that
comes while the first still runs waits for it at the unique key.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, UniqueConstraint, delete
from sqlmodel import Field, Session, col, select

from retention import clock
from retention.access import Member
from retention.database import Json, ShopRow, insert
from retention.errors import Conflict, Invalid
from retention.privacy.personal import mentions, personal
from retention.queue import task

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 200


class GivenAnswer(ShopRow, table=True):
    """The stored response to a request with an idempotency key. `request` is the digest of the request."""

    __tablename__ = "given_answers"
    __table_args__ = (UniqueConstraint("shop_id", "actor", "key"),)

    actor: str = Field(max_length=64)
    key: str = Field(max_length=LONGEST_KEY)
    request: str = Field(max_length=64)
    answer: dict[str, Any] | None = Field(default=None, sa_type=Json)
    created_at: datetime = Field(index=True)


@dataclass(frozen=True)
class StoredResponse:
    """An answer as JSON values; `again` when it was worked out by an earlier request."""

    value: dict[str, Any]
    again: bool


def answer_once(
    session: Session, member: Member, key: str, *, request: bytes, at: datetime, work: Callable[[], dict[str, Any]]
) -> StoredResponse:
    """Return what `work` returns, working only for the first request of this member under `key`.

    `request` is everything that was asked, as bytes. Conflict when the key came with another request before; a refusal
    is not kept, so the request may be mended and sent again.
    """
    given, is_first = _take(session, member, key, request=request, at=at)
    if is_first:
        value = given.answer = work()
        return StoredResponse(value, again=False)
    return StoredResponse(_kept(given), again=True)


def begin_once(session: Session, member: Member, key: str, *, request: bytes, at: datetime) -> StoredResponse | None:
    """Take `key` for work that no transaction spans, such as a mail; return what the first request was answered.

    None for the first request: commit, do the work, then `keep_answer`, or `free_key` when it was refused. Conflict
    while the first request is at work, and for a day when its process died over it.
    """
    given, is_first = _take(session, member, key, request=request, at=at)
    return None if is_first else StoredResponse(_kept(given), again=True)


def keep_answer(session: Session, member: Member, key: str, value: dict[str, Any]) -> None:
    """Keep what a request that was begun is answered."""
    session.exec(select(GivenAnswer).where(*_under(member, key))).one().answer = value


def free_key(session: Session, member: Member, key: str) -> None:
    """Forget a request that was begun and refused, so that it may be sent again."""
    session.connection().execute(delete(GivenAnswer).where(*_under(member, key)))


def _take(session: Session, member: Member, key: str, *, request: bytes, at: datetime) -> tuple[GivenAnswer, bool]:
    """Return the row of a key, and whether it is new."""
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise Invalid("An idempotency key has 1 to {length} printable characters.", length=LONGEST_KEY)
    digest = hashlib.sha256(request).hexdigest()
    mine = _under(member, key)
    session.connection().execute(delete(GivenAnswer).where(*mine, col(GivenAnswer.created_at) <= at - KEPT_FOR))
    row = {"shop_id": member.shop_id, "actor": member.actor, "key": key, "request": digest, "created_at": at}
    taking = insert(session, GivenAnswer).values(row).on_conflict_do_nothing().returning(col(GivenAnswer.id))
    is_first = session.connection().execute(taking).first() is not None
    given = session.exec(select(GivenAnswer).where(*mine)).one()
    if given.request != digest:
        raise Conflict("The idempotency key {key} was used for another request. Use a new one.", key=key)
    return given, is_first


def _under(member: Member, key: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(GivenAnswer.shop_id) == member.shop_id,
        col(GivenAnswer.actor) == member.actor,
        col(GivenAnswer.key) == key,
    )


def _kept(given: GivenAnswer) -> dict[str, Any]:
    if given.answer is None:
        raise Conflict(
            "The first request with the idempotency key {key} is still in progress, or its response was not "
            "stored. Check its result before sending it again with a new key.",
            key=given.key,
        )
    return given.answer


def forget_answers(session: Session, at: datetime) -> int:
    """Delete the answers that need not be given again; return how many."""
    result = session.connection().execute(delete(GivenAnswer).where(col(GivenAnswer.created_at) <= at - KEPT_FOR))
    return result.rowcount


@task("retention.forget_answers", every=timedelta(hours=1))
def _forget_answers(session: Session) -> None:
    forget_answers(session, clock.now())


personal(GivenAnswer, which=lambda who: mentions(col(GivenAnswer.answer), who), blank={"answer": None})
