"""What the parts of an installation log when everything goes wrong: one event a line, and no value of anybody."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.cli import app, main
from api.logs import configure_logs
from retention.database import open_engine
from retention.settings import Settings
from tests.api.noisy import FAULTS, LINES, SECRETS, noisy
from tests.apps import create_app
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
CODE = f"{SECRETS[1]}-{SECRETS[2]}"


def events(said: str) -> list[dict[str, Any]]:
    """Return what was logged; every line is one event, and holds none of the secrets."""
    assert [secret for secret in SECRETS if secret in said] == []
    return [json.loads(line) for line in said.splitlines()]


def fail(client: Any, fault: str) -> int:
    address = f"/q/{SECRETS[0]}/{fault}/{CODE}?phone={SECRETS[3]}"
    return int(client.post(address, json={"said": LINES}, headers={"X-Said": SECRETS[4]}).status_code)


def test_a_request_that_fails_is_logged_with_its_route_and_the_class_of_its_error(
    engine: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    client = TestClient(noisy(create_app(Settings(home=tmp_path), engine=engine)), raise_server_exceptions=False)
    found = {}
    for fault in FAULTS.keys() - {"said_by_a_library"}:
        capfd.readouterr()
        status = fail(client, fault)
        told = events(capfd.readouterr().err)
        found[fault] = (status, told[0]["error"].partition(" ")[0].rstrip(":")) if told else (status, "")
        assert {(each["method"], each["route"]) for each in told} <= {("POST", "/q/{token}/{fault}/{code}")}
    postgresql = engine.dialect.name == "postgresql"
    assert found == {
        "twice_the_same": (409, ""),
        "unfit_value": (422, "DataError") if postgresql else (500, "OperationalError"),
        "wrapped": (500, "RuntimeError"),
        "in_the_message": (500, "ValueError"),
        "as_a_key": (500, "KeyError"),
        "several": (500, "ExceptionGroup"),
        "no_file": (500, "FileNotFoundError"),
    }


def test_errors_of_the_database_are_logged_with_their_code_and_place(
    engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    import structlog

    configure_logs()
    for fault in ("twice_the_same", "unfit_value", "wrapped"):
        try:
            FAULTS[fault](engine)
        except Exception:  # noqa: BLE001 - of every kind
            structlog.get_logger().exception("it failed")
    first, _, third = events(capfd.readouterr().err)
    code = "23505" if engine.dialect.name == "postgresql" else "SQLITE_CONSTRAINT_PRIMARYKEY"
    assert first["error"].startswith(f"IntegrityError ({code}): ")
    assert third["traceback"].startswith("RuntimeError at ")
    assert "api/noisy.py" in third["traceback"]
    assert f" < IntegrityError ({code}): " in third["traceback"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # one of the faults is a thread's
def test_every_event_of_a_request_names_the_id_it_is_answered_with(
    sqlite_engine: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    app = noisy(create_app(Settings(home=tmp_path), engine=sqlite_engine))
    client = TestClient(app, raise_server_exceptions=False)
    for fault in FAULTS:
        capfd.readouterr()
        address = f"/q/{SECRETS[0]}/{fault}/{CODE}"
        answer = client.post(address, json={"said": LINES}, headers={"X-Request-Id": f"shop/{fault}"})
        assert answer.headers["X-Request-Id"] == f"shop/{fault}"
        assert {each["request_id"] for each in events(capfd.readouterr().err)} <= {f"shop/{fault}"}, fault


@contextmanager
def process(*arguments: str, home: Path, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {"PATH": os.environ["PATH"], "REGULARS_HOME": str(home), "C_FORCE_ROOT": "1"}
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=output
        )
    try:
        yield started
    finally:
        started.terminate()
        started.wait(60)


def test_web_and_worker_log_one_event_a_line_whatever_goes_wrong(home: Path, tmp_path: Path) -> None:
    from retention import migrate

    migrate.upgrade(Settings(home=home).database)
    port, web, worker = free_port(), tmp_path / "web", tmp_path / "worker"
    served = ("uvicorn", "--factory", "tests.api.noisy:web", "--port", str(port))  # its access log is not turned off
    with (
        process(*served, home=home, log=web),
        process("tests.api.noisy", "worker", home=home, log=worker),
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", limits=httpx2.Limits(max_keepalive_connections=0), timeout=60
        ) as client,
    ):
        for _ in range(600):
            with suppress(httpx2.TransportError):
                client.get("/healthz")
                break
            time.sleep(0.1)
        statuses = {fault: fail(client, fault) for fault in FAULTS}
        assert statuses["in_the_message"] == 500
        assert statuses["said_by_a_library"] == 200
        logged = ["a thread ends", *(f"Task noisy.{name}[" for name in FAULTS if name != "said_by_a_library")]
        for _ in range(600):
            if all(each in worker.read_text() for each in logged):
                break
            time.sleep(0.1)
    told = [each for each in _settled(web) if each["event"] == "request failed"]
    assert len(told) == 6
    assert [each["event"] for each in _settled(web) if each.get("logger") == "uvicorn.error"] == []  # each once
    failed = [each for each in events(worker.read_text()) if each.get("logger") == "celery.app.trace"]
    assert {each["event"].split("[")[0] for each in failed} == {
        f"Task noisy.{name}" for name in FAULTS if name != "said_by_a_library"
    }
    for log in (web, worker):
        of_library = [each["event"] for each in _settled(log) if each.get("logger") == "some.package"]
        assert of_library == ["a message that may hold values", "... of ...", "a.task ...", "1 ValueError", "for '...'"]


def _settled(log: Path) -> list[dict[str, Any]]:
    """Return the events of a log behind what uvicorn says before it has loaded the application."""
    lines = log.read_text().splitlines()
    return events("\n".join(line for line in lines if not line.startswith("INFO:")))


def test_a_process_that_ends_by_an_error_says_so_in_one_line(home: Path, tmp_path: Path) -> None:
    from retention import migrate

    migrate.upgrade(Settings(home=home).database)
    with process("tests.api.noisy", "uncaught", home=home, log=tmp_path / "log") as started:
        assert started.wait(60) == 1
    (told,) = events((tmp_path / "log").read_text())
    assert (told["level"], told["event"], told["error"]) == ("critical", "the process ends", "RuntimeError")


def test_a_command_that_fails_for_a_reason_nobody_foresaw_says_so_in_one_line(
    sqlite_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(sqlite_url)
    for name, fault in FAULTS.items():
        app.command(f"noisy-{name}")(lambda fault=fault: fault(engine))
    try:
        for name in FAULTS.keys() - {"said_by_a_library"}:
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main([f"noisy-{name}"])
            said = capfd.readouterr().err
            assert ended.value.code == 1
            assert [secret for secret in SECRETS if secret in said and name != "no_file"] == []
            assert said.count("\n") == 1
            assert said.startswith(("{", "regulars: "))
    finally:
        del app.registered_commands[-len(FAULTS) :]
    engine.dispose()
