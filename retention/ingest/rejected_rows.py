"""A file of rejected rows, corrected and imported in its turn: it is read as the file was that its rows come from.

By itself such a file says little: its few dates may all allow two readings, and nobody repeats what was said of the
first file. The import it belongs to is the latest of this shop with the same columns of which rows were rejected; one
whose name it has comes first.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import Session, col, select

from retention.i18n import gettext_noop
from retention.ingest.files.chunks import REJECTS, Source
from retention.ingest.journals.landed import KIND
from retention.ingest.options import ImportOptions, with_saved
from retention.ingest.request import ImportRequest
from retention.ingest.survey import Conventions
from retention.jobs import Job, JobState
from retention.shops import Shop

_LOOKED_AT = 200
_NOT_CARRIED = frozenset({"encoding", "header_row"})
"""What was said of the bytes and the place of the header: a file of rejected rows has its own."""

READ_AS_BEFORE = gettext_noop("These are rejected rows of {file} (import {number}): they are read as that file was.")


@dataclass(frozen=True)
class ReadAs:
    """How the file of an import was read: what was said of it, and what was found of each column."""

    options: Mapping[str, Any] = field(default_factory=dict)
    decimals: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    unsure_dates: Sequence[str] = ()
    refunds: str = ""
    zero_is_all_back: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def read_as(options: ImportOptions, found: Conventions) -> ReadAs:
    """Return how a file is read."""
    options_given = {name: value for name, value in options.as_json().items() if name not in _NOT_CARRIED}
    cells = (dict(found.decimals), dict(found.dates), sorted(found.unsure_dates))
    return ReadAs(options_given, *cells, found.refunds, found.zero_is_all_back)


def asked_as_before(
    session: Session, shop: Shop, asked: ImportRequest, opened: Source
) -> tuple[ImportRequest, ReadAs | None]:
    """Return what is asked of a file with what was said of the one its rejected rows come from, and how that was read.

    What is said of this file comes first. A file of another kind stays as it is.
    """
    job = _first_import(session, shop.id, asked, opened.header)
    if job is None:
        return asked, None
    before = ReadAs(**(job.result or {})["read_as"])
    asked.notes.add(READ_AS_BEFORE, file=repr(job.input["name"]), number=job.id)
    return replace(asked, options=with_saved(before.options, asked.options)), before


def found_as_before(found: Conventions, before: ReadAs | None, options: ImportOptions) -> Conventions:
    """Return what was found of a file with what was found of the one its rows come from, which decides."""
    if before is None:
        return found
    decimals = found.decimals if options.decimal else {**found.decimals, **before.decimals}
    dates = found.dates if options.dates else {**found.dates, **before.dates}
    unsure = found.unsure_dates - dates.keys() | ({*before.unsure_dates} if not options.dates else set())
    known = {"decimal": decimals, "dates": dates}
    questions = tuple(each for each in found.questions if each.column not in known[each.option])
    found = replace(found, refunds=before.refunds, zero_is_all_back=before.zero_is_all_back)
    return replace(found, decimals=decimals, dates=dates, unsure_dates=unsure, questions=questions, notes=())


def _first_import(session: Session, shop_id: int, asked: ImportRequest, header: Sequence[str]) -> Job | None:
    if tuple(header[: len(REJECTS)]) != REJECTS:
        return None
    ended = select(Job).where(Job.shop_id == shop_id, Job.kind == KIND, Job.state == JobState.DONE)
    latest = session.exec(ended.order_by(col(Job.id).desc()).limit(_LOOKED_AT)).all()
    columns = _without_own(header)
    fitting = [each for each in latest if each.input["kind"] == asked.kind and _rejected_rows_of(each, columns)]
    named = [each for each in fitting if asked.path.name.startswith(f"{each.input['name']}.rejected")]
    return next(iter([*named, *fitting]), None)


def _rejected_rows_of(job: Job, columns: Sequence[str]) -> bool:
    result = job.result or {}
    if not result.get("rejected") or "read_as" not in result or result.get("undone_at"):
        return False
    header = result["header"]
    return (_without_own(header) if tuple(header[: len(REJECTS)]) == REJECTS else header) == columns


def _without_own(header: Sequence[str]) -> list[str]:
    """Return the columns of the file that the rows come from, by the names they had there."""
    return [re.sub(r"^(line|reason) \(\d+\)$", r"\1", name) for name in header[len(REJECTS) :]]
