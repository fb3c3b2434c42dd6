"""An import: one file is opened, mapped, checked and merged in one transaction, and a report is returned.

An import that is interrupted, at any point, has changed nothing; the next run starts over and ends right.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import polars as pl
from babel.numbers import get_currency_precision
from sqlalchemy import Engine
from sqlmodel import Session

from retention import money
from retention.clock import day_of
from retention.database import large_transaction
from retention.errors import Invalid
from retention.files import FileStore, open_store
from retention.i18n import gettext_noop
from retention.ingest.cells.currencies import Currencies
from retention.ingest.cells.date_orders import DateOrders
from retention.ingest.cells.decimals import Decimals
from retention.ingest.cells.rounding import Fractions, RoundedOrders
from retention.ingest.columns import Columns, FoundExport, find_export, known_columns, map_columns
from retention.ingest.files.chunks import Chunk, Reject, Source
from retention.ingest.files.rejects import RejectsFile
from retention.ingest.files.sources import open_source
from retention.ingest.files.tidying import Tidied
from retention.ingest.journals.journal import ImportJournal
from retention.ingest.journals.landed import LandedImport, add_job, note_landing
from retention.ingest.notes import Note, Notes
from retention.ingest.options import ImportOptions
from retention.ingest.orders.order_files import OrderStaging
from retention.ingest.orders.order_rows import OrderReading
from retention.ingest.orders.status_words import remember_words, states_of
from retention.ingest.orders.statuses import state_meanings
from retention.ingest.orders.stream import Scattered
from retention.ingest.orders.waiting import rows_of
from retention.ingest.orders.whole_repeats import WholeRepeats
from retention.ingest.parcels import ParcelStaging
from retention.ingest.people.buyers import BuyerStaging
from retention.ingest.people.erased_rows import screen
from retention.ingest.people.followers_and_groups import FollowerStaging, MemberStaging
from retention.ingest.people.persons import KnownBuyers
from retention.ingest.prepared import PreparedFile
from retention.ingest.presets import AUTO, GENERIC, KINDS, PRESETS, check_preset
from retention.ingest.products import ProductStaging
from retention.ingest.questions import Question
from retention.ingest.staged import MergedRows, StagedRows
from retention.ingest.survey import Conventions, FileEvidence, survey
from retention.jobs import Job
from retention.memory_limit import limited_memory
from retention.privacy.erased import Erased, erased_of
from retention.settings import get_settings
from retention.shops import Shop, find_shop
from retention.staging import keep_journal, merging, take_turn, writes

Progress = Callable[[int, int], None]
"""Is told how much is done of how much; bytes or rows of the file, the merge counting as a quarter more."""

MOST_MEMORY = 2 << 30
"""Bytes an import may take over what its process holds already."""

TOO_LARGE = gettext_noop(
    "Reading this file takes more memory than an import may have. Send it as CSV or in smaller parts."
)

RECOGNISED = gettext_noop("The file was read as an export of {preset} ({export}); name another preset if it is none.")

_MONEY = ("paid", "refunded", "revenue")
_DAYS = ("first_day", "last_day")


@dataclass(frozen=True)
class ImportReport:
    """What an import read and what it changed. `rejects_path` is None when nothing was rejected.

    `notes` are sentences about the file, in the language spoken. By its `number` an import can be taken back.
    """

    kind: str
    file: str
    encoding: str
    read: int
    accepted: int
    rejected: int
    changed: int
    unchanged: int
    rejects_path: Path | None
    columns: dict[str, str]
    ignored_columns: list[str]
    totals: dict[str, Any] = field(default_factory=dict)
    preset: str = "generic"
    notes: list[str] = field(default_factory=list)
    number: int | None = None

    @property
    def exit_code(self) -> int:
        """0 when a row landed or none was rejected, 2 when all were rejected."""
        return 2 if self.rejected and not self.accepted else 0

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values; money is in major units, as exact decimal strings."""
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "rejects_path": str(self.rejects_path) if self.rejects_path else None,
        }


class Staging(Protocol):
    """What each kind of file brings: it takes rows in chunks and merges them at the end."""

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        ...

    def add(self, frame: pl.DataFrame, lines: pl.Series) -> list[Reject]:
        """Stage the good rows and return the others."""
        ...

    def merge(self, *, now: datetime) -> "MergeReport":
        """Write what was staged into the shop's tables."""
        ...

    def notes(self) -> Iterable[Note]:
        """Return what is to be said of the rows as a whole."""
        ...

    def close(self) -> None:
        """Let go of what the staging holds, merged or not."""
        ...


class MergeReport(Protocol):
    """What a merge says of itself."""

    @property
    def changed(self) -> int:
        """How many rows are new or different."""
        ...

    @property
    def unchanged(self) -> int:
        """How many rows were there already."""
        ...

    @property
    def totals(self) -> dict[str, int]:
        """Figures of this kind of file by name; money in minor units."""
        ...


class Rejects(Protocol):
    """Where the rows go that do not land."""

    count: int

    def add(self, rejects: Iterable[Reject]) -> None:
        """Take rejected rows."""
        ...

    def weave(self, late: Iterable[Reject]) -> None:
        """Take rows that were refused at the end, at their places among the others."""
        ...

    def keep(self) -> Path | None:
        """Return where they are, None when there are none."""
        ...


@dataclass(frozen=True)
class ImportRequest:
    """What one call asks for; `look` is shown the cells as they are read."""

    kind: str
    path: Path
    options: ImportOptions
    now: datetime
    progress: Progress | None
    files: FileStore
    look: Callable[[Chunk], None] | None = None
    job: int | None = None
    actor: str = ""
    notes: Notes = field(default_factory=Notes)
    questions: list[Question] = field(default_factory=list)

    def open(self) -> Source:
        """Return the rows of the file, and note how they are read."""
        opened = open_source(
            self.path,
            known=known_columns(self.kind, self.options.preset, self.options.mapping),
            encoding=self.options.encoding,
            header_row=self.options.header_row,
        )
        for message, values in opened.notes:
            self.notes.add(message, **values)
        return opened

    def columns_of(self, header: Sequence[str]) -> tuple[FoundExport, Columns]:
        """Return whose export a file with this header is, and its columns by field; Invalid when one is missing."""
        found = find_export(self.kind, header, self.options.preset)
        offered = [name for name in header if name not in self.options.ignore]
        return found, map_columns(self.kind, offered, found.export, self.options.mapping)


def import_file(
    engine: Engine,
    shop_slug: str,
    kind: str,
    path: Path | str,
    *,
    options: ImportOptions | None = None,
    now: datetime,
    progress: Progress | None = None,
    files: FileStore | None = None,
    job: int | None = None,
    actor: str = "system",
) -> ImportReport:
    """Import a file of `kind` (orders, buyers, products, followers, members, parcels) into a shop.

    `files` stores product pictures and what is noted to take the import back. Its number is that of the `job` that runs
    it; one that `actor` runs at once gets a number of its own. Raises Invalid or NotFound with one sentence when the
    file as a whole cannot be used, also because it takes more memory than an import may have; nothing is changed then.
    """
    asked = ask(kind, path, options, now=now, progress=progress, files=files or open_store(get_settings()))
    asked = replace(asked, job=job, actor=actor)
    try:
        with limited_memory(MOST_MEMORY):
            return _streamed_or_whole(engine, shop_slug, asked)
    except MemoryError as error:
        raise Invalid(TOO_LARGE) from error


def ask(
    kind: str,
    path: Path | str,
    options: ImportOptions | None,
    *,
    now: datetime,
    progress: Progress | None,
    files: FileStore,
    look: Callable[[Chunk], None] | None = None,
) -> ImportRequest:
    """Return what one call asks for; Invalid for an unknown kind or preset."""
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise Invalid("{kind} cannot be imported. Use one of {known}.", kind=repr(kind), known=known)
    options = options or ImportOptions()
    check_preset(options.preset)
    return ImportRequest(kind, Path(path), options, now=now, progress=progress, files=files, look=look)


def _streamed_or_whole(engine: Engine, shop_slug: str, asked: ImportRequest) -> ImportReport:
    try:
        return _import(engine, shop_slug, asked, stream=True)
    except Scattered:
        return _import(engine, shop_slug, asked, stream=False)


def _import(engine: Engine, shop_slug: str, asked: ImportRequest, *, stream: bool) -> ImportReport:
    with large_transaction(engine) as session, TemporaryDirectory(prefix="regulars-import-") as scratch:
        shop = find_shop(session, shop_slug)
        take_turn(session, shop.id)
        opened = asked.open()
        folder = Path(scratch)
        (folder / "notes").mkdir()
        journal = ImportJournal(session, shop.id, folder / "notes")
        keep_journal(session, journal)
        with RejectsFile(asked.path, opened.header) as rejects:
            report = take(session, shop, asked, opened, rejects, folder=folder, stream=stream)
        return _landed(session, shop, asked, report, journal, folder)


def _landed(
    session: Session, shop: Shop, asked: ImportRequest, report: ImportReport, journal: ImportJournal, folder: Path
) -> ImportReport:
    """Give an import its number, with what it noted, and return its report."""
    options = asked.options.as_json()
    given = {"kind": asked.kind, "name": report.file, "upload": "", "options": options, "step": "import"}
    number = asked.job or add_job(session, shop.id, given=given, actor=asked.actor, at=asked.now)
    report = replace(report, number=number)
    if asked.job is None:
        session.get_one(Job, number).result = report.as_json()
    landed = LandedImport(shop_id=shop.id, job_id=number, kind=asked.kind, file=report.file[:200], made_at=asked.now)
    landed.changed = report.changed or int(not journal.is_empty)
    note_landing(session, landed, journal, asked.files, folder / "notes.zip")
    return report


def take(
    session: Session, shop: Shop, asked: ImportRequest, opened: Source, rejects: Rejects, *, folder: Path, stream: bool
) -> ImportReport:
    """Read, check and merge a file that has been opened. A session that writes nothing does the same and leaves none.

    With `stream` it raises Scattered where the lines of an order lie far apart.
    """
    found, columns = asked.columns_of(opened.header)
    if asked.options.preset == AUTO and found.preset != GENERIC.name:
        asked.notes.add(RECOGNISED, preset=found.preset, export=found.export.title)
    tidied = Tidied(opened, asked.kind, columns)
    rows = PreparedFile(
        tidied, asked.kind, columns, shop, KnownBuyers(session, shop), found.export.given_in(asked.path.name)
    )
    conventions = _conventions(rows, shop, asked, rows.fields)
    staging = _staging(session, shop, asked, found, rows.fields, conventions, folder=folder, stream=stream)
    with closing(staging):
        screened = _Screen(erased_of(session, shop), asked.kind, rows.fields, columns)
        read = _read(rows, staging, rejects, asked, screened)
        rows.tell(asked.notes)
        tidied.tell(asked.notes)
        merged = _merge(session, staging, asked)
        for note in staging.notes():
            asked.notes.add(note.message, **note.values)
        if asked.progress:
            asked.progress(opened.total * 5 // 4, opened.total * 5 // 4)
        _reject_late(rows, staging, rejects, screened)
        kept = rejects.keep()
    return ImportReport(
        kind=asked.kind,
        file=asked.path.name,
        encoding=opened.encoding,
        read=read,
        accepted=staging.rows,
        rejected=rejects.count,
        changed=merged.changed,
        unchanged=merged.unchanged,
        rejects_path=kept,
        columns=columns,
        ignored_columns=[name for name in opened.header if name not in columns.used],
        totals=_figures(merged.totals, shop.currency),
        preset=found.preset,
        notes=[str(note) for note in asked.notes],
    )


def _merge(session: Session, staging: Staging, asked: ImportRequest) -> MergeReport:
    if not writes(session) and isinstance(staging, StagedRows):
        return MergedRows(0, 0)  # its statements compare rows that only lie in the database while they are written
    with merging(session, staging.rows):
        return staging.merge(now=asked.now)


def _conventions(opened: PreparedFile, shop: Shop, asked: ImportRequest, columns: Mapping[str, str]) -> Conventions:
    """Return how the cells of the file are written; raises the first Question that the file leaves open."""
    found = survey(opened.as_written(), _evidence(opened, shop, asked, columns))
    asked.questions.extend(found.questions)
    if found.questions:
        raise found.questions[0]
    for note in found.notes:
        asked.notes.add(note.message, **note.values)
    return found


def _evidence(opened: PreparedFile, shop: Shop, asked: ImportRequest, columns: Mapping[str, str]) -> list[FileEvidence]:
    """Return the questions to the file as a whole."""
    cents, exact = get_currency_precision(shop.currency), opened.exact
    evidence: list[FileEvidence] = [
        Decimals(columns, asked.options.decimal, exact=exact, cents=cents),
        DateOrders(columns, asked.options.dates, now=asked.now),
        Fractions(columns),
    ]
    if asked.kind == "orders":
        evidence.append(RoundedOrders(columns))
        evidence += [WholeRepeats(columns)] if "order_id" in columns else []
    return evidence


@dataclass(frozen=True)
class _Screen:
    """What keeps rows of erased buyers out."""

    erased: Erased
    kind: str
    columns: dict[str, str]
    written: Columns

    def cells(self, frame: pl.DataFrame, lines: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """Return rows without what they say of erased buyers."""
        return screen(self.erased, self.kind, frame, lines, self.columns, self.written)[:2]

    def add(self, staging: Staging, frame: pl.DataFrame, lines: pl.Series) -> list[Reject]:
        """Take rows to the staging; return those that did not land."""
        frame, lines, refused = screen(self.erased, self.kind, frame, lines, self.columns, self.written)
        return refused + staging.add(frame, lines) if frame.height else refused


def _read(source: Source, staging: Staging, rejects: Rejects, asked: ImportRequest, screened: _Screen) -> int:
    """Hand the whole file to `staging` and return how many rows it has."""
    read = 0
    for chunk in source.chunks():
        if asked.look:
            asked.look(chunk)
        read += chunk.frame.height + len(chunk.broken)
        refused = list(chunk.broken)
        if refused and isinstance(staging, OrderStaging):
            staging.refuse(refused, source.header)
        if chunk.frame.height:
            refused += screened.add(staging, chunk.frame, chunk.lines)
        rejects.add(sorted(refused, key=lambda reject: reject.line))
        if asked.progress:
            asked.progress(chunk.done, source.total * 5 // 4)
    return read


def _reject_late(source: Source, staging: Staging, rejects: Rejects, screened: _Screen) -> None:
    """Add the rows that wait for another one; the file is read once more for them, where there are any."""
    late = staging.late() if isinstance(staging, OrderStaging) else None
    if late is not None and late.height:
        rejects.weave(rows_of(source, late, screened.cells))


def _figures(totals: Mapping[str, int], currency: str) -> dict[str, Any]:
    """Return the totals as a report says them: money in major units, days as ISO dates."""
    spelled = {name: str(money.major(totals[name], currency)) for name in _MONEY if name in totals}
    spelled |= {name: day_of(totals[name]).isoformat() for name in _DAYS if name in totals}
    return {**totals, **spelled}


def _staging(
    session: Session,
    shop: Shop,
    asked: ImportRequest,
    found: FoundExport,
    columns: dict[str, str],
    conventions: Conventions,
    *,
    folder: Path,
    stream: bool,
) -> Staging:
    if asked.kind == "orders":
        reading = OrderReading(
            shop,
            columns,
            conventions=conventions,
            order_level=found.export.order_level,
            after_refunds="refunded" in columns and columns.get("amount") in found.export.after_refunds,
            currencies=Currencies(shop.currency, asked.options.rates),
            status_words=state_meanings(found.export.statuses)
            | states_of(session, shop.id)
            | state_meanings(asked.options.statuses),
            add_lines=asked.options.add_lines or found.export.add_lines,
            items_only="order_id" in columns and not columns.keys() & {"paid_at", "placed_at"},
        )
        if asked.options.statuses and writes(session):
            remember_words(session, shop.id, asked.options.statuses, at=asked.now)
        size, source = asked.path.stat().st_size, asked.options.source or found.preset
        siblings = () if asked.options.source else tuple(PRESETS)
        return OrderStaging(
            session,
            reading,
            source=source,
            siblings=siblings,
            now=asked.now,
            folder=folder,
            size=size,
            stream=stream,
        )
    if asked.kind == "buyers":
        return BuyerStaging(
            session,
            shop,
            columns,
            conventions,
            file=asked.path.name,
            now=asked.now,
            no_is_vague=found.export.no_is_vague,
        )
    if asked.kind == "products":
        return ProductStaging(session, shop, columns, conventions, folder=asked.path.parent, files=asked.files)
    simple = {"followers": FollowerStaging, "members": MemberStaging, "parcels": ParcelStaging}
    return simple[asked.kind](session, shop, columns, conventions)
