"""An import taken back: what it added goes, what it changed is as before, as long as nothing was built on it.

A no stays a no (docs/decisions/0009-no-means-no.md): opt-outs that the file told stay in force, also for the
addresses of buyers who go. A buyer whom something else names by now stays.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col

from retention import audit
from retention.access import Member, Scope
from retention.aggregates import refresh_aggregates
from retention.bitmaps import ids_in, read_bitmap
from retention.built_on import BroughtRows, built_on
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent
from retention.database import after_commit, lock
from retention.errors import Conflict, Error, NotFound
from retention.files import FileStore
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.ingest.journals.journal import KEYS, KeptNotes, kinds_of, stored
from retention.ingest.journals.landed import KIND, ImportStep, LandedImport, landed_import, later_buyers
from retention.jobs import Job, JobState
from retention.staging import create_staging, delete_matching, drop_staging, run, settle, stage, take_turn
from retention.versions import Family, raise_version

UNDONE = gettext_noop("Import {number} has already been undone.")
NOT_ENDED = gettext_noop("Import {number} has not ended, so there is nothing to undo.")
FAILED = gettext_noop("Import {number} failed and changed nothing, so there is nothing to undo.")
NOTHING = gettext_noop("Import {number} changed nothing, so there is nothing to undo.")
NOT_NOTED = gettext_noop("Import {number} was made before imports could be undone.")
GONE = gettext_noop(
    "Import {number} can no longer be undone: its notes were removed, because a buyer was erased or because they have "
    "been kept for the retention period of uploads."
)
BUILT = gettext_noop("Import {number} can no longer be undone: since then its buyers or orders have got {built}.")
CHANGED = gettext_noop("Import {number} can no longer be undone: rows it wrote have changed since ({changed}).")
REFERRED = gettext_noop("Import {number} can no longer be undone: something else refers to its rows.")
REMOVED = gettext_noop("Removed: {rows}.")
RESTORED = gettext_noop("As before: {rows}.")

_NAMES = {
    "orders": gettext_noop("orders"),
    "order_lines": gettext_noop("order lines"),
    "parcels": gettext_noop("parcels"),
    "consents": gettext_noop("consent"),
    "suppressions": gettext_noop("opted-out addresses"),
    "former_addresses": gettext_noop("former addresses"),
    "group_members": gettext_noop("group members"),
    "follows": gettext_noop("followers"),
    "groups": gettext_noop("groups"),
    "products": gettext_noop("products"),
    "buyers": gettext_noop("buyers"),
}
_CONSENT = gettext_noop("new answers about consent")


@dataclass(frozen=True)
class UndoneImport:
    """What was taken back: how many rows of each table went, and how many are as before again.

    `kept_buyers` are buyers the import had added and something else names by now; `kept_optouts` opt-outs of the file.
    """

    number: int
    removed: dict[str, int] = field(default_factory=dict)
    restored: dict[str, int] = field(default_factory=dict)
    kept_buyers: int = 0
    kept_optouts: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def undone_words(undone: Mapping[str, Any]) -> list[str]:
    """Return what was taken back as sentences; `undone` is an `UndoneImport` as JSON, or nothing."""
    sentences = []
    for what, sentence in (("removed", REMOVED), ("restored", RESTORED)):
        counts = (f"{_(_NAMES[table])} ({count:,})" for table, count in (undone.get(what) or {}).items())
        if named := _(", ").join(counts):
            sentences.append(_(sentence).format(rows=named))
    return sentences


def why_not(session: Session, member: Member, number: int) -> Error | None:
    """Return why an import cannot be taken back, or None. Whether its rows changed since is seen when it is tried.

    NotFound when the shop has no such import.
    """
    job = session.get(Job, number)
    if job is None or job.shop_id != member.shop_id or job.kind != KIND:
        raise NotFound("No import has the number {number}.", number=number)
    step = job.input.get("step")
    if step != ImportStep.UNDO and (job.state is not JobState.DONE or step == ImportStep.UNDERSTAND):
        return Conflict(FAILED if job.state is JobState.FAILED else NOT_ENDED, number=number)
    landed = landed_import(session, member, number)
    if landed is None:
        return Conflict(NOT_NOTED, number=number)
    if landed.undone_at:
        return Conflict(UNDONE, number=number)
    if not landed.changed:
        return Conflict(NOTHING, number=number)
    if not landed.stored:
        return Conflict(GONE, number=number)
    return _built(session, landed, BitMap(), BitMap())


def undo_import(
    session: Session,
    member: Member,
    number: int,
    *,
    files: FileStore,
    at: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> UndoneImport:
    """Take an import back, in the caller's transaction. Conflict says why it cannot be, and nothing is changed then."""
    member.require(Scope.IMPORTS_WRITE)
    take_turn(session, member.shop_id)
    if refusal := why_not(session, member, number):
        raise refusal
    landed = landed_import(session, member, number)
    if landed is None:
        raise NotFound("No import has the number {number}.", number=number)
    lock(session, landed)
    if landed.undone_at:
        raise Conflict(UNDONE, number=number)
    with files.opened(landed.stored) as path:
        notes = KeptNotes(path)
        advance = _Advance(notes, progress)
        _check_rows(session, landed, notes, advance)
        if refusal := _built(session, landed, notes.keys("orders", "added"), notes.keys("parcels", "added")):
            raise refusal
        try:
            undone = _undo(session, landed, notes, advance)
        except IntegrityError as error:
            raise Conflict(REFERRED, number=number) from error
    _close(session, member, landed, files, undone, at)
    return undone


def _built(session: Session, landed: LandedImport, orders: BitMap, parcels: BitMap) -> Conflict | None:
    """Return the refusal that names what was built on an import."""
    new, buyers = BitMap.deserialize(landed.new_buyers), BitMap.deserialize(landed.buyers)
    brought = BroughtRows(landed.shop_id, landed.made_at, buyers, new, orders, parcels)
    found = [f"{_(what)} ({number})" for what, number in built_on(session, brought)]
    answers = sa.select(sa.func.count()).select_from(Consent).where(
        col(Consent.shop_id) == landed.shop_id,
        col(Consent.id) > landed.last_consent,
        col(Consent.buyer_id).in_(ids_in(session, buyers if landed.kind == "buyers" else new)),
    )  # fmt: skip
    if count := session.execute(answers).scalar_one():
        found.append(f"{_(_CONSENT)} ({count})")
    return Conflict(BUILT, number=landed.number, built=", ".join(found)) if found else None


class _Advance:
    """How far it is, in bytes of the notes, each of which is looked at once and then taken back."""

    def __init__(self, notes: KeptNotes, progress: Callable[[int, int], None] | None) -> None:
        self._notes, self._progress = notes, progress
        self._done, self._total = 0, 2 * sum(notes.size_of(table) for table in KEYS)

    def move(self) -> None:
        """Say that it goes on."""
        if self._progress:
            self._progress(self._done, self._total)

    def over(self, table: str) -> None:
        """Say that the rows of a table are looked at, or taken back."""
        self._done += self._notes.size_of(table)
        self.move()


def _check_rows(session: Session, landed: LandedImport, notes: KeptNotes, advance: _Advance) -> None:
    """Refuse when a row is not what the import made of it."""
    changed = {table: count for table in KEYS if (count := _count_changed(session, landed, notes, table, advance))}
    if changed:
        words = ", ".join(f"{_(_NAMES[table])} ({count})" for table, count in changed.items())
        raise Conflict(CHANGED, number=landed.number, changed=words)


def _count_changed(session: Session, landed: LandedImport, notes: KeptNotes, table: str, advance: _Advance) -> int:
    """Return how many rows differ from what was noted of them; of new buyers nothing was."""
    whats = ("after",) if table == "buyers" else ("added", "after")
    count = 0
    for rows in (rows for what in whats for rows in notes.rows(table, what)):
        count += len(_differing(session, landed.shop_id, table, rows))
        advance.move()
    advance.over(table)
    return count


def _differing(session: Session, shop_id: int, table: str, noted: pl.DataFrame) -> BitMap:
    key, kinds = KEYS[table], kinds_of(table)
    columns = [name for name in noted.columns if name in kinds]
    now = pl.concat(list(stored(session, shop_id, table, BitMap(noted[key].to_list()), columns=columns)))
    then = noted.select(columns).cast(now.schema)
    other = (
        then.join(now, on=columns, how="anti", nulls_equal=True),
        now.join(then, on=columns, how="anti", nulls_equal=True),
    )
    return BitMap([*other[0][key].to_list(), *other[1][key].to_list()])


def _undo(session: Session, landed: LandedImport, notes: KeptNotes, advance: _Advance) -> UndoneImport:
    shop_id, removed, restored = landed.shop_id, {}, {}
    kept_optouts = _optouts(notes)
    for table in KEYS:
        if table == "buyers":
            continue
        gone = notes.keys(table, "added") - (kept_optouts if table == "consents" else BitMap())
        if table == "order_lines":
            gone |= notes.keys(table, "after")
        removed[table] = _delete(session, shop_id, table, gone, advance)
        restored[table] = _restore(session, shop_id, table, notes)
        advance.over(table)
    restored["buyers"] = _restore(session, shop_id, "buyers", notes)
    new = BitMap.deserialize(landed.new_buyers)
    going = new - later_buyers(session, landed) - _named(session, shop_id, new)
    _delete_of_buyers(session, shop_id, going)
    removed["buyers"] = _delete(session, shop_id, "buyers", going, advance)
    advance.over("buyers")
    staying = BitMap.deserialize(landed.buyers) - going
    if staying:
        refresh_aggregates(session, shop_id, staying)
    return UndoneImport(
        landed.number,
        _nonzero(removed),
        _nonzero(restored),
        kept_buyers=len(new) - len(going),
        kept_optouts=len(kept_optouts),
    )


def _nonzero(counts: dict[str, int]) -> dict[str, int]:
    return {table: count for table, count in counts.items() if count}


def _optouts(notes: KeptNotes) -> BitMap:
    """Return the answers of the file that are a no: they stay."""
    said_no = pl.col("answer") == Answer.OUT.value
    return BitMap.union(BitMap(), *(BitMap(rows.filter(said_no)["id"]) for rows in notes.rows("consents", "added")))


def _delete(session: Session, shop_id: int, table: str, keys: BitMap, advance: _Advance) -> int:
    """Delete rows and return how many, of lines how many orders lost some."""
    for some in _slices(keys):
        delete_matching(session, table, KEYS[table], some, shop=shop_id)
        advance.move()
    return len(keys)


def _restore(session: Session, shop_id: int, table: str, notes: KeptNotes) -> int:
    """Write rows as they were before; lines are put back, others that still stand are changed."""
    count = 0
    for rows in notes.rows(table, "before"):
        count += rows.height
        if table == "order_lines":
            stage(session, table, rows)
        else:
            _write_back(session, shop_id, table, rows)
    return count


def _write_back(session: Session, shop_id: int, table: str, rows: pl.DataFrame) -> None:
    kinds = kinds_of(table)
    columns = [name for name in rows.columns if name in kinds and name not in {"id", "shop_id"}]
    create_staging(session, "undone_rows", {name: kinds[name] for name in ("id", *columns)})
    stage(session, "undone_rows", rows.select("id", *columns))
    settle(session, "undone_rows")
    open_again = ""
    if table == "suppressions":  # an address that was opted out again meanwhile is so already
        open_again = """ AND NOT EXISTS (SELECT 1 FROM suppressions AS s WHERE s.shop_id = :shop
          AND s.channel = i.channel AND s.topic = i.topic AND s.address = i.address AND s.lifted_at IS NULL)"""
    changes = ", ".join(f"{name} = i.{name}" for name in columns)
    run(
        session,
        f"UPDATE {table} SET {changes} FROM undone_rows AS i WHERE {table}.shop_id = :shop AND {table}.id = i.id"  # noqa: S608
        + open_again,
        shop=shop_id,
    )
    drop_staging(session, "undone_rows")


def _named(session: Session, shop_id: int, new: BitMap) -> BitMap:
    """Return those of the new buyers whom rows of any table still name."""
    found = BitMap()
    for table in SQLModel.metadata.sorted_tables:
        if "buyer_id" not in table.c or "shop_id" not in table.c or table.name in _OF_BUYERS:
            continue
        rows = sa.select(table.c.buyer_id).where(table.c.shop_id == shop_id, table.c.buyer_id.in_(ids_in(session, new)))
        if table.name == Consent.__tablename__:
            rows = rows.where(~_held_by_address(shop_id))
        found |= read_bitmap(session, rows)
    return found


def _held_by_address(shop_id: int) -> sa.ColumnElement[bool]:
    """Return whether an answer is a no that the address of its buyer holds by itself, so that it outlives their row."""
    keys = {Channel.EMAIL: col(Buyer.email_key), Channel.SMS: col(Buyer.phone_key)}
    held = (
        sa.and_(
            col(Consent.channel) == channel,
            col(Consent.buyer_id).in_(sa.select(col(Buyer.id)).where(col(Buyer.shop_id) == shop_id, key != "")),
        )
        for channel, key in keys.items()
    )
    return sa.and_(col(Consent.answer) == Answer.OUT, sa.or_(*held))


_OF_BUYERS = frozenset({"buyer_facts", "former_addresses", "buyer_forecasts"})
"""Tables whose rows go with the buyer."""


def _delete_of_buyers(session: Session, shop_id: int, going: BitMap) -> None:
    present = SQLModel.metadata.tables
    for name in (*_OF_BUYERS, "consents"):
        if name in present:
            for some in _slices(going):
                delete_matching(session, name, "buyer_id", some, shop=shop_id)


def _slices(keys: BitMap) -> Iterator[list[int]]:
    numbers = keys.to_array().tolist()
    return (numbers[start : start + 20_000] for start in range(0, len(numbers), 20_000))


def _close(
    session: Session, member: Member, landed: LandedImport, files: FileStore, undone: UndoneImport, at: datetime
) -> None:
    """Say that it was taken back, tell the caches, and give up the notes."""
    for family in (Family.BUYERS, Family.ORDERS, Family.FOLLOWERS_AND_GROUPS, Family.CONSENTS):
        raise_version(session, landed.shop_id, family)
    name, landed.stored = landed.stored, ""
    landed.undone_at = at
    session.add(landed)
    job = session.get_one(Job, landed.job_id)
    job.result = {**(job.result or {}), "undone_at": at.isoformat(), "undone": undone.as_json()}
    session.add(job)
    subject, after = f"job:{landed.job_id}", {"kind": landed.kind, "file": landed.file}
    audit.record(session, landed.shop_id, member.actor, action="import.undo", subject=subject, after=after, at=at)
    session.flush()
    after_commit(session, lambda: files.forget(name))
