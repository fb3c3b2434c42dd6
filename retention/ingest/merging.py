"""Staged orders into buyers, orders, lines, parcels and facts: a handful of statements, whatever the number of rows.

An order that exists is updated where the file says something else; an empty cell says nothing. Its lines are replaced
when they differ. What has not changed is not written, so that the same file twice changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session

from retention.bitmaps import read_bitmap
from retention.database import is_postgresql
from retention.facts import refresh_facts
from retention.ingest.staged import add_buyers
from retention.shops import Shop
from retention.staging import Kind, create_staging, drop_staging, fetch, run, settle
from retention.versions import Family, raise_version

_RECENT_DAYS = 7  # an older order with a waybill has left, even when its status does not say so

_ORDERS = {
    "part": Kind.KEY,
    "id": Kind.WHOLE,
    "is_new": Kind.WHOLE,
    "differs": Kind.WHOLE,
    "old_buyer_id": Kind.WHOLE,
    "external_id": Kind.TEXT,
    "line_count": Kind.WHOLE,
    "buyer_id": Kind.WHOLE,
    "status": Kind.TEXT,
    "placed_at": Kind.TIME,
    "paid_at": Kind.TIME,
    "ordered_at": Kind.TIME,
    "order_day": Kind.WHOLE,
    "amount": Kind.WHOLE,
    "refunded": Kind.WHOLE,
    "postage": Kind.WHOLE,
    "items": Kind.WHOLE,
    "is_return": Kind.WHOLE,
    "country": Kind.TEXT,
    "region": Kind.TEXT,
    "city": Kind.TEXT,
    "channel": Kind.TEXT,
    "coupon_code": Kind.TEXT,
}
_WRITTEN = tuple(_ORDERS)[7:]
_TABLES = ("import_parts", "import_lines", "import_people", "import_waybills", "import_orders", "import_more")


@dataclass(frozen=True)
class MergeCounts:
    """What a merge changed, and what the staged orders add up to (minor units). `changed` counts orders."""

    inserted: int
    updated: int
    unchanged: int
    totals: dict[str, int]

    @property
    def changed(self) -> int:
        """Orders that are new or different."""
        return self.inserted + self.updated


def merge_orders(
    session: Session,
    shop: Shop,
    *,
    source: str,
    numbered: bool,
    order_level: bool,
    people: bool,
    parcels: bool,
    after_refunds: bool,
    now: datetime,
) -> MergeCounts:
    """Merge the staging tables into the shop. Whatever happens, the tables are gone when the transaction is."""
    values = {"shop": shop.id, "source": source}
    settle(session, *_TABLES[:4])
    new_buyers = add_buyers(session, shop, "import_people", now=now)
    filled = _fill_contacts(session, values) if people else 0
    _gather_orders(session, values, numbered=numbered, order_level=order_level)
    _find_differing_lines(session, values)
    inserted, updated = _write_orders(session, values)
    lines = _write_lines(session, values)
    arrived = _write_parcels(session, values, shop, now) if parcels else 0
    moved = _refresh_buyers(session, shop, inserted + updated) if inserted + updated else 0
    _raise_versions(session, shop, orders=inserted + updated, buyers=new_buyers + filled + moved)
    totals = _totals(session, after_refunds=after_refunds)
    totals |= {"new_buyers": new_buyers, "changed_buyers": filled + moved, "new_parcels": arrived, "lines": lines}
    drop_staging(session, *_TABLES)
    return MergeCounts(inserted, updated, totals["orders"] - inserted - updated, totals)


def _fill_contacts(session: Session, values: dict[str, Any]) -> int:
    """Fill names and addresses that are still blank from the latest order that has them."""
    latest = " UNION ALL ".join(
        f"""SELECT buyer, '{name}' AS field, {name} AS value FROM (
            SELECT buyer, {name}, row_number() OVER (PARTITION BY buyer ORDER BY seen_at DESC, {name}) AS place
            FROM import_people WHERE {name} IS NOT NULL) AS {name}s WHERE place = 1"""
        for name in ("name", "email", "phone")
    )
    return run(
        session,
        f"""
        UPDATE buyers SET
          name = CASE WHEN buyers.name = '' THEN coalesce(l.name, '') ELSE buyers.name END,
          email = CASE WHEN buyers.email = '' THEN coalesce(l.email, '') ELSE buyers.email END,
          phone = CASE WHEN buyers.phone = '' THEN coalesce(l.phone, '') ELSE buyers.phone END
        FROM (
          SELECT buyer, max(CASE WHEN field = 'name' THEN value END) AS name,
            max(CASE WHEN field = 'email' THEN value END) AS email, max(CASE WHEN field = 'phone' THEN value END) AS phone
          FROM ({latest}) AS each GROUP BY buyer
        ) AS l
        WHERE buyers.shop_id = :shop AND buyers.external_id = l.buyer AND (
          (buyers.name = '' AND l.name <> '') OR (buyers.email = '' AND l.email <> '')
          OR (buyers.phone = '' AND l.phone <> ''))
        """,  # noqa: S608 - our own names
        **values,
    )


def _gather_orders(session: Session, values: dict[str, Any], *, numbered: bool, order_level: bool) -> None:
    """Make one row per order in import_orders, with its id (an old or a new one) and whether it differs."""
    create_staging(session, "import_orders", _ORDERS)
    grouped = _grouped(session, order_level=order_level) if numbered else _ranked()
    if is_postgresql(session):
        next_id = "nextval(pg_get_serial_sequence('orders', 'id'))"
    else:
        values = values | {"last": fetch(session, "SELECT coalesce(max(id), 0) FROM orders")[0]}
        next_id = ":last + g.part"
    merged = {
        "buyer_id": "coalesce(b.id, o.buyer_id)",
        "status": "coalesce(g.status, CASE WHEN g.paid_at IS NOT NULL THEN 'paid' END, o.status, 'placed')",
        "placed_at": "coalesce(g.placed_at, o.placed_at)",
        "paid_at": "coalesce(g.paid_at, o.paid_at)",
        "ordered_at": "CASE WHEN g.paid_at IS NULL AND o.paid_at IS NOT NULL THEN o.ordered_at ELSE g.ordered_at END",
        "order_day": "CASE WHEN g.paid_at IS NULL AND o.paid_at IS NOT NULL THEN o.order_day ELSE g.order_day END",
        "amount": "coalesce(g.total, g.lines_amount)",
        "refunded": "coalesce(g.refunded, o.refunded, 0)",
        "postage": "coalesce(g.postage, o.postage, 0)",
        "items": "g.items",
        "is_return": "CASE WHEN g.bought_lines = 0 THEN 1 ELSE 0 END",
    } | {name: f"coalesce(g.{name}, o.{name}, '')" for name in ("country", "region", "city", "channel", "coupon_code")}
    old = {name: f"o.{name}" for name in merged} | {"is_return": "CASE WHEN o.is_return THEN 1 ELSE 0 END"}
    differs = " OR ".join(f"{expression} IS DISTINCT FROM {old[name]}" for name, expression in merged.items())
    run(
        session,
        f"""
        INSERT INTO import_orders (part, id, is_new, differs, old_buyer_id, external_id, line_count, {", ".join(merged)})
        SELECT g.part, coalesce(o.id, {next_id}), CASE WHEN o.id IS NULL THEN 1 ELSE 0 END,
          CASE WHEN {differs} THEN 1 ELSE 0 END, o.buyer_id, g.external_id, g.line_count, {", ".join(merged.values())}
        FROM ({grouped}) AS g
        LEFT JOIN buyers AS b ON b.shop_id = :shop AND b.external_id = g.buyer
        LEFT JOIN orders AS o ON o.shop_id = :shop AND o.source = :source AND o.external_id = g.external_id
        ORDER BY g.part
        """,  # noqa: S608 - our own names
        **values,
    )
    settle(session, "import_orders")
    _gather_scattered(session)


def _grouped(session: Session, *, order_level: bool) -> str:
    """Return the orders of a numbered file: usually the parts themselves, else those of one number put together."""
    parts, numbers = fetch(session, "SELECT count(*), count(DISTINCT external_id) FROM import_parts")
    if parts == numbers:
        return "SELECT * FROM import_parts"
    together = "max" if order_level else "sum"
    return f"""
        SELECT min(part) AS part, external_id, sum(line_count) AS line_count, max(buyer) AS buyer, max(status) AS status,
          min(placed_at) AS placed_at, min(paid_at) AS paid_at, coalesce(min(paid_at), min(placed_at)) AS ordered_at,
          coalesce(min(CASE WHEN paid_at IS NOT NULL THEN order_day END), min(order_day)) AS order_day,
          sum(lines_amount) AS lines_amount, max(total) AS total, {together}(refunded) AS refunded,
          {together}(postage) AS postage, sum(items) AS items, sum(bought_lines) AS bought_lines, max(country) AS country,
          max(region) AS region, max(city) AS city, max(channel) AS channel, max(coupon_code) AS coupon_code
        FROM import_parts GROUP BY external_id"""  # noqa: S608 - our own names


def _ranked() -> str:
    """Return the orders of a file without numbers: equal rows are told apart by their rank among their equals."""
    return """
        SELECT part, line_count, buyer, status, placed_at, paid_at, ordered_at, order_day, lines_amount, total, refunded,
          postage, items, bought_lines, country, region, city, channel, coupon_code,
          external_id || '-' || row_number() OVER (
            PARTITION BY external_id ORDER BY status, refunded, paid_at, coupon_code, channel, part) AS external_id
        FROM import_parts"""


def _gather_scattered(session: Session) -> None:
    """Say to which order the parts belong that are not the first of theirs, and where their lines go on counting."""
    create_staging(session, "import_more", {"part": Kind.KEY, "first_part": Kind.WHOLE, "before": Kind.WHOLE})
    run(
        session,
        """
        INSERT INTO import_more (part, first_part, before)
        SELECT part, first_part, before FROM (
          SELECT p.part, o.part AS first_part,
            sum(p.line_count) OVER (PARTITION BY p.external_id ORDER BY p.part) - p.line_count AS before
          FROM import_parts AS p JOIN import_orders AS o ON o.external_id = p.external_id
          WHERE (SELECT count(*) FROM import_parts) > (SELECT count(*) FROM import_orders)
        ) AS counted WHERE part <> first_part
        """,
    )
    settle(session, "import_more")


def _numbered_lines(condition: str) -> str:
    columns = "l.sku, l.title, l.category, l.quantity, l.unit_price, l.amount"
    return f"""
        SELECT o.id AS order_id, l.number AS number, {columns}
        FROM import_lines AS l JOIN import_orders AS o ON o.part = l.part WHERE {condition}
        UNION ALL SELECT o.id, l.number + m.before, {columns} FROM import_lines AS l
        JOIN import_more AS m ON m.part = l.part JOIN import_orders AS o ON o.part = m.first_part WHERE {condition}"""  # noqa: S608


def _find_differing_lines(session: Session, values: dict[str, Any]) -> None:
    """Mark orders whose lines differ from what is stored: 2, or 3 when the order differs too."""
    if not fetch(session, "SELECT count(*) FROM import_orders WHERE is_new = 0")[0]:
        return
    stored = """SELECT order_id, number, sku, title, category, quantity, unit_price, amount FROM order_lines
        WHERE shop_id = :shop AND order_id IN (SELECT id FROM import_orders WHERE is_new = 0)"""
    arrived = _numbered_lines("o.is_new = 0")
    run(
        session,
        f"""
        UPDATE import_orders SET differs = differs + 2 WHERE is_new = 0 AND id IN (
          SELECT order_id FROM ({arrived} EXCEPT {stored}) AS added
          UNION SELECT order_id FROM (SELECT * FROM ({stored}) AS s EXCEPT SELECT * FROM ({arrived}) AS a) AS gone)
        """,  # noqa: S608 - our own names
        **values,
    )


def _write_orders(session: Session, values: dict[str, Any]) -> tuple[int, int]:
    columns = [name for name in _WRITTEN if name != "is_return"]
    counts = "status = 'paid' AND is_return = 0 AND NOT (refunded >= amount AND refunded > 0)"  # orders.order_counts
    inserted = run(
        session,
        f"""
        INSERT INTO orders (id, shop_id, source, external_id, {", ".join(columns)}, is_return, counts)
        SELECT id, :shop, :source, external_id, {", ".join(columns)}, is_return = 1, {counts}
        FROM import_orders WHERE is_new = 1 ORDER BY part
        """,  # noqa: S608 - our own names
        **values,
    )
    updated = run(
        session,
        f"""
        UPDATE orders SET {", ".join(f"{name} = i.{name}" for name in columns)}, is_return = i.is_return, counts = i.counts
        FROM (SELECT id, {", ".join(columns)}, is_return = 1 AS is_return, ({counts}) AS counts
              FROM import_orders WHERE is_new = 0 AND differs > 0) AS i
        WHERE orders.id = i.id
        """,  # noqa: S608 - our own names
    )
    return inserted, updated


def _write_lines(session: Session, values: dict[str, Any]) -> int:
    run(
        session,
        """DELETE FROM order_lines WHERE shop_id = :shop
        AND order_id IN (SELECT id FROM import_orders WHERE is_new = 0 AND differs > 1)""",
        **values,
    )
    return run(
        session,
        f"""
        INSERT INTO order_lines (shop_id, order_id, number, sku, title, category, quantity, unit_price, amount)
        SELECT :shop, order_id, number, sku, title, category, quantity, unit_price, amount
        FROM ({_numbered_lines("(o.is_new = 1 OR o.differs > 1)")}) AS n
        """,  # noqa: S608 - our own names
        **values,
    )


def _write_parcels(session: Session, values: dict[str, Any], shop: Shop, now: datetime) -> int:
    """Add the parcels of orders that name a waybill; one that is known stays as it is."""
    return run(
        session,
        """
        INSERT INTO parcels (shop_id, waybill, buyer_id, order_id, ship_day, pick_position, shipped_at)
        SELECT :shop, waybill, buyer_id, id, CASE WHEN gone IS NULL THEN :today ELSE order_day END, 0, gone FROM (
          SELECT w.waybill, o.buyer_id, o.id, o.order_day,
            coalesce(w.shipped_at, CASE WHEN w.has_left = 1 OR o.order_day < :today - :recent THEN o.ordered_at END) AS gone,
            row_number() OVER (PARTITION BY w.waybill ORDER BY w.part) AS place
          FROM import_waybills AS w LEFT JOIN import_more AS m ON m.part = w.part
          JOIN import_orders AS o ON o.part = coalesce(m.first_part, w.part)
        ) AS found
        WHERE place = 1 AND NOT EXISTS (SELECT 1 FROM parcels WHERE shop_id = :shop AND parcels.waybill = found.waybill)
        """,
        **values,
        today=shop.day(now),
        recent=_RECENT_DAYS,
    )


def _refresh_buyers(session: Session, shop: Shop, changed: int) -> int:
    """Bring places and facts of the buyers up to date whose orders changed; return how many got another place."""
    touched: BitMap | None = None
    if changed * 2 < fetch(session, "SELECT count(*) FROM orders WHERE shop_id = :shop", shop=shop.id)[0]:
        touched = read_bitmap(
            session,
            sa.text(  # type: ignore[arg-type]
                "SELECT buyer_id FROM import_orders WHERE (is_new = 1 OR differs > 0) AND buyer_id IS NOT NULL"
                " UNION SELECT old_buyer_id FROM import_orders WHERE differs > 0 AND old_buyer_id IS NOT NULL"
            ),
        )
    moved = _refresh_places(session, shop.id)
    refresh_facts(session, shop.id, touched)
    return moved


def _refresh_places(session: Session, shop_id: int) -> int:
    return run(
        session,
        """
        UPDATE buyers SET country = l.country, region = l.region, city = l.city FROM (
          SELECT buyer_id, country, region, city, row_number() OVER (
            PARTITION BY buyer_id ORDER BY ordered_at DESC, id DESC) AS place
          FROM orders WHERE shop_id = :shop AND status = 'paid' AND (country <> '' OR region <> '' OR city <> '')
            AND buyer_id IN (SELECT buyer_id FROM import_orders WHERE is_new = 1 OR differs > 0)
        ) AS l
        WHERE l.place = 1 AND buyers.id = l.buyer_id
          AND (buyers.country <> l.country OR buyers.region <> l.region OR buyers.city <> l.city)
        """,
        shop=shop_id,
    )


def _raise_versions(session: Session, shop: Shop, *, orders: int, buyers: int) -> None:
    if orders:
        raise_version(session, shop.id, Family.ORDERS)
    if buyers:
        raise_version(session, shop.id, Family.BUYERS)


def _totals(session: Session, *, after_refunds: bool) -> dict[str, int]:
    """Return what the staged orders add up to; `paid` in the sense of the file, before or after refunds."""
    sold = "status = 'paid' AND is_return = 0"
    wholly = "refunded >= amount AND refunded > 0"
    paid = "amount - refunded" if after_refunds else "amount"
    row = fetch(
        session,
        f"""
        SELECT count(*) AS orders,
          sum(CASE WHEN {sold} THEN 1 ELSE 0 END) AS paid_orders,
          sum(CASE WHEN {sold} THEN {paid} ELSE 0 END) AS paid,
          sum(CASE WHEN {sold} AND refunded > 0 THEN 1 ELSE 0 END) AS refunded_orders,
          sum(CASE WHEN {sold} THEN refunded ELSE 0 END) AS refunded,
          sum(CASE WHEN {sold} AND {wholly} THEN 1 ELSE 0 END) AS wholly_refunded_orders,
          sum(CASE WHEN {sold} AND NOT ({wholly}) THEN 1 ELSE 0 END) AS counted_orders,
          sum(CASE WHEN {sold} AND NOT ({wholly}) THEN amount - refunded ELSE 0 END) AS revenue,
          sum(is_return) AS returns,
          sum(CASE WHEN buyer_id IS NULL THEN 1 ELSE 0 END) AS orders_without_buyer
        FROM import_orders
        """,  # noqa: S608 - our own names
    )
    return {name: int(value or 0) for name, value in row._mapping.items()}  # noqa: SLF001 - SQLAlchemy's public name
