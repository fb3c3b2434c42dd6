"""A million order lines imported, against reading all columns of the same file with the csv module in the same run.

The file has the eighteen fields of an order file and 9.4 lines an order, as the baskets of the Complete Journey data
have; `--lines-per-order 2.7` shows a shop of small orders. Targets: 8 times the reading, memory under 500 MB.
"""
# ruff: noqa: T201, E402 - a benchmark prints, and finds the repository first

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import psycopg

from tests import servers

LINES = 1_000_000
FIELDS = (
    "order_id buyer_id placed_at paid_at status sku title category quantity unit_price amount refunded postage region "
    "city phone email waybill"
)

IMPORT = """
import json, resource, sys, time
from datetime import UTC, datetime
from retention import migrate
from retention.database import open_engine, transaction
from retention.ingest import import_file
from retention.shops import create_shop
url, path = sys.argv[1:]
migrate.upgrade(url)
engine, now = open_engine(url), datetime(2026, 11, 21, tzinfo=UTC)
with transaction(engine) as session:
    create_shop(session, "tea", name="Tea", timezone="Asia/Shanghai", currency="CNY", at=now)
started = time.perf_counter()
report = import_file(engine, "tea", "orders", path, now=now)
seconds = time.perf_counter() - started
assert (report.accepted, report.rejected) == (report.read, 0)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak": peak, "lines": report.accepted, "orders": report.changed}))
"""


def write_file(path: Path, lines_per_order: float) -> None:
    draw = random.Random(1)
    start = datetime(2023, 1, 1, tzinfo=UTC)
    number = written = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS.split())
        while written < LINES:
            number += 1
            buyer = draw.randrange(120_000)
            placed = start + timedelta(seconds=number * 60)
            times = [f"{at:%Y-%m-%d %H:%M:%S}" for at in (placed, placed + timedelta(minutes=3))]
            size = min(1 + int(draw.expovariate(1) * (lines_per_order - 0.55)), LINES - written)
            for _ in range(size):
                sku, price, quantity = draw.randrange(5000), draw.randrange(100, 50_000), draw.choice((1, 1, 1, 2, 3))
                writer.writerow(
                    [f"SO{number:09d}", f"b{buyer:07d}", *times, "交易成功", f"SKU-{sku:05d}", f"春季新款连衣裙{sku}",
                     "女装", quantity, f"{price / 100:.2f}", f"{price * quantity / 100:.2f}", "0.00", "0.00", "浙江省",
                     "杭州市",
                     f"138{buyer:08d}", f"b{buyer}@example.com", f"SF{number:012d}"]
                )  # fmt: skip
            written += size


def read_file(path: Path) -> float:
    """Return the seconds the csv module takes for all columns: the best of three."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        with path.open(newline="", encoding="utf-8-sig") as file:
            for _row in csv.reader(file):
                pass
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def import_into(url: str, path: Path) -> dict[str, float]:
    """Import in a process of its own, so that its memory can be measured."""
    done = subprocess.run([sys.executable, "-c", IMPORT, url, str(path)], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines-per-order", type=float, default=9.4)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        path = Path(folder) / "orders.csv"
        write_file(path, asked.lines_per_order)
        for database in asked.database or ["sqlite", "postgresql"]:
            if database == "sqlite":
                url = f"sqlite:///{folder}/bench.db"
            else:
                server = running.enter_context(servers.postgresql())
                with psycopg.connect(server.format("postgres").replace("+psycopg", ""), autocommit=True) as connection:
                    connection.execute("CREATE DATABASE bench")
                url = server.format("bench")
            before = read_file(path)
            found = import_into(url, path)
            baseline = (before + read_file(path)) / 2  # around the import: the machine may be shared
            print(
                f"{database}: {found['lines']:,.0f} lines of {found['orders']:,.0f} orders in "
                f"{found['seconds']:.1f} s, {found['seconds'] / baseline:.1f} x the csv module "
                f"({baseline:.2f} s); peak {found['peak']:.0f} MB"
            )


if __name__ == "__main__":
    main()
