"""Import of parcels: waybills of orders or buyers, with the day of shipping and the position in the picking order."""

from datetime import datetime
from typing import ClassVar

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.cells.numbers import read_whole
from retention.ingest.cells.rows import Rows
from retention.ingest.cells.times import read_times
from retention.ingest.cells.waybill_cells import MOST_LETTERS, refuse_long
from retention.ingest.staged import MISSING, MergedRows, StagedRows, add_buyers, latest, need, welcome
from retention.staging import ColumnKind, drop_staging, fetch, fetch_all, insert_new, keep_before, look_up, run, settle
from retention.waybills import one_waybill_a_row

_TIMES = ("ship_date", "shipped_at", "delivered_at")


class ParcelStaging(StagedRows):
    """Rows of a file of parcels."""

    name = "import_parcels"
    shape: ClassVar = {
        "waybill": ColumnKind.TEXT,
        "buyer": ColumnKind.TEXT,
        "order_id": ColumnKind.WHOLE,
        "ship_day": ColumnKind.WHOLE,
        "pick_position": ColumnKind.WHOLE,
        "shipped_at": ColumnKind.TIME,
        "delivered_at": ColumnKind.TIME,
    }

    def check(self, rows: Rows) -> pl.DataFrame:
        """Return the values of all rows, refusing those that are wrong or name an order nobody knows."""
        number, buyer = rows.text("order_id", 200), rows.text("buyer_id", 200)
        missing = number.is_null() & buyer.is_null()
        rows.refuse(missing, MISSING, unless=("order_id", "buyer_id"), field="order_id / buyer_id")
        times = {name: read_times(rows, name, self.shop.timezone) for name in _TIMES}
        leaves = pl.coalesce(times["ship_date"], times["shipped_at"]).dt.convert_time_zone(self.shop.timezone)
        values = {
            "waybill": need(rows, "waybill", MOST_LETTERS),
            "buyer": buyer,
            "order_id": self._orders(rows, number),
            "ship_day": pl.select(leaves.dt.date().cast(pl.Int32)).to_series(),
            "pick_position": read_whole(rows, "pick_position", least=0),
            "shipped_at": times["shipped_at"],
            "delivered_at": times["delivered_at"],
        }
        refuse_long(rows, values["waybill"])
        return pl.DataFrame(values)

    def finish(self, good: pl.DataFrame, rows: Rows) -> pl.DataFrame:
        """Return a row for each parcel that a row names."""
        del rows
        return one_waybill_a_row(good)

    def merge(self, *, now: datetime) -> MergedRows:
        """Write the rows into parcels. One without a day waits to be packed today; an empty cell changes nothing."""
        session, values = self.session, {"shop": self.shop.id}
        settle(session, self.name)
        added = add_buyers(session, self.shop, self.name, now=now)
        rows = f"""SELECT i.place, i.waybill, i.order_id, coalesce(b.id, o.buyer_id) AS buyer_id, i.ship_day,
            i.pick_position, i.shipped_at, i.delivered_at FROM {latest(self.name, "waybill")} AS i
            LEFT JOIN buyers AS b ON b.shop_id = :shop AND b.external_id = i.buyer
            LEFT JOIN orders AS o ON o.id = i.order_id"""  # noqa: S608 - our own names
        names = ("order_id", "buyer_id", "ship_day", "pick_position", "shipped_at", "delivered_at")
        changes = ", ".join(f"{n} = coalesce(k.{n}, parcels.{n})" for n in names)
        differs = " OR ".join(f"(k.{n} IS NOT NULL AND parcels.{n} IS DISTINCT FROM k.{n})" for n in names)
        total = fetch(session, f"SELECT count(*) FROM ({rows}) AS k", **values)[0]  # noqa: S608 - our own names
        theirs = f"parcels.shop_id = :shop AND parcels.waybill = k.waybill AND ({differs})"
        found = f"id IN (SELECT parcels.id FROM parcels, ({rows}) AS k WHERE {theirs})"  # noqa: S608 - our own names
        keep_before(session, "parcels", found)
        updated = run(session, f"UPDATE parcels SET {changes} FROM ({rows}) AS k WHERE {theirs}", **values)  # noqa: S608
        inserted = insert_new(
            session,
            "parcels",
            f"""
            INSERT INTO parcels (
              shop_id, waybill, buyer_id, order_id, ship_day, pick_position, shipped_at, delivered_at)
            SELECT :shop, waybill, buyer_id, order_id, coalesce(ship_day, :today), coalesce(pick_position, 0),
              shipped_at, delivered_at FROM ({rows}) AS k
            WHERE NOT EXISTS (SELECT 1 FROM parcels WHERE shop_id = :shop AND parcels.waybill = k.waybill)
            ORDER BY place
            """,  # noqa: S608 - our own names
            **values,
            today=self.shop.day(now),
        )
        drop_staging(session, self.name)
        welcome(session, self.shop, added)
        changed = updated + inserted
        return MergedRows(changed, total - changed, {"parcels": total, "new_parcels": inserted, "new_buyers": added})

    def _orders(self, rows: Rows, number: pl.Series) -> pl.Series:
        """Return the row numbers of the orders named; of equal numbers from several sources the newest is meant."""
        sources = fetch_all(self.session, "SELECT DISTINCT source FROM orders WHERE shop_id = :shop", shop=self.shop.id)
        columns = {"number": ("t.external_id", ColumnKind.TEXT), "id": ("t.id", ColumnKind.WHOLE)}
        asked = number.drop_nulls().unique()
        match = "t.source = :source AND t.external_id = s.value"
        named = [
            look_up(self.session, "orders", asked, match, columns, shop=self.shop.id, source=source)
            for (source,) in sources
        ]
        known = dict(pl.concat(named).sort("id").iter_rows()) if named else {}
        found = number.replace_strict(known, default=None, return_dtype=pl.Int64)
        unknown = number.is_not_null() & found.is_null()
        rows.refuse(unknown, gettext_noop("there is no order {value}"), number, unless=["order_id"])
        return found
