"""Items bought by weight add up exactly, whichever way a condition on them is answered."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import Session

from retention.ingest.orders.order_files import OrderInput, put_orders
from segments.matching import match
from segments.rules import parse
from tests.factories import make_shop

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("more", [{}, {"window": {"last_days": 30}}, {"of": {"sku": ["TEA"]}}])
@pytest.mark.parametrize(("at_least", "found"), [(2, 1), (3, 1), (4, 0)])
def test_items_of_broken_quantities_add_up_exactly(
    session: Session, more: dict[str, Any], at_least: int, found: int
) -> None:
    shop = make_shop(session, "tea", at=NOW)
    bought = [Decimal(text) for text in ("0.25", "1.6", "0.15", "1")]
    orders = [
        OrderInput(f"A{n}", buyer_id="b", paid_at=NOW, sku="TEA", quantity=quantity, amount=Decimal(5))
        for n, quantity in enumerate(bought)
    ]
    put_orders(session, shop, orders, source="api", now=NOW)
    rule = parse({"orders": {"measure": "items", "at_least": at_least, **more}})
    assert len(match(session, shop, rule, now=datetime(2026, 11, 22, tzinfo=UTC))) == found


@pytest.mark.parametrize(("sku", "spent"), [("TEA", 7), ("CUP", 20)])
@pytest.mark.parametrize("measure", ["spend", "average", "largest"])
def test_refund_of_a_line_is_spent_on_no_article(session: Session, sku: str, spent: int, measure: str) -> None:
    shop = make_shop(session, "tea", at=NOW)
    lines = [("TEA", Decimal(10), Decimal(3)), ("CUP", Decimal(20), Decimal(0))]
    orders = [
        OrderInput("A1", buyer_id="b", paid_at=NOW, sku=name, amount=amount, refunded=back)
        for name, amount, back in lines
    ]
    put_orders(session, shop, orders, source="api", now=NOW)
    for at_least, found in ((spent, 1), (spent + 1, 0)):
        rule = parse({"orders": {"measure": measure, "at_least": f"{at_least}.00", "of": {"sku": [sku]}}})
        assert len(match(session, shop, rule, now=datetime(2026, 11, 22, tzinfo=UTC))) == found
