"""Orders in: rows of a file or of a call are checked, staged, and handed to the merge.

A row is a line of an order. With order numbers the lines of one number are one order; without them each row is an order
whose number is derived from what it says, so that the same row means the same order in every file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b

import polars as pl
from sqlmodel import Session

from retention.ingest.checking import Rows, read_money, read_times, read_whole, read_words
from retention.ingest.columns import KINDS
from retention.ingest.merging import MergeCounts, merge_orders
from retention.ingest.sources import Reject
from retention.ingest.statuses import SHIPPED, STATUSES
from retention.orders import OrderStatus
from retention.shops import Shop
from retention.staging import Kind, create_staging, merging, stage
from retention.words import gettext_noop

PARTS = {
    "part": Kind.KEY,
    "external_id": Kind.TEXT,
    "line_count": Kind.WHOLE,
    "buyer": Kind.TEXT,
    "status": Kind.TEXT,
    "placed_at": Kind.TIME,
    "paid_at": Kind.TIME,
    "ordered_at": Kind.TIME,
    "order_day": Kind.WHOLE,
    "lines_amount": Kind.WHOLE,
    "total": Kind.WHOLE,
    "refunded": Kind.WHOLE,
    "postage": Kind.WHOLE,
    "items": Kind.WHOLE,
    "bought_lines": Kind.WHOLE,
    "country": Kind.TEXT,
    "region": Kind.TEXT,
    "city": Kind.TEXT,
    "channel": Kind.TEXT,
    "coupon_code": Kind.TEXT,
}
LINES = {
    "part": Kind.WHOLE,
    "number": Kind.WHOLE,
    "sku": Kind.TEXT,
    "title": Kind.TEXT,
    "category": Kind.TEXT,
    "quantity": Kind.WHOLE,
    "unit_price": Kind.WHOLE,
    "amount": Kind.WHOLE,
}
PEOPLE = {"buyer": Kind.TEXT, "seen_at": Kind.TIME, "name": Kind.TEXT, "email": Kind.TEXT, "phone": Kind.TEXT}
WAYBILLS = {"part": Kind.WHOLE, "waybill": Kind.TEXT, "has_left": Kind.WHOLE, "shipped_at": Kind.TIME}

_PEOPLE_FIELDS = ("name", "email", "phone")
_LIMITS = {
    "order_id": 200, "buyer_id": 200, "sku": 100, "title": 500, "category": 200, "country": 100, "region": 100,
    "city": 100, "phone": 32, "email": 254, "name": 200, "waybill": 64, "coupon": 64, "channel": 50,
}  # fmt: skip
_IDENTITY = (
    "buyer_id", "first_at", "sku", "title", "category", "quantity", "unit_price", "amount", "postage", "country",
    "region", "city",
)  # fmt: skip


@dataclass(frozen=True)
class OrderInput:
    """One order line from a program: the fields of a file's row. Money is in major units, times are aware."""

    order_id: str
    buyer_id: str | None = None
    paid_at: datetime | None = None
    placed_at: datetime | None = None
    status: str | None = None
    sku: str | None = None
    title: str | None = None
    category: str | None = None
    quantity: int | None = None
    unit_price: Decimal | None = None
    amount: Decimal | None = None
    total: Decimal | None = None
    refunded: Decimal | None = None
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


@dataclass
class OrderStaging:
    """Collects the checked rows of one import in staging tables."""

    session: Session
    shop: Shop
    columns: Mapping[str, str]
    order_level: bool = False
    after_refunds: bool = False
    dates: str | None = None
    parts: int = 0
    rows: int = 0
    _tables: tuple[str, ...] = field(default=("import_parts", "import_lines", "import_people", "import_waybills"))

    def __post_init__(self) -> None:
        for name, columns in zip(self._tables, (PARTS, LINES, PEOPLE, WAYBILLS), strict=True):
            create_staging(self.session, name, columns)
        self.order_level = self.order_level or "total" in self.columns

    @property
    def numbered(self) -> bool:
        """Whether the rows carry order numbers."""
        return "order_id" in self.columns

    def add(self, frame: pl.DataFrame, lines: pl.Series) -> list[Reject]:
        """Check rows, stage the good ones, return the others."""
        rows = Rows(frame, lines, self.columns)
        checked = self._check(rows)
        good = checked.filter(rows.good())
        if good.height:
            self._stage(good)
        return rows.rejects()

    def merge(self, *, source: str, now: datetime) -> MergeCounts:
        """Merge what was staged into buyers, orders, lines, parcels and facts."""
        return merge_orders(
            self.session,
            self.shop,
            source=source,
            numbered=self.numbered,
            order_level=self.order_level,
            people=any(name in self.columns for name in _PEOPLE_FIELDS),
            parcels="waybill" in self.columns,
            after_refunds=self.after_refunds,
            now=now,
        )

    def _check(self, rows: Rows) -> pl.DataFrame:
        texts = {name: rows.text(name, limit) for name, limit in _LIMITS.items()}
        if self.numbered:
            number = texts["order_id"]
            rows.refuse(number.is_null(), gettext_noop("the order number is missing"))
            message = gettext_noop("order number {value} was rounded by a spreadsheet; export it as text")
            rows.refuse(number.str.contains(r"^\d\.?\d*[eE]\+\d+$"), message, number)
        columns = {
            **texts,
            "status": read_words(rows, "status", STATUSES),
            "shipped_word": rows.cells("status").str.to_lowercase().is_in(list(SHIPPED)).alias("shipped_word"),
            **{
                n: read_times(rows, n, self.shop.timezone, dates=self.dates)
                for n in ("paid_at", "placed_at", "shipped_at")
            },
            "quantity": read_whole(rows, "quantity").fill_null(1),
            **{
                n: read_money(rows, n, self.shop.currency)
                for n in ("unit_price", "amount", "total", "refunded", "postage")
            },
        }
        frame = _with_places(pl.DataFrame(columns).with_columns(line=rows.lines), rows.cells("address"))
        return self._check_whole_row(rows, frame)

    def _check_whole_row(self, rows: Rows, frame: pl.DataFrame) -> pl.DataFrame:
        for name in ("unit_price", "postage", "total", "refunded"):  # a return has a negative quantity, not price
            message = gettext_noop("{field} {value} is negative")
            rows.refuse((frame[name] < 0).fill_null(False), message, rows.cells(name), field=name)
        returned = frame["quantity"] < 0
        message = gettext_noop("amount {value} is negative, and the quantity is not")
        rows.refuse(((frame["amount"] < 0) & ~returned).fill_null(False), message, rows.cells("amount"))
        time = pl.any_horizontal(pl.col("paid_at", "placed_at").is_not_null())
        worth = pl.any_horizontal(pl.col("amount", "unit_price", "total").is_not_null())
        if self.numbered:  # some exports state these on the first line of an order only
            time, worth = time.any().over("order_id"), worth.any().over("order_id")
        rows.refuse(~frame.select(time).to_series(), gettext_noop("the time of the order is missing"))
        rows.refuse(~frame.select(worth).to_series(), gettext_noop("the amount is missing"))
        return self._complete(frame)

    def _complete(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Settle each line's amount and price; returns are negative."""
        size = pl.col("quantity").abs()
        frame = frame.with_columns(first_at=pl.coalesce("placed_at", "paid_at"))
        if self.after_refunds:
            frame = frame.with_columns(pl.col("amount") + pl.col("refunded").fill_null(0))
        if self.order_level and self.numbered:  # the amount is the order's; the line is worth price times quantity
            frame = frame.with_columns(total=pl.coalesce("total", "amount"))
            worth = pl.coalesce(pl.col("unit_price") * size, "total", 0)
        else:
            worth = pl.coalesce(pl.col("amount").abs(), "total", pl.col("unit_price") * size, 0)
        signed = pl.when(pl.col("quantity") < 0).then(-worth).otherwise(worth)
        price = pl.coalesce("unit_price", worth // pl.max_horizontal(size, 1))
        return frame.with_columns(line_amount=signed, price=price)

    def _stage(self, good: pl.DataFrame) -> None:
        good = good.with_columns(key=pl.col("order_id") if self.numbered else _digests(good))
        if self.numbered:
            parts = self._grouped(good)
            good = good.join(parts.select("part", key="external_id"), on="key", how="left", maintain_order="left")
        else:
            good = good.with_columns(part=pl.int_range(pl.len()) + self.parts + 1)
            parts = self._ungrouped(good)
        self.parts += parts.height
        self.rows += good.height
        stage(
            self.session,
            "import_parts",
            _with_moment(parts, self.shop.timezone, self._takes_as_paid).select(list(PARTS)),
        )
        stage(self.session, "import_lines", _staged_lines(good))
        self._stage_people(good)
        if "waybill" in self.columns:
            waybills = good.filter(pl.col("waybill").is_not_null())
            has_left = (pl.col("shipped_word").fill_null(False)).cast(pl.Int64)
            waybills = waybills.select("part", "waybill", has_left.alias("has_left"), "shipped_at").unique(
                "waybill", keep="first"
            )
            stage(self.session, "import_waybills", waybills)

    @property
    def _takes_as_paid(self) -> bool:
        """A file with neither status nor payment time is a list of sales."""
        return not self.columns.keys() & {"status", "paid_at"}

    def _grouped(self, good: pl.DataFrame) -> pl.DataFrame:
        first = ("status", "placed_at", "paid_at", "country", "region", "city", "channel")
        together = pl.max if self.order_level else pl.sum
        parts = good.group_by("key", maintain_order=True).agg(
            pl.len().alias("line_count"),
            *(pl.col(name).drop_nulls().first() for name in first),
            pl.col("buyer_id").drop_nulls().first().alias("buyer"),
            pl.col("coupon").drop_nulls().first().alias("coupon_code"),
            pl.col("line_amount").sum().alias("lines_amount"),
            pl.col("total").max(),
            *(pl.when(pl.col(n).is_not_null().any()).then(together(n)).alias(n) for n in ("refunded", "postage")),
            pl.col("quantity").sum().alias("items"),
            (pl.col("quantity") >= 0).sum().alias("bought_lines"),
        )
        return parts.with_columns(part=pl.int_range(pl.len()) + self.parts + 1).rename({"key": "external_id"})

    def _ungrouped(self, good: pl.DataFrame) -> pl.DataFrame:
        return good.with_columns(
            external_id=pl.col("key"), line_count=pl.lit(1), buyer=pl.col("buyer_id"), coupon_code=pl.col("coupon"),
            lines_amount=pl.col("line_amount"), items=pl.col("quantity"), bought_lines=(pl.col("quantity") >= 0).cast(pl.Int64),
        )  # fmt: skip

    def _stage_people(self, good: pl.DataFrame) -> None:
        known = [name for name in _PEOPLE_FIELDS if name in self.columns]
        people = good.filter(pl.col("buyer_id").is_not_null())
        if not known:
            found = people.select(buyer="buyer_id").unique()
        else:
            latest = (pl.col(name).sort_by("first_at").drop_nulls().last() for name in known)
            found = people.group_by(buyer="buyer_id").agg(seen_at=pl.col("first_at").max(), *latest)  # type: ignore[misc]
        stage(self.session, "import_people", found)


def put_orders(
    session: Session, shop: Shop, rows: Sequence[OrderInput], *, source: str, now: datetime
) -> tuple[MergeCounts, list[Reject]]:
    """Write orders from a program exactly as an import would; lines of one `order_id` are one order.

    Returns what changed and the rows refused, whose `line` counts from 1.
    """
    cells = [{name: _cell(getattr(row, name, None)) for name in KINDS["orders"]} for row in rows]
    used = [name for name in KINDS["orders"] if any(cell[name] is not None for cell in cells)]
    staging = OrderStaging(session, shop, {name: name for name in {*used, "order_id"}})
    frame = pl.DataFrame(cells, schema=dict.fromkeys(KINDS["orders"], pl.String))
    rejects = staging.add(frame, pl.int_range(1, len(rows) + 1, eager=True))
    with merging(session, len(rows)):
        return staging.merge(source=source, now=now), rejects


def _cell(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, OrderStatus):
        return value.value
    return None if value is None or value == "" else str(value)


def _with_places(frame: pl.DataFrame, address: pl.Series) -> pl.DataFrame:
    """Take region and city from the first two words of an address where no column holds them."""
    if address.null_count() == len(address):
        return frame
    words = address.str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
    return frame.with_columns(
        region=pl.coalesce("region", words.list.get(0, null_on_oob=True).str.slice(0, 100)),
        city=pl.coalesce("city", words.list.get(1, null_on_oob=True).str.slice(0, 100)),
    )


def _with_moment(parts: pl.DataFrame, timezone: str, takes_as_paid: bool) -> pl.DataFrame:  # noqa: FBT001
    moment = pl.coalesce("paid_at", "placed_at")
    day = moment.dt.convert_time_zone(timezone).dt.date().cast(pl.Int32)
    if takes_as_paid:
        parts = parts.with_columns(status=pl.coalesce("status", pl.lit(OrderStatus.PAID.value)))
    return parts.with_columns(ordered_at=moment, order_day=day)


def _staged_lines(good: pl.DataFrame) -> pl.DataFrame:
    blank = (pl.col(name).fill_null("") for name in ("sku", "title", "category"))
    number = pl.int_range(pl.len()).over("part") + 1
    return good.select(
        "part", number.alias("number"), *blank, "quantity", unit_price=pl.col("price"), amount=pl.col("line_amount")
    )


def _digests(good: pl.DataFrame) -> pl.Series:
    """Return a digest of what identifies each row. Left out is what changes in an order's life: status, refund."""
    second = pl.col("first_at").dt.epoch("s").cast(pl.String)  # spreadsheets do not keep milliseconds faithfully
    cells = (second if name == "first_at" else pl.col(name).cast(pl.String) for name in _IDENTITY)
    texts = good.select(pl.concat_str(*(cell.fill_null("") for cell in cells), separator="\x1f")).to_series()
    return pl.Series([blake2b(text.encode(), digest_size=12).hexdigest() for text in texts], dtype=pl.String)
