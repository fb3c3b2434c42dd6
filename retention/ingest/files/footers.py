"""Rows that add up what stands above them: totals and subtotals, which are no orders and no persons.

A row with a word for a sum is one when its amount is the sum so far, or when it names nothing else. One whose amount
is another is no order without a word either: it is refused, with both sums. A buyer who is called Total stays where an
order number or a contact of their own says who they are.
"""

import re
from collections.abc import Mapping

import polars as pl

from retention.i18n import gettext, gettext_noop

IS_SUM = gettext_noop("is a footer: its amount is the sum of the rows above")
NAMES_NOTHING = gettext_noop("is a footer: it names nothing of its own")
ADDS_UP_OTHERWISE = gettext_noop(
    "has the name of a footer, {word}, but its amount {stated} is not the sum of the rows above ({sums}); if it is an "
    "order, empty this reason and import the file of rejected rows"
)

SUMMED = ("amount", "order_total")
NUMBERS = (
    *SUMMED,
    "quantity",
    "unit_price",
    "refunded",
    "line_refunded",
    "order_refunded",
    "total_after_refunds",
    "postage",
    "order_discount",
    "line_discount",
    "price",
    "stock",
)

_WHO = ("buyer_id", "email", "phone", "name")
_WORDS = (
    "合计", "总计", "小计", "汇总", "共计", "总额", "总和", "合計", "總計", "小計", "匯總", "共計", "総計", "総合計",
    "합계", "총계", "소계", "total", "totals", "grand total", "grand totals", "subtotal", "subtotals", "sub total",
    "sub-total", "sum", "total général", "totaux", "sous-total", "sous total", "totale", "totale generale", "subtotale",
    "total general", "suma", "somme", "summe", "gesamt", "gesamtsumme", "gesamtbetrag", "zwischensumme", "totaal",
    "subtotaal", "suma total", "razem", "итого", "всего", "total geral",
)  # fmt: skip
_FORM = (
    r"(?i)^(?:[本当當全每订訂各该][\p{Han}]{0,4}|总|總)?(?:"
    + "|".join(map(re.escape, sorted(_WORDS, key=len)[::-1]))
    + ")"
    r"(?:金额|金額|数量|數量|行)?\s*(?:[:：=(（\[].*|\d.*|[-–—].*)?$"
    r"|^共\s*\d+\s*[单笔条件行單筆條].*$"
)
_NUMERIC = re.compile(r"[-+]?[\d.,\s'%¥￥$€£元]*\d[\d.,\s'%¥￥$€£元]*(?:[A-Z]{3}|[单笔件条行單筆條])?")
_DECIMAL_COMMA = re.compile(r"^[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+),(?:\d{1,2}|\d{4,})$")


def has_word(frame: pl.DataFrame, columns: list[str]) -> pl.Series:
    """Return which rows have a cell that is a word for a sum, in any of these columns."""
    if not columns or not frame.height:
        return pl.Series("word", [False] * frame.height, pl.Boolean)
    short = pl.col(columns).str.len_bytes() <= 80
    return frame.select(pl.any_horizontal((pl.col(columns).str.contains(_FORM) & short).fill_null(False))).to_series()


def is_word(cell: str | None) -> bool:
    """Tell whether a cell is a word for a sum."""
    return bool(cell) and bool(pl.Series([cell]).str.contains(_FORM)[0])


class Sums:
    """What the rows add up to, from the top and from the last footer on."""

    def __init__(self) -> None:
        self._all: dict[str, float] = {}
        self._latest: dict[str, float] = {}

    def add(self, numbers: Mapping[str, float]) -> None:
        """Add what some rows add up to, by field."""
        for name, number in numbers.items():
            self._all[name] = self._all.get(name, 0.0) + number
            self._latest[name] = self._latest.get(name, 0.0) + number

    def restart(self) -> None:
        """Begin a new subtotal."""
        self._latest = {}

    def spoken(self, name: str) -> str:
        """Return what a column adds up to: from the top and, where that differs, from the last footer on."""
        return " / ".join(dict.fromkeys(f"{sums.get(name, 0.0):.2f}" for sums in (self._all, self._latest)))

    def fits(self, cells: Mapping[str, str | None]) -> bool:
        """Tell whether every amount of a row is what the rows above add up to."""
        stated = {name: number_of(cells.get(name) or "") for name in SUMMED if cells.get(name)}
        return bool(stated) and all(
            value is not None and any(_same(value, sums.get(name)) for sums in (self._all, self._latest))
            for name, value in stated.items()
        )


def footer(cells: Mapping[str, str | None], others: list[str], sums: Sums) -> str | None:
    """Return why a row with a word for a sum, or with nothing but numbers, is a footer; None when it is none.

    `cells` are its fields, `others` the cells of columns that hold no field.
    """
    words = [cell for cell in (*cells.values(), *others) if is_word(cell)]
    own = [
        cell
        for name, cell in cells.items()
        if cell and name not in NUMBERS and not is_word(cell) and not (words and _NUMERIC.fullmatch(cell))
    ]
    number = cells.get("order_id")
    if number and not is_word(number) and not (words and _NUMERIC.fullmatch(number) and len(number) < 6):
        return None
    if sums.fits(cells) and (words or not own):
        return IS_SUM
    texts = [cell for cell in others if cell and not is_word(cell) and not _NUMERIC.fullmatch(cell)]
    return NAMES_NOTHING if words and not own and not texts else None


def misfit(cells: Mapping[str, str | None], others: list[str], first: str | None, sums: Sums) -> str | None:
    """Return why a row that is called a sum, and adds up to something else, is refused; None when it is an order.

    `first` is the first cell of the row, whatever it holds.
    """
    word = next((cell for cell in (*cells.values(), *others) if is_word(cell)), None)
    if not word or not _is_called_a_sum(cells, first):
        return None
    field = next((name for name in SUMMED if cells.get(name)), SUMMED[0])
    stated = repr(cells.get(field) or "")
    return gettext(ADDS_UP_OTHERWISE).format(word=repr(word), stated=stated, sums=sums.spoken(field))


def _is_called_a_sum(cells: Mapping[str, str | None], first: str | None) -> bool:
    """Tell whether a row with a word for a sum is one by its name: in place of its number, or with nobody in it."""
    number = cells.get("order_id")
    nobody = not any(cells.get(name) and not is_word(cells[name]) for name in _WHO)
    if number and not is_word(number):  # the number of orders beside the word: 合计,2
        return nobody and is_word(first) and len(number) < 6 and bool(_NUMERIC.fullmatch(number))
    return "order_id" in cells or nobody


def number_of(cell: str) -> float | None:
    """Return a number as it is written in whatever way, None when it is none."""
    plain = re.sub(r"[^\d.,+-]", "", cell)
    plain = plain.replace(".", "").replace(",", ".") if _DECIMAL_COMMA.match(plain) else plain.replace(",", "")
    try:
        return float(plain)
    except ValueError:
        return None


def sum_of(cells: pl.Series) -> float:
    """Return what a column adds up to; what is no number counts nothing."""
    numbers = cells.cast(pl.Float64, strict=False)
    total = float(numbers.sum())
    if numbers.null_count() == cells.null_count():
        return total
    odd = cells.filter(numbers.is_null() & cells.is_not_null())
    return total + sum(number_of(cell) or 0.0 for cell in odd)


def _same(value: float, total: float | None) -> bool:
    return total is not None and total != 0 and abs(value - total) < 0.005 + abs(total) * 1e-9
