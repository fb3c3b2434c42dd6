"""What an import changed, noted while it merges: rows it added, and rows it changed, as they were and as they became.

The notes are Arrow files of many rows each, packed into one file; nothing is done row by row. Of buyers that are new
only the numbers are kept, since nothing of them is ever put back.
"""

import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, SQLModel

from retention.buyers import Buyer, FormerAddress
from retention.consent import Consent
from retention.database import is_postgresql
from retention.followers_and_groups import Follow, Group, GroupMember
from retention.orders import Order, OrderLine
from retention.parcels import Parcel
from retention.products import Product
from retention.staging import ColumnKind, fetch, fetch_all, look_up, run
from retention.suppressions import Suppression

_CHANGED: tuple[type[SQLModel], ...] = (
    *(OrderLine, Parcel, Order, Consent, Suppression, FormerAddress, GroupMember, Follow, Group, Product, Buyer),
)
KEYS = {str(each.__tablename__): "order_id" if each is OrderLine else "id" for each in _CHANGED}
"""The tables that imports change, in an order in which rows can go, and what rows are found by."""

SLICE = 20_000  # rows read at a time


class ImportJournal:
    """The notes of one import, in files in `folder`."""

    def __init__(self, session: Session, shop_id: int, folder: Path) -> None:
        self.buyers = BitMap()
        self.new: dict[str, BitMap] = defaultdict(BitMap)
        self._session = session
        self._shop_id = shop_id
        self._folder = folder
        self._pieces = 0
        self._changed: dict[str, BitMap] = defaultdict(BitMap)

    def added(self, table: str, rows: pl.DataFrame) -> None:
        """Take rows that are about to be added. Lines of an order that was there belong to what the order becomes."""
        if table not in KEYS:
            return
        if table == "order_lines":
            self._note_before(table, BitMap(rows["order_id"].to_list()) - self.new["orders"])
            if self._changed[table]:
                rows = rows.filter(~pl.col("order_id").is_in(self._changed[table].to_array().tolist()))
        if "id" in rows.columns:
            self.new[table].update(rows["id"].to_list())
        if "buyer_id" in rows.columns:
            self.buyers.update(rows["buyer_id"].drop_nulls().to_list())
        self._write(table, "added", rows.select("id") if table == "buyers" else rows)

    def before(self, table: str, where: str, values: Mapping[str, Any]) -> None:
        """Take the rows as they are which a statement is about to change."""
        key = KEYS[table]
        found = f"SELECT DISTINCT {key} FROM {table} WHERE shop_id = :shop AND ({where})"  # noqa: S608 - our own names
        keys = BitMap(row[0] for row in fetch_all(self._session, found, shop=self._shop_id, **values))
        self._note_before(table, keys - (self.new[table] if key == "id" else BitMap()))

    def _note_before(self, table: str, keys: BitMap) -> None:
        fresh = keys - self._changed[table]
        self._changed[table] |= fresh
        for rows in stored(self._session, self._shop_id, table, fresh):
            self._note_buyers(table, rows)
            self._write(table, "before", rows)

    def insert(self, table: str, statement: str, values: Mapping[str, Any]) -> int:
        """Run a statement that adds rows, and take these."""
        if is_postgresql(self._session):
            run(self._session, "CREATE TEMPORARY TABLE IF NOT EXISTS journal_ids (id bigint) ON COMMIT DROP")
            noting = f"WITH added AS ({statement} RETURNING {table}.id) INSERT INTO journal_ids SELECT id FROM added"  # noqa: S608
            count = run(self._session, noting, **values)
            ids = BitMap(row[0] for row in fetch_all(self._session, "SELECT id FROM journal_ids"))
            run(self._session, "DELETE FROM journal_ids")
        else:  # nobody else writes meanwhile
            last = fetch(self._session, f"SELECT coalesce(max(id), 0) FROM {table}")[0]  # noqa: S608 - our own name
            count = run(self._session, statement, **values)
            newer = f"SELECT id FROM {table} WHERE id > :last"  # noqa: S608 - our own name
            ids = BitMap(row[0] for row in fetch_all(self._session, newer, last=last))
        fresh = ids - self._changed[table]
        if table == "buyers":
            self.added(table, pl.DataFrame({"id": fresh.to_array().tolist()}, schema={"id": pl.Int64}))
            return count
        for rows in stored(self._session, self._shop_id, table, fresh, by="id"):
            self.added(table, rows)
        return count

    @property
    def is_empty(self) -> bool:
        """Whether nothing has changed."""
        return not self._pieces

    def finish(self, to: Path) -> None:
        """Note what the changed rows became and pack all notes into one file."""
        for table, keys in self._changed.items():
            for rows in stored(self._session, self._shop_id, table, keys):
                self._note_buyers(table, rows)
                self._write(table, "after", rows)
        self.buyers |= self.new["buyers"]
        with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as packed:
            for piece in sorted(self._folder.glob("*.arrow")):
                packed.write(piece, piece.name)
                piece.unlink()

    def _note_buyers(self, table: str, rows: pl.DataFrame) -> None:
        column = "id" if table == "buyers" else "buyer_id"
        if column in rows.columns:
            self.buyers.update(rows[column].drop_nulls().to_list())

    def _write(self, table: str, what: str, rows: pl.DataFrame) -> None:
        if rows.height:
            rows.write_ipc(self._folder / f"{self._pieces:06d}-{table}-{what}.arrow", compression="lz4")
            self._pieces += 1


class KeptNotes:
    """The notes of one import, read again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with zipfile.ZipFile(path) as packed:
            self._sizes = {piece.filename: piece.file_size for piece in packed.infolist()}

    def size_of(self, table: str) -> int:
        """Return how many bytes the notes of a table have."""
        pieces = self._sizes.items()
        return sum(size for name, size in pieces if name.partition("-")[2].rpartition("-")[0] == table)

    def rows(self, table: str, what: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a table that were `added`, or stood there `before` or `after`, some at a time."""
        with zipfile.ZipFile(self._path) as packed:
            for name in self._sizes:
                if name.partition("-")[2] == f"{table}-{what}.arrow":
                    yield pl.read_ipc(packed.read(name))

    def keys(self, table: str, *what: str) -> BitMap:
        """Return what the rows are found by."""
        return BitMap.union(
            BitMap(), *(BitMap(rows[KEYS[table]].to_list()) for each in what for rows in self.rows(table, each))
        )


def stored(
    session: Session, shop_id: int, table: str, keys: BitMap, *, by: str = "", columns: list[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Yield rows as they are now, whole or some columns, found by the table's key."""
    kinds = kinds_of(table)
    shape = {name: (_expression(name, kinds[name]), kinds[name]) for name in columns or kinds}
    numbers = keys.to_array().tolist()
    for start in range(0, len(numbers), SLICE):
        some = pl.Series(numbers[start : start + SLICE], dtype=pl.Int64)
        yield look_up(session, table, some, f"t.{by or KEYS[table]} = s.value", shape, shop=shop_id)


def kinds_of(table: str) -> dict[str, ColumnKind]:
    """Return the columns of a table as they are staged."""
    return {column.name: _kind(column.type) for column in SQLModel.metadata.tables[table].columns}


def _expression(name: str, kind: ColumnKind) -> str:
    return f"CAST(t.{name} AS text)" if kind is ColumnKind.DATE else f"t.{name}"


def _kind(type_: Any) -> ColumnKind:
    if isinstance(type_, sa.Boolean):
        return ColumnKind.FLAG
    if isinstance(type_, sa.DateTime):
        return ColumnKind.TIME
    if isinstance(type_, sa.Date):
        return ColumnKind.DATE
    if isinstance(type_, sa.Integer):
        return ColumnKind.WHOLE
    impl = getattr(type_, "impl", None)
    return _kind(impl) if impl is not None and type(impl) is not type(type_) else ColumnKind.TEXT
