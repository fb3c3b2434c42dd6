"""What may go wrong under a running installation, one after the other, and that work goes on without a person."""

import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from api import workers
from retention import migrate, queue
from retention.database import open_engine, reading, transaction
from retention.idempotency import GivenAnswer
from retention.settings import Settings
from retention.shops import Shop
from tests.api.test_serve import processes_of, running, wait_until
from tests.factories import make_shop

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

ALL = 1 + sum(workers.WORKERS.values())
"""The scheduler, and every worker."""

DAMAGED = {
    "00-empty": b"",
    "01-half": b'{"body": "W1',
    "02-no-text": b"\xff\xfe\x00",
    "03-null": b"null",
    "04-list": b"[]",
    "05-nothing": b"{}",
    "06-no-tag": b'{"properties": {}}',
    "07-no-body": json.dumps({"properties": {"delivery_tag": "1", "delivery_info": {}}}).encode(),
    "08-bad-body": json.dumps(
        {
            "body": "!",
            "headers": {"task": "tests.forget", "id": "1"},
            "properties": {"delivery_tag": "1", "body_encoding": "base64"},
        }
    ).encode(),
    "09-unknown-task": json.dumps(
        {
            "body": "W10=",
            "headers": {"task": "no.such", "id": "1"},
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "properties": {"delivery_tag": "1", "body_encoding": "base64", "delivery_info": {}},
        }
    ).encode(),
    "10-odd-headers": json.dumps({"body": "", "headers": [1], "properties": {"delivery_tag": "1"}}).encode(),
    "11-odd-task": json.dumps({"body": "", "headers": {"task": [1]}, "properties": {"delivery_tag": "1"}}).encode(),
}


@dataclass(frozen=True)
class Installation:
    """Workers and scheduler running in a home of their own, with a clock that can be set."""

    pid: int
    home: Path
    engine: Engine
    log: Path
    clock: Path

    def workers(self) -> set[int]:
        """Return the workers and the scheduler: the children of the one child of the whole."""
        return {each for child in _children(self.pid) for each in _children(child)}

    def works(self, what: str) -> None:
        """Leave something to do that only a sweep finds, and wait until it is done."""
        self.leave_work(what)
        wait_until(lambda: not self.work_left(), f"work to go on after {what}")

    def leave_work(self, what: str) -> None:
        with transaction(self.engine) as session:
            shop_id = session.exec(select(Shop.id)).one()
            old = datetime(2025, 1, 1, tzinfo=UTC)
            row = GivenAnswer(shop_id=shop_id, actor="key:1", key=what, request="0" * 64, created_at=old)
            session.add(row)

    def work_left(self) -> list[int]:
        with reading(self.engine) as session:
            return list(session.exec(select(GivenAnswer.id)))


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("healing")
    settings = Settings(home=folder / "home")
    migrate.upgrade(settings.database)
    engine = open_engine(settings.database)
    with transaction(engine) as session:
        make_shop(session, "tea", timezone="UTC", at=datetime(2025, 1, 1, tzinfo=UTC))
    left_over = _leave_messages(settings.home, {"left": b"{}"})
    (folder / "clock").write_text("0")
    environment = {"REGULARS_HOME": str(settings.home), "REGULARS_WATCHDOG_IDLE": "4"}
    environment["HURRIED_CLOCK"] = str(folder / "clock")
    with running(["tests.api.hurried_workers", "all"], environment, folder / "log") as process:
        found = Installation(process.pid, settings.home, engine, folder / "log", folder / "clock")
        found.works("the start")
        assert not any(path.exists() for path in left_over), "the queue is emptied at the start"
        yield found
    engine.dispose()


def test_messages_that_cannot_be_read_are_deleted(installation: Installation) -> None:
    damaged = _leave_messages(installation.home, DAMAGED)
    installation.works("damaged messages")
    wait_until(lambda: not any(path.exists() for path in damaged), "damaged messages to be deleted")


def test_a_folder_that_is_removed_is_made_again(installation: Installation) -> None:
    for _ in range(3):
        shutil.rmtree(installation.home / "queue", ignore_errors=True)
        installation.works("the folder was removed")


def test_a_task_that_never_ends_costs_its_worker_and_no_more(installation: Installation) -> None:
    before = installation.workers()
    queue.configure(Settings(home=installation.home))
    with transaction(installation.engine) as session:
        queue.send(session, "tests.hang")
    wait_until(lambda: before - installation.workers(), "a worker to be replaced")
    installation.works("tasks that hang")


def test_processes_that_stand_still_are_replaced(installation: Installation) -> None:
    before: set[int] = wait_until(lambda: len(found := installation.workers()) == ALL and found, "all workers")
    for number in before:
        os.kill(number, signal.SIGSTOP)
    installation.works("all workers and the scheduler stood still")
    wait_until(lambda: not before & installation.workers(), "each of them to be replaced")


def test_a_full_disk_that_is_free_again_is_no_matter(installation: Installation) -> None:
    with _no_file_can_grow(installation):
        installation.leave_work("a full disk")
        time.sleep(1.5)  # five sweeps
        assert installation.work_left()
    installation.works("the disk was full")


def test_a_clock_three_days_ahead_that_is_put_right_is_no_matter(installation: Installation) -> None:
    for days in (3, 0, -3, 0):
        installation.clock.write_text(str(days))
        time.sleep(0.5)  # every process looks at it four times a second
        installation.works(f"the clock was put {days} days ahead")


@contextmanager
def _no_file_can_grow(installation: Installation) -> Iterator[None]:
    """Have all processes fail to write to files, as on a full disk. Pipes and memory go on."""
    try:
        _limit_files(installation, 0)
        yield
    finally:
        _limit_files(installation, resource.RLIM_INFINITY)


def _limit_files(installation: Installation, size: int) -> None:
    """Set the limit of every process, also of those that others have started meanwhile."""
    limits, done = (size, resource.RLIM_INFINITY), False
    while not done:
        done = True
        for number in processes_of(installation.home):
            with suppress(ProcessLookupError):
                done &= resource.prlimit(number, resource.RLIMIT_FSIZE, limits) == limits


def _leave_messages(home: Path, contents: dict[str, bytes]) -> list[Path]:
    paths = []
    for lane in queue.Lane:
        folder = home / "queue" / lane.value
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            paths.append(folder / f"{name}.msg")
            paths[-1].write_bytes(content)
    return paths


def _children(number: int) -> set[int]:
    try:
        return set(map(int, Path(f"/proc/{number}/task/{number}/children").read_text().split()))
    except OSError:
        return set()
