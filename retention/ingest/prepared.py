"""A file with what it says of persons in columns of their own, read once for every pass over it.

A field that several columns tell (telephone, else billing telephone; first name and last name) is one column here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import polars as pl

from retention.addresses import country_of
from retention.i18n import ngettext_noop
from retention.ingest.cells.day_and_time import day_with_time
from retention.ingest.columns import REFUNDS, Columns
from retention.ingest.files.chunks import Chunk, Source, is_own
from retention.ingest.notes import Notes
from retention.ingest.people.persons import KnownBuyers, blank_if_nobody, joined, read_persons, without_masks
from retention.ingest.people.placeholders import SharedAddresses
from retention.ingest.presets import KINDS
from retention.ingest.time_columns import MOMENTS
from retention.shops import Shop
from retention.waybills import plain_waybills

_CONTACTS = ("name", "email", "phone")
_WITH_GUESTS = frozenset({"orders", "buyers"})
"""Kinds of files in which a mail address or a telephone stands for a buyer without a number."""

MASKED = ngettext_noop(
    "{count} row names its buyer only in masked form (小**, 138****1234): it is counted without a buyer.",
    "{count} rows name their buyer only in masked form (小**, 138****1234): they are counted without a buyer.",
)
HIDDEN = ngettext_noop(
    "{count} row has a masked mail address or phone number; it is not kept as an address.",
    "{count} rows have a masked mail address or phone number; it is not kept as an address.",
)


class PreparedFile:
    """The rows of a source; `fields` says in which column of its chunks each field stands."""

    def __init__(
        self, source: Source, kind: str, columns: Columns, shop: Shop, known: KnownBuyers, given: Mapping[str, str]
    ) -> None:
        self.header, self.encoding, self.total, self.notes = source.header, source.encoding, source.total, source.notes
        self.exact = source.exact
        self.counts: Counter[str] = Counter()
        self.source = source
        self._known = known
        self._reading = PersonReading(kind, columns, shop, known, given)
        self.fields, self.refunds = self._reading.fields, self._reading.refunds

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in the order of the file."""
        return self.prepared(self.as_written())

    def prepared(self, written: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield rows that `as_written` gave as they are read."""
        self.counts.clear()
        self._reading.shared.clear()
        for chunk in written:
            yield replace(chunk, frame=self._reading.settle(chunk.frame, self.counts)) if chunk.frame.height else chunk

    def as_written(self) -> Iterator[Chunk]:
        """Yield all rows with the columns made of others and persons as they are written: what a survey asks for."""
        for chunk in self.source.chunks():
            yield replace(chunk, frame=self._reading.combine(chunk.frame)) if chunk.frame.height else chunk

    def tell(self, notes: Notes) -> None:
        """Say what was left out of the rows read last, and whose they are where that is not plain."""
        for name, message in (("masked", MASKED), ("hidden", HIDDEN)):
            if self.counts[name]:
                notes.add(message, count=self.counts[name])
        notes.extend((*self._known.notes(), *self._reading.shared.notes(self.as_written(), self.fields)))


class PersonReading:
    """Which columns tell of persons, and the columns made of them."""

    def __init__(
        self, kind: str, columns: Columns, shop: Shop, known: KnownBuyers, given: Mapping[str, str] | None = None
    ) -> None:
        self._columns = columns
        self._known = known
        self.shared = SharedAddresses()
        self._country = country_of(shop.timezone)
        self._guests = kind in _WITH_GUESTS
        self._given = {name: value for name, value in (given or {}).items() if name not in columns}
        self._contacts = [name for name in _CONTACTS if name in columns]
        fields: dict[str, str] = {}
        for name, sources in columns.sources.items():
            plain = len(sources) == 1 and len(sources[0]) == 1 and name not in (*self._contacts, "waybill")
            fields[name] = sources[0][0] if plain else _own_column(name, sources)
        fields |= {name: f"= {name}" for name in self._given}
        self.refunds = _settle_refunds(fields)
        fields.pop("buyer_id", None)
        if "buyer_id" in KINDS[kind] and ("buyer_id" in columns or (self._guests and self._contacts)):
            fields["buyer_id"] = "= buyer_id"
        self.fields = fields

    def prepare(self, frame: pl.DataFrame, counts: Counter[str]) -> pl.DataFrame:
        """Return the rows with the columns made of others."""
        return self.settle(self.combine(frame), counts)

    def settle(self, frame: pl.DataFrame, counts: Counter[str]) -> pl.DataFrame:
        """Return combined rows with persons as they are known."""
        if "buyer_id" not in self.fields:
            return frame
        return frame.with_columns(cells.alias(name) for name, cells in self._persons(frame, counts).items())

    def combine(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with the columns made of others, persons as they are written."""
        made = {self.fields[name]: self._cells(frame, name) for name in self._made()}
        made |= {
            self.fields[name]: pl.repeat(value, frame.height, dtype=pl.String, eager=True)
            for name, value in self._given.items()
        }
        if "buyer_id" in self.fields:
            nobody = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
            made["= buyer_id"] = self._cells(frame, "buyer_id") if "buyer_id" in self._columns else nobody
        return frame.with_columns(cells.alias(name) for name, cells in made.items())

    def _made(self) -> list[str]:
        return [
            name
            for name, column in self.fields.items()
            if name in self._columns.sources and name != "buyer_id" and column != self._columns[name]
        ]

    def _persons(self, frame: pl.DataFrame, counts: Counter[str]) -> dict[str, pl.Series]:
        nobody = pl.Series("buyer_id", [None], pl.String).new_from_index(0, frame.height)
        number = self._cells(frame, "buyer_id") if "buyer_id" in self._columns else nobody
        contacts = {name: self._cells(frame, name) for name in self._contacts}
        if is_own(frame):  # what we wrote is exact, and may be masked for who asked for it
            kept = {self.fields[name]: without_masks(cells)[0] for name, cells in contacts.items()}
            return {**kept, self.fields["buyer_id"]: number}
        countries = self._cells(frame, "country") if "country" in self._columns else nobody
        rows = pl.DataFrame({"number": number, "country": countries, **contacts})
        first, run = _without_runs(rows)
        found = read_persons(
            first["number"],
            {name: first[name] for name in contacts},
            self._country,
            first["country"],
            guests=self._guests,
        )
        self.shared.look(found.contacts)
        counts["masked"] += int(found.masked.gather(run).sum())
        counts["hidden"] += int(found.hidden.gather(run).sum())
        kept = {self.fields[name]: cells.gather(run) for name, cells in found.contacts.items()}
        return {**kept, self.fields["buyer_id"]: self._known.as_stored(found.buyer).gather(run)}

    def _cells(self, frame: pl.DataFrame, name: str) -> pl.Series:
        """Return the first of the columns of a field that says something."""
        sources = self._columns.sources[name]
        cells = [self._together([frame[column] for column in source], name) for source in sources]
        if name == "waybill":
            cells = [plain_waybills(each) for each in cells]
        if len(cells) == 1:
            return cells[0].alias(name)
        if name == "buyer_id" or name in _CONTACTS:
            cells = [blank_if_nobody(each) for each in cells]
            cells = [*(without_masks(each)[0] for each in cells), *cells]
        return pl.select(pl.coalesce(cells)).to_series().alias(name)

    def _together(self, parts: list[pl.Series], name: str) -> pl.Series:
        return day_with_time(*parts) if name in MOMENTS and len(parts) == len(("day", "time")) else joined(parts)


def _settle_refunds(fields: dict[str, str]) -> str:
    """Let the field `refunded` hold the refunds of lines or orders and return whose they are, where that is said."""
    for name, whose in REFUNDS.items():
        if name in fields:
            fields["refunded"] = fields.pop(name)
            return whose
    return ""


def _own_column(name: str, sources: tuple[tuple[str, ...], ...]) -> str:
    return f"= {name}" if len(sources) > 1 or len(sources[0]) == 1 else " + ".join(sources[0])


def _without_runs(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return rows without those that say what the row above says, and for each row its place among them."""
    other = rows.select(pl.any_horizontal(pl.all().ne_missing(pl.all().shift())).alias("other")).to_series()
    heads = other | (pl.int_range(rows.height, eager=True) == 0)
    return rows.filter(heads), heads.cum_sum() - 1
