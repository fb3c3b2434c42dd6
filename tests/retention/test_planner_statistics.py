"""What PostgreSQL's planner knows of tables that an import asks: enough, however they came to be."""

import pytest
from sqlalchemy import Engine, text

from retention.database import is_postgresql, transaction
from tests.retention.makers import Ask, Load

KNOWN = text("SELECT reltuples FROM pg_class WHERE relname = 'orders'")


@pytest.mark.parametrize("before", [0, 1, 40])
def test_tables_are_looked_at_again_when_they_have_outgrown_what_is_known(
    load: Load, ask: Ask, shop_engine: Engine, before: int
) -> None:
    def content(first: int, last: int) -> str:
        return "order_id,buyer_id,paid_at,amount\n" + "\n".join(f"{n},b{n},2026-01-02,1" for n in range(first, last))

    if before:
        load(content(0, before))
    with transaction(shop_engine) as session:
        session.connection().execute(text("ANALYZE"))
    load(content(1000, 5000), name="many.csv")
    load(content(1000, 1010), name="again.csv")
    assert ask("SELECT count(*) FROM orders") == [(before + 4000,)]
    with transaction(shop_engine) as session:
        if is_postgresql(session):
            assert session.connection().execute(KNOWN).scalar_one() > 3000
