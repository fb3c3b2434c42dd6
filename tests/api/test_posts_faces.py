"""Manual posts over REST and by command, and the one link a whole group shares."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import Engine
from sqlmodel import func, select

from api.cli import main, terminal
from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.media import Medium
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.runs.launch import launch
from retention import clock, keys, users
from retention.access import Role, Scope
from retention.database import reading, transaction
from retention.settings import get_settings
from retention.shops import find_shop
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.posts import group, launched, posted, states
from tests.factories import make_shop

Tea = Callable[[Callable[[Stage], Any]], Any]
Regulars = Callable[..., tuple[int, str, str]]


def begin(stage: Stage) -> None:
    group(stage, "friends", stage.buyer("ada"), stage.buyer("bea"))
    launched(stage, posted(stage, Medium.ASSISTED))


def delivered(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return states(session, *session.exec(select(Delivery.buyer_id)))


def test_post_is_taken_said_and_taken_back_over_rest(backend: TestClient, tea: Tea, engine: Engine) -> None:
    tea(begin)
    listed = backend.get("/api/v1/posts").json()
    assert (listed["waiting"], listed["posts"][0]["group"], listed["posts"][0]["buyers"]) == (1, "friends", 2)
    number = listed["posts"][0]["number"]
    taken = backend.post(f"/api/v1/posts/{number}/take").json()
    assert (taken["state"], taken["text"].splitlines()[0]) == ("taken", "Fresh from the hill, says Tea & Co.")
    assert backend.post(f"/api/v1/posts/{number}/sent", json={}).status_code == 422
    once = {"Idempotency-Key": "a"}
    sent = backend.post(f"/api/v1/posts/{number}/sent", json={"note": "at noon"}, headers=once)
    assert (sent.json()["state"], delivered(engine)) == ("sent", ["sent", "sent"])
    again = backend.post(f"/api/v1/posts/{number}/sent", json={"note": "at noon"}, headers=once)
    assert again.json() == sent.json()
    assert backend.post(f"/api/v1/posts/{number}/undo").json()["state"] == "taken"
    assert backend.post(f"/api/v1/posts/{number}/decline", json={"note": "muted"}).json()["state"] == "declined"
    assert delivered(engine) == ["skipped:declined"] * 2
    assert backend.get("/api/v1/posts/999").status_code == 404


def test_key_in_whose_hands_a_post_is_not_is_refused(backend: TestClient, tea: Tea) -> None:
    tea(begin)

    def make_key(stage: Stage, name: str, *scopes: Scope) -> dict[str, str]:
        key = keys.create_api_key(stage.session, stage.shop, name=name, scopes=frozenset(scopes), at=NOON)
        return {"Authorization": f"Bearer {key}"}

    other = tea(lambda stage: make_key(stage, "other", Scope.POSTS_WRITE))
    reader = tea(lambda stage: make_key(stage, "reader", Scope.CAMPAIGNS_READ))
    number = backend.get("/api/v1/posts").json()["posts"][0]["number"]
    backend.post(f"/api/v1/posts/{number}/take")
    refused = backend.post(f"/api/v1/posts/{number}/take", headers=other)
    assert (refused.status_code, "assigned" in refused.text) == (409, True)
    assert backend.get("/api/v1/posts", headers=other).json()["waiting"] == 0
    assert backend.get("/api/v1/posts", headers=reader).status_code == 403
    assert backend.post(f"/api/v1/posts/{number}/back").json()["state"] == "waiting"
    assert backend.get("/api/v1/posts", headers=other).json()["waiting"] == 1


def test_each_phone_of_a_group_claims_a_code_of_its_own(phone: TestClient, tea: Tea, engine: Engine) -> None:
    def prepare(stage: Stage) -> str:
        group(stage, "friends", stage.buyer("ada"), stage.buyer("bea"))
        launched(stage, posted(stage, Medium.ASSISTED, offer_id=stage.offer(most_coupons=2).id))
        return stage.session.exec(select(Link.token)).one()

    token = tea(prepare)
    assert "¥20" in phone.get(f"/Q/{token}").text
    first = phone.post(f"/Q/{token}/claim").headers["location"]
    assert first != f"/Q/{token}/coupon"
    assert phone.post(f"/q/{token.lower()}/claim").headers["location"] == first
    code = phone.get(first).text
    phone.cookies.clear()
    second = phone.post(f"/Q/{token}/claim").headers["location"]
    assert second not in {first, f"/Q/{token}/coupon"}
    assert phone.get(second).text != code
    phone.cookies.clear()
    assert phone.post(f"/Q/{token}/claim").status_code == 409
    with reading(engine) as session:
        assert session.exec(select(func.count()).select_from(Coupon)).one() == 2
        assert session.exec(select(func.count()).select_from(Link)).one() == 3


def test_link_of_a_post_to_one_buyer_shows_their_code_and_the_way_out(phone: TestClient, tea: Tea) -> None:
    def prepare(stage: Stage) -> str:
        stage.buyer("ada")
        launched(stage, posted(stage, Medium.ASSISTED, to="buyers", offer_id=stage.offer().id))
        return stage.session.exec(select(Link.token)).one()

    page = phone.get(f"/Q/{tea(prepare)}").text
    leaving = re.search(r'href="(/u/[^"]+)"', page)
    assert leaving
    assert phone.get(leaving[1]).status_code == 200


@pytest.fixture
def regulars(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Regulars]:
    """Type `regulars ... --shop tea` in a shop with one post to a group."""
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REGULARS_DATABASE_URL", database_url)
    get_settings.cache_clear()
    terminal.engine.cache_clear()
    with transaction(terminal.engine()) as session:
        shop = make_shop(session, "tea", at=NOON)
        stage = Stage(session, shop)
        group(stage, "friends", stage.buyer("ada"), stage.buyer("bea"))
        launch(session, shop, posted(stage, Medium.ASSISTED), at=clock.now(), actor="user:1")

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--shop", "tea"])
        typed = capsys.readouterr()
        return int(ended.value.code or 0), typed.out, typed.err

    yield run
    terminal.engine().dispose()
    get_settings.cache_clear()
    terminal.engine.cache_clear()


def test_post_is_taken_said_and_limited_by_command(regulars: Regulars, tmp_path: Path) -> None:
    assert regulars("posts", "list")[1] == "1\twaiting\tFriends\t2\tdrop\n"
    assert regulars("posts", "take", "1")[1].startswith("Fresh from the hill, says Tea.\n\n")
    code, _, error = regulars("posts", "sent", "1")
    assert (code, "a screenshot of the chat, or a note" in error) == (2, True)
    proof = tmp_path / "chat.png"
    Image.new("RGB", (40, 40), "white").save(proof)
    assert json.loads(regulars("posts", "sent", "1", "--proof", str(proof), "--json")[1])["state"] == "sent"
    assert json.loads(regulars("posts", "undo", "1", "--json")[1])["state"] == "taken"
    assert json.loads(regulars("posts", "back", "1", "--json")[1])["state"] == "waiting"
    assert regulars("posts", "limit", "--per-day", "0")[0] == 0
    code, _, error = regulars("posts", "take", "1")
    assert (code, "Another user can send this, or continue tomorrow" in error) == (1, True)
    assert regulars("posts", "limit", "--email", "nobody@shop.example")[0] == 1
    assert regulars("posts", "decline", "1", "--note", "x")[0] == 1


def test_group_gets_an_owner_by_command(regulars: Regulars) -> None:
    with transaction(terminal.engine()) as session:
        values = {"shop": find_shop(session, "tea"), "role": Role.MARKETER, "password": "leaf and water", "at": NOON}
        users.add_user(session, "lin@shop.example", **values)
    assert regulars("posts", "owner", "friends", "--email", "who@shop.example")[0] == 1
    assert regulars("posts", "groups")[1] == "friends\tFriends\n"
    assert regulars("posts", "owner", "friends", "--email", "lin@shop.example")[0] == 0
    assert regulars("posts", "groups")[1] == "friends\tFriends\tlin@shop.example\n"
    assert json.loads(regulars("posts", "owner", "friends", "--json")[1]) == {"group": "friends", "owner": None}


def test_group_gets_an_owner_over_rest_and_only_somebody_of_the_shop(backend: TestClient, tea: Tea) -> None:
    def prepare(stage: Stage) -> dict[str, str]:
        group(stage, "friends", stage.buyer("ada"))
        values = {"shop": stage.shop, "role": Role.MARKETER, "password": "leaf and water", "at": NOON}
        users.add_user(stage.session, "lin@shop.example", **values)
        reads = frozenset({Scope.CAMPAIGNS_READ})
        key = keys.create_api_key(stage.session, stage.shop, name="reader", scopes=reads, at=NOON)
        return {"Authorization": f"Bearer {key}"}

    reader = tea(prepare)
    address = "/api/v1/groups/friends/owner"
    assert backend.put(address, json={"email": "lin@shop.example"}, headers=reader).status_code == 403
    assert backend.put(address, json={"email": "who@shop.example"}).status_code == 404
    assert backend.put("/api/v1/groups/none/owner", json={"email": "lin@shop.example"}).status_code == 404
    friends = {"slug": "friends", "name": "Friends", "owner": None}
    assert backend.get("/api/v1/groups", headers=reader).json() == {"groups": [friends], "next": None}
    owned = friends | {"owner": "lin@shop.example"}
    assert backend.put(address, json={"email": "lin@shop.example"}).json() == owned
    assert backend.get("/api/v1/groups").json() == {"groups": [owned], "next": None}
    tea(lambda stage: launched(stage, posted(stage, Medium.ASSISTED)))
    assert backend.get("/api/v1/posts").json()["posts"][0]["owner"] == "lin@shop.example"
    assert backend.put(address, json={"email": ""}).json() == friends
