"""Files to import with one interface: CSV, XLSX, JSON and JSON lines, recognised by their first bytes.

A file is streamed, so that its size does not matter; only XLSX is held in memory, by a process of its own.
What is no table (a picture, a PDF, an archive, a folder, nothing at all) is refused with one sentence.
"""

import zipfile
from pathlib import Path

from retention.errors import Invalid, NotFound
from retention.i18n import gettext, gettext_noop
from retention.ingest.files.chunks import REJECTS, Source
from retention.ingest.files.delimited import open_delimited
from retention.ingest.files.headers import Known, nothing_known
from retention.ingest.files.jsondocument import is_document, open_json_document
from retention.ingest.files.jsonlines import open_json_lines
from retention.ingest.files.rejects import MARK
from retention.ingest.files.sheets import open_sheet
from retention.ingest.files.workbooks import check_size

_SIGNATURES = (
    (b"\x89PNG", gettext_noop("a picture (PNG)")),
    (b"\xff\xd8\xff", gettext_noop("a picture (JPEG)")),
    (b"GIF8", gettext_noop("a picture (GIF)")),
    (b"RIFF", gettext_noop("a picture or a sound")),
    (b"BM", gettext_noop("a picture (BMP)")),
    (b"II*\0", gettext_noop("a picture (TIFF)")),
    (b"%PDF", gettext_noop("a PDF")),
    (b"\x1f\x8b", gettext_noop("a compressed file (gzip)")),
    (b"Rar!", gettext_noop("an archive (RAR)")),
    (b"7z\xbc\xaf", gettext_noop("an archive (7z)")),
    (b"SQLite format 3", gettext_noop("a database (SQLite)")),
    (b"PAR1", gettext_noop("a Parquet file")),
    (b"\xd0\xcf\x11\xe0", gettext_noop("an old Excel file (XLS)")),
)
_PAGES = (b"<html", b"<!doctype html", b"<table", b"<meta", b"<head", b"<?xml", b"<style")
"""How pages and XML begin that shop systems call XLS."""

_OWN_REJECTS = f"{MARK}{REJECTS[0]},{REJECTS[1]},".encode()

NOT_A_TABLE = gettext_noop("{file} is {what}, not a table. Save it as CSV (UTF-8 or GB18030), XLSX or JSON lines.")


def open_source(
    path: Path,
    *,
    known: Known = nothing_known,
    encoding: str | None = None,
    header_row: int | None = None,
    country: str = "",
) -> Source:
    """Return the rows of a file, whatever its form; NotFound or Invalid with one sentence when there are none.

    `known` tells which names of columns one looks for, by which the header is found; `country` is the shop's.
    `encoding` and `header_row` are what a person says of the file; our own file of rejected rows is read as it was
    written, whatever they say.
    """
    head = _read_head(path)
    if head.startswith(b"PK\x03\x04"):
        return open_sheet(path, known=known, header_row=header_row, errors=_check_workbook(path))
    for signature, what in _SIGNATURES:
        if head.startswith(signature) and not (signature == b"BM" and head.isascii()):
            raise Invalid(NOT_A_TABLE, file=repr(path.name), what=gettext(what))
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        raise Invalid(NOT_A_TABLE, file=repr(path.name), what=gettext("a web page or XML, whatever it is called"))
    if head.startswith(_OWN_REJECTS):
        return open_delimited(path, header_row=1)
    begin = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")[:1]
    if begin in {b"{", b"["} and is_document(path):
        return open_json_document(path)
    if begin == b"{":
        return open_json_lines(path, encoding=encoding, country=country)
    return open_delimited(path, known=known, encoding=encoding, header_row=header_row, country=country)


def _read_head(path: Path) -> bytes:
    if path.is_dir():
        raise Invalid("{file} is a folder. Name a file in it.", file=repr(str(path)))
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError as error:
        raise NotFound("There is no file {file}.", file=repr(str(path))) from error
    except OSError as error:
        raise Invalid("{file} cannot be read: {why}.", file=repr(str(path)), why=error.strerror) from error
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise Invalid("{file} is empty.", file=repr(path.name))
    return head


def _check_workbook(path: Path) -> int:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise Invalid("{file} is damaged: it begins like an XLSX file but ends too early.", file=repr(path.name)) from (
            error
        )
    if not any(name.startswith("xl/") for name in names):
        raise Invalid(NOT_A_TABLE, file=repr(path.name), what=gettext("an archive (ZIP)"))
    return check_size(path)
