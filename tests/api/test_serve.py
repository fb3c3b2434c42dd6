"""`regulars serve` with its real processes, and the worker on both kinds of queue."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlmodel import Session, select

from api import serve, workers
from api.worker import app as worker_app
from retention import migrate, queue
from retention.database import open_engine, reading, transaction
from retention.idempotency import GivenAnswer
from retention.settings import Settings
from tests.factories import make_shop
from tests.servers import free_port

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def wait_until(ask: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)
    return found


@contextmanager
def running(arguments: list[str], environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "C_FORCE_ROOT": "1", **environment},
            stdout=output,
            stderr=output,
            umask=0,  # what is made is open to everybody unless it is closed on purpose
        )
    try:
        yield process
    except BaseException:
        sys.stderr.write(log.read_text(errors="replace"))
        raise
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def processes_of(home: Path) -> dict[int, str]:
    """Every living process that works in `home`, by its environment, with its command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"REGULARS_HOME={home}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def worker_of(home: Path, parent: int) -> int | None:
    for number, command in processes_of(home).items():
        if "api.workers" in command and _parent_of(number) == parent:
            return number
    return None


def _parent_of(number: int) -> int:
    return int(Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[1])


def leave_old_answer(session: Session) -> None:
    shop = make_shop(session, "tea", timezone="UTC", at=LONG_AGO)
    row = GivenAnswer(shop_id=shop.id, actor="key:1", key="once", request="0" * 64, created_at=LONG_AGO)
    session.add(row)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_serve_restarts_a_killed_worker_and_leaves_no_orphan(tmp_path: Path) -> None:
    port = free_port()
    environment = {"REGULARS_HOME": str(tmp_path / "home")}
    arguments = ["api.cli", "serve", "--port", str(port)]
    with running(arguments, environment, tmp_path / "log") as parent:
        wait_until(lambda: _is_ready(port), "the pages")
        first = wait_until(lambda: worker_of(tmp_path / "home", parent.pid), "the worker")
        os.kill(first, signal.SIGKILL)
        second = wait_until(
            lambda: (now := worker_of(tmp_path / "home", parent.pid)) != first and now, "another worker"
        )
        assert second != first
        _let_work(Settings(home=tmp_path / "home"))
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(60) == 0
        assert processes_of(tmp_path / "home") == {}
    assert [each for each in (tmp_path / "home").rglob("*") if each.stat().st_mode & 0o077] == []
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(sys.platform != "linux", reason="stops a process")
def test_pages_that_say_nothing_for_longer_than_the_pulse_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("REGULARS_WATCHDOG_IDLE", "2")
    monkeypatch.setenv("REGULARS_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    (web,) = (each for each in serve.children("127.0.0.1", port) if each.name == "web")
    web.start(time.monotonic())

    def runs() -> bool:
        web.tend(time.monotonic())
        return web.process is not None

    try:
        wait_until(lambda: runs() and _is_alive(port), "the pages")
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert runs(), "who reports to the watchdog is left alone"
            time.sleep(0.1)
        assert web.process
        os.kill(web.process.pid, signal.SIGSTOP)
        wait_until(lambda: not runs(), "the pages that hang to be ended")
    finally:
        web.stop(time.monotonic())


def test_every_task_that_is_not_quick_is_one_and_has_its_queue() -> None:
    assert set(queue.LANES) <= set(worker_app.tasks)
    assert set(queue.LIMITS) == set(workers.WORKERS) == set(queue.Lane)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    port = free_port()
    with running(
        ["api.cli", "serve", "--port", str(port)], {"REGULARS_HOME": str(tmp_path / "home")}, tmp_path / "log"
    ) as parent:
        wait_until(lambda: _is_ready(port), "the pages")
        parent.kill()
        parent.wait()
        wait_until(lambda: not processes_of(tmp_path / "home"), "every child to end")


def test_a_taken_port_is_one_line_and_starts_nothing(tmp_path: Path) -> None:
    port = free_port()
    with running(["http.server", str(port), "--bind", "127.0.0.1"], {}, tmp_path / "other"):
        wait_until(lambda: _answers(port), "the other server")
        tried = subprocess.run(
            [sys.executable, "-m", "api.cli", "serve", "--port", str(port)],
            cwd=ROOT,
            env={"REGULARS_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert tried.returncode == 1
    assert tried.stderr.startswith("regulars: ")
    assert "Address already in use" in tried.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("kind", ["filesystem", "redis"])
def test_a_worker_does_the_work_that_was_sent(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    broker = request.getfixturevalue("redis_url") if kind == "redis" else ""
    settings = Settings(home=tmp_path / "home", broker_url=broker)
    migrate.upgrade(settings.database)
    environment = {"REGULARS_HOME": str(settings.home)} | ({"REGULARS_BROKER_URL": broker} if broker else {})
    worker = ["celery", "-A", "api.worker", "worker", "--concurrency", "1", "--without-gossip", "--without-mingle"]
    with running(worker, environment, tmp_path / "log"):
        _let_work(settings)


def test_a_queue_that_is_away_does_not_undo_the_work(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, broker_url=f"redis://127.0.0.1:{free_port()}")
    migrate.upgrade(settings.database)
    engine = open_engine(settings.database)
    queue.configure(settings)
    with transaction(engine) as session:
        leave_old_answer(session)
        queue.send(session, "retention.forget_answers")
    assert _answers_left(engine) == ["once"]
    engine.dispose()


def _let_work(settings: Settings) -> None:
    """Leave a row that a task deletes, send the task, and wait until it has."""
    engine = open_engine(settings.database)
    queue.configure(settings)
    with transaction(engine) as session:
        leave_old_answer(session)
        queue.send(session, "retention.forget_answers")
    wait_until(lambda: not _answers_left(engine), "the task to have run")
    engine.dispose()


def _answers_left(engine: object) -> list[str]:
    with reading(engine) as session:  # type: ignore[arg-type]
        return list(session.exec(select(GivenAnswer.key)))


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def _is_alive(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx2.TransportError:
        return False


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/").status_code == 200
    except httpx2.TransportError:
        return False
