"""People join, change and leave a shop: by links, on the pages, over the REST API. Nobody sees another's password."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from api import forms
from api.demo.post_office import open_post_office
from campaigns.channels.senders import SenderKind, create_sender
from retention import invitations, keys, users
from retention.access import ROLE_SCOPES, Member, Role, Scope, terminal_member
from retention.audit import AuditEntry
from retention.database import reading, transaction
from retention.errors import Conflict, Forbidden, NotFound
from retention.settings import Settings, get_settings
from retention.shops import Shop, find_shop
from retention.users import User
from tests.apps import create_app
from tests.factories import make_shop
from tests.sign_in import sign_in, token_of

NOON = datetime(2026, 5, 20, 4, tzinfo=UTC)
SITE = "https://r.example.cn"
KEY = "for the tests only, of 32 bytes or more"
PASSWORD = "seven green kettles"
OWNER, MAY = "owner@tea.example", "may@tea.example"

Open = Callable[[], TestClient]


@pytest.fixture
def app(sqlite_engine: Engine, tmp_path: Path) -> FastAPI:
    engine = sqlite_engine
    with transaction(engine) as session:
        fill(session)
    settings = Settings(home=tmp_path, public_url=SITE, secret=KEY)
    made = create_app(settings, engine=engine, now=lambda: made.state.moment)
    made.state.moment = NOON
    return made


def fill(session: Session) -> None:
    tea = make_shop(session, "tea", at=NOON)
    make_shop(session, "pots", at=NOON)
    for email, role in ((OWNER, Role.OWNER), (MAY, Role.MARKETER)):
        users.add_user(session, email, shop=tea, role=role, password=PASSWORD, at=NOON, name=email.split("@")[0])


@pytest.fixture
def browser(app: FastAPI) -> Open:
    return lambda: TestClient(app, base_url=SITE, follow_redirects=False, cookies={"regulars_language": "en"})


def signed_in(browser: Open, email: str) -> TestClient:
    client = browser()
    sign_in(client, email)
    client.headers[forms.HEADER] = token_of(client)
    return client


def link_in(page: str) -> str:
    found = re.search(r"/join/[\w-]{43}", page)
    assert found, page
    return found[0]


def number_of(app: FastAPI, email: str) -> int:
    with reading(app.state.engine) as session:
        return session.exec(select(User.id).where(User.email == email)).one()


def test_an_invited_person_chooses_a_password_and_is_in_once(app: FastAPI, browser: Open) -> None:
    owner = signed_in(browser, OWNER)
    page = owner.post("/shops/tea/people/invite", data={"email": "New@Tea.example", "role": "warehouse"}).text
    link, guest = link_in(page), browser()
    assert "invited" in owner.get("/shops/tea/people").text
    assert 'value="new@tea.example"' in guest.get(link).text
    assert guest.post(link, data={"name": "New", "password": "new@tea.example"}).status_code == 422
    joined = guest.post(link, data={"name": "New", "password": "eleven blue teapots"})
    assert (joined.status_code, joined.headers["location"]) == (303, "/shops/tea")
    assert guest.get("/shops/tea").status_code == 200
    for again in (guest.get(link), browser().post(link, data={"password": "twelve red saucers"})):
        assert (again.status_code, "This link is no longer valid" in again.text) == (404, True)
    again = browser()
    typed = {"email": "new@tea.example", "password": "eleven blue teapots"}
    assert again.post("/login", data=typed).headers["location"] == "/"
    assert again.get("/shops/tea/people").status_code == 403


def test_links_that_ended_answer_like_links_that_never_were(app: FastAPI, browser: Open) -> None:
    owner = signed_in(browser, OWNER)
    invite = {"email": "new@tea.example", "role": "viewer"}
    replaced = link_in(owner.post("/shops/tea/people/invite", data=invite).text)
    withdrawn = link_in(owner.post("/shops/tea/people/invite", data=invite).text)
    number = re.search(r"people/invitations/(\d+)/withdraw", owner.get("/shops/tea/people").text)
    assert number
    assert owner.post(f"/shops/tea/people/invitations/{number[1]}/withdraw").status_code == 303
    expired = link_in(owner.post("/shops/tea/people/invite", data=invite | {"email": "late@tea.example"}).text)
    app.state.moment = NOON + timedelta(days=7)
    unknown = "/join/" + "x" * 43
    answers = [browser().get(link) for link in (unknown, replaced, withdrawn, expired)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}


def test_an_account_joins_another_shop_as_itself_alone(app: FastAPI, browser: Open) -> None:
    with transaction(app.state.engine) as session:
        pots = find_shop(session, "pots")
        by = terminal_member(pots.id, "tests")
        _, secret = invitations.invite(session, pots, MAY, role=Role.VIEWER, by=by, at=NOON)
    link = f"/join/{secret}"
    assert "/login?next=" in browser().get(link).text
    assert browser().post(link, data={"password": "eleven blue teapots"}).status_code == 422
    assert signed_in(browser, OWNER).post(link).status_code == 409
    assert signed_in(browser, MAY).post(link).headers["location"] == "/shops/pots"
    with reading(app.state.engine) as session:
        may = session.exec(select(User).where(User.email == MAY)).one()
        assert [(shop.slug, role) for shop, role in users.shops_of_user(session, may)] == [
            ("pots", Role.VIEWER),
            ("tea", Role.MARKETER),
        ]


def test_a_lost_password_is_replaced_by_its_person_and_every_other_browser_is_out(app: FastAPI, browser: Open) -> None:
    owner, may = signed_in(browser, OWNER), signed_in(browser, MAY)
    link = link_in(owner.post(f"/shops/tea/people/{number_of(app, MAY)}/reset").text)
    assert may.get("/shops/tea").status_code == 200
    fresh = browser()
    assert fresh.post(link, data={"password": "eleven blue teapots"}).status_code == 303
    assert (may.get("/shops/tea").status_code, fresh.get("/shops/tea").status_code) == (303, 200)
    assert browser().post("/login", data={"email": MAY, "password": PASSWORD}).status_code == 401


def test_the_owner_of_one_shop_gets_no_way_into_another(app: FastAPI, browser: Open) -> None:
    with transaction(app.state.engine) as session:
        pots = find_shop(session, "pots")
        users.add_user(session, MAY, shop=pots, role=Role.OWNER, password="", at=NOON)
    answer = signed_in(browser, OWNER).post(f"/shops/tea/people/{number_of(app, MAY)}/reset")
    assert (answer.status_code, "/join/" in answer.text) == (409, False)


def test_a_removed_person_loses_open_pages_and_guests_at_once_and_keeps_their_name(app: FastAPI, browser: Open) -> None:
    owner, may = signed_in(browser, OWNER), signed_in(browser, MAY)
    number = number_of(app, MAY)
    assert owner.post(f"/shops/tea/people/{number}/role", data={"role": "owner"}).status_code == 303
    link = link_in(may.post("/shops/tea/people/invite", data={"email": "guest@tea.example", "role": "owner"}).text)
    assert browser().get(link).status_code == 200
    assert owner.post(f"/shops/tea/people/{number}/remove").status_code == 303
    assert (may.get("/shops/tea").status_code, may.post("/shops/tea/people/keys").status_code) == (404, 404)
    polled = may.get("/shops/tea", headers={"HX-Request": "true"})
    assert (polled.status_code, polled.headers["HX-Redirect"]) == (404, "/")
    assert browser().get(link).status_code == 404
    with reading(app.state.engine) as session:
        assert session.get_one(User, number).name == "may"


def test_the_last_owner_stays(app: FastAPI, browser: Open) -> None:
    owner, number = signed_in(browser, OWNER), number_of(app, OWNER)
    for answer in (
        owner.post(f"/shops/tea/people/{number}/remove"),
        owner.post(f"/shops/tea/people/{number}/role", data={"role": "viewer"}),
    ):
        assert (answer.status_code, "last owner" in answer.text) == (409, True)


def test_two_owners_who_demote_each_other_leave_one(engine: Engine) -> None:
    with transaction(engine) as session:
        fill(session)
        tea = find_shop(session, "tea")
        may = users.find_person_by_email(session, tea, MAY)
        users.change_role(session, tea, may.id, Role.OWNER, by=terminal_member(tea.id, "tests"), at=NOON)
        numbers = [user.id for user, _ in users.people_of(session, tea)]

    def demote(number: int) -> str:
        try:
            with transaction(engine) as session:
                users.change_role(session, tea, number, Role.VIEWER, by=terminal_member(tea.id, "tests"), at=NOON)
        except Conflict:
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(demote, numbers)) == ["done", "refused"]


def test_the_own_password_asks_for_the_present_one_a_few_times(app: FastAPI, browser: Open) -> None:
    may, elsewhere = signed_in(browser, MAY), signed_in(browser, MAY)
    change = {"current": PASSWORD, "password": "eleven blue teapots"}
    assert may.post("/account/password", data=change | {"password": "may@tea.example"}).status_code == 422
    assert may.post("/account/password", data=change).headers["location"] == "/account?done=password"
    assert (may.get("/account").status_code, elsewhere.get("/account").status_code) == (200, 303)
    wrong = [may.post("/account/password", data=change).status_code for _ in range(6)]
    assert wrong == [422] * 5 + [429]


def test_a_person_changes_their_profile_and_signs_out_elsewhere(app: FastAPI, browser: Open) -> None:
    may, elsewhere = signed_in(browser, MAY), signed_in(browser, MAY)
    assert may.post("/account/profile", data={"name": "Mei", "language": "en"}).status_code == 303
    assert may.post("/account/sign-out-everywhere").status_code == 303
    assert (elsewhere.get("/account").status_code, 'value="Mei"' in may.get("/account").text) == (303, True)
    assert may.post("/account/profile", data={"language": "tlh"}).status_code == 422


def test_nobody_gives_or_takes_what_they_may_not_do_themselves(app: FastAPI) -> None:
    with transaction(app.state.engine) as session:
        tea = find_shop(session, "tea")
        clerk = Member(tea.id, "key:1", frozenset({Scope.PEOPLE_WRITE, Scope.ORDERS_WRITE}))
        owner = users.find_person_by_email(session, tea, OWNER)
        forbidden: list[Callable[[], object]] = [
            lambda: keys.create_api_key(
                session, tea, name="big", scopes=frozenset({Scope.BUYERS_PERSONAL}), at=NOON, by=clerk
            ),
            lambda: invitations.invite(session, tea, "x@tea.example", role=Role.VIEWER, by=clerk, at=NOON),
            lambda: invitations.offer_password(session, tea, owner.id, by=clerk, at=NOON),
            lambda: users.change_role(session, tea, owner.id, Role.VIEWER, by=clerk, at=NOON),
            lambda: users.remove_person(session, tea, owner.id, by=clerk, at=NOON),
        ]
        for act in forbidden:
            with pytest.raises(Forbidden):
                act()


def test_a_key_that_ended_says_so_and_its_last_use_is_kept(app: FastAPI, browser: Open) -> None:
    with transaction(app.state.engine) as session:
        tea = find_shop(session, "tea")
        scopes = frozenset({Scope.SEGMENTS_READ})
        until = NOON + timedelta(days=1)
        till = keys.create_api_key(session, tea, name="till", scopes=scopes, at=NOON, expires_at=until)
        old = keys.create_api_key(session, tea, name="old", scopes=scopes, at=NOON)
        keys.revoke_api_key(
            session, tea, keys.find_key(session, tea, "old").id, at=NOON, by=terminal_member(tea.id, "tests")
        )

    def ask(key: str) -> tuple[int, str]:
        answer = browser().get("/api/v1/segments", headers={"Authorization": f"Bearer {key}"})
        return answer.status_code, answer.json().get("detail", "")

    assert ask(till)[0] == 200
    assert ask(old) == (401, "This key has been revoked. Ask the shop's owner for a new one.")
    app.state.moment = until
    assert ask(till) == (401, "This key has expired. Ask the shop's owner for a new one.")
    assert ask("rk_" + "x" * 43)[0] == 401
    with reading(app.state.engine) as session:
        found = {key.name: key.last_used_at for key in keys.keys_of(session, find_shop(session, "tea"))}
    assert found == {"till": NOON, "old": None}


def test_every_change_is_in_the_audit_log_without_a_secret(app: FastAPI, browser: Open) -> None:
    owner, number = signed_in(browser, OWNER), number_of(app, MAY)
    link = link_in(owner.post("/shops/tea/people/invite", data={"email": "a@tea.example", "role": "viewer"}).text)
    browser().post(link, data={"password": "eleven blue teapots"})
    owner.post(f"/shops/tea/people/{number}/role", data={"role": "viewer"})
    owner.post(f"/shops/tea/people/{number}/sign-out")
    reset = link_in(owner.post(f"/shops/tea/people/{number}/reset").text)
    owner.post(f"/shops/tea/people/{number}/remove")
    owner.post("/shops/tea/people/keys", data={"name": "till", "scopes": "orders:write", "last_day": "2027-01-31"})
    with reading(app.state.engine) as session:
        rows = session.exec(select(AuditEntry).order_by(col(AuditEntry.id))).all()
        made = [(row.actor, row.action) for row in rows if row.actor != "system"]
        shop = session.get_one(Shop, 1)
        with pytest.raises(NotFound):
            users.find_person(session, shop, number)
    me = f"user:{number_of(app, OWNER)}"
    actions = [
        "people.invite",
        "people.role",
        "people.sign-out",
        "people.reset-password",
        "people.remove",
        "key.create",
    ]
    assert [action for actor, action in made if actor == me] == actions
    assert ("people.add", f"user:{number_of(app, 'a@tea.example')}") in [(row.action, row.actor) for row in rows]
    written = " ".join(f"{row.before} {row.after} {row.subject}" for row in rows)
    assert all(secret.removeprefix("/join/") not in written for secret in (link, reset))


def test_a_link_goes_by_the_shops_own_mail_sender_and_is_then_shown_to_nobody(
    app: FastAPI, browser: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGULARS_ALLOW_PRIVATE_ADDRESSES", "true")
    monkeypatch.setenv("REGULARS_SECRET", KEY)
    get_settings.cache_clear()
    with open_post_office() as office:
        port = int(office.url.rpartition(":")[2])
        where = {"host": "127.0.0.1", "port": port, "tls": "none", "mail_from": "shop@tea.example"}
        with transaction(app.state.engine) as session:
            tea = find_shop(session, "tea")
            create_sender(
                session, tea, "mail", kind=SenderKind.SMTP, settings=where, secrets={}, at=NOON, actor="system"
            )
        invite = {"email": "n@tea.example", "role": "viewer"}
        page = signed_in(browser, OWNER).post("/shops/tea/people/invite", data=invite)
    assert (page.status_code, "/join/" in page.text) == (200, False)
    assert [(to, b"List-Unsubscribe" in mail) for to, mail in office.arrived] == [("n@tea.example", False)]


def test_another_system_takes_people_in_and_lets_them_go(app: FastAPI, browser: Open) -> None:
    with transaction(app.state.engine) as session:
        secret = keys.create_api_key(session, find_shop(session, "tea"), name="hr", scopes=frozenset(Scope), at=NOON)
    hr = TestClient(app, base_url=f"{SITE}/api/v1", headers={"Authorization": f"Bearer {secret}"})
    invited = hr.post("/people/invitations", json={"email": "new@tea.example", "role": "warehouse"}).json()
    assert (invited["mailed"], invited["link"].startswith(f"{SITE}/join/")) == (False, True)
    assert hr.delete(f"/people/invitations/{invited['id']}").status_code == 204
    assert browser().get(invited["link"]).status_code == 404
    found = {each["email"]: each for each in hr.get("/people").json()["people"]}
    assert [(email, each["role"]) for email, each in found.items()] == [(MAY, "marketer"), (OWNER, "owner")]
    may = f"/people/{found[MAY]['id']}"
    assert hr.patch(may, json={"role": "viewer"}).json()["role"] == "viewer"
    assert [hr.post(f"{may}/sign-out").status_code, hr.delete(may).status_code, hr.delete(may).status_code] == [
        204, 204, 404,
    ]  # fmt: skip
    assert hr.delete(f"/people/{found[OWNER]['id']}").status_code == 409
    (own,) = hr.get("/keys").json()["keys"]
    assert (own["name"], own["state"], secret in str(own)) == ("hr", "active", False)
    assert hr.delete(f"/keys/{own['id']}").status_code == 204
    assert hr.get("/keys").status_code == 401


def test_a_key_makes_and_ends_only_keys_that_may_do_no_more_and_live_no_longer(app: FastAPI) -> None:
    scopes, until = frozenset({Scope.PEOPLE_WRITE, Scope.ORDERS_WRITE}), NOON + timedelta(days=30)
    with transaction(app.state.engine) as session:
        tea = find_shop(session, "tea")
        secret = keys.create_api_key(session, tea, name="hr", scopes=scopes, at=NOON, expires_at=until)
        keys.create_api_key(session, tea, name="all", scopes=frozenset(Scope), at=NOON)
        large = keys.find_key(session, tea, "all").id
    hr = TestClient(app, base_url=f"{SITE}/api/v1", headers={"Authorization": f"Bearer {secret}"})
    wanted = {"name": "till", "scopes": ["orders:write"], "expires_at": until.isoformat()}
    answers = [(wanted | {"scopes": [scope]}, 201 if Scope(scope) in scopes else 403) for scope in map(str, Scope)] + [
        (wanted | {"expires_at": None}, 422),
        (wanted | {"expires_at": (until + timedelta(seconds=1)).isoformat()}, 422),
        (wanted | {"expires_at": NOON.isoformat()}, 422),
        (wanted | {"scopes": []}, 422),
        (wanted | {"scopes": ["everything:write"]}, 422),
    ]
    told = [hr.post("/keys", json=sent | {"name": f"key {number}"}) for number, (sent, _) in enumerate(answers)]
    assert [each.status_code for each in told] == [status for _, status in answers]
    made = hr.post("/keys", json=wanted).json()
    assert (made["name"], made["state"], made["scopes"], made["key"][:3]) == ("till", "active", ["orders:write"], "rk_")
    assert made["key"] not in hr.get("/keys").text
    till = TestClient(app, base_url=f"{SITE}/api/v1", headers={"Authorization": f"Bearer {made['key']}"})
    assert [till.get("/keys").status_code, till.post("/orders", json={"orders": []}).status_code] == [403, 422]
    assert hr.post("/keys", json=wanted).status_code == 409
    assert [hr.delete(f"/keys/{each}").status_code for each in (large, made["id"])] == [403, 204]
    assert till.get("/keys").status_code == 401


def test_a_password_link_ends_when_its_maker_could_no_longer_make_it(app: FastAPI, browser: Open) -> None:
    """Into another shop meanwhile, out of this one, or above the maker: each by itself."""

    def into_another(session: Session, user: User) -> None:
        users.join(session, find_shop(session, "pots"), user, role=Role.OWNER, at=NOON, actor="system")

    def out_of_this(session: Session, user: User) -> None:
        tea = find_shop(session, "tea")
        users.remove_person(session, tea, user.id, by=terminal_member(tea.id, "tests"), at=NOON)

    def above_the_maker(session: Session, user: User) -> None:
        tea = find_shop(session, "tea")
        users.change_role(session, tea, user.id, Role.OWNER, by=terminal_member(tea.id, "tests"), at=NOON)

    for number, rise in enumerate((into_another, out_of_this, above_the_maker)):
        email = f"p{number}@tea.example"
        with transaction(app.state.engine) as session:
            tea = find_shop(session, "tea")
            person = users.add_user(session, email, shop=tea, role=Role.VIEWER, password="", at=NOON)
            scopes = ROLE_SCOPES[Role.VIEWER] | {Scope.PEOPLE_WRITE}
            keys.create_api_key(session, tea, name=email, scopes=scopes, at=NOON)
            clerk = Member(tea.id, f"key:{keys.find_key(session, tea, email).id}", scopes)
            _, secret = invitations.offer_password(session, tea, person.id, by=clerk, at=NOON)
        assert browser().get(f"/join/{secret}").status_code == 200
        with transaction(app.state.engine) as session:
            rise(session, session.exec(select(User).where(User.email == email)).one())
        sent = browser().post(f"/join/{secret}", data={"password": "eleven blue teapots"})
        assert (rise.__name__, sent.status_code) == (rise.__name__, 404)
