"""Import of orders: the rows of a file or a request are checked, collected and merged.

A row is a line of an order. With order numbers the lines of one number are one order; without them each row is an order
whose number is derived from what it says, so that the same row means the same order in every file.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
from sqlmodel import Session

from retention.i18n import ngettext_noop
from retention.ingest.cells.rows import Rows
from retention.ingest.columns import Columns
from retention.ingest.files.chunks import Reject, blank_to_null
from retention.ingest.notes import Note
from retention.ingest.orders.merging import MergeCounts, OrderMerge
from retention.ingest.orders.order_rows import OrderReading
from retention.ingest.orders.order_states import KIND_OF_REFUND, UNKNOWN_REFUND_WORD
from retention.ingest.orders.repeats import Stretches
from retention.ingest.orders.spool import Spool
from retention.ingest.orders.statuses import UNKNOWN_WORD
from retention.ingest.orders.stream import Stream
from retention.ingest.orders.waiting import Waiting
from retention.ingest.people.erased_rows import screen
from retention.ingest.people.persons import KnownBuyers
from retention.ingest.prepared import PersonReading
from retention.ingest.presets import KINDS
from retention.ingest.survey import Conventions
from retention.orders import OrderStatus
from retention.privacy.erased import erased_of
from retention.row_writing import WritingBehind
from retention.shops import Shop
from retention.staging import indexed_late, take_turn


@dataclass(frozen=True)
class OrderInput:
    """One order line from a program: the fields of a file's row. Money is in major units, times are aware."""

    order_id: str
    line_id: str | None = None
    buyer_id: str | None = None
    paid_at: datetime | None = None
    placed_at: datetime | None = None
    cancelled_at: datetime | None = None
    updated_at: datetime | None = None
    status: str | None = None
    sku: str | None = None
    title: str | None = None
    category: str | None = None
    quantity: Decimal | int | None = None
    unit_price: Decimal | None = None
    amount: Decimal | None = None
    order_total: Decimal | None = None
    order_discount: Decimal | None = None
    refunded: Decimal | None = None
    refund_status: str | None = None
    postage: Decimal | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    phone: str | None = None
    email: str | None = None
    name: str | None = None
    waybill: str | None = None
    coupon: str | None = None
    channel: str | None = None
    currency: str | None = None


OPEN_REFUNDS = ngettext_noop(
    "{count} row names a refund that was not paid (asked for, closed or failed); its amount was not taken off.",
    "{count} rows name refunds that were not paid (asked for, closed or failed); their amounts were not taken off.",
)
SHORTENED = ngettext_noop(
    "{count} cell of {column} was too long to be kept whole and was shortened.",
    "{count} cells of {column} were too long to be kept whole and were shortened.",
)


MORE_WORDS = ngettext_noop(
    "So does {count} more word; is the right column read?", "So do {count} more words; is the right column read?"
)
_MOST_WORDS = 20


class OrderStaging:
    """Takes the checked rows of a file of `size` bytes (of a call: 0) to the merge.

    With `stream`, rows are merged while the file is read, as long as the lines of an order lie side by side; where
    they do not, `add` raises Scattered. An order known under the same number from one of the `siblings` of
    `source`, at about the same moment, is the same order. Otherwise rows wait, in `folder` if they are many, until
    all of them are there.
    """

    def __init__(
        self,
        session: Session,
        reading: OrderReading,
        *,
        source: str,
        siblings: Sequence[str] = (),
        now: datetime,
        folder: Path | None = None,
        size: int = 0,
        stream: bool = False,
    ) -> None:
        self._good = 0
        self._notes: tuple[Note, ...] = ()
        self._reading = reading
        self._session = session
        self._merge = OrderMerge(session, reading, source, now, siblings=tuple(siblings))
        self._spool = Spool(folder, size)
        self._stretches = Stretches()
        self._waiting = Waiting()
        whole = self._waiting.screen
        self._stream = Stream(self._merge.merge, whole) if stream and reading.numbered else None
        self._indexes = ExitStack()
        if size:
            self._indexes.enter_context(indexed_late(session, "buyers", "orders", "order_lines", "parcels"))
        self._behind = WritingBehind(session)

    @property
    def rows(self) -> int:
        """How many rows were taken; those that wait with a bad line of their order are not."""
        return self._good - self._waiting.count

    def add(self, frame: pl.DataFrame, lines: pl.Series) -> list[Reject]:
        """Check rows, keep the good ones, return the others."""
        rows = Rows(frame, lines, self._reading.columns, self._reading.conventions)
        good, refused = self._reading.check(rows, self._stretches)
        self._refuse(refused)
        if good.height:
            (self._stream or self._spool).add(good)
        self._good += good.height
        return rows.rejects()

    def refuse(self, broken: Sequence[Reject], header: Sequence[str]) -> None:
        """Take note of rows that are none: of which orders they were, as far as that can be read."""
        if not self._reading.numbered:
            return
        column = self._reading.columns["order_id"]
        place = header.index(column)
        rows = [(each.line, each.parts or each.cells) for each in broken if not each.no_order]
        named = [(line, cells[place]) for line, cells in rows if len(cells) > place]
        if named:
            cells = pl.DataFrame({column: [cell for _, cell in named]}, schema={column: pl.String})
            keys = Rows(blank_to_null(cells), pl.Series([0]), {"order_id": column}).cells("order_id")
            self._refuse(pl.DataFrame({"key": keys, "line": [line for line, _ in named]}).drop_nulls())

    def _refuse(self, refused: pl.DataFrame) -> None:
        if refused.height and self._stream:
            self._stream.expect(refused["key"])
        self._waiting.refuse(refused)

    def late(self) -> pl.DataFrame:
        """Return the lines that were good by themselves and are rejected with their orders: line, reason."""
        return self._waiting.lines()

    def merge(self, *, now: datetime) -> MergeCounts:
        """Merge what is left into buyers, orders, lines and parcels, and bring aggregates up to date."""
        del now
        if self._stream:
            self._stream.finish()
        for rows in self._spool.drain():
            whole = self._waiting.screen(rows)
            if whole.height:
                self._merge.merge(whole)
        for late in self._merge.refused:
            self._waiting.add(late)
        self._behind.wait()
        self._behind.close()
        self._indexes.close()
        counts = self._merge.finish()
        self._notes = counts.notes
        return counts

    def notes(self) -> Iterator[Note]:
        """Return what is to be said of the rows as a whole."""
        if self._reading.currencies:
            yield from self._reading.currencies.notes()
        for message, words in (
            (UNKNOWN_WORD, self._reading.unknown_statuses),
            (UNKNOWN_REFUND_WORD, self._reading.unknown_refunds),
            (KIND_OF_REFUND, self._reading.kinds_of_refund),
        ):
            yield from _of_words(message, words)
        if count := self._reading.open_refunds["rows"]:
            yield Note(OPEN_REFUNDS, {"count": count})
        for name, count in self._reading.shortened.items():
            yield Note(SHORTENED, {"count": count, "column": repr(self._reading.columns.get(name, name))})
        yield from self._merge.heavy.notes(self._session)
        yield from self._notes

    def close(self) -> None:
        """Wait for the writing threads; what they wrote stands or falls with the transaction."""
        self._indexes.pop_all()
        if self._stream:
            self._stream.close()
        self._behind.close()


def _of_words(message: tuple[str, str], words: Counter[str]) -> Iterator[Note]:
    """Say something of the most frequent words, and how many more there are."""
    for word, count in words.most_common(_MOST_WORDS):
        yield Note(message, {"word": repr(word), "count": count, "plain": f'"{word}"'})
    if len(words) > _MOST_WORDS:
        yield Note(MORE_WORDS, {"count": len(words) - _MOST_WORDS})


def put_orders(
    session: Session, shop: Shop, rows: Sequence[OrderInput], *, source: str, now: datetime
) -> tuple[MergeCounts, list[Reject]]:
    """Write orders from a program exactly as an import would; lines of one `order_id` are one order.

    Returns what changed and the rows refused, whose `line` counts from 1.
    """
    take_turn(session, shop.id)
    cells = [{name: _cell(getattr(row, name, None)) for name in KINDS["orders"]} for row in rows]
    used = {name for name in KINDS["orders"] if any(cell[name] is not None for cell in cells)}
    columns = Columns({name: [(name,)] for name in used | {"order_id"}})
    persons = PersonReading("orders", columns, shop, KnownBuyers(session, shop))
    found = Conventions(line_ids="line_id" in used)
    reading = OrderReading(shop, persons.fields, conventions=found, divides=False)
    staging = OrderStaging(session, reading, source=source, now=now)
    frame = pl.DataFrame(cells, schema=dict.fromkeys(KINDS["orders"], pl.String))
    lines = pl.int_range(1, len(rows) + 1, eager=True)
    frame = persons.prepare(frame, Counter())
    frame, lines, refused = screen(erased_of(session, shop), "orders", frame, lines, persons.fields, columns)
    rejects = refused + staging.add(frame, lines)
    counts = staging.merge(now=now)
    late = staging.late()
    rejects += [Reject(line, reason, frame.row(lines.index_of(line) or 0)) for line, reason in late.rows()]
    return counts, sorted(rejects, key=lambda each: each.line)


def _cell(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, OrderStatus):
        return value.value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return None if value is None or value == "" else str(value)
