"""The web application as any visitor meets it: languages, headers, refusals, signing in, and when a commit happens."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from api import forms
from api.deps import CurrentMember, Now, Place, Writing, current_place, require
from retention import users
from retention.access import Member, Role, Scope
from retention.database import reading, transaction
from retention.errors import Conflict
from retention.logins import Login
from retention.settings import Settings
from retention.shops import Shop
from tests.apps import create_app
from tests.factories import make_shop
from tests.sign_in import sign_in, token_of

NOON = datetime(2026, 5, 20, 4, tzinfo=UTC)
PASSWORD = "seven green kettles"
KEY = "for the tests only, of 32 bytes or more"


@pytest.fixture
def app(engine: Engine, tmp_path: Path) -> FastAPI:
    with transaction(engine) as session:
        tea = make_shop(session, "tea", at=NOON)
        make_shop(session, "pots", at=NOON)
        users.add_user(session, "may@tea.example", shop=tea, role=Role.WAREHOUSE, password=PASSWORD, at=NOON)
    settings = Settings(home=tmp_path, public_url="https://r.example.cn", secret=KEY)
    made = create_app(settings, engine=engine, now=lambda: made.state.moment)
    made.state.moment = NOON
    _add_probes(made)
    return made


Inside = Annotated[Place, Depends(current_place)]


def _add_probes(app: FastAPI) -> None:
    """Pages of the kinds the console has."""

    @app.get("/shops/{slug}/probe")
    def show(place: Inside, member: CurrentMember) -> str:
        return f"{place.shop.slug} {member.role}"

    @app.post("/shops/{slug}/rename")
    def rename(session: Writing, place: Inside, at: Now) -> str:
        session.get_one(Shop, place.shop.id).name = "Renamed"
        return at.isoformat()

    @app.get("/shops/{slug}/owners")
    def owners(member: Annotated[Member, require(Scope.PEOPLE_WRITE)]) -> str:
        return member.actor

    @app.get("/api/v1/refuse")
    def refuse() -> None:
        raise Conflict("{code} is used up.", code="7K3M")

    @app.get("/fail")
    def fail() -> None:
        raise ZeroDivisionError


@pytest.fixture
def visitor(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="https://r.example.cn", follow_redirects=False, raise_server_exceptions=False) as one:
        yield one


@pytest.fixture
def may(visitor: TestClient) -> TestClient:
    """The warehouse's May, signed in."""
    sign_in(visitor, "may@tea.example")
    return visitor


def test_the_commit_stands_before_the_response_leaves(app: FastAPI, engine: Engine) -> None:
    order: list[str] = []
    event.listen(engine, "commit", lambda _connection: order.append("commit"))

    @app.post("/api/v1/probe")
    def write(session: Writing) -> str:
        session.exec(select(Shop.id)).all()
        order.append("endpoint")
        return "done"

    async def note_start(scope: Any, receive: Any, send: Any) -> None:
        async def noted(message: Any) -> None:
            if message["type"] == "http.response.start":
                order.append("response")
            await send(message)

        await app(scope, receive, noted)

    with TestClient(note_start) as client:
        order.clear()
        client.post("/api/v1/probe")
    assert order == ["endpoint", "commit", "response"]


def test_a_commit_that_fails_is_not_answered_with_success(app: FastAPI, engine: Engine) -> None:
    @app.post("/api/v1/twice")
    def write_twice(session: Writing) -> str:
        now = app.state.now()
        session.add(Shop(slug="tea", name="Again", timezone="UTC", currency="CNY", created_at=now))
        return "done"

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.post("/api/v1/twice")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"


def test_signing_in_opens_the_shop_and_signing_out_closes_it(visitor: TestClient, engine: Engine) -> None:
    typed, may = {"email": "may@tea.example", "password": PASSWORD, "next": "/shops/tea/probe"}, visitor
    answer = may.post("/login", data=typed)
    assert (answer.status_code, answer.headers["location"]) == (303, "/shops/tea/probe")
    assert may.get("/shops/tea/probe").json() == "tea warehouse"
    secret = may.cookies["regulars_login"]
    assert may.post("/logout", data={"csrf": token_of(may)}).headers["location"] == "/login"
    may.cookies.set("regulars_login", secret)
    assert may.get("/shops/tea/probe").status_code == 303
    with reading(engine) as session:
        assert session.exec(select(Login)).all() == []


def test_the_login_cookie_is_kept_from_scripts_and_from_plain_http(visitor: TestClient) -> None:
    answer = visitor.post("/login", data={"email": "may@tea.example", "password": PASSWORD})
    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("regulars_login="))
    assert {"HttpOnly", "SameSite=lax", "Secure"} <= set(cookie.split("; "))


def test_signing_in_never_leads_to_another_site(visitor: TestClient) -> None:
    for address in ("https://evil.example/", "//evil.example", "/\\evil.example", "evil"):
        answer = visitor.post("/login", data={"email": "may@tea.example", "password": PASSWORD, "next": address})
        assert answer.headers["location"] == "/", address


def test_who_is_not_signed_in_is_led_to_the_login_page_and_back(visitor: TestClient) -> None:
    answer = visitor.get("/shops/tea/probe?day=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/shops/tea/probe%3Fday%3D3")
    assert 'value="/shops/tea/probe?day=3"' in visitor.get(answer.headers["location"]).text


def test_another_shop_answers_like_a_shop_that_does_not_exist(may: TestClient) -> None:
    others, unknown = may.get("/shops/pots/probe"), may.get("/shops/nowhere/probe")
    assert (others.status_code, unknown.status_code) == (404, 404)
    assert others.text == unknown.text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Your role does not allow this: manage users and API keys. Ask the shop&#39;s owner for access."),
        ("zh-CN", "您的角色无权执行此操作：管理成员和 API 密钥。请向店主申请权限。"),
    ],
)
def test_a_role_without_the_right_is_refused_in_words(may: TestClient, language: str, said: str) -> None:
    answer = may.get("/shops/tea/owners", params={"lang": language})
    assert answer.status_code == 403
    assert said in answer.text
    assert "people:write" not in answer.text


def test_a_form_without_the_logins_token_changes_nothing(may: TestClient, engine: Engine) -> None:
    for data in ({}, {"csrf": "wrong"}, {"csrf": "錯"}):
        assert may.post("/shops/tea/rename", data=data).status_code == 403
    with reading(engine) as session:
        assert session.exec(select(Shop.name).where(Shop.slug == "tea")).one() == "Tea"
    assert may.post("/shops/tea/rename", headers={"X-CSRF-Token": token_of(may)}).json() == NOON.isoformat()
    with reading(engine) as session:
        assert session.exec(select(Shop.name).where(Shop.slug == "tea")).one() == "Renamed"


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://r.example.cn"}, False),
        ({"origin": "https://r.example.cn"}, False),
        ({}, False),
    ],
)
def test_a_form_from_another_site_is_refused(headers: dict[str, str], foreign: bool) -> None:  # noqa: FBT001
    sent = {"host": "r.example.cn"} | headers
    assert forms.is_cross_site("POST", sent, "https://r.example.cn") is foreign
    assert not forms.is_cross_site("GET", sent, "https://r.example.cn")


def test_a_login_sent_from_another_site_signs_nobody_in(visitor: TestClient, engine: Engine) -> None:
    sent = {"email": "may@tea.example", "password": PASSWORD}
    assert visitor.post("/login", data=sent, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    with reading(engine) as session:
        assert session.exec(select(Login)).all() == []


def test_programs_get_problem_details(visitor: TestClient) -> None:
    answer = visitor.get("/api/v1/refuse")
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said.pop("request_id") == answer.headers["x-request-id"]
    assert said == {
        "type": "about:blank",
        "title": "Conflict with the current state",
        "status": 409,
        "detail": "7K3M is used up.",
    }


def test_people_get_a_page_that_names_no_internals(visitor: TestClient) -> None:
    answer = visitor.get("/fail")
    assert answer.status_code == 500
    assert "Internal error" in answer.text
    assert "ZeroDivisionError" not in answer.text


def test_every_answer_carries_the_strict_headers(visitor: TestClient) -> None:
    for address in ("/login", "/nowhere", "/fail", "/api/v1/refuse"):
        headers = visitor.get(address).headers
        assert headers["content-security-policy"].startswith("default-src 'self';"), address
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert visitor.get("/login").headers["strict-transport-security"] == "max-age=31536000"


def test_a_body_without_end_is_refused_while_it_comes(visitor: TestClient) -> None:
    def flood() -> Iterator[bytes]:
        for _ in range(200):
            yield b"email=" + b"x" * 1000

    answer = visitor.post("/login", content=flood(), headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 413


def test_the_language_is_the_one_asked_for_then_the_one_chosen_then_the_browsers(visitor: TestClient) -> None:
    def language(address: str, accept: str) -> str:
        return visitor.get(address, headers={"Accept-Language": accept}).headers["content-language"]

    assert language("/login", "de, zh-TW;q=0.9, en;q=0.8") == "zh-CN"
    assert language("/login", "de") == "en"
    assert language("/login?lang=zh-CN", "en") == "zh-CN"
    assert language("/login", "en") == "zh-CN"


def test_a_running_installation_says_it_is_well(visitor: TestClient) -> None:
    assert [visitor.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


def test_an_installation_with_old_tables_says_it_is_not_ready(visitor: TestClient, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    answer = visitor.get("/readyz")
    said = "The database is at revision 0001 and needs: regulars db upgrade"
    assert (answer.status_code, answer.json()["database"]) == (503, said)


def test_an_installation_whose_tables_are_not_those_of_its_revision_says_what_lacks(
    visitor: TestClient, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users DROP COLUMN password_hash")
    answer = visitor.get("/readyz")
    assert answer.status_code == 503
    assert "at the newest revision and yet lacks users.password_hash" in answer.json()["database"]
    page = visitor.post("/login", data={"email": "may@example.com", "password": "no matter"})
    assert page.status_code == 503
    assert "lacks a table or column" in page.text
    assert "regulars db upgrade" in page.text
    assert "try again in a moment" not in page.text
    assert "retry-after" not in page.headers


def test_metrics_are_shown_to_this_machine_only(app: FastAPI) -> None:
    with TestClient(app, client=("127.0.0.1", 5)) as here, TestClient(app, client=("203.0.113.5", 5)) as elsewhere:
        assert "python_info" in here.get("/metrics").text
        assert elsewhere.get("/metrics").status_code == 404
        assert here.get("/metrics", headers={"X-Forwarded-For": "203.0.113.5"}).status_code == 404


def test_sessions_are_given_back_when_an_endpoint_fails(visitor: TestClient, engine: Engine) -> None:
    for _ in range(20):
        visitor.get("/api/v1/refuse")
    with Session(engine) as session:
        assert session.exec(select(Shop.slug).order_by(Shop.slug)).all() == ["pots", "tea"]
