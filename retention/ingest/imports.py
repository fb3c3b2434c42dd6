"""One file into one shop: opened, mapped, checked, staged and merged in one transaction, and a report of what came of it.

An import that is interrupted, at any point, has changed nothing; the next run starts anew and ends right.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import polars as pl
from sqlalchemy import Engine
from sqlmodel import Session

from retention import money
from retention.database import large_transaction
from retention.errors import Invalid
from retention.files import FileStore
from retention.ingest.buyers import BuyerStaging
from retention.ingest.columns import KINDS, Preset, find_preset, map_columns
from retention.ingest.duplicates import Duplicates
from retention.ingest.order_rows import OrderReading
from retention.ingest.orders import OrderStaging
from retention.ingest.parcels import ParcelStaging
from retention.ingest.products import ProductStaging
from retention.ingest.rejects import RejectsFile
from retention.ingest.relations import FollowerStaging, MemberStaging
from retention.ingest.sources import Chunk, Reject, Source, open_source
from retention.settings import get_settings
from retention.shops import Shop, find_shop
from retention.staging import merging
from retention.words import gettext

Progress = Callable[[int, int], None]
"""Is told how much is done of how much; bytes or rows of the file, the merge counting as a quarter more."""

_MONEY = ("paid", "refunded", "revenue")


@dataclass(frozen=True)
class ImportReport:
    """What an import read and what it changed. `rejects_path` is None when nothing was rejected."""

    kind: str
    file: str
    encoding: str
    read: int
    accepted: int
    rejected: int
    changed: int
    unchanged: int
    rejects_path: Path | None
    columns: dict[str, str]
    ignored_columns: list[str]
    totals: dict[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 when a row landed or none was rejected, 2 when all were rejected."""
        return 2 if self.rejected and not self.accepted else 0

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values; money is in major units, as exact decimal strings."""
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "rejects_path": str(self.rejects_path) if self.rejects_path else None,
        }


class Staging(Protocol):
    """What each kind of file brings: it takes rows in chunks and merges them at the end."""

    rows: int

    def add(self, frame: pl.DataFrame, lines: pl.Series) -> list[Reject]:
        """Stage the good rows and return the others."""
        ...

    def merge(self, *, source: str, now: datetime) -> "Merged":
        """Write what was staged into the shop's tables."""
        ...


class Merged(Protocol):
    """What a merge says of itself."""

    @property
    def changed(self) -> int:
        """How many rows are new or different."""
        ...

    @property
    def unchanged(self) -> int:
        """How many rows were there already."""
        ...

    @property
    def totals(self) -> dict[str, int]:
        """Figures of this kind of file by name; money in minor units."""
        ...


def import_file(
    engine: Engine,
    shop_slug: str,
    kind: str,
    path: Path | str,
    *,
    preset: str = "generic",
    mapping: Mapping[str, str] | None = None,
    now: datetime,
    progress: Progress | None = None,
    source: str | None = None,
    dates: str | None = None,
    files: FileStore | None = None,
) -> ImportReport:
    """Import a file of `kind` (orders, buyers, products, followers, members, parcels) into a shop.

    `source` names where order numbers come from (the preset by default): the same number from another source is another
    order. `dates` says how 12/1/2010 is meant: dmy or mdy. `files` stores product pictures.
    Raises Invalid or NotFound with one sentence when the file as a whole cannot be used; nothing is changed then.
    """
    path = Path(path)
    if kind not in KINDS:
        raise Invalid(
            "There is nothing called {kind} to import. Use one of {known}.", kind=repr(kind), known=", ".join(KINDS)
        )
    if dates not in {None, "dmy", "mdy"}:
        raise Invalid("Dates can be dmy or mdy, not {dates}.", dates=repr(dates))
    chosen = find_preset(preset)
    with large_transaction(engine) as session, TemporaryDirectory(prefix="regulars-import-") as scratch:
        shop = find_shop(session, shop_slug)
        opened = open_source(path)
        columns = map_columns(kind, opened.header, chosen, mapping or {})
        with RejectsFile(path, opened.header) as rejects:
            staging = _staging(
                session, shop, kind, columns, chosen, path=path, scratch=Path(scratch), dates=dates, files=files
            )
            duplicates = Duplicates() if "order_id" in columns and kind == "orders" else None
            read = _read(opened, staging, rejects, duplicates, progress)
            with merging(session, staging.rows):
                merged = staging.merge(source=source or (preset if kind == "orders" else path.name), now=now)
            if progress:
                progress(opened.total * 5 // 4, opened.total * 5 // 4)
            kept = rejects.keep()
        return ImportReport(
            kind=kind,
            file=path.name,
            encoding=opened.encoding,
            read=read,
            accepted=staging.rows,
            rejected=rejects.count,
            changed=merged.changed,
            unchanged=merged.unchanged,
            rejects_path=kept,
            columns=columns,
            ignored_columns=[name for name in opened.header if name not in columns.values()],
            totals=_in_major_units(merged.totals, shop.currency),
        )


def _read(
    source: Source,
    staging: Staging,
    rejects: RejectsFile,
    duplicates: Duplicates | None,
    progress: Progress | None,
) -> int:
    """Stage the whole file and return how many rows it has."""
    read = 0
    for chunk in source.chunks():
        read += chunk.frame.height + len(chunk.broken)
        refused = [*chunk.broken, *_stage_chunk(chunk, staging, duplicates)]
        rejects.add(sorted(refused, key=lambda reject: reject.line))
        if progress:
            progress(chunk.done, source.total * 5 // 4)
    return read


def _stage_chunk(chunk: Chunk, staging: Staging, duplicates: Duplicates | None) -> list[Reject]:
    if not chunk.frame.height:
        return []
    if duplicates is None:
        return staging.add(chunk.frame, chunk.lines)
    first = duplicates.first_lines(chunk.frame, chunk.lines)
    repeated = first.is_not_null()
    if not repeated.any():
        return staging.add(chunk.frame, chunk.lines)
    words = gettext("is a duplicate of line {line}")
    refused = [
        Reject(chunk.lines[row], words.format(line=first[row]), chunk.frame.row(row)) for row in repeated.arg_true()
    ]
    return refused + staging.add(chunk.frame.filter(~repeated), chunk.lines.filter(~repeated))


def _in_major_units(totals: Mapping[str, int], currency: str) -> dict[str, Any]:
    return {name: str(money.major(value, currency)) if name in _MONEY else value for name, value in totals.items()}


def _staging(
    session: Session,
    shop: Shop,
    kind: str,
    columns: dict[str, str],
    preset: Preset,
    *,
    path: Path,
    scratch: Path,
    dates: str | None,
    files: FileStore | None,
) -> Staging:
    if kind == "orders":
        reading = OrderReading(
            shop,
            columns,
            order_level=preset.order_level or "total" in columns,
            after_refunds="refunded" in columns and columns.get("amount") in preset.after_refunds,
            dates=dates,
        )
        return OrderStaging(session, reading, folder=scratch, size=path.stat().st_size)
    if kind == "buyers":
        return BuyerStaging(session, shop, columns, dates, file=path.name)
    if kind == "products":
        store = files or FileStore(get_settings().files)
        return ProductStaging(session, shop, columns, dates, folder=path.parent, files=store)
    simple = {"followers": FollowerStaging, "members": MemberStaging, "parcels": ParcelStaging}
    return simple[kind](session, shop, columns, dates)
