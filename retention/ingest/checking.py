"""Turning text cells into values, a column at a time; every cell that cannot be turned says why.

The functions of this module take and give polars columns. A blank cell is null and stays null.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import polars as pl
from babel.numbers import get_currency_precision

from retention.clock import zone
from retention.i18n import gettext, gettext_noop
from retention.ingest.chunks import Reject

_YEARS = (1970, 2099)
LARGEST = 2_000_000_000  # minor units; what a 32-bit column of the database holds

_DATE = (  # named groups as polars spells them
    r"^(?<y>\d{4})(?:[-/.年](?<m>\d{1,2})[-/.月](?<d>\d{1,2})日?|(?<m2>\d{2})(?<d2>\d{2}))"
    r"(?:[T\s]*(?<h>\d{1,2})(?:[:：时点]?(?<i>\d{2}))(?:[:：分]?(?<s>\d{2}))?秒?(?:[.,](?<f>\d{1,6})\d*)?)?"
    r"\s*(?<z>Z|UTC|GMT|[+-]\d{2}:?\d{2})?$"
)
_SLASHED = (
    r"^(?<a>\d{1,2})[/.-](?<b>\d{1,2})[/.-](?<y>\d{4})"
    r"(?:\s+(?<h>\d{1,2}):(?<i>\d{2})(?::(?<s>\d{2}))?(?<f>)(?<z>))?$"
)


class Rows:
    """The mapped cells of one chunk, and what was found wrong with them."""

    def __init__(self, frame: pl.DataFrame, lines: pl.Series, columns: Mapping[str, str]) -> None:
        self.raw = frame
        self.lines = lines
        self.columns = columns
        self._reasons: dict[int, list[str]] = {}

    def text(self, name: str, limit: int) -> pl.Series:
        """Return a text column; a cell longer than `limit` characters is refused."""
        return self.texts({name: limit})[name]

    def texts(self, limits: Mapping[str, int]) -> dict[str, pl.Series]:
        """Return text columns; a cell longer than its column's limit in characters is refused."""
        found = {name: self.cells(name) for name in limits}
        # Bytes are counted at no cost, and there are at least as many as characters.
        longest = pl.DataFrame(found).select(pl.all().str.len_bytes().max()).row(0, named=True)
        for name, limit in limits.items():
            if (longest[name] or 0) > limit:
                message = gettext_noop("{field} is longer than {limit} characters")
                self.refuse(found[name].str.len_chars() > limit, message, found[name], limit=limit, field=name)
        return found

    def cells(self, name: str) -> pl.Series:
        """Return the cells of a field as they are; nulls when no column holds it."""
        if name not in self.columns:
            return pl.Series(name, [None], pl.String).new_from_index(0, self.raw.height)
        return self.raw[self.columns[name]].alias(name)

    def refuse(self, wrong: pl.Series, message: str, cells: pl.Series | None = None, **values: object) -> None:
        """Refuse the rows where `wrong` is true; `{value}` in the message is the cell."""
        if not wrong.any():
            return
        template = gettext(message)
        for row in wrong.arg_true().to_list():
            value = None if cells is None else repr(cells[row])
            self._reasons.setdefault(row, []).append(template.format(value=value, **values))

    def good(self) -> pl.Series:
        """Return which rows nothing is wrong with."""
        good = pl.Series("good", [True]).new_from_index(0, self.raw.height)
        return good.scatter(list(self._reasons), False) if self._reasons else good

    def rejects(self) -> list[Reject]:
        """Return the refused rows in the order of the file."""
        return [
            Reject(self.lines[row], "; ".join(self._reasons[row]), self.raw.row(row)) for row in sorted(self._reasons)
        ]


def read_times(rows: Rows, name: str, timezone: str, *, dates: str | None = None) -> pl.Series:
    """Return a column of moments in UTC. A time without an offset is the shop's; a bare date is its first moment.

    `dates` says how 12/1/2010 is meant: "dmy", "mdy", or None to refuse it as ambiguous.
    """
    cells = rows.cells(name)
    if cells.null_count() == len(cells):
        return pl.Series(name, [None], pl.Datetime("us", "UTC")).new_from_index(0, len(cells))
    usual = cells.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    if usual.null_count() == cells.null_count() and usual.dt.year().is_between(*_YEARS).all():
        return _from_zone(usual, timezone).alias(name)
    distinct = cells.unique().drop_nulls()
    times = _times(distinct, timezone, dates)
    found = cells.to_frame().join(
        pl.DataFrame({name: distinct, "at": times}), on=name, how="left", maintain_order="left"
    )
    wrong = cells.is_not_null() & found["at"].is_null()
    if wrong.any():
        ambiguous = wrong & cells.str.contains(_SLASHED) & pl.Series([dates is None]).new_from_index(0, len(cells))
        message = gettext_noop("{field} {value} may be day/month or month/day; say which with --dates dmy or mdy")
        rows.refuse(ambiguous.fill_null(False), message, cells, field=name)
        message = gettext_noop("{field} {value} is not a time; write it like 2026-03-05 14:30:00")
        rows.refuse(wrong & ~ambiguous.fill_null(False), message, cells, field=name)
    return found["at"].alias(name)


def read_money(rows: Rows, names: Sequence[str], currency: str) -> dict[str, pl.Series]:
    """Return columns of minor units, halves rounded away from zero."""
    precision = get_currency_precision(currency)
    cells = pl.DataFrame({name: rows.cells(name) for name in names})
    amounts = cells.select(_plain_amount(pl.col(name), precision).alias(name) for name in names)
    return {
        name: amounts[name]
        if amounts[name].null_count() == cells[name].null_count()
        else _read_odd_money(rows, name, precision)
        for name in names
    }


def _read_odd_money(rows: Rows, name: str, precision: int) -> pl.Series:
    cells = rows.cells(name)
    plain = cells.str.replace_all(r"[,，\s¥￥$€£元]|^(?:CNY|RMB|USD|EUR|GBP)|(?:CNY|RMB|USD|EUR|GBP)$", "")
    amounts = _minor(plain, precision)
    wrong = cells.is_not_null() & amounts.is_null()
    rows.refuse(wrong, gettext_noop("{field} {value} is not an amount; write it like 1234.50"), cells, field=name)
    rows.refuse(amounts.abs() > LARGEST, gettext_noop("{field} {value} is too large"), cells, field=name)
    return amounts.alias(name)


def read_whole(rows: Rows, name: str, *, least: int = -1_000_000_000) -> pl.Series:
    """Return a column of whole numbers of at least `least`."""
    cells = rows.cells(name)
    usual = cells.cast(pl.Int64, strict=False)
    if usual.null_count() == cells.null_count() and usual.is_between(least, 999_999_999).all():
        return usual
    plain = cells.str.replace_all(r"[,\s]|\.0+$", "")
    numbers = pl.select(pl.when(plain.str.contains(r"^[+-]?\d{1,9}$")).then(plain.str.strip_prefix("+"))).to_series()
    numbers = numbers.cast(pl.Int64, strict=False)
    wrong = cells.is_not_null() & (numbers.is_null() | (numbers < least).fill_null(False))
    message = gettext_noop("{field} {value} is not a whole number")
    if least == 0:
        message = gettext_noop("{field} {value} is not a whole number from 0")
    rows.refuse(wrong, message, cells, field=name)
    return numbers.alias(name)


def read_dates(rows: Rows, name: str) -> pl.Series:
    """Return a column of calendar days from 1900 on, as ISO text."""
    cells = rows.cells(name)
    parts = cells.str.extract_groups(_DATE).struct.unnest()
    month, day = pl.coalesce("m", "m2").str.zfill(2), pl.coalesce("d", "d2").str.zfill(2)
    days = parts.select(pl.concat_str("y", month, day, separator="-").str.to_date("%Y-%m-%d", strict=False)).to_series()
    wrong = cells.is_not_null() & ~(days.dt.year().is_between(1900, 2099).fill_null(False))
    rows.refuse(wrong, gettext_noop("{field} {value} is not a date; write it like 1990-03-05"), cells, field=name)
    return days.dt.to_string("iso").alias(name)


def read_words(rows: Rows, name: str, meanings: Mapping[str, str]) -> pl.Series:
    """Return a column of words by what they mean; a word that means nothing is refused."""
    cells = rows.cells(name)
    found = cells.replace_strict(meanings, default=None, return_dtype=pl.String)
    if found.null_count() == cells.null_count():
        return found.alias(name)
    found = cells.str.to_lowercase().replace_strict(meanings, default=None, return_dtype=pl.String)
    wrong = cells.is_not_null() & found.is_null()
    if wrong.any():
        message = gettext_noop("{field} {value} is unknown; known are {known}")
        rows.refuse(wrong, message, cells, field=name, known=", ".join(meanings))
    return found.alias(name)


def _plain_amount(cells: pl.Expr, precision: int) -> pl.Expr:
    """Return amounts written plainly with no more decimals than the currency has; null where a closer look is needed.

    Such an amount is the double nearest to a whole number of minor units, and below 10^9 no other is as near.
    """
    scaled = cells.cast(pl.Float64, strict=False) * 10**precision
    whole = scaled.round()
    sure = ((scaled - whole).abs() < 1e-5) & (scaled.abs() < LARGEST)
    return pl.when(sure).then(whole).cast(pl.Int64)


def _minor(plain: pl.Series, precision: int) -> pl.Series:
    parts = plain.str.extract_groups(r"^(?<sign>[+-]?)(?<whole>\d{0,12})(?:\.(?<part>\d*))?$").struct.unnest()
    digits = pl.col("part").fill_null("").str.pad_end(precision + 1, "0").str.slice(0, precision + 1)
    number = pl.concat_str(pl.col("whole"), digits).cast(pl.Int64, strict=False)
    rounded = (number + 5) // 10
    empty = (pl.col("whole") == "") & (pl.col("part").fill_null("") == "")
    signed = pl.when(pl.col("sign") == "-").then(-rounded).otherwise(rounded)
    return parts.select(pl.when(~empty).then(signed)).to_series()


def _times(texts: pl.Series, timezone: str, dates: str | None) -> pl.Series:
    groups = texts.str.extract_groups(_DATE).struct.unnest()
    parts = groups.with_columns(month=pl.coalesce("m", "m2"), day=pl.coalesce("d", "d2"))
    if dates is not None:
        slashed = texts.str.extract_groups(_SLASHED).struct.unnest()
        day, month = ("a", "b") if dates == "dmy" else ("b", "a")
        other = slashed.with_columns(month=pl.col(month), day=pl.col(day))
        parts = parts.select(
            pl.coalesce(pl.col(name), other[name]).alias(name)
            for name in ("y", "month", "day", "h", "i", "s", "f", "z")
        )
    local = parts.select(
        pl.concat_str(
            "y", pl.lit("-"), pl.col("month").str.zfill(2), pl.lit("-"), pl.col("day").str.zfill(2), pl.lit(" "),
            pl.col("h").fill_null("0").str.zfill(2), pl.lit(":"), pl.col("i").fill_null("00"), pl.lit(":"),
            pl.col("s").fill_null("00"), pl.lit("."), pl.col("f").fill_null("0").str.pad_end(6, "0"),
        ).str.to_datetime("%Y-%m-%d %H:%M:%S%.6f", strict=False, time_unit="us")
    ).to_series()  # fmt: skip
    local = pl.select(pl.when(local.dt.year().is_between(*_YEARS)).then(local)).to_series()
    offset = parts.select(pl.col("z").replace("", None)).to_series()
    if offset.is_null().all():
        return _from_zone(local, timezone)
    minutes = _offset_minutes(offset)
    shifted = local.dt.replace_time_zone("UTC") - (minutes * 60_000_000).cast(pl.Duration("us"))
    return pl.select(pl.when(offset.is_null()).then(_from_zone(local, timezone)).otherwise(shifted)).to_series()


def _offset_minutes(offset: pl.Series) -> pl.Series:
    digits = offset.str.extract_groups(r"^([+-])(\d{2}):?(\d{2})$").struct.unnest()
    sign, hours, minutes = digits.get_columns()
    size = hours.cast(pl.Int64) * 60 + minutes.cast(pl.Int64)
    return pl.select(pl.when(sign == "-").then(-size).otherwise(size).fill_null(0)).to_series()


def _from_zone(local: pl.Series, timezone: str) -> pl.Series:
    """Return local times as UTC. Of an hour that comes twice the first is meant; one that is skipped moves on."""
    aware = local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    skipped = (aware.is_null() & local.is_not_null()).arg_true()
    if len(skipped):
        place = zone(timezone)
        moved: list[datetime] = [at.replace(tzinfo=place).astimezone(UTC) for at in local[skipped].to_list()]
        aware = aware.scatter(skipped, pl.Series(moved, dtype=pl.Datetime("us", "UTC")))
    return aware
