"""The ground the suite stands on: real servers, a real browser, and no way out of this machine."""

import shutil
import socket
from datetime import UTC, datetime

import psycopg
import pytest
import redis
import sqlalchemy as sa
from playwright.sync_api import Error
from pytest_socket import SocketConnectBlockedError
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from retention.database import transaction
from tests.factories import make_shop


def greet(_request):
    return HTMLResponse("<title>Hello</title><script>document.title += ` ${navigator.language}`</script>")


@pytest.fixture
def greeting(served):
    return served(Starlette(routes=[Route("/", greet)]))


def test_each_test_begins_with_empty_migrated_tables(engine):
    with transaction(engine) as session:
        assert session.scalar(sa.text("SELECT count(*) FROM shops")) == 0
        assert session.scalar(sa.text("SELECT count(*) FROM alembic_version")) == 1


def add_shop(engine):
    with transaction(engine) as session:
        return make_shop(session, "tea", timezone="UTC", at=datetime.now(UTC)).id


def shops_in(engine):
    with transaction(engine) as session:
        return session.scalar(sa.text("SELECT count(*) FROM shops"))


def test_sqlite_engine_that_is_kept_finds_nothing_of_the_test_before(sqlite_template, kept_sqlite, tmp_path):
    for number in (1, 2):
        heard = []
        with kept_sqlite.at(shutil.copy(sqlite_template, tmp_path / f"{number}.db")) as engine:
            sa.event.listen(engine, "commit", heard.append)
            assert (shops_in(engine), add_shop(engine), len(heard)) == (0, 1, 2)


def test_rows_without_an_order_come_in_another_than_they_were_written(engine):
    with transaction(engine) as session:
        session.execute(sa.text("CREATE TEMPORARY TABLE letters (letter TEXT)"))
        session.execute(sa.text("INSERT INTO letters VALUES ('b'), ('a'), ('c')"))
        read = sa.text("SELECT letter FROM letters")
        assert "".join(session.scalars(read)) == "".join(session.scalars(read).all()) == "cab"
        assert session.scalars(read).first() == "c"
        assert "".join(session.scalars(sa.text("SELECT letter FROM letters ORDER BY letter"))) == "abc"


@pytest.mark.postgres
def test_postgresql_that_is_kept_begins_again_whatever_a_test_left(kept_postgresql):
    held = []

    def damaged(statement):
        with kept_postgresql.empty() as url, kept_postgresql.engine() as engine:
            heard = []
            sa.event.listen(engine, "commit", heard.append)
            assert (shops_in(engine), add_shop(engine), len(heard)) == (0, 1, 2)
            with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
                connection.execute(statement)
            left = psycopg.connect(url.replace("+psycopg", ""))
            left.execute("UPDATE shops SET name = 'held'")  # a transaction that nobody ends
            held.append(left)
            return url

    urls = [damaged("SELECT 1"), damaged("CREATE TEMP TABLE passing (id int)")]
    urls.append(damaged("UPDATE alembic_version SET version_num = 'none'"))
    urls += [damaged("DROP INDEX ix_memberships_user_id"), damaged("CREATE TABLE more (id int)")]
    assert urls[0] == urls[1] == urls[2]
    assert len(set(urls)) == 3  # made again where the tables had changed
    for connection in held:
        connection.close()
    with kept_postgresql.empty(), kept_postgresql.engine() as engine, engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
        counts = [f"SELECT count(*) AS rows FROM {name}" for name in tables if name != "alembic_version"]
        assert connection.scalar(sa.text(f"SELECT sum(rows) FROM ({' UNION ALL '.join(counts)}) AS each")) == 0
        used = "SELECT count(*) FROM pg_sequences WHERE last_value IS NOT NULL"
        assert connection.scalar(sa.text(used)) == 0
        assert "more" not in tables


def test_redis_answers_and_is_empty(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


@pytest.mark.browser
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_browser_speaks_the_language_asked_for(greeting, browse, locale):
    assert browse(greeting, locale=locale).title() == f"Hello {locale}"


@pytest.mark.browser
def test_browser_finds_no_other_host(browser):
    page = browser.new_page()
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://example.com/")
    page.close()


def test_no_test_reaches_another_host():
    with socket.socket() as outgoing, pytest.raises((SocketConnectBlockedError, UserWarning), match=r"192\.0\.2\.1"):
        outgoing.connect(("192.0.2.1", 80))
