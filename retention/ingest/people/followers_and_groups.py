"""Import of followers and group members; unknown buyers and groups are created."""

from datetime import datetime
from hashlib import blake2b
from typing import ClassVar

import polars as pl

from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.times import read_times
from retention.ingest.staged import MergedRows, StagedRows, add_buyers, latest, moment, need, spell, welcome
from retention.shops import check_slug
from retention.staging import ColumnKind, drop_staging, fetch, insert_new, keep_before, run, settle
from retention.versions import Family, raise_version


class FollowerStaging(StagedRows):
    """Rows of a file of followers."""

    name = "import_followers"
    shape: ClassVar = {"buyer": ColumnKind.TEXT, "followed_at": ColumnKind.TIME, "ended_at": ColumnKind.TIME}

    def check(self, rows: Rows) -> pl.DataFrame:
        """Return the values of all rows, refusing those that are wrong."""
        return pl.DataFrame({"buyer": need(rows, "buyer_id", 200), **_span(self, rows, "followed_at", "ended_at")})

    def merge(self, *, now: datetime) -> MergedRows:
        """Write the rows into follows."""
        return _merge_spans(self, now=now, table="follows", start="followed_at", end="ended_at", group=False)


class MemberStaging(StagedRows):
    """Rows of a file of group members."""

    name = "import_members"
    shape: ClassVar = {
        "buyer": ColumnKind.TEXT,
        "slug": ColumnKind.TEXT,
        "group_name": ColumnKind.TEXT,
        "joined_at": ColumnKind.TIME,
        "left_at": ColumnKind.TIME,
    }

    def check(self, rows: Rows) -> pl.DataFrame:
        """Return the values of all rows, refusing those that are wrong."""
        group = need(rows, "group", 200)
        slugs = {name: slug_of_group(name) for name in group.drop_nulls().unique()}
        return pl.DataFrame(
            {
                "buyer": need(rows, "buyer_id", 200),
                "slug": group.replace_strict(slugs, default=None, return_dtype=pl.String),
                "group_name": pl.select(pl.coalesce(rows.text("group_name", 200), group)).to_series(),
                **_span(self, rows, "joined_at", "left_at"),
            }
        )

    def merge(self, *, now: datetime) -> MergedRows:
        """Write the rows into group members, and into groups where they are new."""
        groups = insert_new(
            self.session,
            "groups",
            f"""
            INSERT INTO groups (shop_id, slug, name, created_at)
            SELECT :shop, slug, max(group_name), {moment(self.session)} FROM import_members AS i
            WHERE NOT EXISTS (SELECT 1 FROM groups WHERE shop_id = :shop AND groups.slug = i.slug)
            GROUP BY slug ORDER BY slug
            """,  # noqa: S608 - our own names
            shop=self.shop.id,
            now=spell(self.session, now),
        )
        merged = _merge_spans(self, now=now, table="group_members", start="joined_at", end="left_at", group=True)
        return MergedRows(merged.changed, merged.unchanged, {**merged.totals, "new_groups": groups})


def slug_of_group(name: str) -> str:
    """Return the slug of a group named in a file: the name itself when it can be one, else one derived from it."""
    try:
        return check_slug(name)
    except Invalid:
        return f"group-{blake2b(name.encode(), digest_size=5).hexdigest()}"


def _span(staging: StagedRows, rows: Rows, start: str, end: str) -> dict[str, pl.Series]:
    times = {n: read_times(rows, n, staging.shop.timezone) for n in (start, end)}
    message = gettext_noop("{field} {value} is before the start")
    rows.refuse((times[end] < times[start]).fill_null(False), message, rows.cells(end), field=end)
    return times


def _merge_spans(staging: StagedRows, *, now: datetime, table: str, start: str, end: str, group: bool) -> MergedRows:
    """Write spans of time a buyer followed or belonged. Starting again after an end removes the end."""
    session, shop = staging.session, staging.shop
    settle(session, staging.name)
    added = add_buyers(session, shop, staging.name, now=now)
    known = f"""SELECT i.*, b.id AS buyer_id{", g.id AS group_id" if group else ""}
        FROM {latest(staging.name, "buyer, slug" if group else "buyer")} AS i
        JOIN buyers AS b ON b.shop_id = :shop AND b.external_id = i.buyer
        {"JOIN groups AS g ON g.shop_id = :shop AND g.slug = i.slug" if group else ""}"""  # noqa: S608 - our own names
    same = f"{table}.shop_id = :shop AND {table}.buyer_id = k.buyer_id" + (
        f" AND {table}.group_id = k.group_id" if group else ""
    )
    begin = f"coalesce(k.{start}, {table}.{start})"
    finish = f"coalesce(k.{end}, CASE WHEN k.{start} > {table}.{end} THEN NULL ELSE {table}.{end} END)"
    values = {"shop": shop.id, "now": spell(session, now)}
    total = fetch(session, f"SELECT count(*) FROM ({known}) AS k", shop=shop.id)[0]  # noqa: S608 - our own names
    changed = f"{same} AND ({table}.{start} IS DISTINCT FROM {begin} OR {table}.{end} IS DISTINCT FROM {finish})"
    keep_before(session, table, f"id IN (SELECT {table}.id FROM {table}, ({known}) AS k WHERE {changed})")  # noqa: S608
    updated = run(
        session,
        f"UPDATE {table} SET {start} = {begin}, {end} = {finish} FROM ({known}) AS k WHERE {changed}",  # noqa: S608
        shop=shop.id,
    )
    columns = f"{'group_id, ' if group else ''}buyer_id"
    inserted = insert_new(
        session,
        table,
        f"""INSERT INTO {table} (shop_id, {columns}, {start}, {end})
        SELECT :shop, {columns}, coalesce(k.{start}, {moment(session)}), k.{end} FROM ({known}) AS k
        WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {same}) ORDER BY k.place""",  # noqa: S608 - our own names
        **values,
    )
    drop_staging(session, staging.name)
    welcome(session, shop, added)
    if updated or inserted:
        raise_version(session, shop.id, Family.FOLLOWERS_AND_GROUPS)
    return MergedRows(updated + inserted, total - updated - inserted, {"new_buyers": added})
