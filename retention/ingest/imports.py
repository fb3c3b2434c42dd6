"""An import: one file is opened, mapped, checked and merged in one transaction, and a report is returned.

An import that is interrupted, at any point, has changed nothing; the next run starts over and ends right.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import polars as pl
from babel.numbers import get_currency_precision
from sqlalchemy import Engine
from sqlmodel import Session

from retention.addresses import country_of
from retention.database import large_transaction
from retention.errors import Invalid
from retention.files import FileStore, open_store
from retention.i18n import gettext_noop
from retention.ingest.cells.date_orders import DateOrders
from retention.ingest.cells.decimals import Decimals
from retention.ingest.cells.rounded_columns import RoundedColumns
from retention.ingest.cells.rounding import Fractions, RoundedOrders
from retention.ingest.columns import Columns
from retention.ingest.files.chunks import Reject, Source
from retention.ingest.files.rejects import RejectsFile
from retention.ingest.files.tidying import Tidied
from retention.ingest.journals.journal import ImportJournal
from retention.ingest.journals.landed import LandedImport, add_job, note_landing
from retention.ingest.options import ImportOptions
from retention.ingest.orders.further_articles import FurtherArticles
from retention.ingest.orders.order_files import OrderStaging
from retention.ingest.orders.repeated_refunds import RepeatedRefunds
from retention.ingest.orders.stream import Scattered
from retention.ingest.orders.totals_after_refunds import NAME as TOTAL_AFTER_REFUNDS
from retention.ingest.orders.totals_after_refunds import ZeroTotals
from retention.ingest.orders.waiting import rows_of
from retention.ingest.orders.whole_repeats import WholeRepeats
from retention.ingest.people.erased_rows import screen
from retention.ingest.people.persons import KnownBuyers
from retention.ingest.prepared import PreparedFile
from retention.ingest.presets import AUTO, GENERIC, ExportFormat
from retention.ingest.questions import refuse_open
from retention.ingest.rejected_rows import ReadAs, asked_as_before, found_as_before, read_as
from retention.ingest.report import ImportReport, figures
from retention.ingest.request import ImportRequest, Progress, ask
from retention.ingest.staged import MergedRows, StagedRows
from retention.ingest.stagings import MergeReport, Rejects, Staging, open_staging
from retention.ingest.survey import Contradicted, FileEvidence, Survey
from retention.jobs import Job
from retention.memory_limit import limited_memory
from retention.privacy.erased import Erased, erased_of
from retention.settings import get_settings
from retention.shops import Shop, find_shop
from retention.staging import keep_journal, merging, take_turn, writes

MOST_MEMORY = 2 << 30
"""Bytes an import may take over what its process holds already."""

TOO_LARGE = gettext_noop(
    "Reading this file takes more memory than an import may have. Send it as CSV or in smaller parts."
)

RECOGNISED = gettext_noop("The file was read as an export of {preset} ({export}); name another preset if it is none.")


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
            return attempts(lambda assumed: _import(engine, shop_slug, asked, assumed))
    except MemoryError as error:
        raise Invalid(TOO_LARGE) from error


Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Assumed:
    """What is taken for granted of a file until it shows otherwise; it is taken faster then.

    `uniform`: the beginning says how all of it is to be read; `side_by_side`: so lie the lines of each order.
    """

    uniform: bool = True
    side_by_side: bool = True


def attempts(take_file: Callable[[Assumed], Taken]) -> Taken:
    """Return what comes of a file, taken again from the top where it is not what was assumed."""
    assumed = Assumed()
    while True:
        try:
            return take_file(assumed)
        except Contradicted:
            assumed = replace(assumed, uniform=False)
        except Scattered:
            assumed = replace(assumed, side_by_side=False)


def _import(engine: Engine, shop_slug: str, asked: ImportRequest, assumed: Assumed) -> ImportReport:
    with large_transaction(engine) as session, TemporaryDirectory(prefix="regulars-import-") as scratch:
        shop = find_shop(session, shop_slug)
        take_turn(session, shop.id)
        opened = asked.open(country_of(shop.timezone))
        folder = Path(scratch)
        (folder / "notes").mkdir()
        journal = ImportJournal(session, shop.id, folder / "notes")
        keep_journal(session, journal)
        asked, before = asked_as_before(session, shop, asked, opened)
        with RejectsFile(asked.path, opened.header) as rejects:
            report = take(session, shop, asked, opened, rejects, assumed, folder=folder, before=before)
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
    session: Session,
    shop: Shop,
    asked: ImportRequest,
    opened: Source,
    rejects: Rejects,
    assumed: Assumed,
    *,
    folder: Path,
    before: ReadAs | None = None,
) -> ImportReport:
    """Read, check and merge a file that has been opened. A session that writes nothing does the same and leaves none.

    `before` says how the file was read that rejected rows come from.
    It raises Contradicted or Scattered where the file is not what is `assumed`; what was written is to be rolled back.
    """
    found, columns = asked.columns_of(opened.header)
    if asked.options.preset == AUTO and found.preset != GENERIC.name:
        asked.notes.add(RECOGNISED, preset=found.preset, export=found.export.title)
    tidied = Tidied(opened, asked.kind, columns)
    rows = PreparedFile(
        tidied, asked.kind, columns, shop, KnownBuyers(session, shop), found.export.given_in(asked.path.name)
    )
    survey = Survey(rows.as_written, _evidence(rows, shop, asked, found.export), ahead=assumed.uniform)
    conventions = found_as_before(survey.found, before, asked.options)
    asked.questions.extend(conventions.questions)
    refuse_open(conventions.questions)
    stream = assumed.side_by_side
    staging = open_staging(session, shop, asked, found, rows.fields, conventions, folder=folder, stream=stream)
    with closing(staging):
        screened = _Screen(erased_of(session, shop), asked.kind, rows.fields, columns)
        read = _read(rows, survey, staging, rejects, asked, screened)
        asked.notes.extend(found_as_before(survey.found, before, asked.options).notes)
        rows.tell(asked.notes)
        tidied.tell(asked.notes)
        merged = _merge(session, staging, asked)
        asked.notes.extend(staging.notes())
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
        totals=figures(merged.totals, shop.currency),
        preset=found.preset,
        notes=[str(note) for note in asked.notes],
        header=list(opened.header),
        mapping=columns.spelled,
        read_as=read_as(asked.options, conventions).as_json(),
    )


def _merge(session: Session, staging: Staging, asked: ImportRequest) -> MergeReport:
    if not writes(session) and isinstance(staging, StagedRows):
        return MergedRows(0, 0)  # its statements compare rows that only lie in the database while they are written
    with merging(session, staging.rows):
        return staging.merge(now=asked.now)


def _evidence(opened: PreparedFile, shop: Shop, asked: ImportRequest, export: ExportFormat) -> list[FileEvidence]:
    """Return the questions to the file as a whole."""
    cents, exact, columns = get_currency_precision(shop.currency), opened.exact, opened.fields
    evidence: list[FileEvidence] = [
        Decimals(columns, asked.options.decimal, exact=exact, cents=cents),
        DateOrders(columns, asked.options.dates, now=asked.now),
        Fractions(columns),
        RoundedColumns(columns),
    ]
    if asked.kind == "orders":
        evidence += [RoundedOrders(columns), FurtherArticles(opened.header, frozenset(columns.values()))]
        evidence += [WholeRepeats(columns)] if "order_id" in columns else []
        evidence += [] if export.order_level and not opened.refunds else [RepeatedRefunds(columns, opened.refunds)]
        evidence += [ZeroTotals(columns)] if TOTAL_AFTER_REFUNDS in columns else []
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


def _read(
    rows: PreparedFile, survey: Survey, staging: Staging, rejects: Rejects, asked: ImportRequest, screened: _Screen
) -> int:
    """Hand the whole file to `staging` and return how many rows it has."""
    read = 0
    for chunk in rows.prepared(survey.chunks()):
        if asked.look:
            asked.look(chunk)
        read += chunk.frame.height + len(chunk.broken)
        refused = list(chunk.broken)
        if refused and isinstance(staging, OrderStaging):
            staging.refuse(refused, rows.header)
        if chunk.frame.height:
            refused += screened.add(staging, chunk.frame, chunk.lines)
        rejects.add(sorted(refused, key=lambda reject: reject.line))
        if asked.progress:
            asked.progress(chunk.done, rows.total * 5 // 4)
    return read


def _reject_late(source: Source, staging: Staging, rejects: Rejects, screened: _Screen) -> None:
    """Add the rows that wait for another one; the file is read once more for them, where there are any."""
    late = staging.late() if isinstance(staging, OrderStaging) else None
    if late is not None and late.height:
        rejects.weave(rows_of(source, late, screened.cells))
