"""Names, mail, phone and ids are not read through rules: by no way in, in no saved segment, by no sets."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from fastapi.testclient import TestClient

from campaigns.campaign.recipes import EVERYBODY
from retention.access import Scope
from retention.buyers import Buyer
from segments.personal_conditions import PERSONAL
from segments.rules import TEXT_FIELDS
from tests.campaigns.conftest import Stage

PHONE = {"buyer": {"field": "phone", "contains": "1380"}}
HIDDEN = {"segment": "hidden"}
"""A saved segment that names another, which asks about a phone."""

Caller = Callable[..., TestClient]
Tea = Callable[[Callable[[Stage], Any]], Any]


@pytest.fixture
def shop(tea: Tea, backend: TestClient) -> None:
    def fill(stage: Stage) -> None:
        may = stage.session.get_one(Buyer, stage.buyer("may"))
        may.phone, may.name = "13800001111", "May Lin"
        stage.buyer("lin")

    tea(fill)
    assert backend.put("/api/v1/segments/inner", json={"rule": PHONE}).status_code == 201
    assert backend.put("/api/v1/segments/hidden", json={"rule": {"segment": "inner"}}).status_code == 201


def test_no_comparison_of_a_personal_field_is_counted_or_saved_without_the_right(caller: Caller, shop: None) -> None:
    plain, able = caller(Scope.SEGMENTS_READ, Scope.SEGMENTS_WRITE), caller(Scope.SEGMENTS_READ, Scope.BUYERS_PERSONAL)
    for field, test in product(sorted(PERSONAL), ({"is": "x"}, {"is_not": ["x"]}, {"contains": "x"}, {"exists": True})):
        condition = {"buyer": {"field": field, **test}}
        for rule in (condition, {"not": condition}, {"any": [condition, {"all": []}]}):
            counted = plain.post("/api/v1/segments/count", json={"rule": rule})
            assert (counted.status_code, "buyers:personal" in counted.json()["detail"]) == (403, True)
        assert plain.put("/api/v1/segments/mine", json={"rule": condition}).status_code == 403
        assert able.post("/api/v1/segments/count", json={"rule": condition}).status_code == 200


def test_a_saved_segment_that_asks_about_a_phone_is_not_taken_apart(caller: Caller, shop: None) -> None:
    plain = caller(*set(Scope) - {Scope.BUYERS_PERSONAL})
    for rule in (HIDDEN, {"all": [HIDDEN, {"buyer": {"field": "region", "is": "x"}}]}, {"not": HIDDEN}):
        assert plain.post("/api/v1/segments/count", json={"rule": rule}).status_code == 403
        assert plain.put("/api/v1/segments/mine", json={"rule": rule}).status_code == 403
    assert plain.put("/api/v1/segments/hidden", json={"rule": EVERYBODY}).status_code == 403
    for path in ("buyers.csv", "buyers/may", "changes"):
        assert plain.get(f"/api/v1/segments/hidden/{path}").status_code == 403
    shown = plain.get("/api/v1/segments/inner").json()
    assert "1380" not in str(shown)
    assert shown["rule"] == {"buyer": {"field": "phone", "contains": ["•••"]}}
    assert "1380" not in plain.get("/api/v1/segments").text


def test_it_may_be_the_whole_audience_of_a_campaign_and_nothing_may_be_taken_from_it(
    caller: Caller, shop: None, tea: Tea, backend: TestClient
) -> None:
    plain = caller(*set(Scope) - {Scope.BUYERS_PERSONAL})
    offer = tea(lambda stage: stage.offer().slug)
    draft = {"slug": "spring", "recipe": "coupon-push", "offer": offer, "audience": HIDDEN}
    one = {"all": [{"orders": {"at_least": 1}}]}
    for narrowed in (
        {"audience": {"all": [HIDDEN, one]}},
        {"audience": {"not": HIDDEN}},
        {"audience": PHONE},
        {"excluded": one},
        {"excluded": HIDDEN, "audience": one},
        {"trigger": {"waves": [{"rule": one, "after": 0}]}},
    ):
        assert plain.post("/api/v1/campaigns", json=draft | narrowed).status_code == 403, narrowed
    made = plain.post("/api/v1/campaigns", json=draft)
    assert made.status_code == 201, made.text
    assert plain.patch("/api/v1/campaigns/spring", json={"name": "Spring"}).status_code == 200
    assert plain.patch("/api/v1/campaigns/spring", json={"excluded": one}).status_code == 403
    assert plain.get("/api/v1/campaigns/spring/why/may").status_code == 403
    assert backend.get("/api/v1/campaigns/spring/why/may").status_code == 200
    backend.patch("/api/v1/campaigns/spring", json={"audience": PHONE})
    assert "1380" not in plain.get("/api/v1/campaigns/spring/draft").text


def test_every_text_field_of_a_buyer_is_either_personal_or_known_not_to_be() -> None:
    assert set(TEXT_FIELDS) - PERSONAL == {"language", "country", "region", "city", "timezone"}
