"""The buyers an order file names: found or added, and told by their orders where they live and how to reach them."""

from datetime import datetime

import polars as pl
from pyroaring import BitMap
from sqlmodel import Session

from retention.ingest.grouping import PLACES
from retention.ingest.order_rows import CONTACTS
from retention.orders import OrderStatus
from retention.shops import Shop
from retention.staging import (
    Kind,
    create_staging,
    drop_staging,
    fetch,
    fetch_frame,
    new_ids,
    run,
    settle,
    stage,
)


class People:
    """The buyers of one import; `new` are those it added."""

    def __init__(self, session: Session, shop: Shop, now: datetime) -> None:
        self.added = 0
        self._session = session
        self._shop = shop
        self._now = now
        self.new = BitMap()
        self._notes: list[pl.DataFrame] = []

    def find_or_add(self, names: pl.Series) -> pl.DataFrame:
        """Return the row numbers of buyers by their external ids (columns buyer, buyer_id); unknown ones are added."""
        wanted = names.alias("buyer").to_frame()
        known = self._find(wanted)
        new = wanted.join(known, on="buyer", how="anti", maintain_order="left")
        numbers = new_ids(self._session, "buyers", new.height)
        blank = {name: pl.lit("") for name in (*CONTACTS, *PLACES, "language", "timezone")}
        made = {"shop_id": pl.lit(self._shop.id), "created_at": pl.lit(self._now).cast(pl.Datetime("us", "UTC"))}
        stage(self._session, "buyers", new.select(id=numbers, external_id="buyer", **made, **blank))
        self.added += new.height
        self.new.update(numbers.to_list())
        return pl.concat([known, new.select("buyer", buyer_id=numbers)])

    def note(self, rows: pl.DataFrame, ids: pl.DataFrame) -> None:
        """Remember, per buyer, the latest contacts in these rows and the place of the latest paid order that has one."""
        contacts = [name for name in CONTACTS if name in rows.columns]
        shown = [name for name in (*contacts, *PLACES) if rows[name].null_count() < rows.height]
        if not shown:
            return
        moment = pl.coalesce("paid_at", "placed_at")
        paid = (pl.col("status") == OrderStatus.PAID.value) | (
            pl.col("status").is_null() & pl.col("paid_at").is_not_null()
        )
        placed = paid & pl.any_horizontal(pl.col(name).is_not_null() for name in PLACES)
        told = rows.filter(pl.col("buyer_id").is_not_null()).select(
            *shown, external="buyer_id", at=moment, placed=placed
        )
        told = told.join(ids.select(external="buyer", number="buyer_id"), on="external", maintain_order="left")
        self._notes.append(_latest(told, contacts=[name for name in contacts if name in shown]))

    def settle(self, touched: BitMap) -> int:
        """Write contacts that were blank and the places of the latest paid orders; return how many known buyers changed.

        A buyer new in this import is described by the file alone; for others the orders of before count too.
        """
        old = touched - self.new
        moved = self._move(old) if old else 0
        if self._notes:
            moved += self._describe()
        return moved

    def _find(self, wanted: pl.DataFrame) -> pl.DataFrame:
        shape = {"buyer": Kind.TEXT, "buyer_id": Kind.WHOLE}
        some = "SELECT count(*) FROM (SELECT 1 FROM buyers WHERE shop_id = :shop LIMIT 1) AS b"
        if not (wanted.height and fetch(self._session, some, shop=self._shop.id)[0]):
            return fetch_frame(self._session, None, shape)
        create_staging(self._session, "import_names", {"name": Kind.TEXT})
        stage(self._session, "import_names", wanted.select(name="buyer"))
        settle(self._session, "import_names")
        source = "FROM import_names AS n CROSS JOIN buyers AS b WHERE b.shop_id = :shop AND b.external_id = n.name"
        columns = {"buyer": "n.name", "buyer_id": "b.id"}
        found = fetch_frame(self._session, source, shape, columns, shop=self._shop.id)
        drop_staging(self._session, "import_names")
        return found

    def _describe(self) -> int:
        notes = _newest(self._notes)
        new = pl.col("number").is_in(list(self.new))
        self._fill(notes.filter(new))
        # For known buyers `_move` looks at all their orders; the file alone must not overrule the older ones.
        return self._fill(notes.filter(~new).with_columns(pl.lit(None, pl.String).alias(name) for name in PLACES))

    def _fill(self, notes: pl.DataFrame) -> int:
        """Write what is blank so far; return how many buyers that changed."""
        if not notes.height:
            return 0
        names = (*CONTACTS, *PLACES)
        create_staging(self._session, "import_people", {"id": Kind.KEY, **dict.fromkeys(names, Kind.TEXT)})
        stage(self._session, "import_people", notes.select(*names, id="number"))
        settle(self._session, "import_people")
        fills = ", ".join(
            f"{name} = CASE WHEN buyers.{name} = '' THEN coalesce(i.{name}, '') ELSE buyers.{name} END"
            for name in names
        )
        differs = " OR ".join(f"(buyers.{name} = '' AND i.{name} <> '')" for name in names)
        found = "buyers.id = i.id AND buyers.id IN (SELECT id FROM import_people)"
        update = f"UPDATE buyers SET {fills} FROM import_people AS i WHERE {found} AND ({differs})"  # noqa: S608
        changed = run(self._session, update)
        drop_staging(self._session, "import_people")
        return changed

    def _move(self, buyers: BitMap) -> int:
        create_staging(self._session, "import_touched", {"id": Kind.KEY})
        stage(self._session, "import_touched", pl.DataFrame({"id": buyers.to_array().tolist()}))
        settle(self._session, "import_touched")
        moved = run(
            self._session,
            """
            UPDATE buyers SET country = l.country, region = l.region, city = l.city FROM (
              SELECT buyer_id, country, region, city,
                row_number() OVER (PARTITION BY buyer_id ORDER BY ordered_at DESC, id DESC) AS place
              FROM orders WHERE shop_id = :shop AND status = 'paid' AND (country <> '' OR region <> '' OR city <> '')
                AND buyer_id IN (SELECT id FROM import_touched)
            ) AS l
            WHERE l.place = 1 AND buyers.id = l.buyer_id
              AND (buyers.country <> l.country OR buyers.region <> l.region OR buyers.city <> l.city)
            """,
            shop=self._shop.id,
        )
        drop_staging(self._session, "import_touched")
        return moved


def _latest(rows: pl.DataFrame, *, contacts: list[str]) -> pl.DataFrame:
    """Return per buyer the latest of each contact, and the place at the latest row that is `placed`."""
    rows = rows.sort("at", nulls_last=False, maintain_order=True)
    places = [name for name in PLACES if name in rows.columns]
    return rows.group_by("number").agg(
        *(pl.col(name).drop_nulls().last() for name in contacts),
        *(pl.col(name).filter("placed").last() for name in places),
        at=pl.col("at").last(),
        placed_at=pl.col("at").filter("placed").last(),
    )


def _newest(notes: list[pl.DataFrame]) -> pl.DataFrame:
    """Put the notes of several parts together."""
    blank = {name: pl.lit(None, pl.String).alias(name) for name in (*CONTACTS, *PLACES)}
    whole = pl.concat(
        [note.with_columns(column for name, column in blank.items() if name not in note.columns) for note in notes],
        how="diagonal",
    )
    if len(notes) == 1:
        return whole
    return whole.group_by("number").agg(
        *(pl.col(name).sort_by("at").drop_nulls().last() for name in CONTACTS),
        *(pl.col(name).sort_by("placed_at", nulls_last=False).last() for name in PLACES),
    )
