"""Paper over REST: the picture of the proof a batch was printed from, for whoever may see the batches of the shop."""

import io
from collections.abc import Callable

from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import Engine

from retention.access import Scope
from retention.database import transaction
from tests.campaigns.conftest import NOON
from tests.factories import make_shop
from tests.printables.conftest import open_shop

Caller = Callable[..., TestClient]
API = "/api/v1"


def test_proof_of_a_batch_is_seen_by_keys_that_may_see_batches_of_the_shop(
    tea_app: FastAPI, caller: Caller, engine: Engine
) -> None:
    bench = open_shop(engine, tea_app.state.files, "tea", name="山茶", title="秋茶")
    bench.printed(1, profile="label-203")
    with transaction(engine) as session:
        make_shop(session, "other", timezone="UTC", currency="EUR", at=NOON)
    seen = caller(Scope.BATCHES_READ).get(f"{API}/batches/1/proof.png?width=300")
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(seen.content)) as picture:
        assert (picture.format, picture.width) == ("PNG", 300)
    assert caller(Scope.CAMPAIGNS_READ).get(f"{API}/batches/1/proof.png").status_code == 403
    assert caller(Scope.BATCHES_READ, shop="other").get(f"{API}/batches/1/proof.png").status_code == 404
    assert caller(Scope.BATCHES_READ).get(f"{API}/batches/2/proof.png").status_code == 404
    assert caller(Scope.BATCHES_READ).get(f"{API}/batches/1/proof.png?width=9999").status_code == 422
