"""Buyer aggregates: what an import leaves behind is what adding everything up again gives."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import Engine, text
from sqlmodel import Session

from retention.aggregates import refresh_aggregates
from retention.database import transaction
from retention.ingest.orders.order_files import OrderInput, put_orders
from retention.shops import Shop
from tests.factories import make_shop

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def aggregates(session: Session) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.connection().execute(text("SELECT * FROM buyer_facts ORDER BY buyer_id"))]


def some_orders(chance: random.Random, count: int) -> list[OrderInput]:
    return [
        OrderInput(
            f"A{chance.randrange(60)}",
            buyer_id=f"b{chance.randrange(15)}",
            paid_at=NOW - timedelta(hours=chance.randrange(2000)),
            status=chance.choice(["paid", "paid", "placed", "cancelled"]),
            quantity=chance.choice([1, 2, -1]),
            unit_price=Decimal(chance.randrange(100)),
            refunded=Decimal(chance.choice([0, 0, 5])),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_aggregates_after_each_import_are_those_of_a_recalculation(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    with transaction(engine) as session:
        shop = make_shop(session, "tea", at=NOW)
    for _ in range(4):
        with transaction(engine) as session:
            put_orders(session, shop, some_orders(chance, 25), source="api", now=NOW)
        with transaction(engine) as session:
            found = aggregates(session)
            refresh_aggregates(session, shop.id)
            assert aggregates(session) == found


def test_refresh_touches_the_buyers_asked_for_only(session: Session) -> None:
    shop: Shop = make_shop(session, "tea", at=NOW)
    rows = [OrderInput(f"A{k}", buyer_id=f"b{k}", paid_at=NOW, amount=Decimal(k)) for k in (1, 2)]
    put_orders(session, shop, rows, source="api", now=NOW)
    session.connection().execute(text("UPDATE buyer_facts SET spend = 7"))
    ids = [row[0] for row in session.connection().execute(text("SELECT id FROM buyers ORDER BY external_id"))]
    refresh_aggregates(session, shop.id, BitMap(ids[:1]))
    spends = session.connection().execute(text("SELECT spend FROM buyer_facts ORDER BY buyer_id"))
    assert [row[0] for row in spends] == [100, 7]
