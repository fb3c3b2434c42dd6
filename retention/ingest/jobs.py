"""The jobs of imports: a worker takes an uploaded file or undoes one, notes how far it is, and says how it ended.

The job is the truth, the task only wakes the worker; a worker that died is followed by another, which starts over: an
import is one transaction and the same file twice changes nothing. After three that died over one file, the file is
given up, with the reason on its page. Uploads and how far a running import is lie in the store of files, which web and
worker share: the database is writing the import itself.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from retention import clock, watchdog
from retention.database import changed, hurried, reached, reading, storable, transaction
from retention.error_text import public_message
from retention.errors import Error
from retention.failures import Thing, each_alone
from retention.files import FileStore, open_store
from retention.i18n import gettext_noop, speaking
from retention.ingest import ImportOptions, import_file, understand_file
from retention.ingest.journals.erasing import forget_words
from retention.ingest.journals.landed import KIND, ImportStep
from retention.ingest.journals.undo_jobs import REFUSED, run_undo
from retention.ingest.options import options_from
from retention.ingest.questions import Refusals
from retention.jobs import Job, JobState
from retention.privacy.erased import erased_since
from retention.privacy.retention_periods import forget_upload
from retention.queue import engine_task, send
from retention.saved_mappings import mapping_for_header
from retention.settings import get_settings
from retention.shops import Shop

log = structlog.get_logger()


CLAIM = timedelta(minutes=30)  # an import that moves holds it longer; a worker that died is followed after that
RENEWED_EVERY = 60.0
MOST_TRIES = 3
_TELL_EVERY = 0.5  # seconds between two notes of how far it is

GIVEN_UP = gettext_noop(
    "The worker crashed {tries} times while reading this file, so it is not retried. Send the table as CSV or in "
    "smaller parts; the administrator finds the reason in the log."
)
FAILED_EACH_TIME = gettext_noop(
    "The import failed {tries} times with an unexpected error ({why}) and is not retried. The file is kept, and the "
    "administrator finds details in the log."
)
UNDO_GIVEN_UP = gettext_noop(
    "The worker crashed {tries} times while undoing this import, so it is not retried. Nothing was changed; the "
    "administrator finds the reason in the log."
)
UNDO_FAILED_EACH_TIME = gettext_noop(
    "Undoing failed {tries} times with an unexpected error ({why}) and is not retried. Nothing was changed, and the "
    "administrator finds details in the log."
)


def options_of(job: Job) -> ImportOptions:
    """Return what is said of the file of an import."""
    if "options" not in job.input:  # a job of before files were understood
        return ImportOptions(preset=job.input["preset"])
    return options_from(job.input["options"])


def rejects_key(job: Job) -> str:
    """Return what the rows that did not land are called in the store."""
    return f"{job.input['upload']}.rejected.csv"


def progress_of(job: Job, files: FileStore) -> tuple[int, int | None]:
    """Return how much of a running import is done, and of how much."""
    noted = files.read(_progress_key(job)) if job.state is JobState.RUNNING else None
    try:
        done, total = (noted or b"").split()
    except ValueError:
        return job.done, job.total
    return int(done), int(total) or None


def _upload_of(job: Job, files: FileStore) -> AbstractContextManager[Path]:
    if "path" in job.input:
        path = Path(job.input["path"])
        return FileStore(path.parent).opened(path.name)
    return files.opened(str(job.input["upload"]))


@engine_task("imports.run", every=timedelta(seconds=20))
def run_imports(engine: Engine, job_id: int | None = None) -> None:
    """Run one import, or, as a sweep, every one that waits or whose worker died."""
    jobs = [Thing(shop_id, "job", number, str(number), daily=False) for number, shop_id in _due(engine, job_id)]
    each_alone(engine, "import", jobs, lambda job: run_import(engine, job.id, now=clock.now), now=clock.now())


def run_import(engine: Engine, job_id: int, *, now: Callable[[], datetime], files: FileStore | None = None) -> None:
    """Run one import unless another worker has it or it is over. What nobody foresaw is raised, and it waits again."""
    job, shop = _claim(engine, job_id, now())
    if job is None or shop is None:
        return
    files = files or open_store(get_settings())
    try:
        with speaking(job.input.get("language") or shop.language):
            result = _work(engine, job, shop, files, now())
    except Error as error:
        _finish(engine, job, *_refused(job, _spelled(error)), now(), error=str(error), files=files)
        return
    except Exception as error:
        log.exception("import failed", job=job_id)
        with speaking(shop.language):
            why = public_message(error)
        if job.tries < MOST_TRIES:
            _finish(engine, job, JobState.WAITING, {}, None, error=why, files=files)
            raise
        message = UNDO_FAILED_EACH_TIME if _step(job) is ImportStep.UNDO else FAILED_EACH_TIME
        refused = {"message": message, "values": {"tries": str(MOST_TRIES), "why": why.rstrip(". 。")}}
        _finish(engine, job, *_refused(job, refused), now(), error=why, files=files)
        return
    _finish(engine, job, JobState.DONE, result, now(), files=files)
    if _step(job) is not ImportStep.UNDERSTAND:
        with reading(engine) as session:
            send(session, "figures.begin", job.shop_id)


def _step(job: Job) -> ImportStep:
    return ImportStep(job.input.get("step", ImportStep.IMPORT))


def _spelled(error: Error) -> dict[str, Any]:
    """Return a refusal as JSON values, to be said in the language of whoever reads it."""
    if isinstance(error, Refusals):
        return {"parts": [_spelled(each) for each in error.parts]}
    values = {
        name: ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        for name, value in error.values.items()
    }
    return {"message": error.message, "values": values}


def _refused(job: Job, refused: dict[str, Any]) -> tuple[JobState, dict[str, Any]]:
    """Return how a job ends that was refused. An import that cannot be undone stands as before."""
    if _step(job) is ImportStep.UNDO:
        return JobState.DONE, {REFUSED: refused}
    return JobState.FAILED, {"refused": refused}


def _work(engine: Engine, job: Job, shop: Shop, files: FileStore, at: datetime) -> dict[str, Any]:
    """Do what the job is at, and return its result as JSON values."""
    progress = _Progress(engine, files, job)
    if _step(job) is ImportStep.UNDO:
        return run_undo(engine, job, files, at, progress)
    with _upload_of(job, files) as path:
        if _step(job) is ImportStep.UNDERSTAND:
            return _understand(engine, job, shop, path, at, progress)
        options = options_of(job)
        given: tuple[Any, ...] = (engine, shop.slug, job.input["kind"], path)
        report = import_file(*given, options=options, now=at, progress=progress, files=files, job=job.id)
        return {**report.as_json(), "rejects_path": None}  # where they lay on this machine


def _understand(
    engine: Engine, job: Job, shop: Shop, path: Path, at: datetime, progress: "_Progress"
) -> dict[str, Any]:
    """Understand a file; one of which nothing was said is read by the mapping saved for its header, if there is one."""
    given: tuple[Any, ...] = (engine, shop.slug, job.input["kind"], path)
    options = options_of(job)
    seen = understand_file(*given, options=options, now=at, progress=progress)
    if not options.as_json() and not job.input.get("asked"):
        with reading(engine) as session:
            saved = mapping_for_header(session, shop.id, job.input["kind"], seen.header)
        if saved:
            seen = understand_file(*given, options=options_from(saved.options), now=at, progress=progress)
            job.input = {**job.input, "options": saved.options, "mapping": saved.name}
    return {"understanding": seen.as_json()}


def _due(engine: Engine, job_id: int | None) -> list[tuple[int, int]]:
    """Return the imports to run, with their shops: every one, or this one."""
    found = select(Job.id, Job.shop_id).where(Job.kind == KIND, _free(clock.now())).order_by(col(Job.id))
    if job_id is not None:
        found = found.where(Job.id == job_id)
    with reading(engine) as session:
        return list(session.exec(found))


def _free(at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that nobody works on a job: it waits, or whoever did has died."""
    running = col(Job.state) == JobState.RUNNING
    return sa.or_(
        col(Job.state) == JobState.WAITING, sa.and_(running, reached(Job.claim_expires_at, at, longest=2 * CLAIM))
    )


def _claim(engine: Engine, job_id: int, at: datetime) -> tuple[Job | None, Shop | None]:
    ours = sa.update(Job).where(col(Job.id) == job_id, col(Job.kind) == KIND, _free(at))
    end = ours.where(col(Job.tries) >= MOST_TRIES)
    claim = {"state": JobState.RUNNING, "started_at": at, "claim_expires_at": at + CLAIM, "error": ""}
    with transaction(engine) as session:
        found = session.get(Job, job_id)
        if found and changed(session, end.values(**_given_up(found, at))):
            log.error("import given up", job=job_id, tries=MOST_TRIES)
            _forget_whoever_is_erased(session, job_id)
            return None, None
        taken = changed(session, ours.values(**claim, tries=Job.tries + 1))
        job = session.get(Job, job_id, populate_existing=True) if taken else None
        return job, session.get(Shop, job.shop_id) if job else None


def _given_up(job: Job, at: datetime) -> dict[str, Any]:
    message = UNDO_GIVEN_UP if _step(job) is ImportStep.UNDO else GIVEN_UP
    state, result = _refused(job, {"message": message, "values": {"tries": str(MOST_TRIES)}})
    ended = {"state": state, "error": "given up", "claim_expires_at": None}
    return ended | _ending(job, result, at)


def _ending(job: Job, result: dict[str, Any], at: datetime | None) -> dict[str, Any]:
    """Return the result of a job and when it was over; what an import did stays, also when it is undone."""
    if _step(job) is ImportStep.UNDO:
        return {"result": {**(job.result or {}), **result}, "finished_at": job.finished_at}
    return {"result": result, "finished_at": at}


def _finish(
    engine: Engine,
    job: Job,
    state: JobState,
    result: dict[str, object],
    at: datetime | None,
    *,
    files: FileStore,
    error: str = "",
) -> None:
    """Say how an import ended, or that it waits again."""
    done, total = progress_of(job, files)
    end = sa.update(Job).where(col(Job.id) == job.id, col(Job.state) == JobState.RUNNING)
    with transaction(engine) as session:
        ending = _ending(session.get_one(Job, job.id, with_for_update=True), result, at)
        ended = end.values(
            state=state,
            input=job.input,
            error=storable(error, 1000),
            done=done,
            total=total,
            claim_expires_at=None,
            **ending,
        )
        changed(session, ended)
        session.expire_all()
        _forget_whoever_is_erased(session, job.id, files)
    files.remove(_progress_key(job))


def _forget_whoever_is_erased(session: Session, job_id: int, files: FileStore | None = None) -> None:
    """Remove the file of an import that has ended, when somebody was erased since it was sent in: it has their rows.

    Of one that was running then, what is said of single rows goes too: the erasure could not see it yet.
    """
    job = session.get_one(Job, job_id)
    if erased_since(session, job.shop_id, job.created_at):
        forget_upload(session, job, files or open_store(get_settings()))
    if job.started_at and job.result and erased_since(session, job.shop_id, job.started_at):
        job.result = forget_words(job.result)
        session.add(job)


class _Progress:
    """Notes how far an import is, now and then; a note that cannot be written stops nothing."""

    def __init__(self, engine: Engine, files: FileStore, job: Job) -> None:
        self._engine = engine
        self._files = files
        self._job_id, self._key = job.id, _progress_key(job)
        self._next = 0.0
        self._renew_at = time.monotonic() + RENEWED_EVERY

    def __call__(self, done: int, total: int) -> None:
        watchdog.move()
        if time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + RENEWED_EVERY
            self._renew()
        if time.monotonic() < self._next and done < total:
            return
        self._next = time.monotonic() + _TELL_EVERY
        with suppress(OSError):
            self._files.write(self._key, f"{done} {total or 0}".encode())

    def _renew(self) -> None:
        """Hold the job longer. On SQLite the import itself keeps every other from writing, and from taking it."""
        if self._engine.dialect.name == "sqlite":
            return
        mine = sa.update(Job).where(col(Job.id) == self._job_id, col(Job.state) == JobState.RUNNING)
        with suppress(SQLAlchemyError), hurried(self._engine, wait=timedelta(seconds=1)) as session:
            session.execute(mine.values(claim_expires_at=clock.now() + CLAIM))


def _progress_key(job: Job) -> str:
    return f"progress/{job.id}"
