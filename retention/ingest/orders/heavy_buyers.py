"""Buyers with a suspicious share of a file's orders: a till, a placeholder or a marketplace behind one number."""

from collections.abc import Iterator

import polars as pl
from sqlmodel import Session

from retention.i18n import gettext_noop
from retention.ingest.notes import Note
from retention.staging import fetch_all

SHARE = 0.05
LEAST_ORDERS = 20  # of a file that says anything about shares
_LEAST = 3  # orders of one buyer
_MOST_NAMED = 3
_MOST_NOTES = 150_000

MESSAGE = gettext_noop(
    "Buyer {buyer} has {share} % of all orders of the file ({count} of {total}). If this is no single person, map "
    "another column to buyer_id."
)


class HeavyBuyers:
    """Counts the orders of each buyer, part by part."""

    def __init__(self) -> None:
        self._orders = 0
        self._notes: list[pl.DataFrame] = []

    def add(self, buyers: pl.Series) -> None:
        """Take in the buyers of some orders, null where there is none."""
        self._orders += len(buyers)
        self._notes.append(_counted(buyers.drop_nulls().alias("buyer_id").to_frame().with_columns(n=pl.lit(1))))
        if sum(note.height for note in self._notes) > _MOST_NOTES:
            self._notes = [_counted(pl.concat(self._notes))]

    def notes(self, session: Session) -> Iterator[Note]:
        """Return a warning for each buyer with too many of the orders, the first first."""
        if self._orders < LEAST_ORDERS:
            return
        counts = _counted(pl.concat(self._notes)).filter(pl.col("n") >= _LEAST, pl.col("n") > SHARE * self._orders)
        found = counts.sort("n", "buyer_id", descending=[True, False]).head(_MOST_NAMED)
        ids = ", ".join(str(number) for number in found["buyer_id"])
        names = dict(fetch_all(session, f"SELECT id, external_id FROM buyers WHERE id IN ({ids})") if ids else ())  # noqa: S608
        for number, count in found.iter_rows():
            if number in names:
                values = {"share": round(100 * count / self._orders), "count": count, "total": self._orders}
                yield Note(MESSAGE, {"buyer": repr(names[number]), **values})


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by("buyer_id").agg(pl.col("n").cast(pl.Int64).sum())
