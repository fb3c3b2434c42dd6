"""What every test may ask for: a migrated database of its own on either server, Redis, a browser, a served application.

A test that takes `database_url`, `engine` or `session` runs twice: on SQLite and on PostgreSQL.
"""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright
from sqlalchemy import Engine
from sqlmodel import Session

from retention import migrate
from retention.database import open_engine, transaction
from retention.settings import get_settings
from tests import servers

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """REGULARS_HOME of this test; what the person at this machine has set counts for none."""
    for name in [name for name in os.environ if name.startswith("REGULARS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield tmp_path / "home"
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real order files kept beside the repository, never in it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real files are not here: {folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a server, with `{}` where the name of a database goes."""
    with servers.postgresql() as address:
        yield address


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    """The name of a migrated PostgreSQL database to copy."""
    _on_server(postgresql_server, "CREATE DATABASE template_migrated")
    migrate.upgrade(postgresql_server.format("template_migrated"))
    return "template_migrated"


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'regulars.db')}"


@pytest.fixture
def postgresql_url(postgresql_server: str, postgresql_template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _on_server(postgresql_server, f"CREATE DATABASE {name} TEMPLATE {postgresql_template}")
    yield postgresql_server.format(name)
    _on_server(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of this test's own: once on SQLite, once on PostgreSQL."""
    address: str = request.getfixturevalue(f"{request.param}_url")
    return address


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """One transaction around the whole test. What other sessions shall see goes into `transaction(engine)` instead."""
    with transaction(engine) as opened:
        yield opened


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with servers.redis_server() as address:
        yield address


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis database."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return f"{redis_server}/0"


@pytest.fixture
def served() -> Iterator[Callable[[Any], str]]:
    """Serve an ASGI application on a free loopback port until the test ends: `served(app) -> address`."""
    with ExitStack() as running:
        yield lambda app: running.enter_context(servers.web_server(app))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium that finds no host but this one.

    Per module and not per session: while Playwright is open, no other test of the process can run an event loop.
    """
    flags = [
        "--no-sandbox",  # needs a kernel permission that root in a container lacks; it opens our own pages only
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    expect.set_options(timeout=30_000)  # a machine under load is no failure of the page
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=servers.chromium_program(), args=flags)
        yield opened
        opened.close()


@pytest.fixture
def browse(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a fresh window: `browse(address, locale="zh-CN", width=1280, height=800) -> Page`.

    An error in a page's script, or a file it misses, fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(address: str, *, locale: str = "en", width: int = 1280, height: int = 800) -> Page:
        window = browser.new_context(locale=locale, viewport={"width": width, "height": height})
        contexts.append(window)
        page = window.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("requestfailed", lambda asked: _is_left(asked) or complaints.append(f"{asked.url}: {asked.failure}"))
        page.on("response", lambda answer: answer.status >= 500 and complaints.append(f"{answer.url}: {answer.status}"))
        page.goto(address)
        return page

    yield open_page
    for window in contexts:
        window.close()
    assert complaints == []


def _is_left(asked: Request) -> bool:
    """Whether a request ended because its page was left, became a download, or a test took the network away."""
    return asked.failure in ("net::ERR_ABORTED", "net::ERR_INTERNET_DISCONNECTED")


def _on_server(address: str, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    address = address.format("postgres").replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)
