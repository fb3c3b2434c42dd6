"""Campaigns drafted, refused, changed; texts that cannot be made."""

from typing import Any

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, CampaignState, Recipe
from campaigns.campaign.content import Template
from campaigns.campaign.draft import Draft
from campaigns.campaign.media import Medium
from campaigns.campaign.policy import Cap
from campaigns.offers.offers import OfferKind, create_offer, find_offer
from campaigns.runs.drafting import campaign_for, create_campaign, edit_campaign
from campaigns.runs.launch import launch
from campaigns.texts.messages import render
from retention.access import terminal_member
from retention.errors import Conflict, Error, Invalid, NotFound
from tests.campaigns.conftest import EVERYBODY, NOON, Stage
from tests.factories import make_shop


def test_an_edit_names_only_what_changes_of_a_policy(stage: Stage) -> None:
    campaign = stage.push(policy={"late_after": 5, "caps": [{"messages": 3, "days": 7}]})
    before = dict(campaign.policy_json)
    for changes in ({"late_after": 8}, {}, None):
        edit_campaign(stage.session, stage.shop, campaign, changes={"policy": changes}, at=NOON, actor="user:1")
        assert campaign.policy_json == before | {"late_after": 8}
    for wrong, says in (({"fairness": 1}, "fairness"), ([1], "policy")):
        with pytest.raises(Error, match=says):
            edit_campaign(stage.session, stage.shop, campaign, changes={"policy": wrong}, at=NOON, actor="user:1")
    assert campaign.policy_json == before | {"late_after": 8}


def test_recipe_fills_in_what_is_left_out(stage: Stage) -> None:
    alert = create_campaign(
        stage.session,
        stage.shop,
        Draft("alert", recipe=Recipe.ARRIVAL_ALERT, audience=EVERYBODY, product_id=stage.product().id),
        at=NOON,
        actor="user:1",
    )
    assert (alert.medium, alert.state, set(alert.content)) == (Medium.EMAIL, CampaignState.DRAFT, {"en", "zh-CN"})
    policy = alert.policy
    assert (policy.control_share, policy.caps, policy.read_out_days) == (0.2, (Cap(messages=3, days=7),), 7)
    assert len(bytes.fromhex(alert.secret)) == 16


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ({"offer_id": None}, Invalid, "needs an offer"),
        ({"offer_id": 99}, NotFound, "No offer has the number 99"),
        ({"policy": {"control_share": 0.95}}, Invalid, "control_share"),
        ({"policy": {"quiet": 1}}, Invalid, "quiet"),
        ({"policy": {"caps": [{"messages": -1, "days": 7}]}}, Invalid, r"caps\.0\.messages"),
        ({"audience": {"buyer": {"field": "shoe_size", "is": ["44"]}}}, Invalid, "shoe_size"),
        ({"excluded": {"nonsense": {}}}, Invalid, "nonsense"),
        ({"content": {"fr": {"subject": "a", "body": "b"}}}, Invalid, "'fr' is not a supported language"),
        ({"content": {"en": {"subject": "a"}}}, Invalid, "needs a subject and a body"),
        ({"content": {"en": {"subject": "", "body": "b"}}}, Invalid, "1 to 200 characters"),
        ({"content": {"en": {"subject": "{{ product.title }}", "body": "b"}}}, Invalid, "product"),
        ({"content": {"en": {"subject": "{% if %}", "body": "b"}}}, Invalid, "The message cannot be rendered"),
    ],
)
def test_campaign_that_cannot_work_is_refused_and_leaves_nothing(
    stage: Stage, values: dict[str, Any], error: type[Error], says: str
) -> None:
    with pytest.raises(error, match=says):
        stage.push(**values)
    assert stage.session.exec(select(Campaign)).all() == []


def test_other_shops_offers_products_and_campaigns_are_unknown_here(stage: Stage) -> None:
    other = Stage(
        stage.session,
        make_shop(stage.session, "other", at=NOON),
    )
    theirs = other.push()
    with pytest.raises(NotFound):
        stage.push(offer_id=theirs.offer_id)
    with pytest.raises(NotFound):
        campaign_for(stage.session, terminal_member(stage.shop.id, "tests"), "spring")
    with pytest.raises(NotFound):
        find_offer(stage.session, stage.shop.id, "offer-spring")


def test_slug_is_taken_once(stage: Stage) -> None:
    first = stage.push()
    with pytest.raises(Conflict, match="already has a campaign called spring"):
        stage.push(offer_id=first.offer_id)


def test_only_a_draft_can_be_changed(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = stage.push()
    edit_campaign(stage.session, stage.shop, campaign, changes={"name": "Spring"}, at=NOON, actor="user:1")
    for changes in ({"secret": "00"}, {"policy": {"control_share": 2}}):
        with pytest.raises(Invalid):
            edit_campaign(stage.session, stage.shop, campaign, changes=changes, at=NOON, actor="user:1")
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    with pytest.raises(Conflict, match="Only a draft"):
        edit_campaign(stage.session, stage.shop, campaign, changes={"name": "Autumn"}, at=NOON, actor="user:1")
    assert campaign.name == "Spring"


@pytest.mark.parametrize(
    "body",
    [
        "{% for i in (1..100000000) %}x{% endfor %}",
        "{% for i in (1..999) %}{% for j in (1..999) %}x{% endfor %}{% endfor %}",
        "{% include 'secrets' %}",
        "{{ shop.__class__ }}",
        "{{ nobody }}",
    ],
)
def test_template_can_neither_run_away_nor_look_around(body: str) -> None:
    with pytest.raises(Invalid, match="The message cannot be rendered"):
        render({"en": Template("a", body)}, {"shop": {"name": "Tea"}}, language="en")


def test_subject_is_one_line_whatever_the_values_hold() -> None:
    content = {"en": Template("For {{ buyer.name }}", "b")}
    text = render(content, {"buyer": {"name": "Ada\r\nBcc: everybody@example.com"}}, language="en")
    assert text.subject == "For Ada Bcc: everybody@example.com"


@pytest.mark.parametrize(
    "terms",
    [
        {"kind": OfferKind.AMOUNT, "value": 0},
        {"kind": OfferKind.PERCENT, "value": 101},
        {"kind": OfferKind.GIFT},
        {"kind": OfferKind.AMOUNT, "value": 1, "minimum": -1},
        {"kind": OfferKind.AMOUNT, "value": 1, "starts_at": NOON, "ends_at": NOON},
        {"kind": OfferKind.AMOUNT, "value": 1, "most_coupons": 0},
    ],
)
def test_offer_that_promises_nothing_is_refused(stage: Stage, terms: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        create_offer(stage.session, stage.shop.id, "bad", name="Bad", at=NOON, actor="test", **terms)
