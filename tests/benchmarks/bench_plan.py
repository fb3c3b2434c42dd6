"""Plan and launch a run of 1,000,000 buyers, against a bare INSERT ... SELECT of the same rows in the same run.

The engine plans (funnel, consent, addresses, caps, control group, fingerprint) and launches: the run, a delivery for
each buyer of the final set and of the control group, a coupon with its own code and a link with its own token for each
delivery that leaves. The baseline writes exactly those rows once more: deliveries, coupons and links, copied aside
before, by one statement a table into the same emptied tables with the same keys and indexes, in one transaction; the
middle of two. Target: at most 3 times, and memory flat: as high for a million buyers as for a hundred thousand, but for
the sets and numbers of the plan itself (some 50 MB a million).

    python tests/benchmarks/bench_plan.py [--buyers 1000000] [--database postgresql|sqlite] [--profile]
"""
# ruff: noqa: T201 - a benchmark prints, finds the repository first, and writes statements of its own words

import argparse
import cProfile
import os
import pstats
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import sqlalchemy as sa
from sqlalchemy import Engine

from campaigns.campaign.campaigns import Recipe
from campaigns.campaign.draft import Draft
from campaigns.offers.offers import OfferKind, create_offer
from campaigns.plans.planning import plan
from campaigns.runs.drafting import create_campaign, find_campaign
from campaigns.runs.launch import launch
from retention import migrate
from retention.database import open_engine, transaction
from retention.queue import app
from retention.shops import create_shop, find_shop
from tests import servers

NOW = datetime(2026, 11, 1, 4, tzinfo=UTC)
TABLES = ("coupons", "deliveries", "links")
EVERYBODY = {"buyer": {"field": "external_id", "exists": True}}
POLICY = {
    "control_share": 0.1,
    "caps": [{"messages": 3, "days": 7}, {"messages": 8, "per": "month", "over": "all"}],
    "quiet": {"from": "21:00", "to": "09:00", "zone": "buyer"},
    "late_after": 48,
}

NUMBERS = {
    "postgresql": "generate_series(1, {count}) AS n",
    "sqlite": "(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {count}) SELECT n FROM r)",
}
BUYERS = """
INSERT INTO buyers (shop_id, external_id, name, email, phone, language, country, region, city, timezone, created_at)
SELECT 1, 'b' || n, '', 'b' || n || '@example.com', '', '', '', '', '', CASE WHEN n % 3 = 0 THEN 'Europe/Berlin'
  WHEN n % 3 = 1 THEN 'America/New_York' ELSE '' END, '2024-01-01 00:00:00' FROM {numbers}
"""
CONSENTS = """
INSERT INTO consents (shop_id, buyer_id, channel, topic, answer, source, wording, address, at)
SELECT 1, n, 'email', '', CASE WHEN n % 50 = 0 THEN 'out' ELSE 'in' END, 'bench', '', '', '2025-01-01 00:00:00'
FROM {numbers}
"""


@contextmanager
def database(name: str) -> Iterator[Engine]:
    """Open a migrated database of its own."""
    with ExitStack() as running:
        if name == "sqlite":
            url = f"sqlite:///{running.enter_context(tempfile.TemporaryDirectory())}/bench.db"
        else:
            url = running.enter_context(servers.postgresql()).format("postgres")
        migrate.upgrade(url)
        engine = open_engine(url)
        if name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for setting in ("max_wal_size = '16GB'", "work_mem = '64MB'", "shared_buffers = '512MB'"):
                    connection.execute(sa.text(f"ALTER SYSTEM SET {setting}"))
                connection.execute(sa.text("SELECT pg_reload_conf()"))
        yield engine
        engine.dispose()


def fill(engine: Engine, buyers: int) -> None:
    """Make the shop, its buyers with their consents, an offer and a campaign."""
    numbers = NUMBERS[engine.dialect.name].format(count=buyers)
    with transaction(engine) as session:
        shop = create_shop(session, "bench", name="Bench", timezone="Asia/Shanghai", currency="CNY", at=NOW)
        for statement in (BUYERS, CONSENTS):
            session.execute(sa.text(statement.format(numbers=numbers)))
        offer = create_offer(
            session, shop.id, "ten", name="Ten off", kind=OfferKind.AMOUNT, value=1000, at=NOW, actor="bench"
        )
        create_campaign(
            session,
            shop,
            Draft("spring", recipe=Recipe.COUPON_PUSH, audience=EVERYBODY, offer_id=offer.id, policy=POLICY),
            at=NOW,
            actor="bench",
        )
    settle(engine)


def settle(engine: Engine) -> None:
    """Have the database finish what it would otherwise do in the middle of a measurement."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("VACUUM ANALYZE"))
            connection.execute(sa.text("CHECKPOINT"))
        else:
            connection.exec_driver_sql("ANALYZE")


class Took(NamedTuple):
    """Seconds on the clock, and of a processor in this process: on SQLite the whole work, however busy the machine."""

    clock: float
    processor: float


def took(action: Callable[[], object]) -> Took:
    started = time.perf_counter(), time.process_time()
    action()
    return Took(time.perf_counter() - started[0], time.process_time() - started[1])


def plan_only(engine: Engine) -> None:
    """Plan as the preview does."""
    with transaction(engine) as session:
        shop = find_shop(session, "bench")
        planned = plan(session, shop, find_campaign(session, shop.id, "spring"), at=NOW)
        print("\n".join(f"    {step.buyers:>9,}  {step.name}" for step in planned.funnel))


def launch_it(engine: Engine) -> None:
    """Plan and launch, to the commit."""
    with transaction(engine) as session:
        shop = find_shop(session, "bench")
        launch(session, shop, find_campaign(session, shop.id, "spring"), at=NOW, actor="bench")


def set_aside(engine: Engine) -> dict[str, int]:
    """Copy the rows of the run aside and empty the tables; return how many each had."""
    counts = {}
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(sa.text(f"CREATE TABLE same_{table} AS SELECT * FROM {table} ORDER BY id"))
            counts[table] = connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
    empty(engine)
    return counts


def empty(engine: Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text(f"TRUNCATE {', '.join(TABLES)} CASCADE"))
        else:
            for table in reversed(TABLES):
                connection.execute(sa.text(f"DELETE FROM {table}"))
    settle(engine)


def insert_bare(engine: Engine) -> None:
    """Write the same rows again by one INSERT ... SELECT a table."""
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(sa.text(f"INSERT INTO {table} SELECT * FROM same_{table}"))


@contextmanager
def peak_memory() -> Iterator[Callable[[], str]]:
    """Yield what tells the memory of this process during the body, at its highest, and what of it is growth.

    Filling and copying aside happen in this process too and take more; they are no part of it.
    """
    page, stop, peak = os.sysconf("SC_PAGE_SIZE"), threading.Event(), [0]

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * page // 2**20

    def watch() -> None:
        while not stop.wait(0.02):
            peak[0] = max(peak[0], resident())

    before = peak[0] = resident()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: f"memory {peak[0]} MB at its highest, {peak[0] - before} more than before"
    finally:
        stop.set()
        watcher.join()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--buyers", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    app.conf.broker_url = "memory://"
    with database(asked.database) as engine:
        fill(engine, asked.buyers)
        print(f"{asked.database}, {asked.buyers:,} buyers, load {os.getloadavg()[0]:.1f}")
        with peak_memory() as grown:
            planned = took(lambda: plan_only(engine))
            print(f"plan alone             {planned.clock:8.2f} s, {grown()}")
        settle(engine)
        profile = cProfile.Profile() if asked.profile else None
        with peak_memory() as grown:
            if profile:
                profile.enable()
            launched = took(lambda: launch_it(engine))
            if profile:
                profile.disable()
            print(f"plan and launch        {launched.clock:8.2f} s, {grown()}")
        counts = set_aside(engine)
        bare = took(lambda: insert_bare(engine))
        empty(engine)
        again = took(lambda: insert_bare(engine))
        clock, processor = ((first + second) / 2 for first, second in zip(bare, again, strict=True))
        print(f"bare INSERT ... SELECT {clock:8.2f} s ({bare.clock:.2f}, {again.clock:.2f}) of {counts}")
        print(f"ratio                  {launched.clock / clock:8.2f}     target 3     load {os.getloadavg()[0]:.1f}")
        if asked.database == "sqlite":
            used = f"{launched.processor:.2f} s, {processor:.2f} s"
            print(f"ratio by processor     {launched.processor / processor:8.2f}     {used}")
        if profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(35)


if __name__ == "__main__":
    main()
