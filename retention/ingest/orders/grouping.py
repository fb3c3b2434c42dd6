"""Checked rows into orders: the lines of one number put together, equal rows without numbers told apart."""

import polars as pl

from retention.ingest.columns import OF_LINE, OF_ORDER
from retention.ingest.orders.order_rows import OrderReading
from retention.ingest.orders.order_states import CANCELLED, PAID, PLACED, RETURNED, status_words
from retention.ingest.orders.quantities import pieces, price_of, rest
from retention.ingest.orders.refund_words import ALL_BACK, PART_BACK
from retention.ingest.orders.repeated_refunds import OF_LINES_BY_EVIDENCE
from retention.ingest.orders.sharing import share_totals, split_repeated_totals
from retention.orders import OrderStatus

PLACES = ("country", "region", "city")
_RANK = ("state", "refunded", "paid_at", "coupon", "channel", "line")
_FIRST = (*PLACES, "channel", "buyer_id", "coupon", "currency", "rate")


def rank_equals(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn the digest of each row into a number of its own: equal rows are counted, the order of the file aside."""
    ranked = rows.sort(_RANK, nulls_last=True).with_columns(rank=pl.int_range(pl.len()).over("key") + 1)
    key = pl.concat_str("key", pl.lit("-"), "rank")
    return ranked.with_columns(key=key).drop("rank").sort("line")


def settle_lines(rows: pl.DataFrame, reading: OrderReading) -> pl.DataFrame:
    """Settle what each line is worth and what of it went back.

    Where lines have no amounts of their own the order's total, less its shipping, is shared among them. In a file that
    says the state line by line, a cancelled or returned line of an order that goes on is refunded.
    """
    if reading.own_amounts:
        rows = split_repeated_totals(rows, reading)
        rows = _refund_lines(rows.with_columns(pl.col("line_amount").fill_null(0)), reading)
    else:
        back = pl.col("refund_state") == ALL_BACK
        own = pl.col("refunded") if reading.refunds_of == OF_LINE else pl.lit(None, pl.Int64)
        rows = share_totals(_empty_heads(rows) if reading.order_level else rows).with_columns(
            line_refunded=pl.coalesce(own, pl.when(back).then("line_amount").otherwise(0))
        )
    return rows.with_columns(price=pl.coalesce(pl.col("unit_price").abs(), price_of("line_amount")))


def _empty_heads(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave nothing to share to the first row of an order where it names no article and rows below do, as in eBay's."""
    if rows["key"].n_unique() == rows.height:
        return rows
    named = (pl.col("sku") != "") | (pl.col("title") != "")
    head = (pl.int_range(pl.len()).over("key") == 0) & ~named & named.any().over("key")
    return rows.with_columns(pl.when(head).then(0).otherwise(name).alias(name) for name in ("quantity", "unit_price"))


def _refund_lines(rows: pl.DataFrame, reading: OrderReading) -> pl.DataFrame:
    """Settle what went back of each line, and in `line_refunded` what of it the file says of the line itself.

    Where the file does not say whose it is, a refund larger than its line, the same on all lines, or on some lines
    while others leave it open, is the order's. Beside an order's total, one that repeats counts once, and so does one
    that is larger than a line it stands on.
    """
    if reading.refunds_of == OF_LINE or not (rows["refunded"] > 0).any():
        return _back_by_state(rows).with_columns(line_refunded="refunded")
    rows = _of_whom(rows, reading)
    stated = pl.col("stated")
    once = pl.when(pl.int_range(pl.len()).over("key") == 0).then(stated.max().over("key"))
    by_state = _back_by_state(rows)["refunded"]
    rows = rows.with_columns(refunded=pl.when("single").then(once).otherwise(by_state))
    by_state_alone = stated.is_null() & (pl.col("refunded") == pl.col("line_amount")) & ~pl.col("single")
    own = pl.when(~pl.col("of_order") | by_state_alone).then("refunded").otherwise(0)
    return rows.with_columns(line_refunded=own).drop("of_order", "stated", "single")


def _of_whom(rows: pl.DataFrame, reading: OrderReading) -> pl.DataFrame:
    """Return rows with what is `stated`, whether that is `of_order`, and whether it is so and stands there repeated."""
    stated = pl.col("refunded")
    several = pl.len() > 1
    larger = (stated > pl.col("line_amount").abs()).any()
    same = several & (stated.min() == stated.max()) & stated.is_not_null().all() & (stated.max() > 0)
    sparse = several & stated.is_null().any() & stated.is_not_null().any()
    totalled = pl.lit("order_total" in reading.columns) | pl.col("order_total").is_not_null().any()
    of_order = larger | same | sparse
    single = (larger & same) | ((larger | same) & totalled)
    if reading.refunds_of == OF_ORDER:
        of_order = single = several & (stated.max() > 0)
    elif reading.refunds_of == OF_LINES_BY_EVIDENCE:
        of_order, single = larger | sparse, larger & same
    flags = {"of_order": of_order, "single": single}
    found = {name: flag.over("key").fill_null(value=False) for name, flag in flags.items()}
    return rows.with_columns(**found, stated=stated)


def _back_by_state(rows: pl.DataFrame) -> pl.DataFrame:
    gone = (pl.col("state") >= CANCELLED).fill_null(value=False)
    back = (pl.col("refund_state") == ALL_BACK).fill_null(value=False)
    some = rows.select(gone=gone.any(), back=back.any()).row(0, named=True)
    if not (some["gone"] or some["back"]):
        return rows
    goes_on = (pl.col("state") <= PAID).any().over("key").fill_null(value=False)
    whole = pl.max_horizontal("line_amount", 0)
    known = pl.col("refunded").fill_null(0)
    of_line = pl.when(gone & goes_on).then(pl.max_horizontal(known, whole)).when(back & (known == 0)).then(whole)
    return rows.with_columns(refunded=of_line.otherwise("refunded"))


def group_rows(rows: pl.DataFrame, reading: OrderReading) -> pl.DataFrame:
    """Return one row per `key`, in the order in which they appear in the file. What is not said is null."""
    if rows["key"].n_unique() == rows.height:
        orders = rows.with_columns(
            lines_amount="line_amount", quantity_all=_pieces_bought(), low="state", high="state",
            is_return=pl.col("quantity") < 0, gives_back=pl.col("quantity") < 0,
            all_back=pl.col("refund_state") == ALL_BACK, part_back=pl.col("refund_state") == PART_BACK,
            amount_back=pl.lit(0, pl.Int64), lines=pl.lit(1, pl.UInt32),
        )  # fmt: skip
    else:
        orders = _grouped(rows, reading)
    for name in ("order_discount", "updated_at"):
        if name not in orders.columns:
            kind = pl.Int64 if name == "order_discount" else pl.Datetime("us", "UTC")
            orders = orders.with_columns(pl.lit(None, kind).alias(name))
    discount = pl.col("order_discount").fill_null(0)
    orders = orders.with_columns(
        amount=pl.coalesce("order_total", pl.col("lines_amount") - discount),
        stated_total=pl.col("order_total").is_not_null(),
    )
    state = pl.col("high") if reading.order_level else pl.coalesce("low", "high")
    netted = pl.col("gives_back") & ~pl.col("is_return") & (pl.col("amount") <= 0)
    sold_state = state.is_null() | (state == PAID)
    orders = orders.with_columns(state=pl.when(netted & sold_state).then(pl.lit(RETURNED, pl.Int8)).otherwise(state))
    if not reading.own_amounts:
        orders = orders.with_columns(refunded=_order_refund())
    return orders.select(
        "key", "state", "placed_at", "paid_at", "updated_at", *PLACES, "channel", "currency", "rate", "refunded",
        "postage", "is_return", "gives_back", "part_back", "amount", "stated_total",
        "lines", items=pieces(pl.col("quantity_all")),
        items_thousandths=rest(pl.col("quantity_all")), buyer="buyer_id", coupon_code="coupon",
    )  # fmt: skip


def _grouped(rows: pl.DataFrame, reading: OrderReading) -> pl.DataFrame:
    stated = pl.col("refund_state").is_not_null()
    back = pl.col("refund_state") == ALL_BACK
    of_lines = reading.own_amounts or reading.refunds_of == OF_LINE
    refunded = _refund_of_lines() if of_lines else pl.col("refunded").max()
    return rows.group_by("key", maintain_order=True).agg(
        *(pl.col(name).drop_nulls().first() for name in _FIRST),
        pl.col("placed_at", "paid_at").min(),
        pl.col("updated_at").max(),
        pl.col("line_amount").sum().alias("lines_amount"),
        pl.col("order_total", "postage", "order_discount").max(),
        refunded,
        low=pl.col("state").filter(pl.col("state") <= PAID).max(),
        high=pl.col("state").max(),
        quantity_all=_pieces_bought().sum(),
        is_return=(pl.col("quantity") < 0).all(),
        gives_back=(pl.col("quantity") < 0).any(),
        all_back=stated.any() & (back | ~stated).all(),
        part_back=(pl.col("refund_state") == PART_BACK).any(),
        amount_back=pl.col("line_amount").filter(back).sum(),
        lines=pl.len(),
    )


def _pieces_bought() -> pl.Expr:
    """Return the quantity of a line; a discount is no piece."""
    return pl.when((pl.col("quantity") < 0) | (pl.col("line_amount") >= 0)).then("quantity").otherwise(0)


def _refund_of_lines() -> pl.Expr:
    return pl.when(pl.col("refunded").is_not_null().any()).then(pl.col("refunded").sum()).alias("refunded")


def _order_refund() -> pl.Expr:
    """Return what went back of an order whose refund is the order's: an amount, else what the lines marked so are."""
    none = pl.col("refunded").fill_null(0) == 0
    all_back = pl.col("all_back").fill_null(value=False)
    return (
        pl.when(none & all_back).then("amount")
        .when(none & (pl.col("amount_back") > 0)).then(pl.min_horizontal("amount_back", "amount"))
        .otherwise("refunded")
    )  # fmt: skip


def complete(orders: pl.DataFrame, timezone: str) -> pl.DataFrame:
    """Settle what follows from the rest: the state, the moment and its day, and whether the order counts."""
    moment = pl.coalesce("paid_at", "placed_at")
    paid = pl.when(pl.col("paid_at").is_not_null()).then(pl.lit(PAID, pl.Int8))
    stated = pl.coalesce("state", paid).fill_null(PLACED)
    orders = orders.with_columns(
        pl.col("refunded", "postage").fill_null(0),
        pl.col(*PLACES, "channel", "coupon_code", "currency", "rate").fill_null(""),
        status=status_words(stated),
        ordered_at=moment,
        order_day=moment.dt.convert_time_zone(timezone).dt.date().cast(pl.Int32),
    )
    return orders.with_columns(counts=sold() & ~wholly_refunded())


def sold() -> pl.Expr:
    """Whether an order is paid and no return."""
    return (pl.col("status") == OrderStatus.PAID.value) & ~pl.col("is_return")


def refunded_by_word() -> pl.Expr:
    """Whether the file says that a part of a sold order went back, and no amount tells how much."""
    return sold() & pl.col("part_back").fill_null(value=False) & (pl.col("refunded") == 0) & ~pl.col("gives_back")


def wholly_refunded() -> pl.Expr:
    """Whether something went back and nothing stayed ; a free order that was paid counts."""
    return (pl.col("refunded") > 0) & (pl.col("refunded") >= pl.col("amount"))


def number_lines(rows: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of the orders in `ids` (key, order_id), numbered from 1 in the order of the file."""
    lines = rows.join(ids, on="key", how="inner", maintain_order="left")
    place = pl.int_range(pl.len())
    heads = pl.col("order_id").ne_missing(pl.col("order_id").shift())
    side_by_side = lines.select(heads.sum() == pl.col("order_id").n_unique()).item()  # as nearly always, and quicker
    number = place - pl.when(heads).then(place).forward_fill() if side_by_side else place.over("key")
    line_id = pl.col("line_id").fill_null("") if "line_id" in rows.columns else pl.lit("")
    return lines.select(
        "order_id", (number + 1).alias("number"), "sku", "title", "category",
        quantity=pieces(pl.col("quantity")), quantity_thousandths=rest(pl.col("quantity")),
        unit_price="price", amount="line_amount", refunded=pl.col("line_refunded").fill_null(0), line_id=line_id,
    )  # fmt: skip
