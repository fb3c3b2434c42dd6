"""Why one buyer did or did not get a campaign, in a sentence for every reason there is."""

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Delivery, DeliveryState, Run, RunSkip
from campaigns.campaign.reasons import Reason, sentence, step_name
from campaigns.deliveries.ledger import count
from campaigns.runs.explaining import explain_outcome
from campaigns.runs.launch import launch
from retention.buyers import Buyer
from tests.campaigns.conftest import NOON, Stage, later


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_name_and_a_sentence(reason: Reason) -> None:
    assert step_name(reason) != reason.value
    assert sentence(reason).endswith(".")


def said(stage: Stage, campaign: object, name: str, **asked: object) -> list[tuple[str, str, str]]:
    """Return (outcome, reason, sentence) for one buyer."""
    buyer = stage.session.exec(select(Buyer).where(Buyer.external_id == name)).one()
    answers = explain_outcome(stage.session, stage.shop, campaign, buyer, **asked)  # type: ignore[arg-type]
    return [(each.outcome, each.reason, each.sentence) for each in answers]


def test_before_a_run_it_says_what_a_launch_now_would_do(stage: Stage) -> None:
    stage.buyer("ada")
    stage.buyer("bo", answer="out")
    stage.buyer("cy")
    campaign = stage.push(audience={"buyer": {"field": "external_id", "is": ["ada", "bo"]}})
    not_yet = "The campaign has not run yet."
    assert said(stage, campaign, "ada", at=NOON) == [
        ("absent", "", f"{not_yet} If planned now, they would receive it.")
    ]
    [(_, reason, words)] = said(stage, campaign, "bo", at=NOON)
    assert (reason, words.startswith(f"{not_yet} If planned now, they would be excluded: They have not opted in")) == (
        "no_consent",
        True,
    )
    assert said(stage, campaign, "cy", at=NOON) == [("absent", "", f"{not_yet} They do not match the audience.")]
    assert said(stage, campaign, "ada") == [("absent", "", f"{not_yet} They match the audience.")]


def test_nobody_learns_who_will_be_in_the_control_group(stage: Stage) -> None:
    for number in range(30):
        stage.buyer(f"b{number}")
    campaign = stage.push(control=0.9)
    words = {said(stage, campaign, f"b{number}", at=NOON)[0][2] for number in range(30)}
    assert all("control" not in each for each in words)


def test_waiting_delivery_says_when_it_is_due_on_the_shops_clock(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = stage.push(policy={"send_at": {"time": "18:30", "zone": "shop"}})
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    [(outcome, _, words)] = said(stage, campaign, "ada")
    assert (outcome, words.startswith("Waiting to be sent. It is due on Mar 10, 2026, 6:30")) == ("waiting", True)


def test_every_place_a_buyer_can_be_in_has_its_sentence_and_the_ledger_adds_up(stage: Stage) -> None:
    names = [f"b{number}" for number in range(6)]
    for name in names:
        stage.buyer(name)
    stage.buyer("out", answer="out")
    campaign = stage.push()
    run = launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    states = (
        (DeliveryState.SENT, ""),
        (DeliveryState.FAILED, Reason.REFUSED),
        (DeliveryState.UNKNOWN, Reason.NO_RECORD),
        (DeliveryState.SKIPPED, Reason.LATE),
        (DeliveryState.CONTROL, ""),
        (DeliveryState.WAITING, ""),
    )
    rows = stage.session.exec(select(Delivery).order_by(Delivery.buyer_id)).all()
    for row, (state, reason) in zip(rows, states, strict=True):
        row.state, row.reason = state, reason
    stage.session.flush()
    assert [said(stage, campaign, name)[0][:2] for name in (*names, "out")] == [
        ("sent", ""),
        ("failed", "refused"),
        ("unknown", "no_record"),
        ("skipped", "late"),
        ("control", ""),
        ("waiting", ""),
        ("skipped", "no_consent"),
    ]
    ledger = count(stage.session, run)
    assert (ledger.adds_up, ledger.audience, ledger.skipped) == (True, 7, {"late": 1, "no_consent": 1})
    assert len(stage.session.exec(select(RunSkip)).all()) == len(stage.session.exec(select(Run)).all()) == 1


def test_buyer_who_came_later_is_explained(stage: Stage) -> None:
    stage.buyer("ada")
    campaign = stage.push()
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    stage.buyer("late")
    [(outcome, _, words)] = said(stage, campaign, "late", at=later(days=1))
    assert (outcome, words) == ("absent", "They did not match the campaign's audience when it was planned.")
