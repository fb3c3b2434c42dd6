"""The dry run of an import: what a file was understood to say, told before anything is changed.

It takes the file the way the import does, by the same functions, with a session that writes nothing: no lock is taken
and no transaction held, however long it reads. So its figures are those of the import while nobody else writes.
Where the file cannot be taken as it is, the understanding says why, beside what could be seen of it.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine

from retention.addresses import country_of
from retention.database import looking
from retention.errors import Error, Invalid
from retention.files import FileStore
from retention.i18n import gettext
from retention.ingest.cells.currencies import NOT_IMPORTED
from retention.ingest.columns import Columns, find_export
from retention.ingest.files.chunks import Chunk, Source
from retention.ingest.imports import MOST_MEMORY, TOO_LARGE, Assumed, attempts, take
from retention.ingest.notes import Note
from retention.ingest.options import ImportOptions
from retention.ingest.orders.order_states import KIND_OF_REFUND, UNKNOWN_REFUND_WORD
from retention.ingest.orders.statuses import UNKNOWN_WORD
from retention.ingest.presets import AUTO
from retention.ingest.questions import Question
from retention.ingest.rejected_rows import asked_as_before
from retention.ingest.report import ImportReport
from retention.ingest.request import ImportRequest, Progress, ask
from retention.ingest.samples import MOST_SAMPLES, CellSamples, FirstRejects, FirstRows
from retention.ingest.time_zones import NamedZones, zone_column
from retention.memory_limit import limited_memory
from retention.shops import Shop, find_shop
from retention.staging import write_nothing

__all__ = ["MOST_SAMPLES", "Understanding", "understand_file"]


@dataclass(frozen=True)
class Understanding:
    """What a file was understood to say. Money is in major units, as text; times are in the shop's zone.

    `columns` names the first column of each field, `mapping` all of them as an option says it, `header` all columns in
    the order of the file, `cells` shows some filled cells of each. `row_fields` are the fields of `first_rows` in the
    order in which people read them.
    `questions` are those the file leaves open, each answered by an option; while one about decimals or dates is open,
    the file cannot be imported.
    Times are read in `timezone`, the shop's, unless the row names another in `timezone_column` or the cell does itself:
    `named_zones` has such a cell for each column with any.
    `first_rows` are the first rows as they will be stored. `problem` says why the file cannot be imported like this;
    the figures are then 0.
    """

    kind: str
    file: str
    preset: str
    preset_found: bool
    encoding: str
    delimiter: str | None
    sheet: str | None
    header_row: int
    currency: str
    timezone: str
    columns: dict[str, str] = field(default_factory=dict)
    mapping: dict[str, str] = field(default_factory=dict)
    ignored_columns: list[str] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    cells: dict[str, list[str]] = field(default_factory=dict)
    read: int = 0
    accepted: int = 0
    rejected: int = 0
    changed: int = 0
    unchanged: int = 0
    totals: dict[str, Any] = field(default_factory=dict)
    row_fields: list[str] = field(default_factory=list)
    first_rows: list[dict[str, str]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    timezone_column: str = ""
    named_zones: dict[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """What the command ends with: as the import would, 2 when nothing could be taken."""
        return 2 if self.problem or (self.rejected and not self.accepted) else 0

    def as_json(self) -> dict[str, Any]:
        """Return the understanding as JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class _Look:
    """What is kept of the cells that were read."""

    def __init__(self) -> None:
        self.cells, self.named = CellSamples(), NamedZones({})

    def at(self, asked: ImportRequest, opened: Source) -> None:
        """Know the columns of the file, as far as they are clear."""
        with suppress(Invalid):
            self.named = NamedZones(asked.columns_of(opened.header)[1].sources)

    def __call__(self, chunk: Chunk) -> None:
        self.cells(chunk)
        self.named(chunk)


def understand_file(
    engine: Engine,
    shop_slug: str,
    kind: str,
    path: Path | str,
    *,
    options: ImportOptions | None = None,
    now: datetime,
    progress: Progress | None = None,
) -> Understanding:
    """Return what the import of a file would do, without doing it.

    Raises Invalid or NotFound where there is no table in the file, no such kind, preset or shop.
    """
    with limited_memory(MOST_MEMORY), looking(engine) as session, TemporaryDirectory(prefix="regulars-dry-") as scratch:
        shop = find_shop(session, shop_slug)
        folder = Path(scratch)
        look = _Look()
        files = FileStore(folder / "files")
        asked = ask(kind, path, options, now=now, progress=progress, files=files, look=look)
        try:
            opened = asked.open(country_of(shop.timezone))
            asked, before = asked_as_before(session, shop, asked, opened)
            look.at(asked, opened)

            def taken(assumed: Assumed) -> Understanding:
                rows, rejects = FirstRows(shop), FirstRejects()
                write_nothing(session, rows.staged)
                try:
                    report = take(session, shop, asked, opened, rejects, assumed, folder=folder, before=before)
                except Invalid as error:
                    return _refused(shop, asked, opened, look, error)
                return _understood(shop, asked, opened, look, report, rows, rejects)

            return attempts(taken)
        except MemoryError as error:
            raise Invalid(TOO_LARGE) from error


def _understood(
    shop: Shop,
    asked: ImportRequest,
    opened: Source,
    look: _Look,
    report: ImportReport,
    rows: FirstRows,
    rejects: FirstRejects,
) -> Understanding:
    shown = rows.shown()
    same = (
        "columns", "mapping", "ignored_columns", "read", "accepted", "rejected", "changed", "unchanged", "totals",
        "notes",
    )  # fmt: skip
    return Understanding(
        **_form(shop, asked, opened, report.preset),
        **{name: getattr(report, name) for name in same},
        cells=look.cells.of(opened.header),
        first_rows=shown,
        row_fields=list(shown[0]) if shown else [],
        rejects=rejects.shown(opened.header),
        timezone_column=zone_column(asked.kind, report.columns),
        named_zones=look.named.examples,
        questions=[each for note in asked.notes for each in _open_points(note, report.columns)],
    )


def _open_points(note: Note, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what a note leaves to a person, as questions: status words nobody knows, currencies without a rate.

    The file can be imported without an answer; the rows in question are rejected then.
    """
    if note.message == UNKNOWN_WORD:
        asked = [("statuses", "status", str(note.values["plain"]).strip('"'))]
    elif note.message in {UNKNOWN_REFUND_WORD, KIND_OF_REFUND}:
        asked = [("statuses", "refund_status", str(note.values["plain"]).strip('"'))]
    elif note.message == NOT_IMPORTED:
        counts = str(note.values["counts"]).split(", ")
        asked = [("rates", "currency", each.split(" ")[0]) for each in counts]
    else:
        return []
    return [
        {
            "option": option,
            "field": field,
            "column": columns.get(field, ""),
            "examples": [value],
            "choices": {},
            "text": str(note),
        }
        for option, field, value in asked
    ]


def _refused(shop: Shop, asked: ImportRequest, opened: Source, look: _Look, error: Error) -> Understanding:
    """Return what can be said of a file that cannot be taken like this: its columns, and the reason."""
    if not look.cells.seen:
        first = next(iter(opened.chunks()), None)
        if first is not None:
            look(first)
    try:
        _, columns = asked.columns_of(opened.header)
    except Invalid:
        columns = Columns({})
    return Understanding(
        **_form(shop, asked, opened, find_export(asked.kind, opened.header, asked.options.preset).preset),
        columns=columns,
        mapping=columns.spelled,
        timezone_column=zone_column(asked.kind, columns),
        named_zones=look.named.examples,
        ignored_columns=[name for name in opened.header if name not in columns.used],
        cells=look.cells.of(opened.header),
        notes=[str(note) for note in asked.notes],
        questions=[_asked(each) for each in asked.questions or _questions_in(error)],
        problem=error.say(gettext),
    )


def _questions_in(error: Error) -> list[Question]:
    return [error] if isinstance(error, Question) else []


def _asked(question: Question) -> dict[str, Any]:
    """Return a question as pages and programs ask it; `choices` holds what each answer makes of the examples."""
    return {
        "option": question.option,
        "field": question.field,
        "column": question.column,
        "examples": list(question.examples),
        "choices": {answer: list(values) for answer, values in question.choices.items()},
        "text": question.say(gettext),
    }


def _form(shop: Shop, asked: ImportRequest, opened: Source, preset: str) -> dict[str, Any]:
    return {
        "kind": asked.kind,
        "file": asked.path.name,
        "preset": preset,
        "preset_found": asked.options.preset == AUTO,
        "encoding": opened.encoding,
        "delimiter": getattr(opened, "delimiter", None),
        "sheet": getattr(opened, "sheet", None),
        "header_row": getattr(opened, "header_row", 1),
        "header": list(opened.header),
        "currency": shop.currency,
        "timezone": shop.timezone,
    }
