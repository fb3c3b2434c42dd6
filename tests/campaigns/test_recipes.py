"""Recipes: all thirteen can be drafted as they are; offers that unlock; offers for minutes."""

from typing import Any

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, CampaignState, Recipe
from campaigns.campaign.draft import Draft
from campaigns.campaign.media import Medium
from campaigns.campaign.recipes import RECIPES, recipe_name, suggested_audience, suggested_trigger
from campaigns.offers.issuing import issue_anonymous
from campaigns.offers.offers import Offer
from campaigns.offers.redeem import hold, joined, redeem
from campaigns.runs.drafting import create_campaign
from campaigns.texts.messages import render
from campaigns.texts.wording import sample_values
from retention.errors import Conflict, Invalid
from retention.i18n import LANGUAGES, speaking
from retention.products import Product
from segments.matching import match
from tests.campaigns.claims import claim_by_code
from tests.campaigns.conftest import NOON, Stage, later

TERMS: dict[Recipe, dict[str, Any]] = {
    Recipe.GROUP_DROP: {"most_coupons": 50, "starts_at": NOON, "ends_at": later(minutes=30)},
    Recipe.TEAM_COUPON: {"unlock_at": 3},
}


def draft(stage: Stage, recipe: Recipe, **values: Any) -> Campaign:
    prefill = RECIPES[recipe]
    if prefill.needs_offer:
        values.setdefault("offer_id", stage.offer(f"offer-{recipe.value}", **TERMS.get(recipe, {})).id)
    if prefill.needs_product:
        values.setdefault("product_id", stage.product(category="Tea", brand="Dew").id)
    return create_campaign(
        stage.session, stage.shop, Draft(recipe.value, recipe=recipe, **values), at=NOON, actor="user:1"
    )


def test_every_kind_of_campaign_is_a_recipe() -> None:
    assert set(RECIPES) == set(Recipe)
    assert len(RECIPES) == 13
    with speaking("en"):
        assert len({recipe_name(recipe) for recipe in Recipe}) == 13


def test_every_recipe_can_be_drafted_as_it_is(stage: Stage) -> None:
    for recipe in Recipe:
        campaign = draft(stage, recipe)
        assert campaign.state is CampaignState.DRAFT
        assert campaign.medium is RECIPES[recipe].medium
        assert campaign.damage is None
        match(stage.session, stage.shop, campaign.audience, now=NOON)
        for language in LANGUAGES if campaign.medium is not Medium.PARCEL else ():
            offer = stage.session.get(Offer, campaign.offer_id) if campaign.offer_id else None
            product = stage.session.get(Product, campaign.product_id) if campaign.product_id else None
            values = sample_values(stage.shop, product=product, offer=offer, language=language)
            text = render(campaign.content, values, language=language)
            assert text.subject
            assert "{" not in text.subject + text.body


def test_arrival_alert_tells_the_fans_of_its_kind_first(stage: Stage) -> None:
    product = stage.product(category="Tea", brand="Dew")
    stage.product("TEA-2", brand="Dew")
    waves = suggested_trigger(stage.session, Recipe.ARRIVAL_ALERT, product)["waves"]
    fans = {
        "any": [
            {"orders": {"measure": "count", "at_least": 2, "of": {"category": "Tea"}}},
            {"orders": {"measure": "count", "at_least": 2, "of": {"sku": ["TEA-1", "TEA-2"]}}},
        ]
    }
    assert waves == [
        {"rule": fans, "after": 0},
        {"rule": {"follows": {}}, "after": 24},
        {"rule": {"group": {}}, "after": 48},
    ]
    audience = suggested_audience(stage.session, Recipe.ARRIVAL_ALERT, product)
    assert audience == {"any": [fans, {"follows": {}}, {"group": {}}]}


@pytest.mark.parametrize(
    ("recipe", "terms", "says"),
    [
        (Recipe.GROUP_DROP, {}, "needs an offer with a limited number of coupons that ends within a day"),
        (
            Recipe.GROUP_DROP,
            {"most_coupons": 50},
            "needs an offer with a limited number of coupons that ends within a day",
        ),
        (
            Recipe.GROUP_DROP,
            {"most_coupons": 50, "ends_at": later(days=2)},
            "needs an offer with a limited number of coupons that ends within a day",
        ),
        (Recipe.TEAM_COUPON, {}, "needs an offer that unlocks once enough people have joined"),
    ],
)
def test_recipe_asks_for_the_terms_it_lives_on(stage: Stage, recipe: Recipe, terms: dict[str, Any], says: str) -> None:
    offer = stage.offer("plain", **terms)
    with pytest.raises(Invalid, match=says):
        draft(stage, recipe, offer_id=offer.id)
    assert stage.session.exec(select(Campaign)).all() == []


def test_team_coupon_opens_when_enough_have_joined(stage: Stage) -> None:

    offer = stage.offer("team", unlock_at=3)
    codes = [issue_anonymous(stage.session, offer, at=NOON).code for _ in range(4)]
    order = {"order_reference": "order-1", "amount": 20000, "at": later(hours=1)}
    for number in (1, 2):
        claim_by_code(stage.session, stage.shop, codes[number - 1], at=NOON)
        claim_by_code(stage.session, stage.shop, codes[number - 1], at=NOON)  # the same person twice is one
        with pytest.raises(Conflict, match=f"unlocks when 3 have joined; {3 - number} more"):
            redeem(stage.session, stage.shop, codes[0], **order)
        with pytest.raises(Conflict, match="are needed"):
            hold(stage.session, stage.shop, codes[0], order_reference="order-1", at=later(hours=1))
    assert joined(stage.session, offer) == 2
    claim_by_code(stage.session, stage.shop, codes[2], at=NOON)
    assert redeem(stage.session, stage.shop, codes[0], **order).discount == 2000
    with pytest.raises(Conflict, match="first, then use it"):
        redeem(stage.session, stage.shop, codes[3], order_reference="order-2", amount=20000, at=later(hours=1))


@pytest.mark.parametrize("terms", [{"unlock_at": 0}, {"unlock_at": 5, "most_coupons": 4}])
def test_offer_that_can_never_open_is_refused(stage: Stage, terms: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        stage.offer("bad", **terms)
