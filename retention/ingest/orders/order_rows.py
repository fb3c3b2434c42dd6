"""One row of an order file, checked: every cell a value, every amount settled, and what identifies the order."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.cells.currencies import Currencies
from retention.ingest.cells.numbers import read_money, read_thousandths
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.times import read_times
from retention.ingest.cells.waybill_cells import MOST_LETTERS, refuse_long
from retention.ingest.orders.order_states import CANCELLED, PAID, PLACED, RETURNED, read_refund_states, states
from retention.ingest.orders.quantities import THOUSAND, spelled, times_quantity
from retention.ingest.orders.refund_words import NOTHING_BACK, PART_BACK, are_part_refunded
from retention.ingest.orders.repeats import Stretches
from retention.ingest.orders.said_again import RowDigests
from retention.ingest.orders.statuses import read_has_left, read_statuses
from retention.ingest.orders.totals_after_refunds import NAME as TOTAL_AFTER_REFUNDS
from retention.ingest.orders.totals_after_refunds import with_refunds
from retention.ingest.survey import Conventions
from retention.orders import OrderStatus
from retention.shops import Shop

NO_TIME = gettext_noop("the time of the order is missing")
NO_WORTH = gettext_noop("the amount is missing")
NEGATIVE = gettext_noop("{field} {value} is negative, and the quantity is not")
NONE_REFUSED = pl.DataFrame(schema={"key": pl.String, "line": pl.Int64})

CONTACTS = ("name", "email", "phone")
_LIMITS = {
    "order_id": 200, "buyer_id": 200, "sku": 100, "phone": 32, "email": 254, "waybill": MOST_LETTERS, "coupon": 64,
    "line_id": 100,
}  # fmt: skip
_BRIEF = {"title": 500, "category": 200, "country": 100, "region": 100, "city": 100, "name": 200, "channel": 50}
"""What describes and identifies nothing: a longer one is shortened, since the order is none the worse for it."""
_MONEY = ("unit_price", "amount", "line_discount", "order_total", "order_discount", "refunded", "postage")
_TIMES = ("paid_at", "placed_at", "shipped_at", "updated_at", "cancelled_at")
_TIME = ("paid_at", "placed_at")
_WORTH = ("amount", "unit_price", "order_total")
_IDENTITY = (
    "buyer_id", "first_at", "sku", "title", "category", "quantity", "unit_price", "amount", "postage", "country",
    "region", "city",
)  # fmt: skip
_KEPT = (
    "line", "key", "buyer_id", "state", "placed_at", "paid_at", "sku", "title", "category", "quantity", "unit_price",
    "line_amount", "order_total", "refunded", "refund_state", "postage", "country", "region", "city", "channel",
    "coupon", "currency", "rate",
)  # fmt: skip
_NUMBERED = ("stretch", "raw", "said", "rest", "order_discount", "line_id", "updated_at")
_WITH_WAYBILL = ("waybill", "has_left", "shipped_at")


@dataclass(frozen=True)
class OrderReading:
    """How the rows of one file are to be read.

    `currencies`: what is known of other currencies than the shop's; without, each is refused.
    `order_level`: money columns hold the order's totals. `after_refunds`: refunds have been taken from the amount.
    `status_words`: folded status words and the states they mean here; `unknown_statuses` counts the words nobody knows,
    `unknown_refunds` those of refunds, `kinds_of_refund` words that only name one, and `open_refunds` the rows that
    name the amount of a refund which was not paid; `shortened` by field the texts that were too long.
    `add_lines`: known orders keep their lines. `items`: the lines are those of orders that a list of orders brings.
    `items_only`: the file holds lines and says nothing of their orders.
    `divides`: the rows come from a file, which may hold an order twice.
    """

    shop: Shop
    columns: Mapping[str, str]
    conventions: Conventions = field(default_factory=Conventions)
    order_level: bool = False
    after_refunds: bool = False
    currencies: Currencies | None = None
    status_words: Mapping[str, str] = field(default_factory=dict)
    unknown_statuses: Counter[str] = field(default_factory=Counter)
    unknown_refunds: Counter[str] = field(default_factory=Counter)
    kinds_of_refund: Counter[str] = field(default_factory=Counter)
    open_refunds: Counter[str] = field(default_factory=Counter)
    shortened: Counter[str] = field(default_factory=Counter)
    add_lines: bool = False
    items: bool = False
    items_only: bool = False
    divides: bool = True

    @property
    def numbered(self) -> bool:
        """Whether the rows carry order numbers."""
        return "order_id" in self.columns

    @property
    def _money(self) -> tuple[str, ...]:
        return (*_MONEY, TOTAL_AFTER_REFUNDS) if TOTAL_AFTER_REFUNDS in self.columns else _MONEY

    @property
    def refunds_of(self) -> str:
        """Whose the refunds are, as `repeated_refunds` names it; "" where the file does not tell."""
        return self.conventions.refunds

    @property
    def own_amounts(self) -> bool:
        """Whether lines have amounts of their own; else the order's total is shared among them."""
        return not self.order_level and ("amount" in self.columns or "order_total" not in self.columns)

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns of a checked row."""
        contacts = tuple(name for name in CONTACTS if name in self.columns)
        numbered = _NUMBERED if self.numbered else ()
        return _KEPT + numbered + contacts + (_WITH_WAYBILL if "waybill" in self.columns else ())

    def check(self, rows: Rows, stretches: Stretches) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the good rows as values, and key and line of those refused in `rows`, where an order can be named."""
        frame = self._values(rows)
        self._check_amounts(rows, frame)
        if self.numbered:
            digests = RowDigests(rows.raw.columns, self.columns).of(rows.raw)
            frame = frame.with_columns(
                *digests.iter_columns(), key="order_id", stretch=stretches.number(frame["order_id"])
            )
        else:
            self._check_completeness(rows, frame)
        sound = rows.good()
        good = self._settle(frame.filter(sound))
        if not self.numbered:
            return good.with_columns(_digests(good).alias("key")).select(self.kept), NONE_REFUSED
        refused = NONE_REFUSED if sound.all() else frame.filter(~sound).select("key", "line").drop_nulls()
        return good.select(self.kept), refused

    def _values(self, rows: Rows) -> pl.DataFrame:
        texts = rows.texts(_LIMITS) | rows.brief_texts(_BRIEF, self.shortened)
        if self.numbered:
            number = texts["order_id"]
            rows.refuse(number.is_null(), gettext_noop("the order number is missing"))
        zone = self.shop.timezone
        currencies = self.currencies or Currencies(self.shop.currency)
        status = read_statuses(rows, self.status_words, self.unknown_statuses)
        went_back = read_refund_states(rows, self.status_words, self.unknown_refunds, self.kinds_of_refund)
        times = {name: read_times(rows, name, zone, zone_field="timezone") for name in _TIMES}
        frame = pl.DataFrame(
            {
                **texts,
                "state": states(status, times.pop("cancelled_at")),
                **times,
                "quantity": read_thousandths(rows, "quantity").fill_null(THOUSAND),
                **currencies.settle(rows, read_money(rows, self._money, self.shop.currency, any_currency=True)),
                "refund_state": _with_part_refunds(went_back, rows, status),
                "line": rows.lines,
            }
        )
        if "quantity" not in self.columns:  # a refund that is a row of its own, as Square writes it
            back = (pl.col("state") == RETURNED) & (pl.col("amount") < 0)
            frame = frame.with_columns(quantity=pl.when(back).then(-THOUSAND).otherwise("quantity"))
        if "waybill" in self.columns:
            refuse_long(rows, texts["waybill"])
            frame = frame.with_columns(read_has_left(rows).alias("has_left"))
        return _with_places(frame, rows.cells("address")) if "address" in self.columns else frame

    def _check_amounts(self, rows: Rows, frame: pl.DataFrame) -> None:
        if not frame.select((pl.col(_MONEY) < 0).any()).row(0).count(True):
            return
        for name in ("postage", "order_total"):
            message = gettext_noop("{field} {value} is negative")
            rows.refuse((frame[name] < 0).fill_null(False), message, rows.cells(name), field=name)
        if self.numbered and not self.order_level:  # a line of an order may be a discount; the merge sees the order
            return
        names = ("amount",) if self.numbered else ("unit_price", "amount")  # the order's total says what it came to
        for name in names:  # a return has a negative quantity
            wrong = (frame[name] < 0) & (frame["quantity"] >= 0)
            rows.refuse(wrong.fill_null(False), NEGATIVE, rows.cells(name), field=name)

    def _check_completeness(self, rows: Rows, frame: pl.DataFrame) -> None:
        for names, message in ((_TIME, NO_TIME), (_WORTH, NO_WORTH)):
            needless = _came_to_nothing() & (names == _WORTH)
            missing = frame.select(pl.all_horizontal(pl.col(names).is_null()) & ~needless).to_series()
            rows.refuse(missing, message, unless=names)

    def _settle(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Settle each line's amount; returns and discounts are negative. Null where only the order's total is known."""
        frame = self._without_open_refunds(frame).with_columns(
            pl.col("refunded", "order_discount", "line_discount").abs(), first_at=pl.coalesce("placed_at", "paid_at")
        )
        if self.after_refunds:
            frame = frame.with_columns(pl.col("amount") + pl.col("refunded").fill_null(0))
        if TOTAL_AFTER_REFUNDS in self.columns:
            frame = with_refunds(frame, self.conventions)
        listed = times_quantity(frame)
        if self.order_level and self.numbered:  # the amount is the order's; the line is worth price times quantity
            frame = frame.with_columns(order_total=pl.coalesce("order_total", "amount"), amount=None)
            signed = listed
        else:
            own = pl.col("amount") if self.numbered else pl.coalesce("amount", "order_total")
            returned = pl.when(pl.col("quantity") < 0).then(-own.abs()).otherwise(own)
            signed = _less_discount(pl.coalesce(returned, listed))
        nothing = _came_to_nothing() & pl.col("order_total").is_null()
        signed = pl.coalesce(signed, pl.when(nothing).then(0))
        frame = frame.with_columns(line_amount=signed.cast(pl.Int64))
        if not self.columns.keys() & {"status", "paid_at", "cancelled_at"} and not self.items_only:
            frame = frame.with_columns(state=pl.lit(PAID, pl.Int8))  # a file with neither is a list of sales
        return frame.with_columns(pl.col("sku", "title", "category").fill_null(""))

    def _without_open_refunds(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Leave out the amounts of refunds that the file says were asked for, closed or failed: nothing went back."""
        still_here = (pl.col("refund_state") == NOTHING_BACK) & (pl.col("refunded") != 0)
        count = frame.select(still_here.sum()).item()
        if not count:
            return frame
        self.open_refunds["rows"] += count
        return frame.with_columns(refunded=pl.when(still_here.fill_null(value=False)).then(0).otherwise("refunded"))


def _came_to_nothing() -> pl.Expr:
    """Whether an order was cancelled or not paid: its amount is often left blank (Amazon: Cancelled, Pending)."""
    return pl.col("state").is_in([PLACED, CANCELLED]).fill_null(value=False)


def _less_discount(amount: pl.Expr) -> pl.Expr:
    """Return a line's amount less its discount, which goes back with the line."""
    discount = pl.col("line_discount").fill_null(0)
    return amount - pl.when(pl.col("quantity") < 0).then(-discount).otherwise(discount)


def _with_part_refunds(found: pl.Series, rows: Rows, status: pl.Series) -> pl.Series:
    """Return what went back, at least a part where the status of a paid order says so."""
    some = are_part_refunded(rows.cells("status")) & (status == OrderStatus.PAID.value).fill_null(value=False)
    if not some.any():
        return found
    at_least = pl.max_horizontal(found, pl.lit(PART_BACK, pl.Int8))
    return pl.select(pl.when(some).then(at_least).otherwise(found).alias(found.name)).to_series()


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
    identity = good.with_columns(quantity=spelled("quantity"))
    texts = identity.select(pl.concat_str(*(cell.fill_null("") for cell in cells), separator="\x1f")).to_series()
    return pl.lit(pl.Series([blake2b(text.encode(), digest_size=12).hexdigest() for text in texts], dtype=pl.String))
