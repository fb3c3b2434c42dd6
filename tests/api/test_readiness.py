"""Alive, ready and moving: what an installation says of itself while its database is away, full, closed or crowded."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine, event, make_url, pool, text

from api.readiness import QUEUES
from retention import clock, heartbeats, users
from retention.access import Role
from retention.database import open_engine, transaction
from retention.database_errors import DatabaseProblem, database_problem
from retention.heartbeats import Process
from retention.settings import Settings
from tests.apps import create_app
from tests.factories import make_shop
from tests.servers import free_port
from tests.sign_in import sign_in

PASSWORD = "seven green kettles"
SECRET = "for these tests only, and long enough"


@pytest.fixture
def app(engine: Engine, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path / "home", secret=SECRET), engine=engine)


@pytest.fixture
def visitor(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, client=("127.0.0.1", 5)) as one:
        yield one


def ready(visitor: TestClient, *, deep: bool = False) -> tuple[int, dict[str, Any]]:
    answer = visitor.get("/readyz?deep=1" if deep else "/readyz")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/metrics"])
def test_head_is_answered_like_get_without_the_body(visitor: TestClient, address: str) -> None:
    answer = visitor.head(address)
    assert (answer.status_code, answer.content) == (200, b"")


def test_database_that_takes_no_writes_is_not_ready_and_says_why(app: FastAPI, visitor: TestClient) -> None:
    engine = app.state.readiness.engine
    closing = "PRAGMA query_only = ON" if engine.dialect.name == "sqlite" else "SET default_transaction_read_only = on"
    app.state.readiness._written = -10.0
    event.listen(engine, "connect", close := lambda connection, _: (connection.execute(closing), connection.commit()))
    status, said = ready(visitor)
    assert (status, said["database"]) == (
        503,
        "The database is read-only. Nothing was changed. Make it writable again.",
    )
    event.remove(engine, "connect", close)
    assert ready(visitor) == (200, {"ready": True, "database": "current"})


def test_home_that_takes_no_file_is_not_ready(app: FastAPI, visitor: TestClient) -> None:
    app.state.readiness._written = -10.0
    home = app.state.settings.home
    (home.rmdir(), home.write_text("in the way"))
    status, said = ready(visitor)
    assert (status, said["database"]) == (503, "REGULARS_HOME cannot be written: File exists.")


def test_somebody_who_writes_makes_it_unready_only_after_half_a_minute(
    app: FastAPI, visitor: TestClient, engine: Engine
) -> None:
    look = app.state.readiness
    look._written = -10.0
    with transaction(engine) as session:
        session.execute(text("UPDATE heartbeats SET queues = 'held'"))
        assert ready(visitor) == (200, {"ready": True, "database": "current"})
        look._busy_since = time.monotonic() - 31
        status, said = ready(visitor)
        assert (status, said["database"]) == (
            503, "The database is busy. Nothing was changed; try again in a moment."
        )  # fmt: skip
    assert ready(visitor) == (200, {"ready": True, "database": "current"})
    assert look._busy_since is None


def test_requests_that_hold_every_connection_and_thread_cost_others_503_and_health_nothing(
    database_url: str, tmp_path: Path, served: Any
) -> None:
    engine = create_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    app = create_app(Settings(home=tmp_path / "home", secret=SECRET), engine=engine)
    go, entered = threading.Event(), threading.Semaphore(0)

    @app.get("/hold")
    def hold() -> None:
        entered.release()
        go.wait(30)

    address = served(app)
    with engine.connect(), httpx2.Client(base_url=address, timeout=60) as visitor:
        answer = visitor.post("/login", data={"email": "may@tea.example", "password": PASSWORD})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "Too many requests at once" in answer.text
        threads: list[threading.Thread] = []
        for _ in range(40):  # as many as Starlette has threads
            threads.append(threading.Thread(target=httpx2.get, args=(f"{address}/hold",), kwargs={"timeout": 60}))
            threads[-1].start()
        assert all(entered.acquire(timeout=30) for _ in threads)
        assert [visitor.get(each).status_code for each in ("/healthz", "/readyz")] == [200, 200]
        go.set()
        for thread in threads:
            thread.join()
    engine.dispose()


def test_what_has_stopped_is_reported_by_the_deep_check_and_as_metrics(visitor: TestClient, engine: Engine) -> None:
    now = clock.now()
    status, said = ready(visitor, deep=True)
    assert (status, said["ready"], said["standstill"]) == (
        503,
        False,
        [
            "The periodic dispatch has not run yet.",
            "The scheduler has not been seen yet.",
            "No worker is running for: quick, sending, calls, preparing, long.",
        ],
    )
    with transaction(engine) as session:
        heartbeats.beat(session, Process.SWEEPS, "quick", at=now - timedelta(minutes=7))
        heartbeats.beat(session, Process.SCHEDULER, "here", at=now + timedelta(days=3))
        heartbeats.beat(session, Process.WORKER, "one@here", queues="calls,long,preparing,quick", at=now)
    status, said = ready(visitor, deep=True)
    assert (status, said["standstill"]) == (
        503,
        [
            "The periodic dispatch has not run for 7 minutes.",
            "The scheduler has not been seen for 0 minutes.",
            "No worker is running for: sending.",
        ],
    )
    figures = visitor.get("/metrics").text
    assert "regulars_ready 1.0" in figures
    assert 'regulars_heartbeat_age_seconds{part="sweeps"} 42' in figures
    let_all_beat(engine)
    assert ready(visitor, deep=True)[0] == 200


def test_index_that_is_missing_is_a_warning_of_the_deep_look(visitor: TestClient, engine: Engine) -> None:
    let_all_beat(engine)
    assert "warning" not in ready(visitor, deep=True)[1]
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_logins_user_id")
    status, said = ready(visitor, deep=True)
    assert (status, said["ready"]) == (200, True)
    assert said["warning"].startswith("The database lacks indexes or foreign keys, which makes it slow or lax: ")
    assert "ix_logins_user_id" in said["warning"]
    assert ready(visitor) == (200, {"ready": True, "database": "current"})


def test_broker_that_is_down_is_reported(engine: Engine, tmp_path: Path) -> None:
    let_all_beat(engine)
    away = Settings(home=tmp_path / "home", secret=SECRET, broker_url=f"redis://127.0.0.1:{free_port()}")
    with TestClient(create_app(away, engine=engine), client=("127.0.0.1", 5)) as visitor:
        status, said = ready(visitor, deep=True)
        assert (status, said["standstill"]) == (503, [])
        assert said["broker"].startswith("The queue cannot be reached: ")
        assert "regulars_broker_up 0.0" in visitor.get("/metrics").text
        assert ready(visitor)[0] == 200


def let_all_beat(engine: Engine) -> None:
    with transaction(engine) as session:
        for part in (Process.SWEEPS, Process.SCHEDULER, Process.WORKER):
            heartbeats.beat(session, part, "here", queues=",".join(QUEUES), at=clock.now())


def test_console_says_that_work_stands_still_until_it_moves(app: FastAPI, visitor: TestClient, engine: Engine) -> None:
    with transaction(engine) as session:
        tea = make_shop(session, "tea", timezone="UTC", at=clock.now())
        users.add_user(session, "may@tea.example", shop=tea, role=Role.OWNER, password=PASSWORD, at=clock.now())
    sign_in(visitor, "may@tea.example")
    assert (
        "nothing is sent, imported or refreshed until it is running again" not in visitor.get("/shops/tea?lang=en").text
    )  # it has only just started
    app.state.readiness.grace = 0.0
    page = visitor.get("/shops/tea?lang=en").text
    assert "nothing is sent, imported or refreshed until it is running again" in page
    assert "No worker is running for: quick, sending, calls, preparing, long." in page
    let_all_beat(engine)
    assert (
        "nothing is sent, imported or refreshed until it is running again" not in visitor.get("/shops/tea?lang=en").text
    )


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("SELECT * FROM nowhere", DatabaseProblem.TABLES),
        ("SELECT shoe_size FROM shops", DatabaseProblem.TABLES),
        ("INSERT INTO shops (shoe_size) VALUES (1)", DatabaseProblem.TABLES),
        ("INSERT INTO shops DEFAULT VALUES", None),
        ("SELECT 1 +", None),
    ],
)
def test_database_error_is_reported_by_its_kind(
    engine: Engine, statement: str, problem: DatabaseProblem | None
) -> None:
    assert problem_in(engine, statement) is problem


def test_full_and_damaged_files_and_locked_rows_are_distinguished(sqlite_url: str, tmp_path: Path) -> None:
    full = open_engine(sqlite_url)
    event.listen(full, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    assert problem_in(full, "CREATE TABLE large AS SELECT zeroblob(10000000) AS value") is DatabaseProblem.FULL
    (tmp_path / "damaged.db").write_bytes(b"no database at all, but long enough to be taken for one" * 40)
    assert problem_in(open_engine(f"sqlite:///{tmp_path / 'damaged.db'}"), "SELECT 1") is DatabaseProblem.DAMAGED
    assert problem_in(open_engine(f"sqlite:///{tmp_path}/no/such.db"), "SELECT 1") is DatabaseProblem.AWAY
    hasty = create_engine(sqlite_url, connect_args={"timeout": 0}, poolclass=pool.NullPool)
    with transaction(open_engine(sqlite_url)) as session:
        session.connection()
        assert problem_in(hasty, "DELETE FROM shops") is DatabaseProblem.BUSY


@pytest.mark.postgres
def test_refusals_of_a_server_are_distinguished(postgresql_url: str) -> None:
    away = create_engine(f"postgresql+psycopg://127.0.0.1:{free_port()}/regulars")
    assert problem_in(away, "SELECT 1") is DatabaseProblem.AWAY
    nowhere = make_url(postgresql_url).set(database="nowhere")
    assert problem_in(create_engine(nowhere), "SELECT 1") is DatabaseProblem.DENIED
    patient = create_engine(postgresql_url, poolclass=pool.NullPool)
    assert problem_in(patient, "SET LOCAL statement_timeout = 20; SELECT pg_sleep(9)") is DatabaseProblem.BUSY
    assert problem_in(patient, "SET LOCAL transaction_read_only = on; DELETE FROM shops") is DatabaseProblem.READ_ONLY


def problem_in(engine: Engine, statement: str) -> DatabaseProblem | None:
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
        return database_problem(error)
    raise AssertionError(statement)
