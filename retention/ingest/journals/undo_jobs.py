"""Undoing as people and programs ask for it: a small import is taken back at once, a large one by a worker.

The row of the import is the job, so that its page and its address say how far the undoing is and how it ended. What
speaks against it is said at once where it is known without reading the notes; what only the worker sees is kept in the
row, and the import then stands as before.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Engine
from sqlmodel import Session

from retention.access import Member, Scope
from retention.database import lock, transaction
from retention.errors import Conflict
from retention.files import FileStore
from retention.i18n import current_language, gettext, gettext_noop
from retention.ingest.journals.landed import ImportStep, landed_import
from retention.ingest.journals.undo import undo_import, why_not
from retention.jobs import Job, JobState
from retention.queue import send

SMALL = 5_000
"""Orders or rows that an import changed, up to which it is undone within the request."""

UNDER_WAY = gettext_noop("Import {number} is being undone.")
REFUSED = "undo_refused"


def start_undo(session: Session, member: Member, number: int, *, files: FileStore, at: datetime) -> Job:
    """Undo a small import, or have a worker undo it; Conflict says at once what speaks against it."""
    member.require(Scope.IMPORTS_WRITE)
    if refusal := why_not(session, member, number):
        raise refusal
    job = session.get_one(Job, number)
    _refuse_twice(job)
    landed = landed_import(session, member, number)
    if landed is not None and landed.changed <= SMALL:
        undo_import(session, member, number, files=files, at=at)
        return job
    lock(session, job)
    _refuse_twice(job)
    asked = {"step": ImportStep.UNDO, "undo_actor": member.actor, "language": current_language()}
    job.input = {**job.input, **asked}
    job.result = {name: value for name, value in (job.result or {}).items() if name != REFUSED}
    job.state, job.tries, job.done, job.total, job.error = JobState.WAITING, 0, 0, None, ""
    session.add(job)
    session.flush()
    send(session, "imports.run", job.id)
    return job


def _refuse_twice(job: Job) -> None:
    if is_being_undone(job):
        raise Conflict(UNDER_WAY, number=job.id)


def is_being_undone(job: Job) -> bool:
    """Tell whether a worker undoes an import, or is going to."""
    return job.input.get("step") == ImportStep.UNDO and job.state in {JobState.WAITING, JobState.RUNNING}


def run_undo(
    engine: Engine, job: Job, files: FileStore, at: datetime, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Undo an import as a worker does, and return what is new in its result."""
    member = Member(job.shop_id, job.input["undo_actor"], frozenset({Scope.IMPORTS_WRITE}))
    with transaction(engine) as session:
        undo_import(session, member, job.id, files=files, at=at, progress=progress)
        return dict(session.get_one(Job, job.id).result or {})


def undo_refusal(job: Job) -> str:
    """Return why an import could not be undone when that was asked last, in the language being spoken."""
    refused = (job.result or {}).get(REFUSED)
    if not refused or (job.result or {}).get("undone_at"):
        return ""
    sentence: str = refused["message"]
    return gettext(sentence).format(**refused["values"])
