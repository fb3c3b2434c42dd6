"""Imports that a person started from a page: the uploaded file, the job that reads it, how far it is, how it ended.

The job is the truth, the task only wakes the worker; a worker that died is followed by another, which starts over: an
import is one transaction and the same file twice changes nothing. How far a running import is stands in a small file
beside the upload, because the database is writing the import itself.
"""

import re
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from retention import audit, clock, tokens
from retention.access import Member, Scope
from retention.database import changed, reading, transaction
from retention.errors import Error, Invalid, NotFound
from retention.files import FileStore
from retention.ingest import import_file
from retention.ingest.columns import KINDS, find_preset
from retention.jobs import Job, JobState
from retention.queue import engine_task, send
from retention.settings import get_settings
from retention.shops import Shop
from retention.words import speaking

log = structlog.get_logger()

KIND = "import"
CLAIM = timedelta(minutes=30)  # longer than any import takes; a worker that died is followed after that


def keep_upload(home: Path, source: BinaryIO, name: str) -> Path:
    """Store an uploaded file under its own name in a folder of its own, and return where."""
    plain = re.sub(r"[^\w.\- ]", "_", Path(name.replace("\\", "/")).name).strip(". ")[-100:] or "file"
    path = home / "uploads" / tokens.new_secret()[:24] / plain
    path.parent.mkdir(parents=True)
    with path.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return path


def ask_import(session: Session, member: Member, *, kind: str, preset: str, path: Path, at: datetime) -> Job:
    """Add the job that imports the file at `path`, and wake a worker. Invalid for an unknown kind or preset."""
    member.require(Scope.IMPORTS_WRITE)
    if kind not in KINDS:
        raise Invalid("{kind} cannot be imported. Known: {known}.", kind=repr(kind), known=", ".join(KINDS))
    find_preset(preset)
    given = {"kind": kind, "preset": preset, "path": str(path), "name": path.name}
    job = Job(shop_id=member.shop_id, kind=KIND, input=given, actor=member.actor, created_at=at)
    session.add(job)
    session.flush()
    subject = f"job:{job.id}"
    after = {"kind": kind, "name": path.name}
    audit.record(session, member.shop_id, member.actor, action="import.ask", subject=subject, after=after, at=at)
    send(session, "imports.run", job.id)
    return job


def import_for(session: Session, member: Member, number: int) -> Job:
    """Return an import of the member's shop by its number; NotFound otherwise."""
    job = session.get(Job, number)
    if job is None or job.shop_id != member.shop_id or job.kind != KIND:
        raise NotFound("No import has the number {number}.", number=number)
    return job


def imports_of(session: Session, member: Member, *, most: int = 20) -> list[Job]:
    """Return the latest imports of the member's shop."""
    found = select(Job).where(Job.shop_id == member.shop_id, Job.kind == KIND)
    return list(session.exec(found.order_by(col(Job.id).desc()).limit(most)))


def progress_of(job: Job) -> tuple[int, int | None]:
    """Return how much of a running import is done, and of how much."""
    try:
        done, total = _progress_file(Path(job.input["path"])).read_text().split()
    except (FileNotFoundError, ValueError):
        return job.done, job.total
    return int(done), int(total) or None


@engine_task("imports.run", every=timedelta(seconds=20))
def run_imports(engine: Engine, job_id: int | None = None) -> None:
    """Run one import, or, as a sweep, every one that waits or whose worker died."""
    for number in [job_id] if job_id else _due(engine):
        run_import(engine, number, now=clock.now)


def run_import(engine: Engine, job_id: int, *, now: Callable[[], datetime]) -> None:
    """Run one import unless another worker has it or it is over."""
    job, shop = _claim(engine, job_id, now())
    if job is None or shop is None:
        return
    path = Path(job.input["path"])
    try:
        with speaking(shop.language):  # the reasons in the rejects file
            report = import_file(
                engine,
                shop.slug,
                job.input["kind"],
                path,
                preset=job.input["preset"],
                now=now(),
                progress=lambda done, total: _note_progress(path, done, total),
                files=FileStore(get_settings().files),
            )
    except Error as error:
        values = {name: str(value) for name, value in error.values.items()}
        refused = {"message": error.message, "values": values}
        _finish(engine, job, JobState.FAILED, {"refused": refused}, now(), error=str(error))
        return
    except Exception as error:
        log.exception("import failed", job=job_id)
        _finish(engine, job, JobState.FAILED, {}, now(), error=f"{type(error).__name__}: {error}")
        raise
    _finish(engine, job, JobState.DONE, report.as_json(), now())


def _due(engine: Engine) -> list[int]:
    now = clock.now()
    waiting = sa.or_(
        col(Job.state) == JobState.WAITING,
        sa.and_(col(Job.state) == JobState.RUNNING, col(Job.claim_expires_at) < now),
    )
    with reading(engine) as session:
        return list(session.exec(select(Job.id).where(Job.kind == KIND, waiting).order_by(col(Job.id))))


def _claim(engine: Engine, job_id: int, at: datetime) -> tuple[Job | None, Shop | None]:
    free = sa.or_(
        col(Job.state) == JobState.WAITING,
        sa.and_(col(Job.state) == JobState.RUNNING, col(Job.claim_expires_at) < at),
    )
    claim = sa.update(Job).where(col(Job.id) == job_id, col(Job.kind) == KIND, free)
    with transaction(engine) as session:
        taken = changed(
            session, claim.values(state=JobState.RUNNING, started_at=at, claim_expires_at=at + CLAIM, error="")
        )
        job = session.get(Job, job_id) if taken else None
        return job, session.get(Shop, job.shop_id) if job else None


def _finish(
    engine: Engine, job: Job, state: JobState, result: dict[str, object], at: datetime, *, error: str = ""
) -> None:
    done, total = progress_of(job)
    end = sa.update(Job).where(col(Job.id) == job.id, col(Job.state) == JobState.RUNNING)
    with transaction(engine) as session:
        changed(
            session,
            end.values(
                state=state,
                result=result,
                error=error[:1000],
                done=done,
                total=total,
                finished_at=at,
                claim_expires_at=None,
            ),
        )
    _progress_file(Path(job.input["path"])).unlink(missing_ok=True)


def _note_progress(path: Path, done: int, total: int | None) -> None:
    file = _progress_file(path)
    draft = file.with_suffix(".new")
    draft.write_text(f"{done} {total or 0}")
    draft.replace(file)  # a reader never sees half a number


def _progress_file(path: Path) -> Path:
    return path.parent / "progress"
