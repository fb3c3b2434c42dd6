"""The application over a database, as visitors and programs reach it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from campaigns.runs.launch import launch
from retention import keys
from retention.access import Scope
from retention.database import transaction
from retention.settings import Settings
from retention.shops import Shop, find_shop
from tests.apps import create_app
from tests.campaigns.conftest import NOON, Stage
from tests.factories import make_shop

SECRET = "for the tests only, of 32 bytes or more"
SITE = "https://r.example.cn"


@pytest.fixture
def tea(engine: Engine) -> Callable[[Callable[[Stage], Any]], Any]:
    """Run a function on a tea shop in a transaction of its own: `tea(lambda stage: ...)`."""

    def run(act: Callable[[Stage], Any]) -> Any:
        with transaction(engine) as session:
            shop = session.get(Shop, 1) or make_shop(session, "tea", name="Tea & Co", at=NOON)
            return act(Stage(session, shop))

    return run


@pytest.fixture
def tea_app(engine: Engine, tmp_path: Path) -> FastAPI:
    """The application at noon; `tea_app.state.moment` is its clock."""
    settings = Settings(home=tmp_path, public_url=SITE, secret=SECRET)
    made = create_app(settings, engine=engine, now=lambda: made.state.moment)
    made.state.moment = NOON
    return made


@pytest.fixture
def phone(tea_app: FastAPI) -> Iterator[TestClient]:
    """A buyer's phone, speaking English."""
    browser = {"User-Agent": "Mozilla/5.0 (iPhone)", "Accept-Language": "en"}
    with TestClient(tea_app, base_url=SITE, follow_redirects=False, headers=browser) as client:
        yield client


@pytest.fixture
def backend(tea_app: FastAPI, tea: Callable[..., Any]) -> Iterator[TestClient]:
    """The tea shop's other system, with a key that may do everything."""

    def make_key(stage: Stage) -> str:
        every = frozenset(Scope)
        return keys.create_api_key(stage.session, stage.shop, name="backend", scopes=every, at=NOON)

    key = tea(make_key)
    with TestClient(tea_app, base_url=SITE, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


@pytest.fixture
def caller(tea_app: FastAPI) -> Iterator[Callable[..., TestClient]]:
    """Another system of a shop, with a key for these scopes, or for all: `caller(Scope.BATCHES_READ, shop="tea")`."""
    clients: list[TestClient] = []

    def make(*scopes: Scope, shop: str = "tea") -> TestClient:
        name, some = f"system {len(clients)}", frozenset(scopes or Scope)
        with transaction(tea_app.state.engine) as session:
            key = keys.create_api_key(session, find_shop(session, shop), name=name, scopes=some, at=NOON)
        clients.append(TestClient(tea_app, base_url=SITE, headers={"Authorization": f"Bearer {key}"}))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def launched(stage: Stage, campaign: Any) -> Any:
    """Launch a campaign at noon and return its run."""
    return launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
