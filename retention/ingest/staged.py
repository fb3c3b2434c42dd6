"""Shared code of the smaller kinds of files: rows are checked, numbered and put into one staging table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

import polars as pl
from sqlmodel import Session

from retention.aggregates import add_missing_aggregates
from retention.database import is_postgresql
from retention.i18n import gettext_noop
from retention.ingest.cells.rows import Rows
from retention.ingest.files.chunks import Reject
from retention.ingest.notes import Note
from retention.ingest.survey import NOTHING_FOUND, Conventions
from retention.shops import Shop
from retention.staging import ColumnKind, create_staging, insert_new, stage
from retention.versions import Family, raise_version

MISSING = gettext_noop("{field} is missing")


@dataclass(frozen=True)
class MergedRows:
    """What a merge changed."""

    changed: int
    unchanged: int
    totals: dict[str, int] = field(default_factory=dict)


@dataclass
class StagedRows:
    """Collects the checked rows of a file in the table `name`; of rows with one key the last `place` counts.

    `rows` is how many rows of the file were taken, `places` how many they are in the table.
    """

    session: Session
    shop: Shop
    columns: Mapping[str, str]
    conventions: Conventions = NOTHING_FOUND
    rows: int = 0
    places: int = 0

    name: ClassVar[str]
    shape: ClassVar[dict[str, ColumnKind]]

    def __post_init__(self) -> None:
        create_staging(self.session, self.name, {"place": ColumnKind.KEY, **self.shape})

    def add(self, frame: pl.DataFrame, lines: pl.Series) -> list[Reject]:
        """Check rows, stage the good ones, return the others."""
        rows = Rows(frame, lines, self.columns, self.conventions)
        sound = self.check(rows).filter(rows.good())
        good = self.finish(sound, rows)
        numbered = good.select((pl.int_range(pl.len()) + self.places + 1).alias("place"), *self.shape)
        stage(self.session, self.name, numbered)
        self.rows += sound.height
        self.places += good.height
        return rows.rejects()

    def check(self, rows: Rows) -> pl.DataFrame:
        """Return the values of all rows in the columns of `shape`, refusing those that are wrong."""
        raise NotImplementedError

    def merge(self, *, now: datetime) -> MergedRows:
        """Write what was staged into the shop's tables."""
        raise NotImplementedError

    def notes(self) -> Iterable[Note]:
        """Nothing is to be said beside the figures."""
        return ()

    def close(self) -> None:
        """Nothing is held that the transaction does not end."""

    def finish(self, good: pl.DataFrame, rows: Rows) -> pl.DataFrame:
        """Return the good rows with what is worth making for them only; one may become several."""
        del rows
        return good


def need(rows: Rows, name: str, limit: int) -> pl.Series:
    """Return a text column every row must fill."""
    cells = rows.text(name, limit)
    rows.refuse(cells.is_null(), MISSING, unless=[name], field=name)
    return cells


def add_buyers(session: Session, shop: Shop, table: str, *, now: datetime) -> int:
    """Add the buyers a staging table names in its column `buyer` and the shop does not know; return how many."""
    return insert_new(
        session,
        "buyers",
        f"""
        INSERT INTO buyers (
          shop_id, external_id, name, email, phone, language, country, region, city, timezone, created_at)
        SELECT :shop, buyer, '', '', '', '', '', '', '', '', {moment(session)}
        FROM (SELECT DISTINCT buyer FROM {table} WHERE buyer IS NOT NULL) AS p
        WHERE NOT EXISTS (SELECT 1 FROM buyers WHERE shop_id = :shop AND external_id = p.buyer)
        ORDER BY buyer
        """,  # noqa: S608 - our own names
        shop=shop.id,
        now=spell(session, now),
    )


def welcome(session: Session, shop: Shop, added: int) -> None:
    """Give new buyers, who have no orders yet, their row of aggregates and tell the caches."""
    if added:
        add_missing_aggregates(session, shop.id)
        raise_version(session, shop.id, Family.BUYERS)


def latest(table: str, key: str) -> str:
    """Return the rows of a staging table of which, for each key, the last stands."""
    return f"""(SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY place DESC) AS rank
        FROM {table}) AS ranked WHERE rank = 1)"""  # noqa: S608 - our own names


def answered(table: str, channel: str) -> str:
    """Return the row of each buyer of a staging table whose answer stands: rows without one say nothing.

    A no without a date holds in doubt; else the latest answer stands, and of two of one moment the no.
    """
    answer, at = f"{channel}_consent", f"{channel}_consent_at"
    order = f"""CASE WHEN {at} IS NOT NULL THEN 1 WHEN {answer} = 'out' THEN 0 ELSE 2 END,
        {at} DESC, {answer} DESC, place DESC"""
    return f"""(SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY buyer ORDER BY {order}) AS rank
        FROM {table} WHERE {answer} IS NOT NULL) AS ranked WHERE rank = 1)"""  # noqa: S608 - our own names


def moment(session: Session) -> str:
    """Return the bound moment :now as statements spell it."""
    return "CAST(:now AS timestamptz)" if is_postgresql(session) else ":now"


def spell(session: Session, at: datetime) -> datetime | str:
    """Return a moment in UTC as raw statements take it."""
    return at if is_postgresql(session) else at.strftime("%Y-%m-%d %H:%M:%S.%f")
