"""What a run costs, and who is left out when it would cost more than it may."""

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.media import Medium
from campaigns.channels.senders import Sender, SenderKind
from campaigns.plans.assignment import control_group
from campaigns.plans.planning import plan
from campaigns.runs.drafting import edit_campaign
from campaigns.runs.launch import launch
from campaigns.texts.content import show_to
from retention.buyers import Buyer
from retention.consent import Channel
from retention.errors import Conflict
from tests.campaigns.conftest import NOON, Stage


def test_plan_over_its_cost_ceiling_is_shown_and_not_launched(stage: Stage) -> None:
    for name in ("ada", "bo", "cy"):
        stage.buyer(name)
    campaign = stage.push(policy={"cost_each": 450, "cost_ceiling": 13})
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    assert (planned.cost, planned.over_ceiling, len(planned.final)) == (14, True, 3)
    with pytest.raises(Conflict, match=r"would cost ¥0\.14, over the budget of ¥0\.13"):
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    assert stage.session.exec(select(Delivery)).all() == []
    edit_campaign(
        stage.session, stage.shop, campaign, changes={"policy": {"cost_ceiling": 14}}, at=NOON, actor="user:1"
    )
    assert not plan(stage.session, stage.shop, campaign, at=NOON).over_ceiling


def test_plan_cut_to_its_cost_ceiling_leaves_the_same_buyers_out_each_time_and_keeps_the_shares(stage: Stage) -> None:
    for number in range(400):
        stage.buyer(f"b{number}")
    policy = {"cost_each": 100, "cost_ceiling": 100, "over_ceiling": "cut"}
    campaign = stage.push(control=0.2, policy=policy)
    planned = plan(stage.session, stage.shop, campaign, at=NOON)
    assert (len(planned.final), planned.cost, planned.over_ceiling) == (100, 100, False)
    whole = control_group(planned.audience, secret=campaign.secret, share=0.2)
    assert planned.control == whole - planned.skips["over_budget"]
    assert abs(len(planned.control) - 25) < 4 * 5  # the control group is cut at the same place
    assert len(planned.skips["over_budget"]) == 400 - len(planned.control) - 100
    assert plan(stage.session, stage.shop, campaign, at=NOON).final == planned.final
    run = launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1", fingerprint=planned.fingerprint)
    assert dict(run.funnel)["over_budget"] == len(planned.skips["over_budget"])


@pytest.mark.parametrize(("ceiling", "final"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3)])
def test_cost_ceiling_pays_for_as_many_as_it_says(stage: Stage, ceiling: int, final: int) -> None:
    for name in ("ada", "bo", "cy"):
        stage.buyer(name)
    campaign = stage.push(policy={"cost_each": 100, "cost_ceiling": ceiling, "over_ceiling": "cut"})
    assert len(plan(stage.session, stage.shop, campaign, at=NOON).final) == final


def test_text_message_costs_the_parts_of_its_longest_case(stage: Stage) -> None:
    for name in ("Bo", "A" * 60):
        stage.answer(stage.buyer(name, email=""), "in", Channel.SMS)
        stage.session.exec(select(Buyer).where(Buyer.external_id == name)).one().phone = f"1380013{len(name):04d}"
    sender = Sender(
        shop_id=stage.shop.id,
        slug="gate",
        name="Gate",
        medium=Medium.SMS,
        kind=SenderKind.SMS_HTTP,
        settings={},
        price=450,
        created_at=NOON,
    )
    stage.session.add(sender)
    stage.session.flush()
    text = {"en": {"subject": "Tea", "body": "Dear {{ buyer.name }}, " + "tea " * 20}}
    campaign = stage.push(medium=Medium.SMS, sender_id=sender.id, content=text)
    costs = [
        show_to(stage.session, stage.shop, campaign, each).cost
        for each in stage.session.exec(select(Buyer).order_by(Buyer.id))
    ]
    assert costs == [450, 900]
    assert plan(stage.session, stage.shop, campaign, at=NOON).cost == 2 * 9
