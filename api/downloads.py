"""Downloads: the buyers of a segment as a file, masked for users without access to names; pictures of stored PDFs."""

from collections.abc import Iterator
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO

from fastapi.responses import Response, StreamingResponse
from sqlmodel import Session

from printables.drawing.thumbnails import thumbnail
from retention.access import Member
from retention.files import FileStore
from retention.shops import Shop
from segments.export import export_segment

BLOCK = 65_536


def csv_of(
    session: Session, shop: Shop, member: Member, *, slug: str, now: datetime, as_of: datetime | None = None
) -> StreamingResponse:
    """Return a segment's buyers as a CSV file. It is written aside first: the session ends before the answer leaves."""
    file = TemporaryFile("w+", encoding="utf-8-sig", newline="")  # noqa: SIM115 - closed when it has been sent
    try:
        export_segment(session, shop, member, slug=slug, target=file, now=now, as_of=as_of)
    except Exception:
        file.close()
        raise
    file.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="{shop.slug}-{slug}.csv"'}
    return StreamingResponse(_read(file), media_type="text/csv; charset=utf-8", headers=headers)


def picture(files: FileStore, sha256: str, *, width: int) -> Response:
    """Return the first page of a stored PDF as a PNG. The bytes behind a SHA-256 never change, so neither does it."""
    png = thumbnail(files.get(sha256), width=min(max(width, 80), 1200))
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=31536000, immutable"})


def _read(file: IO[str]) -> Iterator[str]:
    with file:
        while block := file.read(BLOCK):
            yield block
