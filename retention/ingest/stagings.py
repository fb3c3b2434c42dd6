"""What takes the rows of a file until they are merged, by the kind of the file."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Protocol

import polars as pl
from sqlmodel import Session

from retention.ingest.cells.currencies import Currencies
from retention.ingest.columns import FoundExport
from retention.ingest.files.chunks import Reject
from retention.ingest.notes import Note
from retention.ingest.orders.order_files import OrderStaging
from retention.ingest.orders.order_rows import OrderReading
from retention.ingest.orders.status_words import remember_words, states_of
from retention.ingest.orders.statuses import state_meanings
from retention.ingest.parcels import ParcelStaging
from retention.ingest.people.buyers import BuyerStaging
from retention.ingest.people.followers_and_groups import FollowerStaging, MemberStaging
from retention.ingest.presets import PRESETS
from retention.ingest.products import ProductStaging
from retention.ingest.request import ImportRequest
from retention.ingest.survey import Conventions
from retention.shops import Shop
from retention.staging import writes


class Staging(Protocol):
    """What each kind of file brings: it takes rows in chunks and merges them at the end."""

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        ...

    def add(self, frame: pl.DataFrame, lines: pl.Series) -> list[Reject]:
        """Stage the good rows and return the others."""
        ...

    def merge(self, *, now: datetime) -> "MergeReport":
        """Write what was staged into the shop's tables."""
        ...

    def notes(self) -> Iterable[Note]:
        """Return what is to be said of the rows as a whole."""
        ...

    def close(self) -> None:
        """Let go of what the staging holds, merged or not."""
        ...


class MergeReport(Protocol):
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


class Rejects(Protocol):
    """Where the rows go that do not land."""

    count: int

    def add(self, rejects: Iterable[Reject]) -> None:
        """Take rejected rows."""
        ...

    def weave(self, late: Iterable[Reject]) -> None:
        """Take rows that were refused at the end, at their places among the others."""
        ...

    def keep(self) -> Path | None:
        """Return where they are, None when there are none."""
        ...


def open_staging(
    session: Session,
    shop: Shop,
    asked: ImportRequest,
    found: FoundExport,
    columns: dict[str, str],
    conventions: Conventions,
    *,
    folder: Path,
    stream: bool,
) -> Staging:
    """Return what takes the rows of this kind of file; what it puts aside lies in `folder`."""
    match asked.kind:
        case "orders":
            reading = _order_reading(session, shop, asked, found, columns, conventions)
            return OrderStaging(
                session,
                reading,
                source=asked.options.source or found.preset,
                siblings=() if asked.options.source else tuple(PRESETS),
                now=asked.now,
                folder=folder,
                size=asked.path.stat().st_size,
                stream=stream,
            )
        case "buyers":
            vague = found.export.no_is_vague
            return BuyerStaging(
                session, shop, columns, conventions, file=asked.path.name, now=asked.now, no_is_vague=vague
            )
        case "products":
            return ProductStaging(session, shop, columns, conventions, folder=asked.path.parent, files=asked.files)
        case _:
            simple = {"followers": FollowerStaging, "members": MemberStaging, "parcels": ParcelStaging}
            return simple[asked.kind](session, shop, columns, conventions)


def _order_reading(
    session: Session,
    shop: Shop,
    asked: ImportRequest,
    found: FoundExport,
    columns: dict[str, str],
    conventions: Conventions,
) -> OrderReading:
    """Return how rows of orders are read; status words that were said now are remembered for the shop."""
    options, export = asked.options, found.export
    known = states_of(session, shop.id)
    if options.statuses and writes(session):
        remember_words(session, shop.id, options.statuses, at=asked.now)
    items_only = "order_id" in columns and not columns.keys() & {"paid_at", "placed_at"}
    return OrderReading(
        shop,
        columns,
        conventions=conventions,
        order_level=export.order_level,
        after_refunds="refunded" in columns and columns.get("amount") in export.after_refunds,
        currencies=Currencies(shop.currency, options.rates),
        status_words=state_meanings(export.statuses) | known | state_meanings(options.statuses),
        add_lines=options.add_lines or export.add_lines,
        items=items_only or export.add_lines,
        items_only=items_only,
    )
