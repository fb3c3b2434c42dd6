"""Imports of files: sent or named, understood or imported by a worker, and looked at while that goes on.

A request to import is JSON that names a file of the store, or a form that carries the file; both have the same fields.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import Field, ValidationError
from starlette.datastructures import UploadFile

from api.deps import Files, Now, Reading, Writing
from api.shapes.imports import (
    ImportOut,
    ImportsOut,
    ListedImportOut,
    SavedMappingOut,
    SavedMappingsOut,
)
from api.shapes.shape import Input
from api.v1.callers import Caller, caller_with
from api.v1.pages import Paged
from api.v1.parameters import ImportNumber, MappingNumber
from api.v1.routing import PREFIX, made_at, router_for
from retention.access import Scope
from retention.database import reading, transaction
from retention.errors import Invalid
from retention.files import FileStore
from retention.i18n import gettext_noop
from retention.ingest.drafts import (
    begin_import,
    change_options,
    first_rejects,
    import_for,
    keep_upload,
    page_of_imports,
    refusal_of,
    rejects_of,
    run_small,
    save_mapping_of,
    start_import,
    take_incoming,
)
from retention.ingest.jobs import progress_of
from retention.ingest.journals.undo_jobs import start_undo
from retention.ingest.options import ImportOptions, options_from
from retention.jobs import Job
from retention.saved_mappings import page_of_mappings, remove_mapping

router = router_for("imports")

Writer = Annotated[Caller, caller_with(Scope.IMPORTS_WRITE)]
PersonalReader = Annotated[Caller, caller_with(Scope.IMPORTS_WRITE, Scope.BUYERS_PERSONAL)]

NO_FILE = gettext_noop(
    "Send the file itself as `file` of a form, or as JSON its `address` below incoming/ in the store."
)
UNREADABLE = gettext_noop("{field} must be JSON.")

LONGEST = 1000
_TEXT = {"max_length": LONGEST}


class OptionsIn(Input):
    """What is known of a file. Everything left out is found in the file."""

    preset: str | None = Field(None, max_length=50, description="The column preset; left out: found from the header.")
    mapping: dict[str, str] = Field({}, description="The column of the file for each field named.")
    ignore: list[str] = Field([], max_length=500, description="Columns of the file that nothing is taken from.")
    source: str | None = Field(None, max_length=50, description="The system that the order numbers come from.")
    dates: str | None = Field(None, max_length=10, description="How 12/1/2010 is meant: dmy or mdy.")
    decimal: str | None = Field(None, max_length=10, description="What stands before the cents: comma or point.")
    encoding: str | None = Field(None, max_length=50, description="The encoding of a text file.")
    header_row: int | None = Field(None, ge=1, le=10_000, description="The line of the header, from 1.")
    statuses: dict[str, str] = Field(
        {}, description="What a status word means: paid, unpaid, cancelled, refunded or ignore."
    )
    rates: dict[str, Decimal] = Field(
        {}, description="What one unit of another currency is worth in the shop's, by ISO code."
    )
    add_lines: bool = Field(False, description="Whether the lines are added to orders that are known.")

    def options(self) -> ImportOptions:
        """Return the options that were given; Invalid for a value that nothing can be."""
        values = self.model_dump(include=set(OptionsIn.model_fields), exclude_unset=True, exclude_none=True)
        return options_from(values)


class ImportIn(OptionsIn):
    """A file to import."""

    kind: str = Field(max_length=20, description="orders, buyers, products, followers, members or parcels.")
    address: str = Field(
        "", max_length=LONGEST, description="The file's place below `incoming/<shop>/` in the file store, without it."
    )
    saved_mapping: str = Field(
        "", max_length=200, description="The name of a saved mapping; what is given besides comes first."
    )
    dry_run: bool = Field(False, description="Whether the file is only read: nothing is changed until it is started.")


class MappingIn(Input):
    """A mapping to save."""

    name: str = Field(max_length=200, description="Its name for people; one of that name is replaced.")


@dataclass(frozen=True)
class SentImport:
    """A request to import: what was asked, and the file where it came along."""

    asked: ImportIn
    file: UploadFile | None

    def keep(self, files: FileStore, shop_slug: str) -> str:
        """Keep the file as an upload and return its name in the store; Invalid when there is none."""
        if self.file is not None and self.file.filename:
            return keep_upload(files, self.file.file, self.file.filename)
        if not self.asked.address:
            raise Invalid(NO_FILE)
        return take_incoming(files, shop_slug, self.asked.address)


_IN_JSON = {"mapping", "ignore", "statuses", "rates"}


async def read_import(request: Request) -> AsyncIterator[SentImport]:
    """Yield a request to import, of either form; RequestValidationError for what is wrong with it."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        yield _checked(_json(await request.body(), "body"), None)
        return
    async with request.form(max_files=1, max_fields=50) as form:
        sent = form.get("file")
        values = {name: _field(name, value) for name, value in form.items() if isinstance(value, str)}
        yield _checked(values, sent if isinstance(sent, UploadFile) else None)


def _checked(values: Any, file: UploadFile | None) -> SentImport:
    try:
        return SentImport(ImportIn.model_validate(values), file)
    except ValidationError as error:
        faults = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(faults) from error


def _field(name: str, value: str) -> Any:
    return _json(value.encode(), name) if name in _IN_JSON else value


def _json(text: bytes, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(UNREADABLE, field=name) from error


def _form_schema() -> dict[str, Any]:
    schema = ImportIn.model_json_schema()
    file = {"type": "string", "format": "binary", "description": "The file itself."}
    return {**schema, "properties": {**schema["properties"], "file": file}}


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ImportIn.model_json_schema()},
            "multipart/form-data": {"schema": _form_schema()},
        },
    }
}


@router.post("/imports", status_code=202, openapi_extra=_BODY)
@made_at("/imports/{id}")
def create(
    caller: Writer, sent: Annotated[SentImport, Depends(read_import)], request: Request, at: Now, files: Files
) -> ImportOut:
    """Import a file, or with `dry_run` say what it would do. Scope imports:write.

    The file comes along in a form, whose `mapping`, `ignore`, `statuses` and `rates` are JSON, or lies in the store.
    A worker does it: the answer's `Location` says how far it is and how it ended.
    """
    number = begin_import(
        request.app.state.engine,
        files,
        caller.member,
        lambda: sent.keep(files, caller.shop.slug),
        kind=sent.asked.kind,
        options=sent.asked.options(),
        mapping=sent.asked.saved_mapping,
        dry=sent.asked.dry_run,
        size=sent.file.size if sent.file else None,
        at=at,
    )
    with reading(request.app.state.engine) as session:
        return _shown(import_for(session, caller.member, number), files, caller)


@router.get("/imports")
def list_all(session: Reading, caller: Writer, wanted: Paged) -> ImportsOut:
    """List the shop's imports, the newest first. Scope imports:write."""
    page = page_of_imports(session, caller.member, wanted)
    return ImportsOut(imports=[ListedImportOut.of(each) for each in page.rows], next=page.next)


@router.get("/imports/{number}")
def show(number: ImportNumber, session: Reading, caller: Writer, files: Files) -> ImportOut:
    """Show an import: how far it is, what was understood, what it did. Scope imports:write.

    Cells of the file are shown to a key that has buyers:personal too.
    """
    return _shown(import_for(session, caller.member, number), files, caller)


@router.get("/imports/{number}/rejects.csv", response_class=StreamingResponse)
def download_rejects(number: ImportNumber, session: Reading, caller: PersonalReader, files: Files) -> StreamingResponse:
    """Send the rows that did not land as CSV, each with its line and reason; corrected, it can be imported in its turn.

    Scopes imports:write and buyers:personal.
    """
    job = import_for(session, caller.member, number)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(job.input['name'])}.rejected.csv"}
    return StreamingResponse(rejects_of(job, files), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/imports/{number}/options", status_code=202)
def change(number: ImportNumber, sent: OptionsIn, request: Request, files: Files, caller: Writer) -> ImportOut:
    """Read a file again that waits to be imported, with other options in place of those before. Scope imports:write."""
    engine = request.app.state.engine
    with transaction(engine) as session:
        job = change_options(session, caller.member, number, sent.options())
    run_small(engine, job, files)
    with reading(engine) as session:
        return _shown(import_for(session, caller.member, job.id), files, caller)


@router.post("/imports/{number}/start", status_code=202)
def start(number: ImportNumber, session: Writing, at: Now, files: Files, caller: Writer) -> ImportOut:
    """Import a file as it was understood (409 when that was done already). Scope imports:write."""
    return _shown(start_import(session, caller.member, number, at=at), files, caller)


@router.post("/imports/{number}/undo", status_code=202)
@made_at("/imports/{id}")
def undo(number: ImportNumber, session: Writing, at: Now, files: Files, caller: Writer) -> ImportOut:
    """Take an import back: what it added goes, what it changed is as before. Scope imports:write.

    409 with the reason when that was done already, when something was built on it, or when its notes are gone.
    A small import is `undone` in the answer; of a large one a worker takes care, and `Location` says how far it is:
    `undoing`, then `undone`, or `done` with the reason in `undo_problem`.
    """
    return _shown(start_undo(session, caller.member, number, files=files, at=at), files, caller)


@router.post("/imports/{number}/mapping", status_code=201)
def save_mapping(number: ImportNumber, sent: MappingIn, session: Writing, at: Now, caller: Writer) -> SavedMappingOut:
    """Save the mapping of a file that was understood, for files with the same header. Scope imports:write."""
    return SavedMappingOut.of(save_mapping_of(session, caller.member, number, sent.name, at=at))


@router.get("/import-mappings")
def list_mappings(
    session: Reading,
    caller: Writer,
    wanted: Paged,
    kind: Annotated[str, Query(max_length=20, description="Only those for this kind of file.")] = "",
) -> SavedMappingsOut:
    """List the mappings that are used for files with the same header. Scope imports:write."""
    page = page_of_mappings(session, caller.member, wanted, kind=kind)
    return SavedMappingsOut(mappings=[SavedMappingOut.of(each) for each in page.rows], next=page.next)


@router.delete("/import-mappings/{number}", status_code=204)
def forget_mapping(number: MappingNumber, session: Writing, at: Now, caller: Writer) -> None:
    """Remove a saved mapping; imports that used it stay as they are. Scope imports:write."""
    remove_mapping(session, caller.member, number, at=at)


def _shown(job: Job, files: FileStore, caller: Caller) -> ImportOut:
    sees = caller.member.may(Scope.BUYERS_PERSONAL)
    rejected = bool((job.result or {}).get("rejected")) and bool(job.input.get("upload"))
    shown = ImportOut.made(
        job,
        progress=progress_of(job, files),
        problem=refusal_of(job),
        first_rejects=first_rejects(job, files) if rejected and sees else [],
        rejects=f"{PREFIX}/imports/{job.id}/rejects.csv" if rejected else None,
    )
    if shown.understanding and not sees:
        nobody: dict[str, Any] = {"cells": {}, "first_rows": [], "rejects": [], "questions": [], "notes": []}
        shown.understanding = shown.understanding.model_copy(update=nobody)
    return shown
