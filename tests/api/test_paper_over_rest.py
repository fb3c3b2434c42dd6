"""Paper over REST: the picture of the proof a batch was printed from, for whoever may see the batches of the shop."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import Engine

from retention import people
from retention.access import Scope
from retention.database import transaction
from retention.shops import create_shop, find_shop
from tests.api.conftest import SITE
from tests.campaigns.conftest import NOON
from tests.printables.conftest import open_shop

Asking = Callable[..., Any]


@pytest.fixture
def ask(tea_app: FastAPI) -> Asking:
    """Ask for an address with a key of the tea shop that has these scopes, or of another shop."""
    numbers = iter(range(100))

    def get(address: str, *scopes: Scope, shop: str = "tea") -> Any:
        with transaction(tea_app.state.engine) as session:
            found = find_shop(session, shop)
            key = people.create_api_key(session, found, name=f"key {next(numbers)}", scopes=frozenset(scopes), at=NOON)
        with TestClient(tea_app, base_url=SITE, headers={"Authorization": f"Bearer {key}"}) as client:
            return client.get(f"/api/v1{address}")

    return get


def test_proof_of_a_batch_is_seen_by_keys_that_may_see_batches_of_the_shop(
    tea_app: FastAPI, ask: Asking, engine: Engine
) -> None:
    bench = open_shop(engine, tea_app.state.files, "tea", name="山茶", title="秋茶")
    bench.printed(1, profile="label-203")
    with transaction(engine) as session:
        create_shop(session, "other", name="Other", timezone="UTC", currency="EUR", at=NOON)
    seen = ask("/batches/1/proof.png?width=300", Scope.BATCHES_READ)
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(seen.content)) as picture:
        assert (picture.format, picture.width) == ("PNG", 300)
    assert ask("/batches/1/proof.png", Scope.CAMPAIGNS_READ).status_code == 403
    assert ask("/batches/1/proof.png", Scope.BATCHES_READ, shop="other").status_code == 404
    assert ask("/batches/2/proof.png", Scope.BATCHES_READ).status_code == 404
    assert ask("/batches/1/proof.png?width=9999", Scope.BATCHES_READ).status_code == 422
