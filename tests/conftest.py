"""What every test may ask for: a migrated database of its own on either server, Redis, a browser, a served application.

A test that takes `database_url`, `engine` or `session` runs twice: on SQLite and on PostgreSQL.
"""

import gc
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, expect, sync_playwright
from sqlalchemy import Engine
from sqlmodel import Session

from retention import migrate, passwords
from retention.queue import configure
from retention.settings import Settings, get_settings
from tests import servers
from tests.databases import KeptPostgresql, KeptSqlite, new_database
from tests.sign_in import CHEAP_HASHES

LONG = (
    "tests/api/test_demo.py",
    "tests/api/test_healing.py",
    "tests/api/test_logs.py",
    "tests/api/test_serve.py",
    "tests/campaigns/test_kill.py",
)
"""The modules whose tests start processes and wait for them, or play the demonstration."""


@pytest.fixture(autouse=True)
def _a_test_leaves_nothing_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that left a file, a socket or a connection open, and no other in which it would be found by chance.

    Searched is what was made since the last search: that takes a thousandth of a second. The name is the first of the
    fixtures of a test, so that it ends last.
    """
    yield
    request.node.funcargs.clear()
    gc.collect(1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """REGULARS_HOME of this test; what the person at this machine has set counts for none."""
    for name in [name for name in os.environ if name.startswith("REGULARS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    configure(Settings())  # what is sent to workers lands here: without a queue each task would wait for a server
    yield tmp_path / "home"
    get_settings.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _hashes_are_cheap() -> Iterator[None]:
    """Hashing takes long on purpose; `tests/retention/test_passwords.py` holds how long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hashes", CHEAP_HASHES)
        yield


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
def kept_postgresql(postgresql_server: str) -> Iterator[KeptPostgresql]:
    """The database this worker keeps, and its engine."""
    kept = KeptPostgresql(postgresql_server)
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def kept_sqlite(tmp_path_factory: pytest.TempPathFactory) -> KeptSqlite:
    """What this worker keeps of its engines for SQLite."""
    return KeptSqlite(tmp_path_factory.mktemp("kept") / "first.db")


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'regulars.db')}"


@pytest.fixture
def postgresql_url(kept_postgresql: KeptPostgresql) -> Iterator[str]:
    with kept_postgresql.empty() as url:
        yield url


@pytest.fixture
def sqlite_engine(sqlite_url: str, kept_sqlite: KeptSqlite) -> Iterator[Engine]:
    with kept_sqlite.at(Path(sqlite_url.removeprefix("sqlite:///"))) as opened:
        yield opened


@pytest.fixture
def postgresql_engine(postgresql_url: str, kept_postgresql: KeptPostgresql) -> Iterator[Engine]:
    with kept_postgresql.engine() as opened:
        yield opened


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database: once on SQLite, once on PostgreSQL."""
    address: str = request.getfixturevalue(f"{request.param}_url")
    return address


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table: once on SQLite, once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new folder' / 'bare 100%.db'}"
        return
    with new_database(request.getfixturevalue("postgresql_server")) as address:
        yield address


@pytest.fixture
def engine(request: pytest.FixtureRequest, database_url: str) -> Engine:
    opened: Engine = request.getfixturevalue(f"{database_url.partition('+')[0].partition(':')[0]}_engine")
    return opened


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """One transaction around the whole test, which leaves nothing behind.

    What other sessions shall see goes into `transaction(engine)` instead.
    """
    with Session(engine, expire_on_commit=False) as opened, opened.begin() as whole:
        yield opened
        opened.flush()
        whole.rollback()


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


class KeptBrowser:
    """Headless Chromium that finds no host but this one, open from one test that asks for it to the next."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._browser: Browser | None = None

    def open(self) -> Browser:
        if self._browser is None:
            expect.set_options(timeout=30_000)  # a machine under load is no failure of the page
            playwright = self._open.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(executable_path=servers.chromium_program(), args=_FLAGS)
            self._open.callback(self._browser.close)
        return self._browser

    def close(self) -> None:
        self._open.close()
        self._browser = None


_FLAGS = [
    "--no-sandbox",  # needs a kernel permission that root in a container lacks; it opens our own pages only
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what waits for processes first and the tests with a browser last, so that it is started once.

    Else the order stays random. What waits at the end would keep one worker while the others have nothing left.
    """
    items.sort(key=lambda item: (not item.nodeid.startswith(LONG), _has_browser(item)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of every later search for garbage: such searches took a quarter of the suite."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _has_browser(item: pytest.Item) -> bool:
    return item.get_closest_marker("browser") is not None


@pytest.fixture(scope="session")
def kept_browser() -> Iterator[KeptBrowser]:
    kept = KeptBrowser()
    yield kept
    kept.close()


@pytest.fixture(autouse=True)
def _no_browser_beside(request: pytest.FixtureRequest, kept_browser: KeptBrowser) -> None:
    """While Playwright is open, no other test of the process can run an event loop."""
    if not _has_browser(request.node):
        kept_browser.close()


@pytest.fixture
def browser(request: pytest.FixtureRequest, kept_browser: KeptBrowser) -> Browser:
    assert _has_browser(request.node), "this test is to be marked with pytest.mark.browser"
    return kept_browser.open()


@pytest.fixture
def browse(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a fresh window: `browse(address, locale="zh-CN", width=1280, height=800) -> Page`.

    `cookies` are what the window has kept, `hear` what it tells its console to, `routes` who answers which requests:
    they stand before the page opens, since Chromium may let a request of an open page past a route set then. An error
    in a page's script, or a file it misses, fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(
        address: str,
        *,
        locale: str = "en",
        width: int = 1280,
        height: int = 800,
        cookies: Mapping[str, str] | None = None,
        hear: Callable[[ConsoleMessage], None] | None = None,
        routes: Mapping[str, Callable[[Route], None]] | None = None,
    ) -> Page:
        window = browser.new_context(locale=locale, viewport={"width": width, "height": height})
        contexts.append(window)
        home = "/".join(address.split("/")[:3]) + "/"  # a cookie goes where its address leads, and below
        window.add_cookies([{"name": name, "value": kept, "url": home} for name, kept in (cookies or {}).items()])
        window.set_default_timeout(60_000)
        for pattern, answer in (routes or {}).items():
            window.route(pattern, answer)
        page = window.new_page()
        if hear:
            page.on("console", hear)
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
