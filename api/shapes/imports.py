"""Imports of files: what was understood of each, what it changed, and the mappings saved for the next."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from api.shapes.shape import PageOut, RowShape, Shape
from retention.ingest.drafts import ImportState, state_of
from retention.ingest.journals.undo_jobs import undo_refusal
from retention.ingest.orders.status_words import StatusWord
from retention.jobs import Job

_STATE = (
    "`reading`: the file is being read, nothing is changed. `understood`: the file was read and waits to be imported. "
    "`waiting`: waits for a worker. `importing`: a worker imports it. `done`: it is imported. `undoing`: a worker "
    "takes it back. `undone`: it was imported and taken back. `failed`: nothing of it was imported."
)


class RejectedRowOut(Shape):
    """A row that does not land."""

    line: int = Field(description="The line of the file on which the row begins, from 1.")
    reason: str = Field(description="Why the row does not land, as a sentence.")
    cells: dict[str, str] = Field(description="The filled cells of the row, by column.")


class ImportQuestionOut(Shape):
    """A question that only a person can answer: a column allows two readings."""

    option: str = Field(description="The option of the import that answers it: decimal, dates, statuses or rates.")
    field: str = Field(description="The field that the column holds.")
    column: str = Field(description="The column of the file that it is about.")
    examples: list[str] = Field(description="Cells of the column that can be read in several ways.")
    choices: dict[str, list[str]] = Field(description="What each answer would make of each example.")
    text: str = Field(description="The question as a sentence.")


class ImportFiguresOut(Shape):
    """What a file says and what it changes."""

    preset: str = Field(description="The column preset that the file was read by.")
    encoding: str = Field(description="How the file is written: UTF-8, GB18030, XLSX and so on.")
    columns: dict[str, str] = Field(description="The first column of the file that each field was taken from.")
    mapping: dict[str, str] = Field(
        {}, description="All columns of each field: `A + B` are one value, of `A | B` one is read."
    )
    ignored_columns: list[str] = Field(description="The columns that nothing was taken from.")
    read: int = Field(description="How many rows the file has.")
    accepted: int = Field(description="How many rows of the file land.")
    rejected: int = Field(description="How many rows of the file do not land.")
    changed: int = Field(description="How many orders or rows are new or different by it.")
    unchanged: int = Field(description="How many orders or rows were there already, just the same.")
    totals: dict[str, Any] = Field(description="Figures of this kind of file by name; money as strings in major units.")
    notes: list[str] = Field(description="Sentences about what was found in the file, in the shop's language.")


class UnderstandingOut(ImportFiguresOut):
    """What a file was understood to say; nothing is changed yet."""

    preset_found: bool = Field(description="Whether the preset was found in the file and not named by anybody.")
    delimiter: str | None = Field(description="What separates the cells of a text file; null for other files.")
    sheet: str | None = Field(description="The worksheet that was read; null where that is not known.")
    header_row: int = Field(description="The line of the file that holds the names of its columns, from 1.")
    currency: str
    timezone: str = Field(description="The shop's time zone: times are read in it that say no other.")
    timezone_column: str = Field("", description="The column that names the zone of each row's times; empty for none.")
    named_zones: dict[str, str] = Field({}, description="By column, a cell that names its zone itself.")
    header: list[str] = Field(description="All columns of the file, in its order.")
    cells: dict[str, list[str]] = Field(description="Some filled cells of each column.")
    row_fields: list[str] = Field(description="The fields of the first rows, in the order in which people read them.")
    first_rows: list[dict[str, str]] = Field(description="The first ten rows as they will be stored, by field.")
    rejects: list[RejectedRowOut] = Field(description="The first twenty rows that do not land.")
    questions: list[ImportQuestionOut] = Field(
        description="What only a person can say; while decimal or dates is asked, it cannot be imported."
    )
    problem: str = Field(description="Why the file cannot be imported like this; empty where it can.")


class ListedImportOut(Shape):
    """One import."""

    id: int
    kind: str = Field(description="What the file contains: orders, buyers, products, followers, members or parcels.")
    name: str = Field(description="The name that the file was sent under.")
    state: ImportState = Field(description=_STATE)
    accepted: int | None = Field(description="How many rows landed; null before it is done.")
    rejected: int | None = Field(description="How many rows did not land; null before it is done.")
    created_at: datetime
    finished_at: datetime | None = Field(description="When it was read or imported, in UTC; null before that.")
    undone_at: datetime | None = Field(description="When it was taken back, in UTC; null for one that holds.")
    undo_problem: str = Field(description="Why it could not be taken back when that was last asked; empty otherwise.")

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return an import as lists show it."""
        return cls(**_listed(job))


class UndoneImportOut(Shape):
    """What was taken back of an import."""

    number: int = Field(description="The import's id.")
    removed: dict[str, int] = Field(description="How many rows it had added are gone, by table; of lines the orders.")
    restored: dict[str, int] = Field(description="How many rows it had changed are as before again, by table.")
    kept_buyers: int = Field(description="How many buyers it had added stay, because something else names them by now.")
    kept_optouts: int = Field(description="How many opt-outs of the file stay in force.")


class ImportsOut(PageOut):
    """The imports of the shop, the newest first."""

    imports: list[ListedImportOut] = Field(description="The imports, the newest first.")


class ImportOut(ListedImportOut):
    """An import with what is known of it by now."""

    options: dict[str, Any] = Field(description="What was given of the file, by the names of the request.")
    mapping: str = Field(description="The saved mapping that the file was read by; empty for none.")
    done: int = Field(description="How much of the file is read, in the unit of `total`.")
    total: int | None = Field(description="How much there is to do; null while that is not known.")
    understanding: UnderstandingOut | None = Field(description="What was understood; null before, and once it is done.")
    report: ImportFiguresOut | None = Field(description="What the import did; null before it is done.")
    problem: str = Field(description="Why nothing was imported; empty otherwise.")
    first_rejects: list[RejectedRowOut] = Field(description="The first twenty rows that did not land.")
    undone: UndoneImportOut | None = Field(description="What was taken back; null for an import that holds.")
    rejects: str | None = Field(description="The address of the rows that did not land, as CSV; null for none.")

    @classmethod
    def made(
        cls,
        job: Job,
        *,
        progress: tuple[int, int | None],
        problem: str,
        first_rejects: list[dict[str, Any]],
        rejects: str | None,
    ) -> Self:
        """Return an import with its progress, why it failed and which rows it rejected."""
        result = job.result or {}
        understood = result.get("understanding")
        given: Mapping[str, Any] = job.input
        return cls(
            **_listed(job),
            options=given.get("options", {}),
            mapping=given.get("mapping", ""),
            done=progress[0],
            total=progress[1],
            understanding=UnderstandingOut(**understood) if understood else None,
            report=ImportFiguresOut(**result) if "accepted" in result else None,
            problem=problem,
            undone=UndoneImportOut(**result["undone"]) if "undone" in result else None,
            first_rejects=[RejectedRowOut(**each) for each in first_rejects],
            rejects=rejects,
        )


class SavedMappingOut(RowShape):
    """A mapping that is used for files with the same header."""

    id: int
    kind: str = Field(description="The kind of file that it is for.")
    name: str
    options: dict[str, Any] = Field(description="The options of an import that it stands for.")
    saved_at: datetime = Field(description="When it was saved last, in UTC.")


class SavedMappingsOut(PageOut):
    """The saved mappings of the shop."""

    mappings: list[SavedMappingOut] = Field(description="The mappings, the oldest first.")


class StatusWordOut(Shape):
    """What a status word means in the files of the shop."""

    id: int
    word: str = Field(description="The word as it was given; case does not matter.")
    meaning: str = Field(description="What it means: paid, unpaid, cancelled, refunded or ignore.")
    at: datetime = Field(description="When that was said last, in UTC.")

    @classmethod
    def of(cls, row: StatusWord) -> Self:
        """Return the shape of a word."""
        return cls(id=row.id, word=row.written, meaning=row.meaning, at=row.at)


class StatusWordsOut(PageOut):
    """The status words of the shop."""

    statuses: list[StatusWordOut] = Field(description="The words, in the order in which they were first given.")


def _listed(job: Job) -> dict[str, Any]:
    result, undo_problem = job.result or {}, undo_refusal(job)
    return {
        "id": job.id,
        "kind": job.input["kind"],
        "name": job.input["name"],
        "state": state_of(job),
        "accepted": result.get("accepted"),
        "rejected": result.get("rejected"),
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "undone_at": result.get("undone_at"),
        "undo_problem": undo_problem,
    }
