"""A shop with many more pieces than a test packs, and the plans of the statements it is asked meanwhile."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlmodel import col, select

from printables.batches import PackingEvent, PackingOutcome, Piece
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent, Pause
from retention.database import transaction
from retention.orders import Order, OrderLine
from retention.touches import Touch, TouchEvent

GROWING = frozenset(
    [
        "audit_log",
        "buyers",
        "consents",
        "coupons",
        "deliveries",
        "given_answers",
        "links",
        "order_lines",
        "orders",
        "packing_events",
        "parcels",
        "pauses",
        "piece_links",
        "pieces",
        "scans",
        "touches",
    ]
)
"""Tables whose rows of one shop grow with its buyers: to read all of them at a scan is a defect."""

_FIRST = 1_000_000_000  # numbers no test reaches
_THEN = "'2026-01-02 03:04:05'"
_NEW: dict[str, dict[str, str]] = {
    "buyers": {"id": "{id}", "external_id": "'crowd' || i"},
    "parcels": {
        "id": "{id}",
        "waybill": "'CROWD' || i",
        "buyer_id": "{id}",
        "pick_position": "i",
        "ship_day": "ship_day - 1 - mod(i, 365)",
        "shipped_at": _THEN,
    },
    "deliveries": {
        "id": "{id}",
        "buyer_id": "{id}",
        "parcel_id": "{id}",
        "coupon_id": "NULL",
        "state": "'sent'",
        "sent_at": _THEN,
    },
    "links": {"id": "{id}", "token": "'CROWD' || i", "delivery_id": "{id}", "coupon_id": "NULL"},
    "pieces": {
        "id": "{id}",
        "number": "{id}",
        "delivery_id": "{id}",
        "parcel_id": "{id}",
        "code": "'CROWD' || i",
        "state": "'in_parcel'",
    },
    "piece_links": {"id": "{id}", "piece_id": "{id}", "link_id": "{id}"},
    "consents": {"buyer_id": "{id}"},
    "pauses": {"buyer_id": "{id}"},
    "touches": {"buyer_id": "{id}"},
    "orders": {"external_id": "'CROWD' || i", "buyer_id": "{id}"},
    "order_lines": {"order_id": "{id}"},
    "packing_events": {"parcel_id": "{id}", "piece_id": "{id}", "at": _THEN},
}


def add_crowd(engine: Engine, pieces: int, *, before: int = 0) -> None:
    """Add copies of the first piece and of all that hangs on it, `before` of which are there already."""
    if not before:
        _complete(engine)
    numbers = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
    head = numbers.format(first=before + 1, last=before + pieces)
    with engine.begin() as connection:
        for table, values in _NEW.items():
            new = {name: value.format(id=f"{_FIRST} + i") for name, value in values.items()}
            names = [column["name"] for column in sa.inspect(connection).get_columns(table)]
            names = [name for name in names if name != "id" or "id" in new]
            taken = ", ".join(new.get(name, name) for name in names)
            first = f"(SELECT * FROM {table} ORDER BY {names[0]} LIMIT 1)"
            connection.exec_driver_sql(
                f"INSERT INTO {table} ({', '.join(names)}) {head} SELECT {taken} FROM {first} AS old, n"
            )


def _complete(engine: Engine) -> None:
    """Give the first buyer whatever a scan asks about a buyer."""
    with transaction(engine) as session:
        piece = session.exec(select(Piece).order_by(col(Piece.id)).limit(1)).one()
        buyer = session.exec(select(Buyer).order_by(col(Buyer.id)).limit(1)).one()
        mine, at = {"shop_id": buyer.shop_id, "buyer_id": buyer.id}, buyer.created_at
        session.add(Consent(**mine, channel=Channel.PARCEL, answer=Answer.IN, source="test", at=at))
        session.add(Pause(**mine, until=at, source="test", at=at))
        session.add(Touch(**mine, event=TouchEvent.SENT, campaign="earlier", at=at))
        order = Order(
            **mine, source="t", external_id="1", status="paid", ordered_at=at, order_day=1, amount=1, counts=True
        )
        session.add(order)
        session.flush()
        session.add(OrderLine(shop_id=buyer.shop_id, order_id=order.id, number=1))
        scanned = {"parcel_id": piece.parcel_id, "piece_id": piece.id, "outcome": PackingOutcome.PACKED}
        session.add(PackingEvent(shop_id=buyer.shop_id, at=at, actor="user:7", **scanned))


def analyse(engine: Engine) -> None:
    """Give the planner its figures: PostgreSQL does so by itself after a while, SQLite never."""
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Collect every statement run by the body, with its values."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:  # noqa: FBT001
        asked.append((statement, values[0] if many else values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def readings(engine: Engine, asked: list[tuple[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Yield (table, what it is searched by, statement) for every place where a growing table is read."""
    with engine.connect() as connection:
        for statement, values in asked:
            if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)", statement):
                yield from ((table, by, statement) for table, by in _read(connection, statement, values))
        connection.rollback()


def is_few(by: str) -> bool:
    """Say whether a search finds few rows: by a key of one row, or by shop and one thing more."""
    terms = [term.strip("() ") for term in re.split(r"\bAND\b", by) if re.search(r"[<>=]|IS NOT NULL", term)]
    columns = [re.split(r"[^\w]", term)[0] for term in terms]
    if columns and columns[0] in ("id", "rowid", "token"):
        return True
    return len(set(columns)) > 1 and columns[0] == "shop_id"


def _read(connection: Connection, statement: str, values: Any) -> Iterator[tuple[str, str]]:
    if connection.dialect.name == "sqlite":
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
            found = re.match(r"(?:SCAN|SEARCH) (\w+)(.*)", row[3])
            if found and (table := _named(statement, found[1])) in GROWING:
                by = re.search(r"\(([^)]*)\)", found[2])
                yield table, by[1] if by else ""
        return
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
    yield from _nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"], "")


def _nodes(node: dict[str, Any], table: str) -> Iterator[tuple[str, str]]:
    table = node.get("Relation Name", table)
    if "Scan" in node["Node Type"] and node["Node Type"] != "Bitmap Heap Scan" and table in GROWING:
        yield table, re.sub(r"\b\w+\.", "", node.get("Index Cond", ""))
    for below in node.get("Plans", ()):
        yield from _nodes(below, table)


def _named(statement: str, alias: str) -> str:
    """Return the table behind an alias of a statement."""
    named = re.search(rf"\b(\w+) AS {alias}\b", statement)
    return named[1] if named else alias
