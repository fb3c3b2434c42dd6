"""A piece scanned at the packing station of a shop with 1,000,000 pieces, against the same with 1,000.

Each scan is what the station asks: the waybill, then the piece by the address of its QR code, with the parcel and the
day's figures read again for the screen after both. The shop first has 1,000 pieces, then the million, in one database.
Target: at most 1.2 times the work and the time. Work is counted, as time on a busy machine is not: rows read by
PostgreSQL's own statistics, steps of SQLite's machine. SQLite has no statistics of its tables, as it is run.

    python tests/benchmarks/bench_packing.py [--pieces 1000000] [--database postgresql|sqlite]
"""
# ruff: noqa: T201 - a benchmark prints, and finds the repository first

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import sqlalchemy as sa
from sqlmodel import Session, col, select

import api.tables  # noqa: F401 - every table known
from campaigns.offers.links import Link
from printables import packing, station
from printables.batches import Batch, Piece
from retention import migrate
from retention.database import open_engine, transaction
from retention.files import FileStore
from retention.parcels import Parcel
from retention.queue import app
from tests import servers
from tests.printables.conftest import NOON, URL, Bench, open_shop
from tests.printables.crowd import add_crowd, analyse

FEW, SCANS = 1_000, 40
_ROWS = "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--pieces", type=int, default=1_000_000)
    asked.add_argument("--database", choices=("postgresql", "sqlite"))
    given = asked.parse_args()
    app.conf.broker_url = "memory://"
    for kind in [given.database] if given.database else ["sqlite", "postgresql"]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = f"sqlite:///{folder}/bench.db"
            if kind == "postgresql":
                server = stack.enter_context(servers.postgresql())
                url = server.format("postgres")
            compare(url, folder, given.pieces)


def compare(url: str, folder: Path, pieces: int) -> None:
    """Print what a scan takes among few pieces and among many."""
    migrate.upgrade(url)
    engine = open_engine(url)
    bench = open_shop(engine, FileStore(folder / "files"), "tea", name="Tea", title="Oolong")
    batch = bench.printed(2 * SCANS)
    add_crowd(engine, FEW)
    few = measure(bench, batch, 0)
    add_crowd(engine, pieces - FEW, before=FEW)
    many = measure(bench, batch, SCANS)
    for name, less, more in zip(("work", "ms"), few, many, strict=True):
        print(f"{engine.dialect.name:10} {name:4} {less:10.2f} among {FEW:,}, {more:10.2f} among {pieces:,}: "
              f"{more / less:.2f} x (target 1.2)")  # fmt: skip
    engine.dispose()


def measure(bench: Bench, batch: Batch, first: int) -> tuple[float, float]:
    """Return the median work and the least milliseconds of a scan: what others do on the machine only adds to them."""
    if bench.engine.dialect.name == "postgresql":
        analyse(bench.engine)  # as the server does by itself within a minute
    with transaction(bench.engine) as session:
        asked = select(Parcel.waybill, Link.token).join(Piece, col(Piece.parcel_id) == Parcel.id)
        mine = asked.join(Link, col(Link.delivery_id) == Piece.delivery_id).where(Piece.batch_id == batch.id)
        found = session.exec(mine.order_by(col(Piece.number)).offset(first).limit(SCANS)).all()
    day = NOON + timedelta(days=1 if first else 0)  # a day of its own: its figures are counted at each scan
    scans = [scan(bench, waybill, token, day) for waybill, token in found]
    return statistics.median(work for work, _ in scans), min(taken for _, taken in scans)


def scan(bench: Bench, waybill: str, token: str, at: datetime) -> tuple[int, float]:
    """Scan a waybill and its piece; return the work and the milliseconds of both."""
    work, started = 0, time.perf_counter()
    for text, over in ((waybill, ""), (f"{URL}/Q/{token}".upper(), waybill)):
        with transaction(bench.engine) as session:
            counted = count(session)
            said = station.hear(session, bench.packer, text, over=over, at=at)
            packing.open_parcel(session, bench.packer, said.waybill)
            packing.today(session, bench.shop, at=at)
            work += counted()
    assert said.sign is station.Sign.COMPLETE, said
    return work, (time.perf_counter() - started) * 1000


def count(session: Session) -> Callable[[], int]:
    """Begin to count the work of a session; what is returned says how much it was."""
    if session.get_bind().dialect.name == "postgresql":
        before = int(session.execute(sa.text(_ROWS)).scalar_one())
        return lambda: int(session.execute(sa.text(_ROWS)).scalar_one()) - before
    connection, steps = session.connection().connection.driver_connection, [0]

    def step() -> None:
        steps[0] += 1

    connection.set_progress_handler(step, 1)  # type: ignore[union-attr]

    def counted() -> int:
        connection.set_progress_handler(None, 1)  # type: ignore[union-attr]
        return steps[0]

    return counted


if __name__ == "__main__":
    main()
