"""Segments over 1,000,000 buyers and 5,000,000 orders on PostgreSQL, against hand-written SQL in the same run.

Edit one condition of a rule of five: the baseline is the whole edited rule as one SQL statement. Refresh 50 segments:
the baseline is 50 such statements, one after the other. Both baselines only count; the engine makes the set, keeps the
answers and, when it refreshes, writes the snapshots. Targets: at most 0.3.

    python tests/benchmarks/bench_segments.py [BUYERS]
"""
# ruff: noqa: T201 - a benchmark prints

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import SQLModel

from retention import migrate
from retention.aggregates import refresh_aggregates
from retention.database import open_engine, transaction
from retention.shops import create_shop, find_shop
from segments.matching import match
from segments.rules import parse
from segments.segments import save_segment
from segments.snapshots import refresh_segments
from tests import servers

NOW = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
BUYERS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
ORDERS_EACH = 5
REGIONS = ["广东", "浙江", "江苏", "上海", "北京", "四川", "湖北", "福建"]
Condition = tuple[dict[str, Any], str]

FILL = f"""
SET session_replication_role = replica;
INSERT INTO buyers (shop_id, external_id, name, email, phone, language, country, region, city, timezone, created_at)
SELECT 1, 'b' || n, '', 'b' || n || '@example.com', '', '', '中国',
  (ARRAY['{"','".join(REGIONS)}'])[1 + n % {len(REGIONS)}], '', '', timestamptz '2024-01-01'
FROM generate_series(1, {BUYERS}) AS n;
INSERT INTO orders (shop_id, source, external_id, buyer_id, status, ordered_at, order_day, amount, refunded, postage,
  items, counts, is_return, country, region, city, channel, coupon_code)
SELECT 1, 'bench', n::text, buyer, 'paid', at, extract(epoch from at)::bigint / 86400, amount, 0, 0, 1 + n % 3,
  true, false, '', '', '', CASE WHEN n % 2 = 0 THEN 'app' ELSE 'web' END, CASE WHEN n % 7 = 0 THEN 'TEA' ELSE '' END
FROM (
  SELECT n, 1 + floor({BUYERS} * power(random(), 1.7))::int AS buyer, 500 + (random() * 20000)::int AS amount,
    timestamptz '2026-11-01' - random() * interval '900 days' AS at
  FROM generate_series(1, {BUYERS * ORDERS_EACH}) AS n
) AS made;
INSERT INTO follows (shop_id, buyer_id, followed_at)
SELECT 1, n, timestamptz '2026-11-01' - random() * interval '900 days' FROM generate_series(1, {BUYERS}, 4) AS n;
INSERT INTO consents (shop_id, buyer_id, channel, topic, answer, source, wording, address, at)
SELECT 1, n, 'email', '', CASE WHEN n % 5 = 0 THEN 'out' ELSE 'in' END, 'bench', '', '', timestamptz '2025-01-01'
FROM generate_series(1, {BUYERS}, 2) AS n;
INSERT INTO touches (shop_id, buyer_id, event, campaign, at)
SELECT 1, 1 + floor({BUYERS} * random())::int, 'scanned', 'spring',
  timestamptz '2026-11-01' - random() * interval '200 days'
FROM generate_series(1, {BUYERS // 2}) AS n;
SET session_replication_role = DEFAULT;
"""


def orders(measure: str, at_least: int, days: int) -> Condition:
    """Return a condition on orders of the last days, and the same by hand."""
    value, bound = (f"{at_least}.00", at_least * 100) if measure == "spend" else (at_least, at_least)
    summed = "sum(amount - refunded)" if measure == "spend" else "count(*)"
    by_hand = (
        "b.id IN (SELECT buyer_id FROM orders WHERE shop_id = 1 AND buyer_id IS NOT NULL AND counts AND ordered_at >="
        f" timestamptz '2026-11-01 12:00Z' - interval '{days} days' GROUP BY buyer_id HAVING {summed} >= {bound})"
    )
    return {"orders": {"measure": measure, "at_least": value, "window": {"last_days": days}}}, by_hand


def ever(at_least: int) -> Condition:
    """Return a condition on all orders, and the same by hand."""
    return {"orders": {"measure": "count", "at_least": at_least}}, (
        "b.id IN (SELECT buyer_id FROM orders WHERE shop_id = 1 AND buyer_id IS NOT NULL AND counts"
        f" GROUP BY buyer_id HAVING count(*) >= {at_least})"
    )


def region(*names: str) -> Condition:
    """Return a condition on the region, and the same by hand."""
    listed = ", ".join(f"'{name}'" for name in names)
    return {"buyer": {"field": "region", "is": list(names)}}, f"b.region IN ({listed})"


_LAST_ANSWERS = (
    "SELECT DISTINCT ON (buyer_id) buyer_id, answer FROM consents WHERE shop_id = 1 AND channel = 'email'"
    " ORDER BY buyer_id, id DESC"
)
AGREED: Condition = (
    {"consent": {"channel": "email", "is": "in"}},
    f"b.id IN (SELECT buyer_id FROM ({_LAST_ANSWERS}) AS last WHERE answer = 'in')",
)
FOLLOWS: Condition = (
    {"follows": {}},
    "b.id IN (SELECT buyer_id FROM follows WHERE shop_id = 1 AND ended_at IS NULL)",
)


def unscanned(days: int) -> Condition:
    """Return a condition on scans, and the same by hand."""
    return {"touch": {"event": "scanned", "at_most": 0, "window": {"last_days": days}}}, (
        "NOT EXISTS (SELECT FROM touches t WHERE t.shop_id = 1 AND t.event = 'scanned' AND t.buyer_id = b.id"
        f" AND t.at >= timestamptz '2026-11-01 12:00Z' - interval '{days} days')"
    )


def whole(*conditions: Condition) -> tuple[dict[str, Any], str]:
    """Return the conjunction of conditions as a rule and as one statement."""
    return {"all": [rule for rule, _ in conditions]}, (
        "SELECT count(*) FROM buyers b WHERE b.shop_id = 1 AND " + " AND ".join(by_hand for _, by_hand in conditions)
    )


def five(amount: int, *, days: int = 365) -> tuple[dict[str, Any], str]:
    """Return the rule of five conditions whose money condition is edited."""
    return whole(ever(2), orders("spend", amount, days), region("广东", "浙江", "上海"), AGREED, unscanned(90))


def fifty() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield fifty rules of three to five conditions, put together from twenty-four, as shops' segments are."""
    counts = [ever(n) for n in (1, 2, 3, 5)] + [orders("count", n, days) for n in (1, 2) for days in (30, 90, 180)]
    spends = [orders("spend", amount, 365) for amount in (100, 200, 500, 1000)]
    places = [region(name) for name in REGIONS[:6]]
    rest = [AGREED, FOLLOWS, unscanned(30), unscanned(90)]
    for n in range(50):
        chosen = [counts[n % 10], rest[n % 4], places[n % 6]]
        if n % 2:
            chosen.append(spends[n % 4])
        if n % 3 == 0:
            chosen.append(rest[(n + 1) % 4])
        yield whole(*chosen)


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def count_by_rule(engine: Engine, rule: dict[str, Any]) -> int:
    """Return how many buyers match, and keep the answers."""
    with transaction(engine) as session:
        return len(match(session, find_shop(session, "bench"), parse(rule), now=NOW))


def count_by_hand(engine: Engine, statement: str) -> int:
    """Return what a hand-written statement counts."""
    with engine.connect() as connection:
        return int(connection.execute(sa.text(statement)).scalar_one())


def edit_one(engine: Engine) -> None:
    """Edit the threshold of the money condition, then its window, and run the edited rule by hand too."""
    cold = seconds(lambda: count_by_rule(engine, five(100)[0]))
    again = seconds(lambda: count_by_rule(engine, five(100)[0]))
    rule, statement = five(300)
    threshold = seconds(lambda: count_by_rule(engine, rule))
    window = seconds(lambda: count_by_rule(engine, five(300, days=200)[0]))
    by_hand = statistics.median(seconds(lambda: count_by_hand(engine, statement)) for _ in range(3))
    assert count_by_rule(engine, rule) == count_by_hand(engine, statement)
    print(f"a rule of 5 conditions, nothing known   {cold:8.3f} s   all known {again:.3f} s")
    print(f"the edited rule as one SQL              {by_hand:8.3f} s")
    print(f"one condition's threshold edited        {threshold:8.3f} s   ratio {threshold / by_hand:.3f}   target 0.3")
    print(f"one condition's window edited           {window:8.3f} s   ratio {window / by_hand:.3f}   target 0.3")


def refresh_fifty(engine: Engine) -> None:
    """Refresh fifty segments of which nothing is known yet, and run all fifty by hand."""
    rules = list(fifty())
    with transaction(engine) as session:
        session.execute(sa.text("DELETE FROM leaf_answers"))
        shop = find_shop(session, "bench")
        for number, (rule, _) in enumerate(rules):
            save_segment(session, shop.id, f"s{number}", rule=parse(rule), actor="bench", at=NOW)

    def refresh() -> None:
        with transaction(engine) as session:
            refresh_segments(session, find_shop(session, "bench"), now=NOW)

    fresh = seconds(refresh)
    by_hand = sum(seconds(lambda statement=statement: count_by_hand(engine, statement)) for _, statement in rules)
    with transaction(engine) as session:
        session.execute(sa.text("UPDATE data_versions SET version = version + 1 WHERE family = 'touches'"))
        session.execute(sa.text("INSERT INTO data_versions VALUES (1, 'touches', 1) ON CONFLICT DO NOTHING"))
    after_a_scan = seconds(refresh)
    print(f"refresh of 50 segments, nothing known   {fresh:8.3f} s")
    print(f"the same after a scan                   {after_a_scan:8.3f} s")
    print(f"the same as 50 SQLs                     {by_hand:8.3f} s   ratio {fresh / by_hand:.2f}   target 0.3")


def main() -> None:
    """Fill a database, run both comparisons, print figures and the statements compared."""
    with servers.postgresql() as address:
        url = address.format("postgres")
        migrate.upgrade(url)
        engine = open_engine(url)
        with transaction(engine) as session:
            create_shop(session, "bench", name="Bench", timezone="Asia/Shanghai", currency="CNY", at=NOW)
        filled = seconds(lambda: fill(engine))
        print(f"{BUYERS:,} buyers, {BUYERS * ORDERS_EACH:,} orders, filled in {filled:.0f} s\n")
        edit_one(engine)
        refresh_fifty(engine)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"memory of this process at its peak      {peak:8} MB   target 500")
        print(f"\nthe rule:\n{five(300)[0]}\n\nby hand:\n{five(300)[1]}")
        engine.dispose()


def fill(engine: Engine) -> None:
    """Make the buyers and what they did, and give both sides room to sort and hash in memory.

    Keys and indexes beside the primary ones are made afterwards, over rows that are there: in memory, on both cores.
    """
    tables = [SQLModel.metadata.tables[name] for name in ("buyers", "orders", "follows", "consents", "touches")]
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))]
    keys = [key for table in tables for key in table.constraints if isinstance(key, sa.UniqueConstraint)]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("work_mem = '64MB'", "maintenance_work_mem = '1GB'", "max_wal_size = '16GB'"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting}"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    engine.dispose()
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
        for key in keys:
            connection.execute(sa.schema.DropConstraint(key))
        for statement in FILL.split(";"):
            if statement.strip():
                connection.execute(sa.text(statement))
        for key in keys:
            connection.execute(sa.schema.AddConstraint(key))
        for index in indexes:
            index.create(connection)
    with transaction(engine) as session:
        session.execute(sa.text("ANALYZE"))
        session.execute(sa.text("SET LOCAL work_mem = '512MB'"))
        refresh_aggregates(session, 1)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))


if __name__ == "__main__":
    main()
