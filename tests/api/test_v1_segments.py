"""Segments over REST, as a shop's other system uses them."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import func, select

from campaigns.campaign.campaigns import Campaign
from retention import keys
from retention.access import Scope
from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.database import reading
from retention.followers_and_groups import Follow
from retention.versions import Family, raise_version
from segments.segments import Segment
from tests.api.conftest import SITE
from tests.campaigns.conftest import NOON, Stage

Tea = Callable[[Callable[[Stage], Any]], Any]
FOLLOWERS: dict[str, Any] = {"follows": {}}
BASE = "/api/v1/segments"


def follow(stage: Stage, *names: str) -> None:
    for name in names:
        buyer = stage.buyer(name)
        stage.session.add(Follow(shop_id=stage.shop.id, buyer_id=buyer, followed_at=NOON - timedelta(days=2)))
    stage.session.flush()
    raise_version(stage.session, stage.shop.id, Family.FOLLOWERS_AND_GROUPS)
    raise_version(stage.session, stage.shop.id, Family.BUYERS)


def saved(engine: Engine) -> int:
    with reading(engine) as session:
        return session.exec(select(func.count()).select_from(Segment)).one()


def test_rule_is_counted_part_by_part_and_said_in_the_language_of_the_request(backend: TestClient, tea: Tea) -> None:
    tea(lambda stage: (follow(stage, "may", "lin"), stage.buyer("wei")))
    rule = {"all": [FOLLOWERS, {"not": {"orders": {"at_least": 1, "window": {"last_days": 30}}}}]}
    answer = backend.post(f"{BASE}/count", json={"rule": rule}, headers={"Accept-Language": "en"}).json()
    assert (answer["buyers"], answer["of"]) == (2, 3)
    assert [part["path"] for part in answer["parts"]] == ["rule", "rule.all[0]", "rule.all[1]", "rule.all[1].not"]
    assert [part["buyers"] for part in answer["parts"]] == [2, 2, 3, 0]
    assert answer["counted_back_from"].startswith(f"{NOON:%Y-%m-%dT%H}:00")
    assert answer["words"].startswith("Buyers who follow the shop and never ordered")
    chinese = backend.post(f"{BASE}/describe", json={"rule": FOLLOWERS}, headers={"Accept-Language": "zh-CN"})
    assert "关注" in chinese.json()["words"]


def test_refused_rule_names_its_path_and_saves_nothing(backend: TestClient, tea: Tea, engine: Engine) -> None:
    tea(lambda stage: stage.buyer("may"))
    for rule in ({"all": [{"orders": {"at_least": "many"}}]}, {"segment": "nowhere"}, {"segment": "mine"}):
        answer = backend.put(f"{BASE}/mine", json={"rule": rule})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    named = backend.post(f"{BASE}/count", json={"rule": {"all": [{"orders": {"at_least": "many"}}]}})
    assert "rule.all[0].orders.at_least" in named.json()["detail"]
    assert backend.put(f"{BASE}/Mine!", json={"rule": FOLLOWERS}).status_code == 422
    assert saved(engine) == 0


def test_segment_is_saved_refreshed_and_followed_by_a_cursor(backend: TestClient, tea: Tea, tea_app: FastAPI) -> None:
    tea(lambda stage: follow(stage, "may", "lin"))
    assert backend.put(f"{BASE}/fans", json={"rule": FOLLOWERS, "name": "Fans"}).json()["name"] == "Fans"
    assert backend.get(BASE).json()["segments"][0]["buyers_at_refresh"] is None
    first = backend.post(f"{BASE}/fans/refresh").json()["segments"]
    assert first == [{"slug": "fans", "buyers": 2, "entered": 2, "left": 0}]
    tea_app.state.moment = NOON + timedelta(hours=1)

    def change(stage: Stage) -> None:
        follow(stage, "wei")
        gone = stage.session.exec(select(Follow).order_by(Follow.id)).first()
        assert gone
        gone.ended_at = NOON

    tea(change)
    assert backend.post(f"{BASE}/refresh").json()["segments"] == [
        {"slug": "fans", "buyers": 2, "entered": 1, "left": 1}
    ]
    changes = backend.get(f"{BASE}/fans/changes").json()
    assert [(each["sequence"], each["entered"], each["left"]) for each in changes["changes"]] == [
        (1, ["lin", "may"], []),
        (2, ["wei"], ["may"]),
    ]
    assert backend.get(f"{BASE}/fans/changes?after=1").json()["changes"] == changes["changes"][1:]
    assert backend.get(f"{BASE}/fans/changes?after=2").json() == {"changes": [], "last": 2, "next": None}
    assert backend.get(BASE).json()["segments"][0]["buyers_at_refresh"] == 2
    assert backend.get(f"{BASE}/fans?as_of=2020-01-01T00:00:00Z").json()["buyers"] == 0


def test_refresh_sent_twice_under_a_key_is_answered_as_the_first_time(backend: TestClient, tea: Tea) -> None:
    tea(lambda stage: follow(stage, "may"))
    backend.put(f"{BASE}/fans", json={"rule": FOLLOWERS})
    first, second = (backend.post(f"{BASE}/refresh", headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


def test_export_is_masked_for_a_key_that_may_not_see_persons_and_written_down(
    backend: TestClient, tea: Tea, tea_app: FastAPI, engine: Engine
) -> None:
    def fill(stage: Stage) -> str:
        follow(stage, "may")
        buyer = stage.session.get_one(Buyer, stage.buyer("lin"))
        buyer.name, buyer.email, buyer.phone = "林晓", "lin@mail.example", "13800001234"
        scopes = frozenset({Scope.SEGMENTS_READ, Scope.BUYERS_READ})
        return keys.create_api_key(stage.session, stage.shop, name="reader", scopes=scopes, at=NOON)

    key = tea(fill)
    backend.put(f"{BASE}/others", json={"rule": {"not": FOLLOWERS}})
    answer = backend.get(f"{BASE}/others/buyers.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="tea-others.csv"'
    (full,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert (full["buyer_id"], full["name"], full["email"]) == ("lin", "林晓", "lin@mail.example")
    with TestClient(tea_app, base_url=SITE, headers={"Authorization": f"Bearer {key}"}) as reader:
        (masked,) = csv.DictReader(io.StringIO(reader.get(f"{BASE}/others/buyers.csv").text.removeprefix("\ufeff")))
        assert masked["buyer_id"] == "lin"
        assert "林晓" not in masked.values()
        assert "lin@mail.example" not in masked.values()
        assert reader.put(f"{BASE}/mine", json={"rule": FOLLOWERS}).status_code == 403
        assert reader.post(f"{BASE}/refresh").status_code == 403
        assert reader.delete(f"{BASE}/others").status_code == 403
    with reading(engine) as session:
        exports = select(AuditEntry.after).where(AuditEntry.action == "segment.export")
        taken = session.exec(exports.order_by(AuditEntry.id)).all()
    assert taken == [{"buyers": 1, "masked": masked, "as_of": None} for masked in (False, True)]


def test_segment_is_removed_once_nothing_is_built_on_it(backend: TestClient, tea: Tea, engine: Engine) -> None:
    tea(lambda stage: follow(stage, "may"))
    backend.put(f"{BASE}/fans", json={"rule": FOLLOWERS})
    backend.put(f"{BASE}/others", json={"rule": {"not": {"segment": "fans"}}})
    tea(lambda stage: stage.push(audience={"segment": "others"}))
    assert [backend.delete(f"{BASE}/{slug}").status_code for slug in ("fans", "others", "nowhere")] == [409, 409, 404]
    assert saved(engine) == 2

    def end(stage: Stage) -> None:
        stage.session.exec(select(Campaign)).one().audience_json = FOLLOWERS

    tea(end)
    assert [backend.delete(f"{BASE}/{slug}").status_code for slug in ("others", "fans", "fans")] == [204, 204, 404]
    assert saved(engine) == 0


def test_presets_are_listed_and_filled_in(backend: TestClient, tea: Tea) -> None:
    tea(lambda stage: stage.buyer("may"))
    listed = {each["slug"]: each for each in backend.get("/api/v1/segment-presets").json()["presets"]}
    assert len(listed) == 15
    assert listed["followers"]["rule"] == FOLLOWERS
    assert (listed["bought-but-not"]["asks"], listed["bought-but-not"]["rule"]) == (["bought", "missing"], None)
    fans = backend.get("/api/v1/segment-presets/category-fans?category=tea").json()
    assert backend.post(f"{BASE}/count", json={"rule": fans["rule"]}).json()["buyers"] == 0
    assert fans["words"].endswith("“tea”")
    assert backend.get("/api/v1/segment-presets/category-fans").status_code == 422
    assert backend.get("/api/v1/segment-presets/nothing").status_code == 404


def test_key_without_the_right_to_buyers_counts_but_sees_nobody(tea: Tea, tea_app: FastAPI) -> None:
    def fill(stage: Stage) -> str:
        follow(stage, "may")
        only = frozenset({Scope.SEGMENTS_READ})
        return keys.create_api_key(stage.session, stage.shop, name="counter", scopes=only, at=NOON)

    with TestClient(tea_app, base_url=SITE, headers={"Authorization": f"Bearer {tea(fill)}"}) as counter:
        assert counter.post(f"{BASE}/count", json={"rule": FOLLOWERS}).json()["buyers"] == 1
        for path in ("fans/buyers.csv", "fans/changes", "fans/buyers/may"):
            assert counter.get(f"{BASE}/{path}").status_code == 403
