"""The ground the suite stands on: real servers, a real browser, and no way out of this machine."""

import socket

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


def greet(_request):
    return HTMLResponse("<title>Hello</title><script>document.title += ` ${navigator.language}`</script>")


@pytest.fixture
def greeting(served):
    return served(Starlette(routes=[Route("/", greet)]))


def test_each_test_begins_with_empty_migrated_tables(engine):
    with transaction(engine) as session:
        assert session.scalar(sa.text("SELECT count(*) FROM shops")) == 0
        assert session.scalar(sa.text("SELECT count(*) FROM alembic_version")) == 1


@pytest.mark.postgres
def test_postgresql_keeps_the_test_databases_apart(postgresql_url, postgresql_server):
    with psycopg.connect(postgresql_server.format("postgres").replace("+psycopg", "")) as connection:
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
    assert postgresql_url.partition("@/")[2].partition("?")[0] in names - {"template_migrated"}


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
