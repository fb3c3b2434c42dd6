"""Migrations: every database arrives at the tables the code declares, and survives what may happen on the way."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

import api.tables  # noqa: F401 -- every table
from retention import migrate
from retention.database import open_engine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new folder' / 'empty 100%.db'}"
    address = request.getfixturevalue("postgresql_url")
    migrate.downgrade(address)
    return address


def tables(url: str) -> set[str]:
    engine = open_engine(url)
    try:
        return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_upgrade_makes_every_declared_table(empty_url):
    migrate.upgrade(empty_url)
    assert tables(empty_url) == set(SQLModel.metadata.tables)


def test_up_down_up_ends_where_it_began(empty_url):
    migrate.upgrade(empty_url)
    migrate.downgrade(empty_url)
    assert tables(empty_url) == set()
    migrate.upgrade(empty_url)
    assert tables(empty_url) == set(SQLModel.metadata.tables)


def test_models_and_migrations_agree(database_url):
    command.check(migrate.configuration(database_url))


def test_there_is_one_newest_migration():
    assert len(ScriptDirectory.from_config(migrate.configuration()).get_heads()) == 1


def test_a_database_knows_whether_it_is_current(empty_url):
    with migrate.connect(empty_url) as connection:
        assert not migrate.is_current(connection)
    migrate.upgrade(empty_url)
    with migrate.connect(empty_url) as connection:
        assert migrate.is_current(connection)


def test_two_processes_may_upgrade_at_once(empty_url):
    program = [
        sys.executable,
        "-c",
        "import sys; from retention import migrate; migrate.upgrade(sys.argv[1])",
        empty_url,
    ]
    processes = [subprocess.Popen(program, cwd=ROOT) for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert tables(empty_url) == set(SQLModel.metadata.tables)


def test_migrations_are_found_beside_the_packages_of_a_checkout():
    assert migrate.folder() == ROOT / "alembic"


def test_no_listed_revision_was_edited_and_none_is_unlisted():
    program = [sys.executable, str(ROOT / "scripts" / "revisions.py"), "--check"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
