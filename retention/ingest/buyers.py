"""Buyers in, with what they said about being written to: an answer is added when it differs from the last one."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import polars as pl

from retention.clock import zone
from retention.errors import Invalid
from retention.ingest.checking import Rows, read_dates, read_times, read_words
from retention.ingest.staged import Merged, StagedRows, latest, moment, need, spell, welcome
from retention.staging import Kind, drop_staging, fetch, run, settle
from retention.versions import Family, raise_version
from retention.words import gettext_noop

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
_ANSWERS = {
    **dict.fromkeys(
        ("in", "yes", "y", "1", "true", "t", "subscribed", "opted in", "是", "同意", "订阅", "已订阅"), "in"
    ),
    **dict.fromkeys(
        ("out", "no", "n", "0", "false", "f", "unsubscribed", "opted out", "否", "拒绝", "退订", "未订阅"), "out"
    ),
}
_CHANNELS = ("email", "sms")


@dataclass
class BuyerStaging(StagedRows):
    """Rows of a file of buyers; `file` is named as the source of the consents in it."""

    file: str = ""

    name = "import_buyers"
    shape: ClassVar = {
        "buyer": Kind.TEXT,
        **dict.fromkeys(_TEXTS, Kind.TEXT),
        "birthday": Kind.DATE,
        "created_at": Kind.TIME,
        "email_consent": Kind.TEXT,
        "sms_consent": Kind.TEXT,
    }

    def check(self, rows: Rows) -> pl.DataFrame:
        """Return the values of all rows, refusing those that are wrong."""
        texts = rows.texts(_TEXTS)
        message = gettext_noop("{field} {value} is no address")
        wrong = ~texts["email"].str.contains(r"^[^@\s]+@[^@\s]+$")
        rows.refuse(wrong.fill_null(False), message, texts["email"], field="email")
        unknown = [name for name in texts["timezone"].drop_nulls().unique() if not _is_zone(name)]
        message = gettext_noop("{value} is not a time zone")
        rows.refuse(texts["timezone"].is_in(unknown).fill_null(False), message, texts["timezone"])
        return pl.DataFrame(
            {
                "buyer": need(rows, "buyer_id", 200),
                **texts,
                "birthday": read_dates(rows, "birthday"),
                "created_at": read_times(rows, "created_at", self.shop.timezone, dates=self.dates),
                **{f"{channel}_consent": read_words(rows, f"{channel}_consent", _ANSWERS) for channel in _CHANNELS},
            }
        )

    def merge(self, *, now: datetime) -> Merged:
        """Write the rows into buyers and consents. An empty cell changes nothing."""
        settle(self.session, self.name)
        added = self._insert(now)
        updated = self._update()
        answers = sum(self._add_answers(channel, now) for channel in _CHANNELS if f"{channel}_consent" in self.columns)
        total = fetch(self.session, f"SELECT count(DISTINCT buyer) FROM {self.name}")[0]  # noqa: S608 - our own name
        drop_staging(self.session, self.name)
        welcome(self.session, self.shop, added)
        if updated and not added:
            raise_version(self.session, self.shop.id, Family.BUYERS)
        if answers:
            raise_version(self.session, self.shop.id, Family.CONSENTS)
        totals = {"buyers": total, "new_buyers": added, "new_consents": answers}
        return Merged(added + updated + answers, total - added - updated, totals)

    def _insert(self, now: datetime) -> int:
        return run(
            self.session,
            f"""
            INSERT INTO buyers (shop_id, external_id, {", ".join(_TEXTS)}, birthday, created_at)
            SELECT :shop, buyer, {", ".join(f"coalesce({name}, '')" for name in _TEXTS)}, birthday,
              coalesce(created_at, {moment(self.session)}) FROM {latest(self.name, "buyer")} AS i
            WHERE NOT EXISTS (SELECT 1 FROM buyers WHERE shop_id = :shop AND external_id = i.buyer) ORDER BY place
            """,  # noqa: S608 - our own names
            shop=self.shop.id,
            now=spell(self.session, now),
        )

    def _update(self) -> int:
        names = [*_TEXTS, "birthday", "created_at"]
        differs = " OR ".join(f"(i.{n} IS NOT NULL AND buyers.{n} IS DISTINCT FROM i.{n})" for n in names)
        return run(
            self.session,
            f"""
            UPDATE buyers SET {", ".join(f"{n} = coalesce(i.{n}, buyers.{n})" for n in names)}
            FROM {latest(self.name, "buyer")} AS i
            WHERE buyers.shop_id = :shop AND buyers.external_id = i.buyer AND ({differs})
            """,  # noqa: S608 - our own names
            shop=self.shop.id,
        )

    def _add_answers(self, channel: str, now: datetime) -> int:
        address = "b.email" if channel == "email" else "b.phone"
        return run(
            self.session,
            f"""
            INSERT INTO consents (shop_id, buyer_id, channel, topic, answer, source, wording, address, at)
            SELECT :shop, b.id, :channel, '', i.{channel}_consent, :source, '', {address}, {moment(self.session)}
            FROM {latest(self.name, "buyer")} AS i JOIN buyers AS b ON b.shop_id = :shop AND b.external_id = i.buyer
            LEFT JOIN (
              SELECT buyer_id, max(id) AS id FROM consents
              WHERE shop_id = :shop AND channel = :channel AND topic = ''
              GROUP BY buyer_id
            ) AS l ON l.buyer_id = b.id
            LEFT JOIN consents AS c ON c.id = l.id
            WHERE i.{channel}_consent IS NOT NULL AND c.answer IS DISTINCT FROM i.{channel}_consent
            ORDER BY i.place
            """,  # noqa: S608 - our own names
            shop=self.shop.id,
            channel=channel,
            source=f"import:{self.file}"[:100],
            now=spell(self.session, now),
        )


def _is_zone(name: str) -> bool:
    try:
        zone(name)
    except Invalid:
        return False
    return True
