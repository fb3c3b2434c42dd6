"""Downloads: sets of buyers as files, masked for whoever may not see names, mail and phone."""

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

from fastapi.responses import StreamingResponse
from pyroaring import BitMap
from sqlmodel import Session

from retention.access import Member
from retention.shops import Shop
from segments.export import write_csv

BLOCK = 65_536


def csv_of(session: Session, shop: Shop, member: Member, buyers: BitMap, *, name: str) -> StreamingResponse:
    """Return buyers as a CSV file. It is written aside first: the session ends before the answer leaves."""
    file = TemporaryFile("w+", encoding="utf-8-sig", newline="")  # noqa: SIM115 - closed when it has been sent
    write_csv(session, shop, member, buyers=buyers, target=file)
    file.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="{shop.slug}-{name}.csv"'}
    return StreamingResponse(_read(file), media_type="text/csv; charset=utf-8", headers=headers)


def _read(file: IO[str]) -> Iterator[str]:
    with file:
        while block := file.read(BLOCK):
            yield block
