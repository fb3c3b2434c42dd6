"""Signing in as an attacker tries it: many at once, over several web processes, at accounts that are not there."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from sqlmodel import select

from api import hashing
from retention import logins, passwords, users
from retention.access import Role
from retention.database import reading, transaction
from retention.logins import Login
from retention.rate_limits import Attempts, Limit, give_back, left, network_of, take
from retention.settings import Settings
from tests.apps import create_app
from tests.factories import make_shop

NOON = datetime(2026, 5, 20, 4, tzinfo=UTC)
PASSWORD = "seven green kettles"
SITE = "https://r.example.cn"
MAY = "may@tea.example"


@pytest.fixture
def app(engine: Engine, tmp_path: Path) -> FastAPI:
    with transaction(engine) as session:
        tea = make_shop(session, "tea", at=NOON)
        users.add_user(session, MAY, shop=tea, role=Role.WAREHOUSE, password=PASSWORD, at=NOON)
        users.add_user(session, "new@tea.example", shop=tea, role=Role.VIEWER, password="", at=NOON)
    return web_process(engine, tmp_path)


def web_process(engine: Engine, home: Path) -> FastAPI:
    settings = Settings(home=home, public_url=SITE, secret="for the tests only, of 32 bytes or more")
    made = create_app(settings, engine=engine, now=lambda: made.state.moment)
    made.state.moment = NOON
    return made


@pytest.fixture
def visitor(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=SITE, follow_redirects=False, headers={"Accept-Language": "en"}) as one:
        yield one


def sign_in(visitor: TestClient, email: str, password: str = "wrong") -> int:
    return visitor.post("/login", data={"email": email, "password": password}).status_code


def test_of_many_tries_at_once_over_two_web_processes_as_many_are_made_as_one_address_may(
    app: FastAPI, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    monkeypatch.setattr("api.auth.fits", lambda password, _kept: compared.append(password) or False)
    monkeypatch.setattr(hashing, "MOST_WAITING", 1000)
    with ExitStack() as running, ThreadPoolExecutor(16) as crowd:
        doors = [
            running.enter_context(TestClient(made, base_url=SITE)) for made in (app, web_process(engine, tmp_path))
        ]
        tries = crowd.map(lambda number: sign_in(doors[number % 2], f"guess{number}@tea.example"), range(45))
        assert Counter(tries) == {401: 20, 429: 25}
    assert len(compared) == 20


def test_the_same_answer_for_every_address_whether_it_has_an_account_a_password_or_neither(
    visitor: TestClient, app: FastAPI, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "TRIES_OF_ACCOUNT", 1)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, text, *_: statements.append(text))
    seen = []
    for number, email in enumerate((MAY, "nobody@tea.example", "new@tea.example")):
        app.state.moment = NOON + timedelta(hours=number)
        for _ in range(2):
            statements.clear()
            answer = visitor.post("/login", data={"email": email, "password": "wrong"})
            seen.append((answer.status_code, answer.text.replace(email, ""), tuple(statements)))
    assert [status for status, *_ in seen] == [401, 429] * 3
    assert seen[:2] == seen[2:4] == seen[4:]


def test_a_stranger_who_guesses_closes_the_account_for_themselves_alone(app: FastAPI) -> None:
    with (
        TestClient(app, base_url=SITE, client=("203.0.113.9", 5)) as stranger,
        TestClient(app, base_url=SITE, client=("198.51.100.7", 5), follow_redirects=False) as may,
    ):
        assert [sign_in(stranger, MAY) for _ in range(8)] == [401] * 5 + [429] * 3
        assert sign_in(stranger, MAY.upper(), PASSWORD) == 429
        assert sign_in(may, MAY, PASSWORD) == 303
        app.state.moment = NOON + timedelta(minutes=16)
        assert sign_in(stranger, MAY) == 401


def test_who_signs_in_has_not_tried(visitor: TestClient) -> None:
    for _ in range(logins.TRIES_OF_ACCOUNT + 1):
        assert sign_in(visitor, MAY, PASSWORD) == 303


def test_no_transaction_is_open_while_a_password_is_compared(
    app: FastAPI, visitor: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare_while_another_writes(password: str, kept: str) -> bool:
        with transaction(engine) as session:
            users.add_user(
                session, f"{len(kept)}@pots.example",
                shop=make_shop(session, "pots", at=NOON),
                role=Role.OWNER, password="", at=NOON,
            )  # fmt: skip
        return passwords.fits(password, kept)

    monkeypatch.setattr("api.auth.fits", compare_while_another_writes)
    assert sign_in(visitor, MAY, PASSWORD) == 303


def test_a_crowd_beyond_what_can_wait_is_asked_to_retry(visitor: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "MOST_WAITING", 0)
    answer = visitor.post("/login", data={"email": MAY, "password": PASSWORD})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_logins_and_tries_that_are_over_are_removed(visitor: TestClient, engine: Engine) -> None:
    assert (sign_in(visitor, MAY, PASSWORD), sign_in(visitor, MAY)) == (303, 401)
    with transaction(engine) as session:
        logins.forget_old(session, NOON + timedelta(minutes=14))
        assert len(session.exec(select(Login)).all()) == 1
        assert len(session.exec(select(Attempts)).all()) == 2
        logins.forget_old(session, NOON + timedelta(days=14))
        assert session.exec(select(Login)).all() == session.exec(select(Attempts)).all() == []


def test_a_limit_counts_within_its_window_and_begins_again_after_it(engine: Engine) -> None:
    limit = Limit("pull", "somebody", most=2, window=timedelta(minutes=10))
    with transaction(engine) as session:
        assert [take(session, [limit], at=NOON) for _ in range(3)] == [None, None, timedelta(minutes=10)]
        assert left(session, [limit], at=NOON + timedelta(minutes=4)) == timedelta(minutes=6)
        give_back(session, [limit])
        give_back(session, [limit])
        assert left(session, [limit], at=NOON) is None
        assert take(session, [limit], at=NOON + timedelta(minutes=10)) is None
    with reading(engine) as session:
        assert session.exec(select(Attempts.count)).one() == 1


def test_addresses_of_one_line_count_as_one() -> None:
    assert network_of("2001:db8:1:2::5") == network_of("2001:db8:1:2:ffff::9") != network_of("2001:db8:1:3::5")
    assert (network_of("203.0.113.9"), network_of("testclient")) == ("203.0.113.9", "testclient")
    assert network_of("what:ever") == "what:ever"


@pytest.mark.parametrize(
    "password", ["password123", "may@tea.example", "qwertyuiop", "aaaaaaaaaaaaaaa", "short", "x" * 1001, "tea tea tea"]
)
def test_a_password_that_protects_nothing_is_refused(password: str) -> None:
    with pytest.raises(passwords.Invalid):
        passwords.hash_password(password, about=["may@tea.example", "May", "tea"])


def test_a_long_password_is_compared_to_its_last_letter() -> None:
    kept = passwords.hash_password("seven green kettles " * 10 + "one")
    assert passwords.fits("seven green kettles " * 10 + "one", kept)
    assert not passwords.fits("seven green kettles " * 10 + "two", kept)
    assert not passwords.fits("", passwords.NONE)
