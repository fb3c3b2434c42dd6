"""The ways into the sample shop that tests of pages share: it is filled, somebody signs in, a form is sent."""

from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from retention.database import transaction
from retention.queue import app as queue
from retention.settings import Settings
from retention.shops import find_shop
from segments.presets import save_presets
from tests.api.console import sample
from tests.apps import create_app
from tests.databases import filled_once
from tests.sign_in import sign_in, token_of

HOME = "/shops/camellia"

SignIn = Callable[..., TestClient]
"""`sign_in("viewer", language="zh-CN")` returns the browser of somebody with this role."""


@filled_once
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
        sign_in(client, f"{who}@{shop}.example", language=language)
        client.headers["X-CSRF-Token"] = token_of(client)
        return client

    return enter


def send(client: TestClient, path: str, **fields: str) -> str:
    """Send a form as its page would, and return the page it leads to."""
    answer = client.post(HOME + path, data=fields)
    assert answer.status_code < 500
    return answer.text
