"""Retention periods: how long some kinds of data are kept, by shop, and the periodic task that deletes them.

Each table says beside its model what it forgets. What was forgotten up to when is kept, so a sweep looks at the days
since the last one and at nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Field, Session, SQLModel, col, select

from retention import audit, clock
from retention.access import Member, Scope
from retention.database import BigId, Json, after_commit, insert, reading, transaction
from retention.errors import Choices, Invalid
from retention.failures import Thing, each_alone
from retention.files import FileStore, open_store
from retention.jobs import Job, JobState
from retention.privacy.personal import PersonKeys, mentions, personal
from retention.queue import engine_task
from retention.settings import get_settings
from retention.shops import Shop

MOST_DAYS = 3650
AT_ONCE = 5_000
"""Rows of one transaction, so that nobody waits long behind a sweep."""


class KeptKind(StrEnum):
    """What is forgotten after its time."""

    AGENTS = "agents"  # browsers and networks of scans
    UPLOADS = "uploads"  # order files sent in, and the rows that could not be used
    TEXTS = "texts"  # addresses and texts of messages, calls and bounces
    AUDIT = "audit"


DEFAULT_DAYS = {KeptKind.AGENTS: 90, KeptKind.UPLOADS: 30, KeptKind.TEXTS: 365, KeptKind.AUDIT: 1095}


class KeepTimes(SQLModel, table=True):
    """A shop's retention periods in days, and when each table was last cleaned. Missing kinds have the default."""

    __tablename__ = "keep_times"

    shop_id: int = Field(primary_key=True, foreign_key="shops.id", sa_type=BigId)
    days: dict[str, int] = Field(default_factory=dict, sa_type=Json)
    forgotten: dict[str, str] = Field(default_factory=dict, sa_type=Json)


@dataclass(frozen=True)
class Forgets:
    """What one table forgets: columns blanked, or without `blank` whole rows; the column `moment` dates a row.

    `file` is a column that names a stored file, or a list of them, which are removed.
    """

    kind: KeptKind
    rows: sa.Table
    moment: str
    blank: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""


_forgetting: list[Forgets] = []


def forgets(
    kind: KeptKind, table: type[SQLModel], *, moment: str, blank: Mapping[str, Any] | None = None, file: str = ""
) -> None:
    """Say that rows of a table are forgotten after the time of a kind: these columns, or the rows, with their files."""
    _forgetting.append(Forgets(kind, table.__table__, moment, blank or {}, file))  # type: ignore[attr-defined]


def forgetting() -> list[Forgets]:
    """Return all that is declared."""
    return list(_forgetting)


forgets(KeptKind.AUDIT, audit.AuditEntry, moment="at")


def _named(who: PersonKeys) -> "sa.ColumnElement[bool]":
    """Return whether an audit entry names a buyer: in its values, or as what it is about, by id or by address."""
    entry = audit.AuditEntry
    ids = {audit.of_buyer(who.external_id), f"buyer:{who.external_id}"[: audit.LONGEST_SUBJECT]}
    addresses = {cut(each) for each in who.addresses for cut in (audit.of_address, _address_of_before)}
    return sa.or_(
        mentions(col(entry.before), who),
        mentions(col(entry.after), who),
        col(entry.subject).in_(sorted({audit.of_buyer_row(who.id), *ids, *addresses})),
    )


def _address_of_before(address: str) -> str:
    """Return how entries of before named an address: cut off where it did not fit."""
    return f"address:{address}"[: audit.LONGEST_SUBJECT]


_about = col(audit.AuditEntry.subject)
_nobody = sa.case((_about.startswith("address:"), "address"), (_about.startswith("buyer:"), "buyer"), else_=_about)
personal(audit.AuditEntry, which=_named, blank={"before": None, "after": None, "subject": _nobody})


def times_of(session: Session, shop_id: int) -> dict[KeptKind, int]:
    """Return for how many days a shop keeps each kind."""
    kept = session.get(KeepTimes, shop_id)
    return {kind: (kept.days if kept else {}).get(kind.value, days) for kind, days in DEFAULT_DAYS.items()}


def set_times(session: Session, member: Member, days: Mapping[str, int], *, at: datetime) -> dict[KeptKind, int]:
    """Set for how many days kinds are kept, 1 to MOST_DAYS; a kind left out stays. Invalid for an unknown kind."""
    member.require(Scope.BUYERS_ERASE)
    for name, number in days.items():
        if name not in set(KeptKind):
            raise Invalid(
                "{kind} has no retention period. Known: {known}.", kind=repr(name), known=Choices(tuple(KeptKind))
            )
        if not 1 <= number <= MOST_DAYS:
            raise Invalid(
                "The retention period of {kind} is 1 to {most} days, not {days}.",
                kind=Choices((name,)),
                most=MOST_DAYS,
                days=number,
                field=name,
            )
    before = times_of(session, member.shop_id)
    kept = session.get(KeepTimes, member.shop_id) or KeepTimes(shop_id=member.shop_id)
    kept.days = {**kept.days, **days}
    session.add(kept)
    session.flush()
    after = times_of(session, member.shop_id)
    audit.record(
        session,
        member.shop_id,
        member.actor,
        action="privacy.times",
        subject="shop",
        before={kind.value: number for kind, number in before.items()},
        after={kind.value: number for kind, number in after.items()},
        at=at,
    )
    return after


@engine_task("privacy.forget", every=timedelta(hours=6))
def forget_all(engine: Engine) -> None:
    """Forget in every shop what has had its time; one shop that fails keeps no other from it."""
    files, now = open_store(get_settings()), clock.now()
    with reading(engine) as session:
        shops = [
            Thing(number, "shop", number, slug)
            for number, slug in session.exec(select(Shop.id, Shop.slug).order_by(col(Shop.id)))
        ]
    each_alone(engine, "forget", shops, lambda shop: forget(engine, shop.shop_id, files=files, now=now), now=now)


def forget(engine: Engine, shop_id: int, *, files: FileStore, now: datetime) -> int:
    """Forget what has had its time in one shop, some rows a transaction; return how many rows changed."""
    with reading(engine) as session:
        days = times_of(session, shop_id)
        kept = session.get(KeepTimes, shop_id)
        done = dict(kept.forgotten) if kept else {}
    forgotten = 0
    for each in forgetting():
        until = now - timedelta(days=days[each.kind])
        name = str(each.rows.name)
        since = datetime.fromisoformat(done[name]) if name in done else None
        while number := _forget_some(engine, shop_id, each, since, until, files):
            forgotten += number
        done[name] = until.isoformat()
    with transaction(engine) as session:
        forgotten += forget_uploads(session, shop_id, files, until=now - timedelta(days=days[KeptKind.UPLOADS]))
        noted = insert(session, KeepTimes).values(shop_id=shop_id, days={}, forgotten=done)
        session.execute(noted.on_conflict_do_update(index_elements=["shop_id"], set_={"forgotten": done}))
    return forgotten


def _forget_some(
    engine: Engine, shop_id: int, each: Forgets, since: datetime | None, until: datetime, files: FileStore
) -> int:
    moment, columns = each.rows.c[each.moment], each.rows.c
    due = [columns.shop_id == shop_id, moment < until]
    if since is not None:
        due.append(moment >= since)
    if each.blank:
        due.append(sa.or_(*(columns[name] != value for name, value in each.blank.items())))
    some = sa.select(columns.id).where(*due).order_by(columns.id).limit(AT_ONCE)
    with transaction(engine) as session:
        ids = list(session.execute(some).scalars())
        chosen = (columns.shop_id == shop_id, columns.id.in_(ids))
        if ids:
            if each.file:
                _forget_files_of(session, columns[each.file], chosen, files)
            change = sa.update(each.rows).values(**each.blank) if each.blank else sa.delete(each.rows)
            session.connection().execute(change.where(*chosen))
    return len(ids)


def _forget_files_of(
    session: Session, column: sa.Column[Any], chosen: Iterable["sa.ColumnElement[bool]"], files: FileStore
) -> None:
    kept = session.execute(sa.select(column).where(*chosen)).scalars()
    names = [name for each in kept for name in ([each] if isinstance(each, str) else each or []) if name]
    after_commit(session, lambda: forget_files(files, names))


def forget_uploads(session: Session, shop_id: int, files: FileStore, *, until: datetime | None = None) -> int:
    """Remove the files of imports that have ended, or ended before `until`; their reports stay. Return how many.

    Without `until` imports that end just now wait for this transaction, and then see whom it erased.
    """
    jobs = select(Job).where(Job.shop_id == shop_id)
    if until is None:
        under_way = jobs.where(col(Job.state).in_([JobState.WAITING, JobState.RUNNING]))
        session.exec(under_way.order_by(col(Job.id)).with_for_update()).all()
    ended = jobs.where(col(Job.state).in_([JobState.DONE, JobState.FAILED])).execution_options(populate_existing=True)
    if until is not None:
        ended = ended.where(col(Job.finished_at) < until)
    return sum(forget_upload(session, job, files) for job in session.exec(ended))


_NOBODY_IN_IT: dict[str, Any] = {"cells": {}, "first_rows": [], "rejects": [], "questions": [], "notes": []}
"""What is left of the cells that were shown of a file."""


def forget_upload(session: Session, job: Job, files: FileStore) -> bool:
    """Remove the file of an import with the rows that could not be used; False where it is gone already."""
    upload = str(job.input.get("upload") or "")
    if not upload:
        return False
    job.input = {**job.input, "upload": ""}
    if understood := (job.result or {}).get("understanding"):
        job.result = {**(job.result or {}), "understanding": {**understood, **_NOBODY_IN_IT}}
    session.add(job)
    after_commit(session, lambda: forget_files(files, [upload.rpartition("/")[0]]))
    return True


def forget_files(files: FileStore, names: Iterable[str]) -> None:
    """Remove stored files and folders of them, by SHA-256 or by names of their own."""
    for name in names:
        files.forget(name)
