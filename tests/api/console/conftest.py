"""The sample shop behind the console. Pages are tested on SQLite: the use cases behind them are tested on both."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from retention.database import open_engine
from tests.api.console.doors import SignIn, doors_of, fill
from tests.api.console.signed_in import Console
from tests.databases import KeptSqlite


@pytest.fixture(scope="session")
def filled_shop(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample shop with its first segments, filled once and copied for each test."""
    path = tmp_path_factory.mktemp("filled") / "regulars.db"
    shutil.copy(sqlite_template, path)
    opened = open_engine(f"sqlite:///{path}")
    fill(opened)
    opened.dispose()
    return path


@pytest.fixture
def camellia(filled_shop: Path, tmp_path: Path, kept_sqlite: KeptSqlite) -> Iterator[Engine]:
    """The database of the sample shop."""
    with kept_sqlite.at(shutil.copy(filled_shop, tmp_path / "regulars.db")) as opened:
        yield opened


@pytest.fixture
def camellia_on_both(engine: Engine) -> Engine:
    """The same on either database, for pages whose answers the database counts itself."""
    fill(engine)
    return engine


@pytest.fixture
def sign_in(camellia: Engine, home: Path) -> SignIn:
    """Open the console as somebody: `sign_in("viewer", language="en")`."""
    return doors_of(camellia, home)


@pytest.fixture
def console(camellia: Engine, tmp_path: Path) -> Console:
    """The sample shop with a clock that tests turn."""
    return Console(camellia, tmp_path)
