"""Remarks on the orders of a file, for its report: how many, and the numbers of a few."""

from collections import Counter

import polars as pl

from retention.i18n import gettext_noop, ngettext_noop
from retention.ingest.notes import Note

_NAMED = 5
_MESSAGES = {
    "fewer": ngettext_noop(
        "{count} order arrived with fewer lines than are known; the known lines were kept: {numbers}. If lines were "
        "removed, the file must show a newer state of the order (status, refund or updated_at).",
        "{count} orders arrived with fewer lines than are known; the known lines were kept: {numbers}. If lines were "
        "removed, the file must show a newer state of the order (status, refund or updated_at).",
    ),
    "replaced": ngettext_noop(
        "The lines of {count} known order were replaced: {numbers}. If a file holds only some lines of an order, "
        "import it with --add-lines.",
        "The lines of {count} known orders were replaced: {numbers}. If a file holds only some lines of an order, "
        "import it with --add-lines.",
    ),
    "older": ngettext_noop(
        "{count} order is known in a newer state, which was kept: {numbers}.",
        "{count} orders are known in a newer state, which was kept: {numbers}.",
    ),
    "part": ngettext_noop(
        "{count} order was refunded in part and the file does not say how much; it counts as paid in full: {numbers}. "
        "Export the refunded amount and map that column to refunded.",
        "{count} orders were refunded in part and the file does not say how much; they count as paid in full: "
        "{numbers}. Export the refunded amount and map that column to refunded.",
    ),
    "timeless": ngettext_noop(
        "{count} order was never paid and the file tells no time of it; it was left out: {numbers}.",
        "{count} orders were never paid and the file tells no time of them; they were left out: {numbers}.",
    ),
    "unsure": ngettext_noop(
        "In {count} order equal lines differ in their state alone, as one of two that went back: they were taken for "
        "lines of their own: {numbers}. If the file has orders in several states, import only the latest of them.",
        "In {count} orders equal lines differ in their state alone, as one of two that went back: they were taken for "
        "lines of their own: {numbers}. If the file has orders in several states, import only the latest of them.",
    ),
    "repeated": ngettext_noop(
        "The amount on the lines of {count} order is the order's total and was shared among them: {numbers}. Map the "
        "column to order_total if it is so everywhere.",
        "The amount on the lines of {count} orders is the order's total and was shared among them: {numbers}. Map the "
        "column to order_total if it is so everywhere.",
    ),
    "several_buyers": ngettext_noop(
        "{count} order names several buyers on its lines, and the first was taken: {numbers}. Check that the order "
        "numbers of the file are complete.",
        "{count} orders name several buyers on their lines, and the first was taken: {numbers}. Check that the order "
        "numbers of the file are complete.",
    ),
    "stateless": ngettext_noop(
        "{count} order has neither a status nor a time of payment and counts as not paid: {numbers}.",
        "{count} orders have neither a status nor a time of payment and count as not paid: {numbers}.",
    ),
    "ahead": ngettext_noop(
        "{count} order is dated after today: {numbers}. Check how the dates of the file were read.",
        "{count} orders are dated after today: {numbers}. Check how the dates of the file were read.",
    ),
}
_TOTALS = {
    "fewer": "orders_with_fewer_lines",
    "replaced": "orders_with_other_lines",
    "older": "orders_kept_newer",
    "part": "orders_refunded_without_amount",
    "unsure": "orders_with_equal_lines",
    "repeated": "orders_with_repeated_total",
    "several_buyers": "orders_of_several_buyers",
    "stateless": "orders_without_state",
    "ahead": "orders_dated_ahead",
    "timeless": "orders_without_time",
}
_REPEATS = gettext_noop("Identical lines of an order: {kept} kept, {left_out} left out as repeats.")


class Remarks:
    """Orders by what is to be said of them."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._named: dict[str, list[str]] = {name: [] for name in _MESSAGES}

    def add(self, name: str, keys: pl.Series) -> None:
        """Take in orders."""
        self._counts[name] += len(keys)
        free = _NAMED - len(self._named[name])
        self._named[name].extend(keys.head(free).to_list())

    def totals(self) -> dict[str, int]:
        """Return the counts that are not 0."""
        return {_TOTALS[name]: count for name, count in self._counts.items() if count}

    def notes(self, kept: int, left_out: int) -> tuple[Note, ...]:
        """Return what is to be said, equal lines too."""
        notes = [Note(_REPEATS, {"kept": kept, "left_out": left_out})] if kept or left_out else []
        for name, message in _MESSAGES.items():
            count = self._counts[name]
            if count:
                numbers = ", ".join(self._named[name]) + (", …" if count > len(self._named[name]) else "")
                notes.append(Note(message, {"count": count, "numbers": numbers}))
        return tuple(notes)
