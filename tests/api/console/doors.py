"""The ways into the sample shop that tests of pages share: it is filled, somebody signs in, a form is sent."""

import re
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.app import create_app
from retention.database import transaction
from retention.queue import app as queue
from retention.settings import Settings
from retention.shops import find_shop
from segments.presets import save_presets
from tests.api.console import sample

HOME = "/shops/camellia"

SignIn = Callable[..., TestClient]
"""`sign_in("viewer", language="zh-CN")` returns the browser of somebody with this role."""


def fill(engine: Engine) -> None:
    """Fill the sample shop and give it the segments every shop asks for first."""
    sample.fill(engine)
    with transaction(engine) as session:
        save_presets(session, find_shop(session, "camellia"), at=sample.NOW)


def doors_of(engine: Engine, home: Path) -> SignIn:
    """Return the function that signs people in; forms they send carry the token of their pages."""
    settings = Settings(home=home, public_url="http://testserver", secret=sample.SIGNING_KEY)
    app = create_app(settings, engine=engine, now=lambda: sample.NOW)
    queue.conf.update(broker_url="memory://")

    def enter(who: str, *, shop: str = "camellia", language: str = "en") -> TestClient:
        client = TestClient(app, headers={"Accept-Language": language, "Sec-Fetch-Site": "same-origin"})
        login = {"email": f"{who}@{shop}.example", "password": sample.PASSWORD}
        assert client.post(f"/login?lang={language}", data=login, follow_redirects=False).status_code == 303
        client.headers["X-CSRF-Token"] = token_of(client, f"/shops/{shop}")
        return client

    return enter


def token_of(client: TestClient, path: str = HOME) -> str:
    """Return what a page gives its forms so that no other site can send them."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get(path).text)
    assert found
    return found[1]


def send(client: TestClient, path: str, **fields: str) -> str:
    """Send a form as its page would, and return the page it leads to."""
    answer = client.post(HOME + path, data=fields)
    assert answer.status_code < 500
    return answer.text
