"""Bodies: how much is read of them, from whom, and how long the rest is waited for."""

import asyncio
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from api import forms, request_bodies
from api.middleware import Guard
from retention import keys, tokens, users
from retention.access import Role, Scope
from retention.database import transaction
from retention.logins import Login
from retention.settings import Settings
from retention.shops import find_shop
from tests.apps import create_app
from tests.factories import make_shop

NOON = datetime(2026, 5, 20, 4, tzinfo=UTC)
SITE = "https://r.example.cn"
SECRET = "for this test only, and long enough"
MEGABYTE = 1_000_000


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """Nothing here asks the database more than who somebody is."""
    with transaction(sqlite_engine) as session:
        for slug in ("tea", "pots"):
            make_shop(session, slug, name=slug, at=NOON)
    return sqlite_engine


@pytest.fixture
def app(engine: Engine, tmp_path: Path) -> FastAPI:
    return create_app(Settings(home=tmp_path, public_url=SITE, secret=SECRET), engine=engine, now=lambda: NOON)


@pytest.fixture
def enter(engine: Engine) -> Callable[[Role], dict[str, str]]:
    """Sign somebody of the tea shop in; return what their browser sends with each request."""

    def run(role: Role) -> dict[str, str]:
        with transaction(engine) as session:
            tea = find_shop(session, "tea")
            user = users.add_user(
                session, f"{role}@tea.example", shop=tea, role=role, password="seven green kettles", at=NOON
            )
            session.flush()
            secret = tokens.new_secret()
            later = NOON.replace(year=2027)
            session.add(Login(digest=tokens.digest(secret), user_id=user.id, created_at=NOON, expires_at=later))
        return {"Cookie": f"{forms.LOGIN_COOKIE}={secret}", forms.HEADER: forms.token_for(SECRET.encode(), secret)}

    return run


def form_of(size: int) -> bytes:
    """A form with an order file of so many bytes."""
    field = b'--x\r\nContent-Disposition: form-data; name="'
    return b"".join(
        [field, b'kind"\r\n\r\norders\r\n', field, b'file"; filename="o.csv"\r\n\r\n', b"a" * size, b"\r\n--x--\r\n"]
    )


def asked_of(app: FastAPI, path: str, body: bytes | int, headers: dict[str, str] | None = None) -> tuple[int, int]:
    """POST a body, or one of so many bytes, as a server hands it on; return the status and how many were asked for."""
    content = body if isinstance(body, bytes) else form_of(body)
    given, statuses = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal given
        piece = content[given : given + 50_000]
        given += len(piece)
        return {"type": "http.request", "body": piece, "more_body": given < len(content)}

    async def send(message: dict[str, Any]) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    sent = {
        "Host": "r.example.cn",
        "Content-Type": "multipart/form-data; boundary=x",
        "Origin": SITE,
        **(headers or {}),
    }
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode()}
    scope |= {"query_string": b"", "scheme": "https", "client": ("203.0.113.5", 5), "server": ("r.example.cn", 443)}
    scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
    asyncio.run(app(scope, receive, send))
    return statuses[0], given


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/shops/tea/imports", 401),
        ("/shops/nowhere/imports", 401),
        ("/shops/tea/flyers", 401),
        ("/shops/tea/rename", 404),
        ("/api/v1/orders", 401),
        ("/api/v1/nothing", 404),
        ("/login", 413),
        ("/u/abc", 413),
        ("/Q/7K3M", 405),
        ("/nowhere", 404),
    ],
)
def test_no_more_than_a_small_form_is_read_from_a_stranger(app: FastAPI, path: str, status: int) -> None:
    answer, given = asked_of(app, path, 5 * MEGABYTE)
    assert (answer, given <= request_bodies.SMALL + 50_000) == (status, True)


def test_login_changes_nothing_for_addresses_that_take_small_forms(
    app: FastAPI, enter: Callable[[Role], dict[str, str]]
) -> None:
    assert asked_of(app, "/login", 5 * MEGABYTE, enter(Role.OWNER)) == (413, 150_000)


def test_large_bodies_are_read_at_the_import_address_from_those_who_may_import(
    app: FastAPI, enter: Callable[[Role], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_address = (
        (request_bodies.IMPORTS, 9 * MEGABYTE),
        (request_bodies.MOST_BYTES[1][0], 2 * MEGABYTE),
        *request_bodies.MOST_BYTES[2:],
    )
    monkeypatch.setattr(request_bodies, "MOST_BYTES", by_address)
    owner, viewer = enter(Role.OWNER), enter(Role.VIEWER)
    form = form_of(5 * MEGABYTE)
    assert asked_of(app, "/shops/tea/imports", form, owner) == (303, len(form))
    assert asked_of(app, "/shops/tea/imports", form, viewer) == (401, 150_000)
    assert asked_of(app, "/shops/tea/imports", 40 * MEGABYTE, owner)[0] == 413
    assert asked_of(app, "/shops/pots/imports", 40 * MEGABYTE, owner) == (401, 150_000)
    assert asked_of(app, "/shops/tea/flyers", 40 * MEGABYTE, owner)[0] == 413


def test_key_that_is_known_may_send_what_its_address_takes(app: FastAPI, engine: Engine) -> None:
    with transaction(engine) as session:
        tea = find_shop(session, "tea")
        key = keys.create_api_key(session, tea, name="till", scopes=frozenset({Scope.ORDERS_WRITE}), at=NOON)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    status, given = asked_of(app, "/api/v1/orders", 5 * MEGABYTE, headers)
    assert (status, given > 5 * MEGABYTE) == (422, True)
    status, given = asked_of(app, "/api/v1/orders", 40 * MEGABYTE, headers)
    assert (status, given < 11 * MEGABYTE) == (413, True)


@pytest.mark.parametrize(("path", "status"), [("/login", 413), ("/shops/tea/imports", 401), ("/api/v1/orders", 401)])
def test_body_announced_as_too_large_is_refused_unread(app: FastAPI, path: str, status: int) -> None:
    assert asked_of(app, path, 5 * MEGABYTE, {"Content-Length": str(5 * MEGABYTE)}) == (status, 0)


def test_body_that_stops_half_way_is_given_up_and_holds_nobody_up(
    app: FastAPI, served: Callable[[object], str]
) -> None:
    impatient = Guard(app, public_url=SITE, patience=0.3)
    address = urlsplit(served(impatient))
    form = "Content-Type: application/x-www-form-urlencoded"
    head = f"POST /login HTTP/1.1\r\nHost: here\r\n{form}\r\nContent-Length: 90\r\n\r\n"
    waiting = [socket.create_connection((address.hostname, address.port), timeout=10) for _ in range(45)]
    for each in waiting:
        each.sendall(f"{head}email=may".encode())
    begun = time.monotonic()
    answers = {each.recv(100).split(b"\r\n")[0] for each in waiting}
    for each in waiting:
        each.close()
    assert answers == {b"HTTP/1.1 408 Request Timeout"}
    assert time.monotonic() - begun < request_bodies.FIRST_SECONDS


PART = b'--x\r\nContent-Disposition: form-data; name="'
WHOLE = PART + b'kind"\r\n\r\norders\r\n' + PART + b'file"; filename="o.csv"\r\n\r\norder_id,buyer_id\r\n1,2\r\n'


@pytest.mark.parametrize(
    "path", ["/shops/tea/imports", "/shops/tea/imports/1/start", "/shops/tea/nowhere", "/login", "/nowhere"]
)
def test_files_of_any_request_are_closed_when_it_is_answered(
    app: FastAPI, enter: Callable[[Role], dict[str, str]], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    opened: list[Any] = []

    def spooled(**options: Any) -> Any:
        opened.append(SpooledTemporaryFile(**options))  # noqa: SIM115 - who reads the form closes it
        return opened[-1]

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", spooled)
    headers = enter(Role.OWNER)
    for sent in (headers, {**headers, forms.HEADER: "forged"}, {"Cookie": headers["Cookie"]}):
        for body in (WHOLE + b"--x--\r\n", WHOLE, WHOLE[:-30]):
            asked_of(app, path, body, {"Referer": f"{SITE}/shops/tea/imports", **sent})
    assert [each for each in opened if not each.closed] == []


@pytest.mark.parametrize(
    ("end", "status"),
    [(b"--x--\r\n", 303), (b"--x--", 303), (b"--x--\r\n" + b" " * 3_000, 303), (b"", 400), (b"--x", 400)],
)
def test_upload_without_its_end_is_refused(
    app: FastAPI, enter: Callable[[Role], dict[str, str]], end: bytes, status: int
) -> None:
    """The parser of forms would take the last part for one that was never sent."""
    assert asked_of(app, "/shops/tea/imports", WHOLE + end, enter(Role.OWNER))[0] == status
