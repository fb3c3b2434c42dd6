"""Amounts that are alike on all lines of an order: where a file has no prices, they may be the order's total each time.

Nothing in such a file tells for sure, so the amounts are added up and the report asks to look.
"""

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.notes import Note
from retention.ingest.orders.order_rows import OrderReading

_FEWEST = 3
_SHARE = 0.9
_NAMED = 3

ALIKE = gettext_noop(
    "In {alike} of {all} orders with different articles all lines have the same amount ({numbers}). They were added "
    "up. If {column} is the total of the order, undo this import and say so: --map order_total={plain}"
)


class AlikeAmounts:
    """Looks at the orders of several articles in a file without prices and totals."""

    def __init__(self, reading: OrderReading) -> None:
        self._column = reading.columns.get("amount", "") if reading.numbered and not reading.order_level else ""
        self._looks = self._column and not reading.columns.keys() & {"unit_price", "order_total"}
        self._orders = self._alike = 0
        self._numbers: list[str] = []

    def look(self, lines: pl.DataFrame) -> None:
        """Take in the lines of some orders."""
        if not self._looks:
            return
        amount, article = pl.col("line_amount"), pl.struct("sku", "title")
        orders = lines.group_by("key", maintain_order=True).agg(
            different=article.first() != article.last(), alike=(amount.min() == amount.max()) & (amount.min() > 0)
        )
        several = orders.filter("different")
        alike = several.filter("alike")["key"]
        self._orders += several.height
        self._alike += len(alike)
        self._numbers += alike.head(_NAMED - len(self._numbers)).to_list()

    def notes(self) -> list[Note]:
        """Return the sentence where nearly all such orders are alike."""
        if self._alike < _FEWEST or self._alike < _SHARE * self._orders:
            return []
        numbers = ", ".join(self._numbers) + (", …" if self._alike > len(self._numbers) else "")
        values = {"alike": self._alike, "all": self._orders, "numbers": numbers, "column": repr(self._column)}
        plain = f'"{self._column}"' if " " in self._column else self._column
        return [Note(ALIKE, {**values, "plain": plain})]
