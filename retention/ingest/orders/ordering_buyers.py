"""The buyers of an order file: found or created, with their region and addresses taken from their orders."""

from datetime import datetime

import polars as pl
from pyroaring import BitMap
from sqlmodel import Session

from retention.addresses import country_of, email_keys, phone_keys
from retention.database import is_postgresql
from retention.ingest.orders.grouping import PLACES
from retention.ingest.orders.order_rows import CONTACTS
from retention.ingest.orders.order_states import PAID
from retention.shops import Shop
from retention.staging import (
    ColumnKind,
    create_staging,
    drop_staging,
    keep_before,
    look_up,
    new_ids,
    run,
    settle,
    stage,
    writes,
)

_DETAILS = (*CONTACTS, *PLACES)
_KEYS = ("email_key", "phone_key")
_MOST_NOTES = 150_000


class People:
    """The buyers of one import; `new` are those it added."""

    def __init__(self, session: Session, shop: Shop, now: datetime) -> None:
        self.added = 0
        self.new = BitMap()
        self._session = session
        self._shop = shop
        self._now = now
        self._notes: list[pl.DataFrame] = []
        self._unwritten: list[pl.DataFrame] = []

    def find_or_add(self, rows: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
        """Return the row numbers of the buyers of these orders (columns buyer, buyer_id); unknown ones are added.

        What the rows tell of them is written at once for new buyers and remembered for the others.
        """
        given = _given(rows.filter(pl.col("buyer_id").is_not_null())).join(orders, on="buyer", how="semi")
        known = self._find(given["buyer"])
        new = given.join(known, on="buyer", how="anti", maintain_order="left")
        numbers = new_ids(self._session, "buyers", new.height)
        made = {"shop_id": pl.lit(self._shop.id), "created_at": pl.lit(self._now).cast(pl.Datetime("us", "UTC"))}
        blank = {name: pl.lit("") for name in ("language", "timezone")}
        known_so_far = pl.col(_DETAILS).fill_null("")
        added = new.select(known_so_far, *self._keys(new), id=numbers, external_id="buyer", **made, **blank)
        if is_postgresql(self._session):  # its indexes fill faster in their order; on SQLite most are made at the end
            added = added.sort("external_id")
        stage(self._session, "buyers", added)
        self.added += new.height
        self.new.update(numbers.to_list())
        made_ids = new.select("buyer", buyer_id=numbers)
        if not writes(self._session):
            self._unwritten.append(made_ids)
        ids = pl.concat([known, made_ids])
        if any(given[name].null_count() < given.height for name in _DETAILS):
            fresh = given.join(ids, on="buyer").with_columns(fresh=pl.col("buyer_id").is_in(numbers.implode()))
            self._notes.append(_compact(fresh.drop("buyer")))
            if sum(note.height for note in self._notes) > _MOST_NOTES:
                self._notes = [_newest(self._notes)]
        return ids

    def settle(self, touched: BitMap) -> int:
        """Write contacts that were blank and places of the latest paid orders; return how many known buyers changed.

        A buyer new in this import is described by the file alone; for others the orders of before count too.
        """
        old = touched - self.new
        moved = self._move(old) if old else 0
        if self._notes:
            moved += self._describe()
        return moved

    def _keys(self, given: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Return the one spelling of the addresses told."""
        return (
            email_keys(given["email"]).alias("email_key"),
            phone_keys(given["phone"], country_of(self._shop.timezone), given["country"]).alias("phone_key"),
        )

    def _find(self, wanted: pl.Series) -> pl.DataFrame:
        columns = {"buyer": ("t.external_id", ColumnKind.TEXT), "buyer_id": ("t.id", ColumnKind.WHOLE)}
        known = look_up(self._session, "buyers", wanted, "t.external_id = s.value", columns, shop=self._shop.id)
        unwritten = [each.join(wanted.to_frame("buyer"), on="buyer", how="semi") for each in self._unwritten]
        return pl.concat([known, *unwritten])

    def _describe(self) -> int:
        latest = _newest(self._notes).filter(~pl.col("fresh"))  # the others were written when they were added
        new = pl.col("buyer_id").is_in(list(self.new))
        self._fill(latest.filter(new), overrule=True)
        # For known buyers `_move` looks at all their orders; the file alone must not overrule the older ones.
        return self._fill(latest.filter(~new).with_columns(pl.lit(None, pl.String).alias(name) for name in PLACES))

    def _fill(self, latest: pl.DataFrame, *, overrule: bool = False) -> int:
        """Write what is blank so far, or all that is told; return how many buyers that changed."""
        if not latest.height:
            return 0
        create_staging(
            self._session,
            "import_people",
            {"id": ColumnKind.KEY, **dict.fromkeys((*_DETAILS, *_KEYS), ColumnKind.TEXT)},
        )
        stage(self._session, "import_people", latest.select(*_DETAILS, *self._keys(latest), id="buyer_id"))
        settle(self._session, "import_people")
        better = "i.{0} <> buyers.{0}" if overrule else "(buyers.{0} = '' AND i.{0} <> '')"
        fill = "{1} = CASE WHEN " + better + " THEN i.{1} ELSE buyers.{1} END"
        # The key of an address is written with it.
        written = [*((name, name) for name in _DETAILS), *((key.removesuffix("_key"), key) for key in _KEYS)]
        update = f"""UPDATE buyers SET {", ".join(fill.format(*pair) for pair in written)} FROM import_people AS i
            WHERE buyers.id = i.id AND buyers.id IN (SELECT id FROM import_people)
              AND ({" OR ".join(better.format(name) for name in _DETAILS)})"""  # noqa: S608 - our own names
        differs = " OR ".join(better.format(name) for name in _DETAILS)
        theirs = f"SELECT buyers.id FROM buyers JOIN import_people AS i ON buyers.id = i.id WHERE {differs}"  # noqa: S608
        keep_before(self._session, "buyers", f"id IN ({theirs})")
        changed = run(self._session, update)
        drop_staging(self._session, "import_people")
        return changed

    def _move(self, buyers: BitMap) -> int:
        create_staging(self._session, "import_touched", {"id": ColumnKind.KEY})
        stage(self._session, "import_touched", pl.DataFrame({"id": buyers.to_array().tolist()}))
        settle(self._session, "import_touched")
        latest = """(
              SELECT buyer_id, country, region, city,
                row_number() OVER (PARTITION BY buyer_id ORDER BY ordered_at DESC, id DESC) AS place
              FROM orders WHERE shop_id = :shop AND status = 'paid' AND (country <> '' OR region <> '' OR city <> '')
                AND buyer_id IN (SELECT id FROM import_touched)
            ) AS l
            WHERE l.place = 1 AND buyers.id = l.buyer_id
              AND (buyers.country <> l.country OR buyers.region <> l.region OR buyers.city <> l.city)"""
        keep_before(self._session, "buyers", f"id IN (SELECT buyers.id FROM buyers, {latest})")  # noqa: S608
        moves = "UPDATE buyers SET country = l.country, region = l.region, city = l.city FROM"
        moved = run(self._session, f"{moves} {latest}", shop=self._shop.id)
        drop_staging(self._session, "import_touched")
        return moved


def _given(rows: pl.DataFrame) -> pl.DataFrame:
    """Return per buyer the latest of each contact, and the place of the latest paid order that has one.

    A place is written whole: with a blank where its order says nothing.
    """
    paid = (pl.col("state") == PAID) | (pl.col("state").is_null() & pl.col("paid_at").is_not_null())
    placed = paid & pl.any_horizontal(pl.col(name).is_not_null() for name in PLACES)
    missing = [pl.lit(None, pl.String).alias(name) for name in CONTACTS if name not in rows.columns]
    moment = pl.coalesce("paid_at", "placed_at")
    rows = rows.with_columns(*missing, at=moment, placed=placed)
    return (
        rows.sort("at", nulls_last=False, maintain_order=True)
        .group_by("buyer_id", maintain_order=True)
        .agg(
            *(pl.col(name).drop_nulls().last() for name in CONTACTS),
            *(pl.col(name).fill_null("").filter("placed").last() for name in PLACES),
            at=pl.col("at").last(),
            placed_at=pl.col("at").filter("placed").last(),
        )
        .rename({"buyer_id": "buyer"})
    )


def _newest(notes: list[pl.DataFrame]) -> pl.DataFrame:
    """Put notes together, one per buyer; `fresh` stays where nothing was added to what was written at first."""
    together = pl.concat(notes).group_by("buyer_id").agg(
        *(pl.col(name).sort_by("at").drop_nulls().last() for name in CONTACTS),
        *(pl.col(name).sort_by("placed_at", nulls_last=False).last() for name in PLACES),
        at=pl.col("at").max(),
        placed_at=pl.col("placed_at").max(),
        fresh=pl.col("fresh").all(),
    )  # fmt: skip
    return together.select(notes[0].columns)


def _compact(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with texts of its own; its views keep a block of the file alive."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(pl.Series(name, frame[name].to_list(), pl.String) for name in texts)
