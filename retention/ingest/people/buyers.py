"""Import of buyers, with normalised addresses; their consent is imported by `consents`."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

import polars as pl

from retention.addresses import country_of, email_keys, phone_keys
from retention.clock import zone
from retention.errors import Invalid
from retention.i18n import gettext_noop, ngettext_noop
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.times import read_dates, read_times
from retention.ingest.notes import Note
from retention.ingest.people.answers import CHANNELS, end_answers, read_answers
from retention.ingest.people.consents import take_answers
from retention.ingest.staged import MergedRows, StagedRows, latest, moment, need, spell, welcome
from retention.staging import ColumnKind, drop_staging, fetch, insert_new, keep_before, run, settle
from retention.versions import Family, raise_version

_TEXTS = {
    "name": 200,
    "email": 254,
    "phone": 32,
    "language": 8,
    "country": 100,
    "region": 100,
    "city": 100,
    "timezone": 64,
}
_BRIEF = {name: _TEXTS[name] for name in ("name", "country", "region", "city")}
_KEYS = ("email_key", "phone_key")
LEFT_OUT = {
    "birthday": ngettext_noop(
        "{count} birthday in {column} was left out, such as {example}: it needs a whole date, as 1990-03-05.",
        "{count} birthdays in {column} were left out, such as {example}: they need a whole date, as 1990-03-05.",
    ),
    "language": ngettext_noop(
        "{count} language in {column} was left out, such as {example}: it needs a code, as en or zh-CN.",
        "{count} languages in {column} were left out, such as {example}: they need a code, as en or zh-CN.",
    ),
    "timezone": ngettext_noop(
        "{count} time zone in {column} was left out, such as {example}: it needs a name, as Europe/Berlin.",
        "{count} time zones in {column} were left out, such as {example}: they need a name, as Europe/Berlin.",
    ),
}
"""What a buyer is imported without rather than not at all: an answer in the same row counts."""


@dataclass
class BuyerStaging(StagedRows):
    """Rows of a file of buyers; `file` is named as the source of the consents in it. No answer is later than `now`.

    `no_is_vague`: a no may also mean that nobody asked.
    """

    file: str = ""
    now: datetime | None = None
    no_is_vague: bool = False
    left_out: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    name = "import_buyers"
    shape: ClassVar = {
        "buyer": ColumnKind.TEXT,
        **dict.fromkeys((*_TEXTS, *_KEYS), ColumnKind.TEXT),
        "birthday": ColumnKind.DATE,
        "created_at": ColumnKind.TIME,
        "email_consent": ColumnKind.TEXT,
        "sms_consent": ColumnKind.TEXT,
        "email_consent_at": ColumnKind.TIME,
        "sms_consent_at": ColumnKind.TIME,
    }

    def check(self, rows: Rows) -> pl.DataFrame:
        """Return the values of all rows, refusing those that are wrong."""
        texts = rows.texts({"email": 254, "phone": 32}) | rows.brief_texts(_BRIEF, Counter())
        message = gettext_noop("{field} {value} is not an address")
        wrong = ~texts["email"].str.contains(r"^[^@\s]+@[^@\s]+$")
        rows.refuse(wrong.fill_null(False), message, texts["email"], field="email")
        texts |= {name: self._where(rows.cells(name), fits) for name, fits in _FITS.items()}
        answers = read_answers(rows, no_is_vague=self.no_is_vague)
        return pl.DataFrame(
            {
                "buyer": need(rows, "buyer_id", 200),
                **texts,
                "birthday": self._birthdays(rows),
                "created_at": read_times(rows, "created_at", self.shop.timezone),
                **{f"{channel}_consent": cells for channel, cells in answers.by_channel.items()},
                **self._moments(rows, answers.suppressed),
                # An empty cell changes nothing, so it has no key that could.
                "email_key": email_keys(texts["email"]).replace("", None),
                "phone_key": phone_keys(texts["phone"], country_of(self.shop.timezone), texts["country"]).replace(
                    "", None
                ),
            }
        )

    def notes(self) -> Iterator[Note]:
        """Return what of the buyers was left out."""
        for name, count in self.left_out.items():
            values = {"column": repr(self.columns.get(name, name)), "example": repr(self.examples[name])}
            yield Note(LEFT_OUT[name], {"count": count, **values})

    def _birthdays(self, rows: Rows) -> pl.Series:
        apart = Rows(rows.raw, rows.lines, rows.columns, rows.conventions)
        days = read_dates(apart, "birthday")
        return self._without(rows.cells("birthday"), ~apart.good(), days)

    def _where(self, cells: pl.Series, fits: Callable[[str], bool]) -> pl.Series:
        wrong = [cell for cell in cells.drop_nulls().unique().to_list() if not fits(cell)]
        return self._without(cells, cells.is_in(wrong).fill_null(value=False), cells)

    def _without(self, cells: pl.Series, wrong: pl.Series, values: pl.Series) -> pl.Series:
        """Return values without the wrong ones, which are counted."""
        if not wrong.any():
            return values
        self.left_out[cells.name] += int(wrong.sum())
        self.examples.setdefault(cells.name, cells.filter(wrong)[0])
        return pl.select(pl.when(~wrong).then(values).alias(cells.name)).to_series()

    def _moments(self, rows: Rows, suppressed: pl.Series) -> dict[str, pl.Series]:
        """Return when the answers were given: of a channel, else of both."""
        names = ("consent_at", "email_suppressed_at", *(f"{channel}_consent_at" for channel in CHANNELS))
        read = {name: read_times(rows, name, self.shop.timezone) for name in names}
        if self.now:
            now = self.now.astimezone(UTC)  # as the columns are, whatever zone the caller thinks in
            message = gettext_noop("{field} {value} is in the future")
            for name, times in read.items():
                rows.refuse((times > now).fill_null(False), message, rows.cells(name), field=name)
        both, held = read.pop("consent_at"), read.pop("email_suppressed_at")
        at = {name: pl.select(pl.coalesce(times, both)).to_series() for name, times in read.items()}
        if suppressed.any():  # the moment of the subscription is not that of its end
            email = pl.when(suppressed).then(held).otherwise(at["email_consent_at"])
            at["email_consent_at"] = pl.select(email).to_series().alias("email_consent_at")
        return at

    def merge(self, *, now: datetime) -> MergedRows:
        """Write the rows into buyers and consents. An empty cell changes nothing."""
        settle(self.session, self.name)
        added = self._insert(now)
        self._keep_former()
        updated = self._update()
        for channel in CHANNELS:
            if self.no_is_vague:
                end_answers(self.session, self.shop, self.name, channel)
        outcomes = [
            take_answers(self.session, self.shop, self.name, channel, source=f"import:{self.file}"[:100], now=now)
            for channel in CHANNELS
            if {f"{channel}_consent", f"{channel}_suppressed"} & self.columns.keys()
        ]
        answers, overruled = sum(each.added for each in outcomes), sum(each.overruled for each in outcomes)
        total = fetch(self.session, f"SELECT count(DISTINCT buyer) FROM {self.name}")[0]  # noqa: S608 - our own name
        drop_staging(self.session, self.name)
        welcome(self.session, self.shop, added)
        if updated and not added:
            raise_version(self.session, self.shop.id, Family.BUYERS)
        if answers:
            raise_version(self.session, self.shop.id, Family.CONSENTS)
        totals = {"buyers": total, "new_buyers": added, "new_consents": answers, "overruled_consents": overruled}
        return MergedRows(added + updated + answers, total - added - updated, totals)

    def _insert(self, now: datetime) -> int:
        names = (*_TEXTS, *_KEYS)
        return insert_new(
            self.session,
            "buyers",
            f"""
            INSERT INTO buyers (shop_id, external_id, {", ".join(names)}, birthday, created_at)
            SELECT :shop, buyer, {", ".join(f"coalesce({name}, '')" for name in names)}, birthday,
              coalesce(created_at, {moment(self.session)}) FROM {latest(self.name, "buyer")} AS i
            WHERE NOT EXISTS (SELECT 1 FROM buyers WHERE shop_id = :shop AND external_id = i.buyer) ORDER BY place
            """,  # noqa: S608 - our own names
            shop=self.shop.id,
            now=spell(self.session, now),
        )

    def _keep_former(self) -> None:
        """Remember the addresses that are about to be written over."""
        for key in _KEYS:
            insert_new(
                self.session,
                "former_addresses",
                f"""
                INSERT INTO former_addresses (shop_id, buyer_id, address)
                SELECT :shop, b.id, b.{key} FROM {latest(self.name, "buyer")} AS i
                JOIN buyers AS b ON b.shop_id = :shop AND b.external_id = i.buyer
                WHERE i.{key} IS NOT NULL AND b.{key} <> '' AND b.{key} <> i.{key}
                ON CONFLICT (shop_id, buyer_id, address) DO NOTHING
                """,  # noqa: S608 - our own names
                shop=self.shop.id,
            )

    def _update(self) -> int:
        names = [*_TEXTS, *_KEYS, "birthday", "created_at"]
        differs = " OR ".join(f"(i.{n} IS NOT NULL AND buyers.{n} IS DISTINCT FROM i.{n})" for n in names)
        rows = f"{latest(self.name, 'buyer')} AS i"
        theirs = f"buyers.shop_id = :shop AND buyers.external_id = i.buyer AND ({differs})"
        changes = ", ".join(f"{n} = coalesce(i.{n}, buyers.{n})" for n in names)
        keep_before(self.session, "buyers", f"id IN (SELECT buyers.id FROM buyers, {rows} WHERE {theirs})")  # noqa: S608
        return run(self.session, f"UPDATE buyers SET {changes} FROM {rows} WHERE {theirs}", shop=self.shop.id)  # noqa: S608


def _is_zone(name: str) -> bool:
    try:
        zone(name)
    except Invalid:
        return False
    return True


_FITS: dict[str, Callable[[str], bool]] = {
    "language": lambda cell: len(cell) <= _TEXTS["language"],
    "timezone": lambda cell: len(cell) <= _TEXTS["timezone"] and _is_zone(cell),
}
"""Which cells can be kept of what only helps to speak to a buyer."""
