"""The matrix of rights: every route as every role, as keys, as nobody; with own, foreign and unknown ids.

The routes are read from the application, what each needs from `tests/api/rights.py`, what a role has from
`retention.access`. Rows stand in every table, the first of each in the shop `tea`, the second in the shop `pots`.
"""

import re
import shutil
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from httpx2 import Response
from pydantic import BaseModel
from sqlalchemy import Engine
from sqlmodel import Session

from api import forms
from retention import keys, logins, users
from retention.access import ROLE_SCOPES, Role, Scope
from retention.database import open_engine, transaction
from retention.invitations import LinkPurpose, OneTimeLink
from retention.settings import Settings
from retention.shops import find_shop
from retention.tokens import spaced
from tests.api.rights import declared
from tests.apps import create_app
from tests.factories import make_shop
from tests.retention import rows

NOON = datetime(2026, 5, 20, 4, tzinfo=UTC)
SITE = "https://r.example.cn"
KEY = "for the tests only, of 32 bytes or more"
WITHOUT_SCOPE = {"anybody", "person", "member"}
UNKNOWN = {
    "id": "987654321",
    "slug": "never-was",
    "external_id": "never-was",
    "waybill": "NEVERWAS1",
    "code": "7K3M9PQ7",
}


@dataclass(frozen=True)
class Route:
    """One method at one address, and the fields its body takes."""

    method: str
    path: str
    body: tuple[Any, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def params(self) -> list[str]:
        return re.findall(r"{(\w+)(?::\w+)?}", self.path)


IDS = {
    "buyers": "buyers.external_id",
    "why": "buyers.external_id",
    "saved": "segments.slug",
    "segments": "segments.slug",
    "campaigns": "campaigns.slug",
    "imports": "jobs.id",
    "arrivals": "products.id",
    "tasks": "posts.id",
    "posts": "posts.id",
    "groups": "groups.slug",
    "print-room": "batches.id",
    "batches": "batches.id",
    "joint": "joint_flyers.id",
    "flyers": "flyers.slug",
    "proofs": "proofs.id",
    "senders": "senders.slug",
    "hooks": "hooks.slug",
    "calls": "hook_calls.id",
    "people": "users.id",
    "invitations": "one_time_links.id",
    "keys": "api_keys.id",
    "parcels": "parcels.waybill",
    "failures": "failures.id",
    "coupons": "coupons.code",
}
"""What names a thing in an address, by the word before it."""


def routes_of(app: FastAPI) -> list[Route]:
    found = []
    for each in iter_route_contexts(app.routes):
        if each.path.startswith("/static"):
            continue
        dependant = getattr(each, "dependant", None)
        body = tuple(dependant.body_params) if dependant else ()
        found += [Route(method, each.path, body) for method in sorted(each.methods or ())]
    return found


@pytest.fixture(scope="module")
def app(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Two shops with their people, and nothing else."""
    yield from application(shutil.copy(sqlite_template, tmp_path_factory.mktemp("rights") / "regulars.db"))


@pytest.fixture(scope="module")
def filled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The same with rows in every table."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("filled") / "regulars.db")
    yield from application(path, full=True)


def application(path: Path, *, full: bool = False) -> Iterator[FastAPI]:
    engine = open_engine(f"sqlite:///{path}")
    yield application_on(engine, path.parent, full=full)
    engine.dispose()


def application_on(engine: Engine, home: Path, *, full: bool = False) -> FastAPI:
    with transaction(engine) as session:
        for slug in ("tea", "pots"):
            shop = make_shop(session, slug, name=slug, at=NOON)
            for role in Role:
                users.add_user(session, f"{role}@{slug}.example", shop=shop, role=role, password="", at=NOON)
        if full:
            rows.fill(session.connection())
            session.connection().exec_driver_sql("UPDATE parcels SET shop_id = id")  # without a foreign key
            still_open = {"purpose": LinkPurpose.INVITATION, "ended_at": None, "expires_at": NOON + timedelta(days=7)}
            session.connection().execute(sa.update(OneTimeLink).values(still_open))
            for number, code in ((1, "AAAAAAA1"), (2, "BBBBBBBY")):
                given = sa.text("UPDATE coupons SET code = :code WHERE id = :number")
                session.connection().execute(given, {"code": code, "number": number})
    return create_app(Settings(home=home, public_url=SITE, secret=KEY), engine=engine, now=lambda: NOON)


def visitor(app: FastAPI, **headers: str) -> TestClient:
    return TestClient(app, base_url=SITE, follow_redirects=False, headers=headers, raise_server_exceptions=False)


def person(app: FastAPI, role: Role) -> TestClient:
    """Return the browser of somebody with a role in `tea`, whose forms are our own."""
    with transaction(app.state.engine) as session:
        user = users.find_user(session, f"{role}@tea.example")
        assert user
        secret = logins.open_login(session, user, at=NOON)
    return visitor(
        app, Cookie=f"{forms.LOGIN_COOKIE}={secret}", **{forms.HEADER: forms.token_for(KEY.encode(), secret)}
    )


def key(app: FastAPI, name: str, scopes: frozenset[Scope]) -> TestClient:
    with transaction(app.state.engine) as session:
        tea = find_shop(session, "tea")
        secret = keys.create_api_key(session, tea, name=name, scopes=scopes, at=NOON)
    return visitor(app, Authorization=f"Bearer {secret}")


def ask(client: TestClient, route: Route, values: dict[str, str], *, body: bool = True) -> Response:
    address = re.sub(r"{(\w+)(?::\w+)?}", lambda found: values.get(found[1], "1"), route.path)
    if not body or not route.body:
        return client.request(route.method, address)
    if route.path.startswith("/api/"):
        return client.request(route.method, address, json=whole(route))
    return client.request(route.method, address, data=dict(fields(route)))


def unknown(route: Route, shop: str = "tea") -> dict[str, str]:
    values = {param: UNKNOWN[IDS[word].split(".")[1]] for param, word in named(route).items()}
    return values | ({"slug": shop} if route.path.startswith("/shops/") else {}) | fixed(route)


def named(route: Route) -> dict[str, str]:
    """Return which parameters of the address name a row, and the word before each."""
    before = {param: word for word, param in re.findall(r"([\w-]+)/{(\w+)(?::\w+)?}", route.path)}
    return {param: word for param, word in before.items() if word in IDS and param not in FIXED}


FIXED = {
    "recipe": "new-arrival-alert", "step": "who", "move": "pause", "state": "failed", "verdict": "approve",
    "kind": "smtp", "part": "1", "slot": "1", "preset": "repeat-buyers", "sha256": "0" * 64,
}  # fmt: skip


def fixed(route: Route) -> dict[str, str]:
    return {param: FIXED[param] for param in route.params if param in FIXED}


def fields(route: Route) -> Iterator[tuple[str, Any]]:
    for each in route.body:
        if "UploadFile" not in str(each.field_info.annotation):
            yield each.alias, BY_NAME.get(each.alias, value_of(each.field_info.annotation))


def whole(route: Route) -> Any:
    if len(route.body) == 1:
        return value_of(route.body[0].field_info.annotation)
    return dict(fields(route))


BY_NAME = {"amount": "1.00", "to": "owner@tea.example", "at": NOON.isoformat()}
"""What a field of this name takes, where not any text will do."""


def value_of(kind: Any) -> Any:  # noqa: PLR0911 - one line a kind
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return value_of(inside[0])
    if origin is typing.Literal:
        return inside[0]
    if origin in {list, set, tuple}:
        return [value_of(inside[0])]
    if inside and origin is not dict:
        return value_of(next(each for each in inside if each is not type(None)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind)).value
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        required = {name: each for name, each in kind.model_fields.items() if each.is_required()}
        return {name: BY_NAME.get(name, value_of(each.annotation)) for name, each in required.items()}
    plain = {int: 1, float: 1.0, bool: False, str: "x", datetime: NOON.isoformat(), dict: {}}
    return plain.get(origin or kind, "x")


def in_console(route: Route) -> bool:
    return not route.path.startswith("/api/")


def test_every_route_is_declared_and_every_declared_route_is_there(app: FastAPI) -> None:
    found = {route.name for route in routes_of(app)}
    assert found - set(declared()) == set(), "say in tests/api/rights.py what these need"
    assert set(declared()) - found == set()
    scopes = {need for needs in declared().values() for need in needs} - WITHOUT_SCOPE
    assert scopes <= {scope.value for scope in Scope}


def test_each_role_comes_in_where_it_may_and_nowhere_else(app: FastAPI) -> None:
    rights, wrong = declared(), []
    for role in Role:
        client, has = person(app, role), {scope.value for scope in ROLE_SCOPES[role]} | WITHOUT_SCOPE
        for route in filter(in_console, routes_of(app)):
            if route.path in ENDING:
                continue
            status = ask(client, route, unknown(route), body=False).status_code
            may = rights[route.name] <= has
            if (status in {401, 403}) == may or status >= 500:
                wrong.append((role.value, route.name, status))
    assert not wrong, "\n".join(map(str, wrong))


ENDING = {"/logout", "/account/sign-out-everywhere", "/readyz"}
"""What ends the login that asks, and what looks at the whole installation."""


def test_nobody_comes_in_without_a_login_or_a_key(app: FastAPI) -> None:
    rights, wrong = declared(), []
    stranger = visitor(app)
    for route in routes_of(app):
        answer = ask(stranger, route, unknown(route), body=False)
        led = answer.status_code == 303 and answer.headers["location"].startswith("/login")
        closed = led if in_console(route) else answer.status_code == 401
        if closed == (rights[route.name] == {"anybody"}) or (answer.status_code >= 500 and route.path != "/readyz"):
            wrong.append((route.name, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


def test_a_key_needs_exactly_the_scopes_of_a_route(app: FastAPI) -> None:
    rights, wrong = declared(), []
    holders: dict[frozenset[str], TestClient] = {}
    but = {scope.value: key(app, f"all but {scope}", frozenset(set(Scope) - {scope})) for scope in Scope}
    for route in routes_of(app):
        if in_console(route) or rights[route.name] == {"anybody"}:
            continue
        needed = rights[route.name]
        if needed not in holders:
            holders[needed] = key(app, f"only {sorted(needed)}", frozenset(map(Scope, needed)))
        admitted = ask(holders[needed], route, unknown(route), body=False).status_code
        refused = {ask(but[scope], route, unknown(route), body=False).status_code for scope in needed}
        if admitted in {401, 403} or admitted >= 500 or refused != {403}:
            wrong.append((route.name, admitted, refused))
    assert not wrong, "\n".join(map(str, wrong))


def test_another_shop_answers_like_a_shop_that_never_was(app: FastAPI) -> None:
    owner, wrong = person(app, Role.OWNER), []
    for route in routes_of(app):
        if not route.path.startswith("/shops/{slug}"):
            continue
        theirs, never = (ask(owner, route, unknown(route, shop), body=False) for shop in ("pots", "nowhere"))
        if (theirs.status_code, said(theirs, "pots")) != (404, said(never, "nowhere")):
            wrong.append((route.name, theirs.status_code, never.status_code))
    assert not wrong, "\n".join(map(str, wrong))


def test_another_shops_id_answers_like_an_id_that_never_was(filled: FastAPI) -> None:
    owner, system, wrong = person(filled, Role.OWNER), key(filled, "everything", frozenset(Scope)), []
    with transaction(filled.state.engine) as session:
        things = {word: (name_of(session, IDS[word], 1), name_of(session, IDS[word], 2)) for word in IDS}
    for route in routes_of(filled):
        client = owner if in_console(route) else system
        for param, word in named(route).items():
            if route.name in MAKES:
                continue
            foreign = things[word][1]
            others = {other: things[each][0] for other, each in named(route).items()} | unknown_shop(route)
            never = UNKNOWN[IDS[word].split(".")[1]]
            theirs, nothing = (ask(client, route, others | {param: each}) for each in (foreign, never))
            if (theirs.status_code, said(theirs, foreign, never)) != (
                nothing.status_code,
                said(nothing, foreign, never),
            ):
                wrong.append((route.name, param, "differs", theirs.status_code, nothing.status_code))
            elif nothing.status_code not in {404, *KINDLY.get(route.name, ())}:
                wrong.append((route.name, param, "is looked at", nothing.status_code, nothing.text[:200]))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.postgres
def test_one_route_of_each_kind_is_as_closed_and_as_open_on_postgresql(
    postgresql_engine: Engine, tmp_path: Path
) -> None:
    app, rights = application_on(postgresql_engine, tmp_path, full=True), declared()
    wrong: list[tuple[str | int, ...]] = []
    owner, viewer, stranger = person(app, Role.OWNER), person(app, Role.VIEWER), visitor(app)
    may = {role: {scope.value for scope in ROLE_SCOPES[role]} | WITHOUT_SCOPE for role in (Role.OWNER, Role.VIEWER)}
    whole, none = key(app, "everything", frozenset(Scope)), key(app, "orders", frozenset({Scope.ORDERS_WRITE}))
    with transaction(app.state.engine) as session:
        things = {word: (name_of(session, IDS[word], 1), name_of(session, IDS[word], 2)) for word in IDS}
    for route in sample(routes_of(app)):
        needed, words = rights[route.name], named(route)
        own, theirs = ({param: things[word][shop] for param, word in words.items()} for shop in (0, 1))
        values, never = unknown_shop(route), unknown(route)
        if in_console(route):
            closed, opened = ask(viewer, route, never, body=False), ask(owner, route, values | own, body=False)
            right = (closed.status_code == 403) == (not needed <= may[Role.VIEWER])
        else:
            closed, opened = ask(none, route, never, body=False), ask(whole, route, values | own, body=False)
            right = (closed.status_code == 403) == (not needed <= {Scope.ORDERS_WRITE.value, "anybody"})
        shut = ask(stranger, route, values | own, body=False).status_code in {303, 401}
        if not right or not shut or opened.status_code in {401, 403}:
            wrong.append((route.name, closed.status_code, opened.status_code))
        if words and route.name not in MAKES:
            foreign = [ask(owner if in_console(route) else whole, route, values | each) for each in (theirs, never)]
            if len({answer.status_code for answer in foreign}) > 1 or foreign[0].status_code not in {404, 422}:
                wrong.append((route.name, *(answer.status_code for answer in foreign)))
    assert not wrong, "\n".join(map(str, wrong))


def sample(routes: list[Route]) -> list[Route]:
    """Return one route of each kind: by face, by whether it changes something, and by what its address names."""
    rights, kinds = declared(), dict[tuple[bool, bool, str], Route]()
    for route in routes:
        if rights[route.name] != {"anybody"} and route.path not in ENDING:
            named_here = "+".join(sorted(named(route).values()))
            kinds.setdefault((in_console(route), route.method == "GET", named_here), route)
    return list(kinds.values())


NEEDS_MORE = re.compile(r"\.(png|pdf|jpg)$|/(picture|proof|rejects)$|/(imports|print-room|batches)/")
"""Where rows alone show nothing: stored files, the input of a job, a batch with its flyer."""


def test_the_own_id_is_found(filled: FastAPI) -> None:
    owner, system, missed = person(filled, Role.OWNER), key(filled, "reader", frozenset(Scope)), []
    with transaction(filled.state.engine) as session:
        own = {word: name_of(session, IDS[word], 1) for word in IDS}
    for route in routes_of(filled):
        if route.method == "GET" and named(route) and not NEEDS_MORE.search(route.path):
            values = {param: own[word] for param, word in named(route).items()} | unknown_shop(route)
            status = ask(owner if in_console(route) else system, route, values).status_code
            if status in {401, 403, 404}:
                missed.append((route.name, status))
    assert not missed, "\n".join(map(str, missed))


MAKES = {"PUT /api/v1/segments/{slug}"}
"""What makes the thing when there is none."""

KINDLY = {
    "POST /shops/{slug}/buyers/{external_id:path}/answers": (422,),
    "POST /shops/{slug}/flyers/{flyer}": (422,),
    "POST /shops/{slug}/senders/{sender}": (422,),
}
"""What looks at the form before the id."""


def unknown_shop(route: Route) -> dict[str, str]:
    return fixed(route) | ({"slug": "tea"} if in_console(route) else {})


def name_of(session: Session, column: str, shop: int) -> str:
    """Return what names the row of the first or second shop."""
    table, name = column.split(".")
    if table == "users":
        number = "SELECT user_id FROM memberships WHERE shop_id = :shop ORDER BY id DESC LIMIT 1"
        return str(session.execute(sa.text(number), {"shop": shop}).scalar_one())
    rows_of = sa.text(f"SELECT {name} FROM {table} WHERE shop_id = :shop ORDER BY id LIMIT 1")
    found = session.execute(rows_of, {"shop": shop}).first()
    assert found, f"no row in {table}"
    return str(found[0])


def said(answer: Response, *names: str) -> str:
    """Return what an answer says, whichever of these was asked for."""
    either = "|".join(map(re.escape, chain(names, map(spaced, names))))
    text = answer.text.replace(answer.headers.get("X-Request-Id", "-"), "")
    return re.sub(rf"(?<!\w)({either})(?!\w)", "_", text)
