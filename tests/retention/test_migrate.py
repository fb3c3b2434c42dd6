"""Migrations: every database arrives at the tables the code declares, and survives what may happen on the way."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

import api.tables
from retention import migrate
from retention.database import open_engine

ROOT = Path(__file__).resolve().parents[2]
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([api.tables.__name__])  # they begin together, with all loaded


def tables(url: str) -> set[str]:
    engine = open_engine(url)
    try:
        return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_upgrade_makes_every_declared_table_and_down_and_up_ends_there_again(bare_url):
    with migrate.connect(bare_url) as connection:
        assert not migrate.is_current(connection)
    migrate.upgrade(bare_url)
    with migrate.connect(bare_url) as connection:
        assert migrate.is_current(connection)
    assert tables(bare_url) == set(SQLModel.metadata.tables)
    migrate.downgrade(bare_url)
    assert tables(bare_url) == set()
    migrate.upgrade(bare_url)
    assert tables(bare_url) == set(SQLModel.metadata.tables)


def test_models_and_migrations_agree(database_url):
    command.check(migrate.configuration(database_url))


def test_there_is_one_newest_migration():
    assert len(ScriptDirectory.from_config(migrate.configuration()).get_heads()) == 1


def test_two_processes_may_upgrade_at_once(bare_url):
    processes = [_processes.Process(target=migrate.upgrade, args=(bare_url,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert tables(bare_url) == set(SQLModel.metadata.tables)


def test_migrations_are_found_beside_the_packages_of_a_checkout():
    assert migrate.folder() == ROOT / "alembic"


def test_no_listed_revision_was_edited_and_none_is_unlisted():
    program = [sys.executable, str(ROOT / "scripts" / "revisions.py"), "--check"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
