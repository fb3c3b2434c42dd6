"""A large import is undone by a worker: what its row says meanwhile and afterwards, and what happens if that fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import select

from retention.access import ROLE_SCOPES, Member, Role
from retention.audit import AuditEntry
from retention.database import reading, transaction
from retention.errors import Conflict
from retention.files import FileStore
from retention.ingest import import_file
from retention.ingest.drafts import ImportState, state_of
from retention.ingest.jobs import CLAIM, MOST_TRIES, progress_of, run_import
from retention.ingest.journals.undo import undo_import
from retention.ingest.journals.undo_jobs import start_undo, undo_refusal
from retention.jobs import Job, JobState
from retention.orders import Order
from tests.factories import make_shop
from tests.retention.makers import NOW

ORDERS = "order_id,buyer_id,paid_at,sku,amount\nA1,b1,2026-03-01,TEA,5.00\nA2,b2,2026-03-02,TEA,6.00\n"
OWNER = Member(shop_id=1, actor="user:7", scopes=ROLE_SCOPES[Role.OWNER])


class Undoing:
    """An import of two orders in a shop, undone as if it were large."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.files = engine, FileStore(folder / "files")
        path = folder / "orders.csv"
        path.write_text(ORDERS)
        with transaction(engine) as session:
            make_shop(session, "one", at=NOW)
        self.number = import_file(engine, "one", "orders", path, now=NOW, files=self.files).number or 0

    def start(self) -> ImportState:
        with transaction(self.engine) as session:
            return state_of(start_undo(session, OWNER, self.number, files=self.files, at=NOW))

    def work(self, *, after: int = 0) -> Job:
        run_import(self.engine, self.number, now=lambda: NOW + after * CLAIM, files=self.files)
        return self.job

    @property
    def job(self) -> Job:
        with reading(self.engine) as session:
            return session.get_one(Job, self.number)

    @property
    def orders(self) -> int:
        with reading(self.engine) as session:
            return len(session.exec(select(Order)).all())


@pytest.fixture
def undoing(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Undoing]:
    monkeypatch.setattr("retention.ingest.journals.undo_jobs.SMALL", 1)
    return Undoing(engine, tmp_path)


def test_worker_undoes_what_is_large_and_the_row_says_how_far_it_is(undoing: Undoing) -> None:
    before = undoing.job
    assert (undoing.start(), undoing.orders) == (ImportState.UNDOING, 2)
    with pytest.raises(Conflict, match="is being undone"):
        undoing.start()
    job = undoing.work()
    assert (state_of(job), undoing.orders, undo_refusal(job)) == (ImportState.UNDONE, 0, "")
    assert job.result["undone"]["removed"] == {"order_lines": 2, "orders": 2, "buyers": 2}
    assert {name: job.result.get(name) for name in before.result} == before.result
    assert job.finished_at == before.finished_at
    done, total = progress_of(job, undoing.files)
    assert done == total
    assert done > 0
    with reading(undoing.engine) as session:
        assert session.exec(select(AuditEntry.actor).where(AuditEntry.action == "import.undo")).all() == ["user:7"]
    with pytest.raises(Conflict, match="already been undone"):
        undoing.start()


def test_import_stands_as_before_when_only_the_worker_sees_that_it_cannot_be_undone(undoing: Undoing) -> None:
    with transaction(undoing.engine) as session:
        session.execute(sa.update(Order).where(sa.column("external_id") == "A1").values(country="JP"))
    assert undoing.start() is ImportState.UNDOING
    job = undoing.work()
    assert (state_of(job), undoing.orders, job.result["accepted"]) == (ImportState.DONE, 2, 2)
    assert "rows it wrote have changed since (orders (1))" in undo_refusal(job)
    with transaction(undoing.engine) as session:
        session.execute(sa.update(Order).where(sa.column("external_id") == "A1").values(country=""))
    assert (undoing.start(), undo_refusal(undoing.job)) == (ImportState.UNDOING, "")
    assert state_of(undoing.work()) is ImportState.UNDONE


def test_undoing_that_kills_its_worker_is_given_up_and_one_undone_meanwhile_is_undone(undoing: Undoing) -> None:
    undoing.start()
    with transaction(undoing.engine) as session:
        dead = {"state": JobState.RUNNING, "tries": MOST_TRIES, "claim_expires_at": NOW}
        session.execute(sa.update(Job).values(**dead))
    job = undoing.work(after=2)
    assert (state_of(job), undoing.orders, job.result["accepted"]) == (ImportState.DONE, 2, 2)
    assert undo_refusal(job).startswith("The worker crashed 3 times while undoing this import")
    undoing.start()
    with transaction(undoing.engine) as session:
        undo_import(session, OWNER, undoing.number, files=undoing.files, at=NOW)
    job = undoing.work()
    assert (state_of(job), undoing.orders, undo_refusal(job)) == (ImportState.UNDONE, 0, "")
