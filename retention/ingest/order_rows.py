"""One row of an order file, checked: every cell a value, every amount settled, and what identifies the order."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.currencies import Currencies
from retention.ingest.numbers import read_money, read_whole
from retention.ingest.rows import Rows
from retention.ingest.statuses import read_has_left, read_statuses
from retention.ingest.survey import Conventions
from retention.ingest.times import read_times
from retention.orders import OrderStatus
from retention.shops import Shop

CONTACTS = ("name", "email", "phone")
_LIMITS = {
    "order_id": 200, "buyer_id": 200, "sku": 100, "title": 500, "category": 200, "country": 100, "region": 100,
    "city": 100, "phone": 32, "email": 254, "name": 200, "waybill": 64, "coupon": 64, "channel": 50,
}  # fmt: skip
_MONEY = ("unit_price", "amount", "order_total", "refunded", "postage")
_TIMES = ("paid_at", "placed_at", "shipped_at")
_IDENTITY = (
    "buyer_id", "first_at", "sku", "title", "category", "quantity", "unit_price", "amount", "postage", "country",
    "region", "city",
)  # fmt: skip
_KEPT = (
    "line", "key", "buyer_id", "status", "placed_at", "paid_at", "sku", "title", "category", "quantity", "price",
    "line_amount", "order_total", "refunded", "postage", "country", "region", "city", "channel", "coupon", "currency",
    "rate",
)  # fmt: skip
_WITH_WAYBILL = ("waybill", "has_left", "shipped_at")


@dataclass(frozen=True)
class OrderReading:
    """How the rows of one file are to be read.

    `currencies`: what is known of other currencies than the shop's; without, each is refused.
    `order_level`: money columns hold the order's totals. `after_refunds`: refunds have been taken from the amount.
    `status_words`: folded status words and the states they mean here; `unknown_statuses` counts the words nobody knows.
    """

    shop: Shop
    columns: Mapping[str, str]
    conventions: Conventions = field(default_factory=Conventions)
    order_level: bool = False
    after_refunds: bool = False
    currencies: Currencies | None = None
    status_words: Mapping[str, str] = field(default_factory=dict)
    unknown_statuses: Counter[str] = field(default_factory=Counter)

    @property
    def numbered(self) -> bool:
        """Whether the rows carry order numbers."""
        return "order_id" in self.columns

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns of a checked row."""
        contacts = tuple(name for name in CONTACTS if name in self.columns)
        return _KEPT + contacts + (_WITH_WAYBILL if "waybill" in self.columns else ())

    def check(self, rows: Rows) -> pl.DataFrame:
        """Return the good rows as values; the others are refused in `rows`."""
        frame = self._values(rows)
        self._check_amounts(rows, frame)
        self._check_completeness(rows, frame)
        good = self._settle(frame.filter(rows.good()))
        key = pl.col("order_id") if self.numbered else _digests(good)
        return good.with_columns(key.alias("key")).select(self.kept)

    def _values(self, rows: Rows) -> pl.DataFrame:
        texts = rows.texts(_LIMITS)
        if self.numbered:
            number = texts["order_id"]
            rows.refuse(number.is_null(), gettext_noop("the order number is missing"))
        zone = self.shop.timezone
        currencies = self.currencies or Currencies(self.shop.currency)
        frame = pl.DataFrame(
            {
                **texts,
                "status": read_statuses(rows, self.status_words, self.unknown_statuses),
                **{name: read_times(rows, name, zone, zone_field="timezone") for name in _TIMES},
                "quantity": read_whole(rows, "quantity").fill_null(1),
                **currencies.settle(rows, read_money(rows, _MONEY, self.shop.currency, any_currency=True)),
                "line": rows.lines,
            }
        )
        if "waybill" in self.columns:
            frame = frame.with_columns(read_has_left(rows).alias("has_left"))
        return _with_places(frame, rows.cells("address")) if "address" in self.columns else frame

    def _check_amounts(self, rows: Rows, frame: pl.DataFrame) -> None:
        if not frame.select((pl.col(_MONEY) < 0).any()).row(0).count(True):
            return
        for name in ("unit_price", "postage", "order_total", "refunded"):  # a return has a negative quantity, not price
            message = gettext_noop("{field} {value} is negative")
            rows.refuse((frame[name] < 0).fill_null(False), message, rows.cells(name), field=name)
        message = gettext_noop("amount {value} is negative, and the quantity is not")
        wrong = (frame["amount"] < 0) & (frame["quantity"] >= 0)
        rows.refuse(wrong.fill_null(False), message, rows.cells("amount"))

    def _check_completeness(self, rows: Rows, frame: pl.DataFrame) -> None:
        time = pl.any_horizontal(pl.col("paid_at", "placed_at").is_not_null())
        worth = pl.any_horizontal(pl.col("amount", "unit_price", "order_total").is_not_null())
        missing = frame.select(time=time, worth=worth)
        if missing.select(pl.all().all()).row(0) == (True, True):
            return
        if self.numbered:  # some exports state these on the first line of an order only
            missing = frame.select(time=time.any().over("order_id"), worth=worth.any().over("order_id"))
        rows.refuse(~missing["time"], gettext_noop("the time of the order is missing"))
        rows.refuse(~missing["worth"], gettext_noop("the amount is missing"))

    def _settle(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Settle each line's amount and price; returns are negative."""
        size = pl.col("quantity").abs()
        frame = frame.with_columns(first_at=pl.coalesce("placed_at", "paid_at"))
        if self.after_refunds:
            frame = frame.with_columns(pl.col("amount") + pl.col("refunded").fill_null(0))
        if self.order_level and self.numbered:  # the amount is the order's; the line is worth price times quantity
            frame = frame.with_columns(order_total=pl.coalesce("order_total", "amount"))
            worth = pl.coalesce(pl.col("unit_price") * size, "order_total", 0)
        else:
            worth = pl.coalesce(pl.col("amount").abs(), "order_total", pl.col("unit_price") * size, 0)
        signed = pl.when(pl.col("quantity") < 0).then(-worth).otherwise(worth)
        price = pl.coalesce("unit_price", worth // pl.max_horizontal(size, 1))
        frame = frame.with_columns(line_amount=signed, price=price)
        if not self.columns.keys() & {"status", "paid_at"}:  # a file with neither is a list of sales
            frame = frame.with_columns(status=pl.lit(OrderStatus.PAID.value))
        return frame.with_columns(pl.col("sku", "title", "category").fill_null(""))


def _with_places(frame: pl.DataFrame, address: pl.Series) -> pl.DataFrame:
    """Take region and city from the first two words of an address where no column holds them."""
    words = address.str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
    return frame.with_columns(
        region=pl.coalesce("region", words.list.get(0, null_on_oob=True).str.slice(0, 100)),
        city=pl.coalesce("city", words.list.get(1, null_on_oob=True).str.slice(0, 100)),
    )


def _digests(good: pl.DataFrame) -> pl.Expr:
    """Return a digest of what identifies each row. Left out is what changes in an order's life: status, refund."""
    # Spreadsheets keep times as parts of a day and are a millisecond off now and then, also just below a full second.
    second = pl.col("first_at").dt.round("1s").dt.epoch("s").cast(pl.String)
    cells = (second if name == "first_at" else pl.col(name).cast(pl.String) for name in _IDENTITY)
    texts = good.select(pl.concat_str(*(cell.fill_null("") for cell in cells), separator="\x1f")).to_series()
    return pl.lit(pl.Series([blake2b(text.encode(), digest_size=12).hexdigest() for text in texts], dtype=pl.String))
