"""Amounts in another currency than the shop's: refused with a word, or converted at a rate that somebody states.

They are never added up. A row's currency is what its currency column says, else the sign in an amount's cell, else
what the column of amounts is headed with; where an order says it on its first line only, that holds for all its lines.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl
from babel.numbers import get_currency_precision, is_currency

from retention.errors import Invalid
from retention.i18n import gettext_noop, ngettext_noop
from retention.ingest.cells.number_cells import currencies_of, number_cells
from retention.ingest.cells.numbers import LARGEST, read_money
from retention.ingest.cells.rows import Rows
from retention.ingest.notes import Note

NOT_IMPORTED = ngettext_noop(
    "{counts}: this row is not in {own}, the currency of the shop, so it was not imported. With a rate it is: "
    "--rate {example}=…",
    "{counts}: these rows are not in {own}, the currency of the shop, so they were not imported. With a rate they are: "
    "--rate {example}=…",
)
CONVERTED = ngettext_noop(
    "{count} row in {currency} was converted at {rate} {own} per {currency}.",
    "{count} rows in {currency} were converted at {rate} {own} per {currency}.",
)


_UNIT = re.compile(r"[(（\[【]\s*([^)）\]】]{1,5}?)\s*[)）\]】]\s*$")
"""What a column is counted in, behind its name."""


@dataclass
class Currencies:
    """The currencies of one file's rows. `rates`: what one unit of another currency is worth in the shop's own.

    Raises Invalid for a rate of what is no currency, or of the shop's own.
    """

    own: str
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    converted: Counter[str] = field(default_factory=Counter)
    _last: tuple[str | None, str | None] = (None, None)

    def __post_init__(self) -> None:
        for currency in self.rates:
            if not is_currency(currency):
                raise Invalid("{currency} is not a currency. Use an ISO code such as CNY or EUR.", currency=currency)
            if currency == self.own:
                raise Invalid("{currency} is the shop's own currency; it needs no rate.", currency=currency)

    def settle(self, rows: Rows, money: dict[str, pl.Series]) -> dict[str, pl.Series]:
        """Return the amounts in the shop's currency, with columns `currency` and `rate`: blank where it is the own.

        Rows of a currency without a rate are refused in `rows` and counted.
        """
        stated = self._stated(rows, money)
        if stated is None:
            blank = pl.Series([""]).new_from_index(0, rows.raw.height)
            return {**money, "currency": blank, "rate": blank}
        foreign = pl.select(pl.when(stated != self.own).then(stated).otherwise(pl.lit(""))).to_series().fill_null("")
        rate = foreign.replace_strict({each: str(rate) for each, rate in self.rates.items()}, default="")
        for currency in foreign.unique().to_list():
            if currency in self.rates:
                money = self._convert(rows, money, foreign == currency, currency)
            elif currency:
                self._refuse(rows, foreign == currency, currency)
        return {**money, "currency": foreign, "rate": rate}

    def notes(self) -> Iterator[Note]:
        """Return what is to be said of the whole file."""
        if self.refused:
            most_first = sorted(self.refused.items(), key=lambda item: (-item[1], item[0]))
            counts = ", ".join(f"{currency} {count}" for currency, count in most_first)
            values = {"count": self.refused.total(), "counts": counts, "own": self.own, "example": most_first[0][0]}
            yield Note(NOT_IMPORTED, values)
        for currency, count in sorted(self.converted.items()):
            values = {"count": count, "currency": currency, "rate": f"{self.rates[currency]:f}", "own": self.own}
            yield Note(CONVERTED, values)

    def _stated(self, rows: Rows, money: Mapping[str, pl.Series]) -> pl.Series | None:
        """Return the currency of each row, null where nothing says it; None where no row says any."""
        stated_by = [found for name in money if (found := self._signs(rows.cells(name))) is not None]
        if "currency" in rows.columns:
            stated_by.insert(0, self._read(rows))
        of_header = self._of_header(rows, money)
        if of_header:
            stated_by.append(pl.Series([of_header]).new_from_index(0, rows.raw.height))
        if not stated_by:
            return None
        stated = pl.select(pl.coalesce(stated_by)).to_series()
        if "order_id" not in rows.columns:
            return stated
        numbers = rows.cells("order_id")
        frame = pl.DataFrame({"number": numbers, "stated": stated})
        of_order = pl.col("stated").drop_nulls().first().over("number")
        continued = pl.when(pl.col("number") == pl.lit(self._last[0], pl.String)).then(pl.lit(self._last[1], pl.String))
        known = frame.select(pl.coalesce("stated", of_order, continued)).to_series()
        self._last = (numbers[-1], known[-1])
        return known

    def _read(self, rows: Rows) -> pl.Series:
        cells = rows.cells("currency")
        meanings = {each: self._meant(each) for each in cells.drop_nulls().unique().to_list()}
        unknown = [each for each, meaning in meanings.items() if meaning is None]
        message = gettext_noop("{field} {value} is not a currency; write a code such as CNY or EUR")
        rows.refuse(cells.is_in(unknown).fill_null(False), message, cells, field="currency")
        return cells.replace_strict(meanings, default=None, return_dtype=pl.String)

    def _signs(self, cells: pl.Series) -> pl.Series | None:
        """Return the currencies that signs beside amounts name; None where no cell has a sign."""
        if cells.cast(pl.Float64, strict=False).null_count() == cells.null_count():
            return None
        odd = cells.filter(cells.str.contains(r"[^\d.,+\-\s]")).unique()
        if not len(odd):
            return None
        named = number_cells(odd)["currencies"]
        signs = {cell: self._likeliest(codes) for cell, codes in zip(odd, named.to_list(), strict=True)}
        if not any(signs.values()):
            return None
        return cells.replace_strict(signs, default=None, return_dtype=pl.String)

    def _of_header(self, rows: Rows, money: Mapping[str, pl.Series]) -> str | None:
        """Return another currency than the own that a column of amounts is headed with, as in `Amount (USD)`."""
        units = [found[1] for name in money if (found := _UNIT.search(rows.columns.get(name, "")))]
        named = [code for unit in units if unit.isupper() or not unit.isalpha() or not unit.isascii()
                 if (code := self._meant(unit))]  # fmt: skip
        return named[0] if named and self.own not in named else None

    def _meant(self, text: str) -> str | None:
        """Return the code that a word or sign stands for; None for what is no currency."""
        return self._likeliest(currencies_of(text))

    def _likeliest(self, named: Sequence[str] | None) -> str | None:
        """Return the shop's own currency if it is among those a sign may stand for, else the likeliest of them."""
        if not named:
            return None
        return self.own if self.own in named else named[0]

    def _refuse(self, rows: Rows, wrong: pl.Series, currency: str) -> None:
        message = gettext_noop("the amount is in {currency}, and the shop's currency is {own}")
        rows.refuse(wrong, message, currency=currency, own=self.own)
        self.refused[currency] += int(wrong.sum())

    def _convert(
        self, rows: Rows, money: dict[str, pl.Series], theirs: pl.Series, currency: str
    ) -> dict[str, pl.Series]:
        """Return the amounts with those of a currency at its rate, halves rounded up; of a negative one, away from 0.

        The amounts are read again as that currency has them: a yen has no cents, a dinar has three digits.
        """
        self.converted[currency] += int(theirs.sum())
        read = read_money(
            Rows(rows.raw, rows.lines, rows.columns, rows.conventions), list(money), currency, any_currency=True
        )
        digits = get_currency_precision(self.own) - get_currency_precision(currency)
        above, below = (
            pl.lit(part, pl.Int128) for part in (self.rates[currency] * Decimal(10) ** digits).as_integer_ratio()
        )
        found = {}
        for name, amounts in money.items():
            size = pl.lit(read[name]).abs().cast(pl.Int128)
            worth = pl.select((size * above * 2 + below) // (below * 2)).to_series()
            rows.refuse(
                theirs & (worth > LARGEST).fill_null(False),
                gettext_noop("{field} {value} is too large"),
                rows.cells(name),
                field=name,
            )
            signed = (worth.clip(upper_bound=LARGEST) * read[name].sign()).cast(pl.Int64)
            found[name] = pl.select(pl.when(theirs).then(signed).otherwise(amounts)).to_series().alias(name)
        return found
