"""Imports that people and programs ask for: the upload, what it was understood to say, and the word that starts it.

An import is one row of `jobs` from the upload to its report. First the file is understood and nothing changes; what was
understood waits in the row, is made again whenever something else is said of the file, and is imported when somebody
starts it. A worker does both; the uploads lie in the store of files, which web and worker share.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import structlog
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from retention import audit, clock, tokens
from retention.access import Member, Scope
from retention.database import lock, transaction
from retention.errors import Conflict, Invalid, NotFound
from retention.files import FileStore, plain_name
from retention.i18n import current_language, gettext
from retention.ingest.jobs import options_of, rejects_key, run_import
from retention.ingest.journals.landed import KIND, ImportStep
from retention.ingest.journals.undo_jobs import is_being_undone
from retention.ingest.options import ImportOptions, with_saved
from retention.ingest.presets import KINDS, check_preset
from retention.ingest.samples import MOST_REJECTS, reject_shown
from retention.jobs import Job, JobState
from retention.paging import Page, Wanted, page_of
from retention.queue import send
from retention.saved_mappings import SavedMapping, mapping_named, save_mapping

log = structlog.get_logger()

SMALL = 1_000_000
"""Bytes of a text file that is understood at once; a workbook of a quarter holds as much."""


class ImportState(StrEnum):
    """Where an import stands."""

    READING = "reading"
    UNDERSTOOD = "understood"
    WAITING = "waiting"
    IMPORTING = "importing"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"


def state_of(job: Job) -> ImportState:
    """Return where an import stands."""
    if job.state is JobState.FAILED:
        return ImportState.FAILED
    if job.input.get("step") == ImportStep.UNDERSTAND:
        return ImportState.UNDERSTOOD if job.state is JobState.DONE else ImportState.READING
    if (job.result or {}).get("undone_at"):
        return ImportState.UNDONE
    if is_being_undone(job):
        return ImportState.UNDOING
    known = {JobState.WAITING: ImportState.WAITING, JobState.RUNNING: ImportState.IMPORTING}
    return known.get(job.state, ImportState.DONE)


def keep_upload(files: FileStore, source: BinaryIO, name: str) -> str:
    """Store an uploaded file under its own name in a folder of its own, and return the name it has in the store."""
    plain = plain_name(Path(name.replace("\\", "/")).name).strip(". ")[-100:] or "file"
    key = f"uploads/{tokens.new_secret()[:24]}/{plain}"
    files.keep(key, source)
    return key


def take_incoming(files: FileStore, shop_slug: str, name: str) -> str:
    """Keep a file that lies at `incoming/<shop>/<name>` in the store as an upload; NotFound when there is none.

    It stays where it lies: who put it there takes it away.
    """
    parts = name.replace("\\", "/").split("/")
    with files.opened("/".join(("incoming", shop_slug, *parts))) as path, path.open("rb") as source:
        return keep_upload(files, source, parts[-1])


def ask_import(
    session: Session,
    member: Member,
    *,
    kind: str,
    upload: str,
    options: ImportOptions | None = None,
    mapping: str = "",
    dry: bool = False,
    size: int | None = None,
    at: datetime,
) -> Job:
    """Add the job that imports a stored upload of `size` bytes, or with `dry` one that says what it would do and waits.

    `mapping` names a saved one, which the options complete. Invalid for an unknown kind or preset.
    """
    member.require(Scope.IMPORTS_WRITE)
    options = options or ImportOptions()
    if mapping:
        saved = mapping_named(session, member, mapping, kind=kind)
        options, mapping = with_saved(saved.options, options), saved.name
    _check(kind, options)
    name = upload.rsplit("/", 1)[-1]
    step = ImportStep.UNDERSTAND if dry else ImportStep.IMPORT
    given = {"kind": kind, "upload": upload, "name": name, "options": options.as_json(), "step": step, "size": size}
    given |= {"language": current_language()} | ({"mapping": mapping} if mapping else {})
    job = Job(shop_id=member.shop_id, kind=KIND, input=given, actor=member.actor, created_at=at)
    session.add(job)
    session.flush()
    _record(session, member, job, "import.ask", at)
    _send(session, job)
    return job


def begin_import(
    engine: Engine,
    files: FileStore,
    member: Member,
    keep: Callable[[], str],
    *,
    kind: str,
    options: ImportOptions,
    mapping: str = "",
    dry: bool,
    size: int | None,
    at: datetime,
) -> int:
    """Keep an upload, ask for its import and return its number; a small file is understood before this returns.

    Of an upload that nothing is asked for after all nothing stays.
    """
    member.require(Scope.IMPORTS_WRITE)
    _check(kind, options)
    upload = keep()
    try:
        with transaction(engine) as session:
            how: dict[str, Any] = {"options": options, "mapping": mapping, "dry": dry, "size": size}
            job = ask_import(session, member, kind=kind, upload=upload, **how, at=at)
    except BaseException:
        files.remove(upload.rpartition("/")[0])
        raise
    run_small(engine, job, files)
    return job.id


def _check(kind: str, options: ImportOptions) -> None:
    if kind not in KINDS:
        raise Invalid("{kind} cannot be imported. Known: {known}.", kind=repr(kind), known=", ".join(KINDS))
    check_preset(options.preset)


def change_options(session: Session, member: Member, number: int, options: ImportOptions) -> Job:
    """Say something else of a file that was understood, or could not be, which is then read again.

    Conflict when it is being read, or was imported; Invalid for an unknown preset.
    """
    job = import_for(session, member, number)
    lock(session, job)
    if not was_unreadable(job):
        _check_understood(job)
    check_preset(options.preset)
    given = {name: value for name, value in job.input.items() if name != "mapping"}
    job.input = {**given, "options": options.as_json(), "asked": True, "language": current_language()}
    return _again(session, job)


def start_import(session: Session, member: Member, number: int, *, at: datetime) -> Job:
    """Import a file as it was understood; Conflict when that was done already, Invalid when it cannot be."""
    job = import_for(session, member, number)
    lock(session, job)
    _check_understood(job)
    understood = understanding_of(job)
    if understood.get("problem"):
        raise Invalid("This file cannot be imported like this: {problem}", problem=understood["problem"])
    job.input = {**job.input, "step": ImportStep.IMPORT, "language": current_language()}
    _record(session, member, job, "import.start", at)
    return _again(session, job)


def run_small(engine: Engine, job: Job, files: FileStore) -> None:
    """Understand a small file here and now; others are left to a worker, who has been told."""
    if not _is_small(job):
        return
    try:
        run_import(engine, job.id, now=clock.now, files=files)
    except Exception:  # noqa: BLE001 - logged where it happened; the row says that it waits, and a worker tries again
        log.warning("not understood at once", job=job.id)


def _is_small(job: Job) -> bool:
    size, name = job.input.get("size"), str(job.input["name"]).lower()
    most = SMALL // 4 if name.endswith((".xlsx", ".xlsm")) else SMALL
    return job.input.get("step") == ImportStep.UNDERSTAND and size is not None and size <= most


def _send(session: Session, job: Job) -> None:
    if not _is_small(job):
        send(session, "imports.run", job.id)


def save_mapping_of(session: Session, member: Member, number: int, name: str, *, at: datetime) -> SavedMapping:
    """Save what is said of the file of an import under a name; Conflict while it is not known."""
    job = import_for(session, member, number)
    understood = understanding_of(job) or job.result or {}
    if "header" not in understood:
        raise Conflict("This file is not understood yet, so there is no mapping to save.")
    options = options_of(job)
    if not options.mapping:
        columns = understood.get("mapping") or understood["columns"]  # an import of before said the first ones alone
        found = {"mapping": columns, "ignore": understood["ignored_columns"]}
        options = replace(options, preset=understood["preset"], **found)
    given = {"kind": job.input["kind"], "header": understood["header"], "options": options.as_json()}
    saved = save_mapping(session, member, name=name, **given, at=at)
    job.input = {**job.input, "mapping": saved.name}
    session.add(job)
    return saved


def import_for(session: Session, member: Member, number: int) -> Job:
    """Return an import of the member's shop by its number; NotFound otherwise."""
    job = session.get(Job, number)
    if job is None or job.shop_id != member.shop_id or job.kind != KIND:
        raise NotFound("No import has the number {number}.", number=number)
    return job


def imports_of(session: Session, member: Member, *, most: int = 20) -> list[Job]:
    """Return the latest imports of the member's shop."""
    return page_of_imports(session, member, Wanted(most)).rows


def page_of_imports(session: Session, member: Member, wanted: Wanted) -> Page[Job]:
    """Return a page of the imports of the member's shop, the latest first."""
    found = select(Job).where(Job.shop_id == member.shop_id, Job.kind == KIND)
    return page_of(session, found, wanted, col(Job.id), latest_first=True)


def understanding_of(job: Job) -> Mapping[str, Any]:
    """Return what a file was understood to say, as `Understanding.as_json` wrote it; nothing while it is not known."""
    found: Mapping[str, Any] = (job.result or {}).get("understanding") or {}
    return found


def refusal_of(job: Job) -> str:
    """Return why nothing of a file was imported, in the language being spoken; nothing where that is not so."""
    if job.state is not JobState.FAILED:
        return ""
    refused = (job.result or {}).get("refused") or {}
    if not refused:
        return gettext("An internal error occurred and was logged. The file is kept.")
    return " ".join(_sentence(**each) for each in refused.get("parts", [refused]))


def _sentence(message: str, values: Mapping[str, str]) -> str:
    return gettext(message).format(**values)


def rejects_of(job: Job, files: FileStore) -> Iterator[bytes]:
    """Return the file of rows that did not land, in pieces; NotFound when nothing was rejected or the file is gone."""
    if "path" in job.input:  # a job of before the store held uploads
        path = Path(job.input["path"])
        return FileStore(path.parent).stream(f"{path.name}.rejected.csv")
    return files.stream(rejects_key(job))


def first_rejects(job: Job, files: FileStore) -> list[dict[str, Any]]:
    """Return the first rows that did not land, with their reasons; none when nothing was rejected or they are gone."""
    if not (job.result or {}).get("rejected"):
        return []
    try:
        pieces = rejects_of(job, files)
    except NotFound:
        return []
    rows = csv.reader(_lines(pieces))
    header = next(rows, [])[2:]
    return [reject_shown(int(row[0]), row[1], header, row[2:]) for row in islice(rows, MOST_REJECTS)]


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode("utf-8-sig", "replace") + "\n" for line in whole)
    if rest:
        yield rest.decode("utf-8-sig", "replace")


def was_unreadable(job: Job) -> bool:
    """Tell whether a file could not be understood, and is still there to be read in another way."""
    unread = job.state is JobState.FAILED and job.input.get("step") == ImportStep.UNDERSTAND
    return unread and bool(job.input.get("upload"))


def _check_understood(job: Job) -> None:
    if state_of(job) is ImportState.READING:
        raise Conflict("This file is still being read. Try again in a moment.")
    if state_of(job) is not ImportState.UNDERSTOOD:
        raise Conflict("This file was imported already. Upload it again to import it in another way.")
    if not job.input.get("upload"):
        raise Conflict("The file {name} is no longer stored. Upload it again.", name=repr(job.input["name"]))


def _again(session: Session, job: Job) -> Job:
    job.state, job.tries, job.started_at, job.finished_at, job.done, job.error = JobState.WAITING, 0, None, None, 0, ""
    session.add(job)
    session.flush()
    _send(session, job)
    return job


def _record(session: Session, member: Member, job: Job, action: str, at: datetime) -> None:
    after = {"kind": job.input["kind"], "name": job.input["name"]}
    audit.record(session, member.shop_id, member.actor, action=action, subject=f"job:{job.id}", after=after, at=at)
