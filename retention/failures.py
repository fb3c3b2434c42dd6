"""Failures: errors of single campaigns, senders or shops are stored, so that periodic tasks continue with the others.

Every loop of a sweep over shops, campaigns, senders, hooks, segments or batches goes through `each_alone`. A failure
waits longer after each try and is given up after the last; what comes again every day is then tried once a day. The
row says what happened, for the page of the thing it happened to; `try_again` removes it. When not even that can be
written, the database is away: then it is nobody's failure, and the sweep ends as a whole.
"""

import time
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy import Engine, UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention import audit
from retention.access import Member, Scope
from retention.database import BigId, ShopRow, insert, reading, storable, transaction
from retention.error_text import public_message
from retention.errors import NotFound
from retention.i18n import gettext_noop as n_
from retention.i18n import speaking
from retention.paging import Page, Wanted, page_of, where_between, where_equal
from retention.privacy.personal import personal, quotes
from retention.shops import Shop

log = structlog.get_logger()

WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""After each try; after one more it is given up."""

MOST_TRIES = len(WAITS) + 1
DAILY = timedelta(days=1)

LONGEST = timedelta(minutes=5)
"""How long one loop goes on at most."""

WORKS = {
    "launch": n_("Scheduled launch"),
    "events": n_("Launch on events"),
    "sold": n_("Stop at the sales goal"),
    "sender": n_("Reading settings and secrets"),
    "mail": n_("Sending email through the installation's mail server"),
    "messages": n_("Sending messages"),
    "posts": n_("Sending posts to chat groups"),
    "hook": n_("Creating webhook calls"),
    "calls": n_("Sending webhook calls"),
    "figure": n_("Calculating figures"),
    "refresh": n_("Refreshing segments"),
    "forecast": n_("Predicting repeat orders"),
    "orders": n_("Matching orders with coupons"),
    "import": n_("Importing a file"),
    "batch": n_("Rendering a batch"),
    "respell": n_("Normalising phone numbers of another country"),
    "forget": n_("Deleting expired data"),
}
"""What was being done, by the word rows keep."""


class Failure(ShopRow, table=True):
    """A failure of one item, with its consecutive attempts. `next_at` is empty when it was given up."""

    __tablename__ = "failures"
    __table_args__ = (UniqueConstraint("shop_id", "work", "kind", "thing_id"),)

    work: str = Field(max_length=24)
    kind: str = Field(max_length=24)
    thing_id: int = Field(sa_type=BigId)
    name: str = Field(max_length=64)
    tries: int = 0
    why: str = Field(max_length=500)
    since: datetime
    tried_at: datetime
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Thing:
    """One of those a sweep looks at: its shop, what it is, its row's number, and its slug for the page about it.

    One that does not come every day is given up for good, until a person has it tried again or changes it.
    """

    shop_id: int
    kind: str
    id: int
    name: str = ""
    daily: bool = True


def each_alone(
    engine: Engine,
    work: str,
    things: Iterable[Thing],
    do: Callable[[Thing], object],
    *,
    now: datetime,
) -> None:
    """Do something for each of the things that do not rest; whatever it raises becomes the failure of that one.

    `do` makes its own transactions. After `LONGEST` the others wait for the next sweep.
    """
    todo = list(things)
    known = _known(engine, work, {thing.shop_id for thing in todo}) if todo else {}
    until = time.monotonic() + LONGEST.total_seconds()
    for thing in todo:
        if time.monotonic() > until:
            log.warning("a sweep ends before it is through, the next one goes on", work=work)
            return
        failure = known.get((thing.kind, thing.id))
        if failure and rests(failure, now):
            continue
        try:
            do(thing)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            try:
                note_failure(engine, work, thing, error, now=now)
            except Exception:  # noqa: BLE001 - whatever it is, it is not the failure of this one
                raise error from None
        else:
            if failure:
                with transaction(engine) as session:
                    forget_failure(session, thing.shop_id, thing.kind, thing.id, work=work)


def alone(engine: Engine, do: Callable[[Session, Thing], object]) -> Callable[[Thing], object]:
    """Return what does something for a thing in a transaction of its own."""

    def run(thing: Thing) -> object:
        with transaction(engine) as session:
            return do(session, thing)

    return run


def note_failure(engine: Engine, work: str, thing: Thing, error: Exception, *, now: datetime) -> None:
    """Write down that something went wrong with a thing, and when it is tried again."""
    log.warning("one thing failed, the others go on", work=work, kind=thing.kind, id=thing.id, shop=thing.shop_id,
                error=type(error).__name__, where=_where(error))  # fmt: skip
    with transaction(engine) as session:
        write_failure(session, work, thing, error, now=now)


def write_failure(session: Session, work: str, thing: Thing, error: Exception, *, now: datetime) -> Failure:
    """Count one more try of a thing in vain, in the shop's language."""
    with speaking(session.get_one(Shop, thing.shop_id).language):
        why = storable(public_message(error), 500)
    same = (*_of(thing.shop_id, thing.kind, thing.id), col(Failure.work) == work)
    first = {"shop_id": thing.shop_id, "work": work, "kind": thing.kind, "thing_id": thing.id, "name": thing.name,
             "why": "", "tries": 0, "since": now, "tried_at": now}  # fmt: skip
    session.execute(insert(session, Failure).values(first).on_conflict_do_nothing())
    failure = session.exec(select(Failure).where(*same).with_for_update()).one()
    failure.tries, failure.why, failure.tried_at, failure.name = failure.tries + 1, why, now, thing.name
    last = now + DAILY if thing.daily else None
    failure.next_at = now + WAITS[failure.tries - 1] if failure.tries < MOST_TRIES else last
    session.add(failure)
    session.flush()
    return failure


def forget_failure(session: Session, shop_id: int, kind: str, thing_id: int, *, work: str = "") -> None:
    """Say that a thing is well again, or has been changed: it is tried at once."""
    same = sa.delete(Failure).where(*_of(shop_id, kind, thing_id))
    session.execute(same.where(col(Failure.work) == work) if work else same)


def page_of_failures(
    session: Session,
    shop_id: int,
    wanted: Wanted,
    *,
    work: str = "",
    kind: str = "",
    name: str = "",
    given_up: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[Failure]:
    """Return a page of what is in failure in a shop, the newest first; the moments are when it began."""
    found = select(Failure).where(Failure.shop_id == shop_id)
    found = where_equal(found, {col(Failure.work): work, col(Failure.kind): kind, col(Failure.name): name})
    if given_up is not None:
        found = found.where(col(Failure.tries) >= MOST_TRIES if given_up else col(Failure.tries) < MOST_TRIES)
    found = where_between(found, col(Failure.since), since, until)
    return page_of(session, found, wanted, col(Failure.id), latest_first=True)


def failures_of(session: Session, shop_id: int, *, kind: str = "", thing_id: int | None = None) -> list[Failure]:
    """Return what is in failure in a shop, the latest first: everything, one kind, or one thing."""
    found = select(Failure).where(Failure.shop_id == shop_id).order_by(col(Failure.tried_at).desc(), col(Failure.id))
    if kind:
        found = found.where(Failure.kind == kind)
    return list(session.exec(found if thing_id is None else found.where(Failure.thing_id == thing_id)))


def try_again(session: Session, member: Member, number: int, *, at: datetime) -> Failure:
    """Have something that rests or was given up tried at once; NotFound for another shop's."""
    member.require(Scope.CAMPAIGNS_WRITE)
    failure = session.get(Failure, number)
    if failure is None or failure.shop_id != member.shop_id:
        raise NotFound("No failure has the number {number}.", number=number)
    subject = f"{failure.kind}:{failure.name or failure.thing_id}"
    audit.record(session, member.shop_id, member.actor, action="failure.retry", subject=subject, at=at)
    session.delete(failure)
    session.flush()
    return failure


def is_given_up(failure: Failure) -> bool:
    """Tell whether it has had all its tries; what comes every day is then tried once a day."""
    return failure.tries >= MOST_TRIES


def rests(failure: Failure, now: datetime) -> bool:
    """Tell whether something is not to be tried just now. A moment too far ahead is that of a clock put right since."""
    if failure.next_at is None:
        return True
    longest = WAITS[failure.tries - 1] if failure.tries < MOST_TRIES else DAILY
    return now < failure.next_at <= now + longest


def _known(engine: Engine, work: str, shops: Collection[int]) -> dict[tuple[str, int], Failure]:
    found = select(Failure).where(Failure.work == work)
    if len(shops) == 1:
        found = found.where(col(Failure.shop_id).in_(shops))
    with reading(engine) as session:
        return {(row.kind, row.thing_id): row for row in session.exec(found)}


def _of(shop_id: int, kind: str, thing_id: int) -> Sequence[sa.ColumnElement[bool]]:
    return (col(Failure.shop_id) == shop_id, col(Failure.kind) == kind, col(Failure.thing_id) == thing_id)


def _where(error: Exception) -> str:
    """Return the last line of ours that was at work, without any value."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return f"{Path(last.filename).name}:{last.lineno}" if last else ""


personal(Failure, which=lambda who: quotes(col(Failure.why), who), blank={"why": "…"})
