"""Import of buyers, with normalised addresses; their consent is imported by `consents`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

import polars as pl

from retention.addresses import country_of, email_keys, phone_keys
from retention.clock import zone
from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.times import read_dates, read_times
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
_KEYS = ("email_key", "phone_key")


@dataclass
class BuyerStaging(StagedRows):
    """Rows of a file of buyers; `file` is named as the source of the consents in it. No answer is later than `now`.

    `no_is_vague`: a no may also mean that nobody asked.
    """

    file: str = ""
    now: datetime | None = None
    no_is_vague: bool = False

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
        texts = rows.texts(_TEXTS)
        message = gettext_noop("{field} {value} is not an address")
        wrong = ~texts["email"].str.contains(r"^[^@\s]+@[^@\s]+$")
        rows.refuse(wrong.fill_null(False), message, texts["email"], field="email")
        unknown = [name for name in texts["timezone"].drop_nulls().unique() if not _is_zone(name)]
        message = gettext_noop("{value} is not a time zone")
        rows.refuse(texts["timezone"].is_in(unknown).fill_null(False), message, texts["timezone"])
        answers = read_answers(rows, no_is_vague=self.no_is_vague)
        return pl.DataFrame(
            {
                "buyer": need(rows, "buyer_id", 200),
                **texts,
                "birthday": read_dates(rows, "birthday"),
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
