"""The repair of redemptions booked wrongly: each touch names its coupon and the campaign that brought it, in place."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from retention import migrate
from retention.database import open_engine
from tests.campaigns.conftest import NOON

FIRST = "0001"
_OF_TYPE: dict[type, Any] = {int: 0, str: "", bool: False, float: 0.0, bytes: b"", dict: {}, datetime: NOON}


class Rows:
    """Rows of the first tables; what is not named gets the emptiest value there is."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection, self.tables = connection, sa.MetaData()
        self.tables.reflect(connection)

    def add(self, name: str, **values: Any) -> None:
        table = self.tables.tables[name]
        required = [column for column in table.columns if not column.nullable and column.name != "id"]
        needed = {column.name: _emptiest(column) for column in required}
        self.connection.execute(table.insert().values(needed | values))

    def all(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.connection.execute(sa.text(query))]


def _emptiest(column: sa.Column[Any]) -> Any:
    if isinstance(column.type, sa.DateTime):
        return NOON.replace(tzinfo=None) if not column.type.timezone else NOON
    return {} if isinstance(column.type, sa.JSON) else _OF_TYPE[column.type.python_type]


def fill(rows: Rows) -> None:
    """Two campaigns hand out one offer; its redemptions are all booked to the newer one, `late`."""

    def day(number: float) -> datetime:
        moment = NOON + timedelta(days=number)
        return moment if rows.connection.dialect.name == "postgresql" else moment.replace(tzinfo=None)

    rows.add("shops", id=1, slug="tea", timezone="UTC", currency="CNY")
    rows.add("offers", id=1, shop_id=1, slug="o", kind="amount")
    for number, slug in ((1, "early"), (2, "late")):
        states = {"recipe": "coupon-push", "medium": "email", "state": "running", "offer_id": 1}
        rows.add("campaigns", id=number, shop_id=1, slug=slug, **states)
        rows.add("runs", id=number, shop_id=1, campaign_id=number, number=1, planned_at=day(10 * number))
    for buyer in (1, 2, 3, 4):
        rows.add("buyers", id=buyer, shop_id=1, external_id=f"b{buyer}")
    used = {1: (15, 15.0), 2: (25, 25.0), 3: (5, 5.0), 4: (16, 15.5)}  # the order's day, the redemption's
    for buyer, (ordered, redeemed) in used.items():
        rows.add("orders", id=buyer, shop_id=1, external_id=f"A{buyer}", status="paid", ordered_at=day(ordered))
        state = {"state": "redeemed", "redeemed_at": day(redeemed), "order_id": buyer}
        rows.add("coupons", id=buyer + 10, shop_id=1, offer_id=1, buyer_id=buyer, code=f"C{buyer}", **state)
        for run in (1, 2):
            made = {"buyer_id": buyer, "coupon_id": buyer + 10, "state": "sent", "sent_at": day(10 * run)}
            rows.add("deliveries", shop_id=1, campaign_id=run, run_id=run, **made)
        rows.add("touches", shop_id=1, buyer_id=buyer, event="redeemed", campaign="late", at=day(redeemed))
    rows.add("touches", shop_id=1, buyer_id=1, event="redeemed", campaign="late", at=day(3))  # taken back since
    rows.add("touches", shop_id=1, buyer_id=1, event="sent", campaign="late", at=day(20))
    rows.add("data_versions", shop_id=1, family="touches", version=7)


@pytest.fixture
def first_url(bare_url: str) -> str:
    """A database with the first tables and nothing in them."""
    migrate.upgrade(bare_url, FIRST)
    return bare_url


def test_wrongly_booked_redemptions_are_mended_where_they_stand(first_url: str) -> None:
    engine = open_engine(first_url)
    with engine.begin() as connection:
        fill(Rows(connection))
    migrate.upgrade(first_url)
    with engine.begin() as connection:
        read = Rows(connection).all
        touches = read("SELECT id, buyer_id, campaign, coupon_id FROM touches WHERE event = 'redeemed' ORDER BY id")
        assert touches == [(1, 1, "early", 11), (2, 2, "late", 12), (3, 3, "", 13), (4, 4, "early", 14)]
        assert read("SELECT campaign FROM touches WHERE event = 'sent'") == [("late",)]
        at = read("SELECT touches.at = orders.ordered_at FROM touches JOIN orders ON orders.id = touches.buyer_id "
                  "WHERE event = 'redeemed'")  # fmt: skip
        assert [bool(each) for (each,) in at] == [True] * 4
        assert read("SELECT version FROM data_versions WHERE family = 'touches'") == [(8,)]
    migrate.downgrade(first_url, FIRST)
    with engine.begin() as connection:
        assert Rows(connection).all("SELECT count(*) FROM touches") == [(5,)]
    engine.dispose()
