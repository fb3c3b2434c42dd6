"""Approval: somebody else looks at exactly what will go, and any change makes that void."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, CampaignState, Run
from campaigns.campaign.shop_policy import save_shop_policy
from campaigns.plans.planning import promise
from campaigns.runs import approving
from campaigns.runs.approvals import CampaignApproval, Verdict, is_approved
from campaigns.runs.drafting import edit_campaign
from campaigns.runs.launch import launch
from campaigns.runs.occurrences import launch_occurrence
from campaigns.runs.scheduling import schedule
from retention.access import ROLE_SCOPES, Role, Scope
from retention.database import transaction
from retention.errors import Conflict, Error, Forbidden
from tests.campaigns.conftest import NOON, Stage, later

OnStage = Callable[[Callable[[Stage], Any]], Any]
AUTHOR, OTHER = "user:1", "user:2"


def strict(stage: Stage) -> None:
    save_shop_policy(stage.session, stage.shop, values={"approval_required": True}, at=NOON, actor="user:9")


def submitted(stage: Stage, **values: Any) -> Campaign:
    stage.buyer("ada")
    campaign = stage.push(**values)
    approving.submit(stage.session, stage.shop, campaign, at=NOON, actor=AUTHOR)
    return campaign


def approve(stage: Stage, campaign: Campaign, actor: str = OTHER, **values: Any) -> CampaignApproval:
    return approving.approve(stage.session, stage.shop, campaign, at=NOON, actor=actor, **values)


def verdicts(stage: Stage) -> list[str]:
    return [each.verdict.value for each in stage.session.exec(select(CampaignApproval).order_by(CampaignApproval.id))]


def test_who_may_approve() -> None:
    may = [role for role in Role if Scope.CAMPAIGNS_APPROVE in ROLE_SCOPES[role]]
    assert may == [Role.OWNER, Role.MARKETER]


def test_campaign_is_approved_by_somebody_else_and_then_launched(stage: Stage) -> None:
    strict(stage)
    campaign = submitted(stage)
    assert campaign.state is CampaignState.IN_REVIEW
    review = approve(stage, campaign, fingerprint=promise(stage.session, campaign), note="Good.")
    assert (review.verdict, review.decided_by, review.note) == (Verdict.APPROVED, OTHER, "Good.")
    assert is_approved(stage.session, campaign, promise(stage.session, campaign))
    launch(stage.session, stage.shop, campaign, at=NOON, actor=AUTHOR)
    assert campaign.state is CampaignState.RUNNING


@pytest.mark.parametrize("author", ["user:1", "key:5", "system"])
def test_nobody_approves_their_own(stage: Stage, author: str) -> None:
    strict(stage)
    stage.buyer("ada")
    campaign = stage.push()
    campaign.created_by = "user:7"
    edit_campaign(stage.session, stage.shop, campaign, changes={"name": "Mine now"}, at=NOON, actor=author)
    approving.submit(stage.session, stage.shop, campaign, at=NOON, actor="user:8")
    for actor in (author, "user:7", "user:8"):
        with pytest.raises(Forbidden, match="You cannot approve your own"):
            approve(stage, campaign, actor)
    assert (campaign.state, verdicts(stage)) == (CampaignState.IN_REVIEW, ["pending"])
    approve(stage, campaign)


def test_without_the_shops_wish_no_approval_is_needed_and_authors_may_give_it(stage: Stage) -> None:
    approve(stage, submitted(stage), AUTHOR)
    launch(stage.session, stage.shop, stage.push("free"), at=NOON, actor=AUTHOR)


@pytest.mark.parametrize("move", ["launch", "schedule", "clock"])
def test_nothing_starts_without_approval_where_the_shop_asks_for_it(stage: Stage, move: str) -> None:
    stage.buyer("ada")
    campaign = stage.push(scheduled_at=later(hours=1))
    moves: dict[str, Callable[[], object]] = {
        "launch": lambda: launch(stage.session, stage.shop, campaign, at=later(hours=1), actor=AUTHOR),
        "schedule": lambda: schedule(stage.session, campaign, at=NOON, actor=AUTHOR),
        "clock": lambda: launch_occurrence(stage.session, campaign.id, at=later(hours=1)),
    }
    if move == "clock":  # scheduled before the shop began to ask
        schedule(stage.session, campaign, at=NOON, actor=AUTHOR)
    strict(stage)
    before = campaign.state
    with pytest.raises(Conflict, match="Submit this one for approval by another user"):
        moves[move]()
    assert (campaign.state, stage.session.exec(select(Run)).all()) == (before, [])


@pytest.mark.parametrize(
    "changes", [{"name": "Same words"}, {"policy": {"control_share": 0.5}}, {"scheduled_at": later(days=2)}]
)
@pytest.mark.parametrize("approved_first", [False, True])
def test_any_edit_voids_it(stage: Stage, changes: dict[str, Any], *, approved_first: bool) -> None:
    strict(stage)
    campaign = submitted(stage)
    if approved_first:
        approve(stage, campaign)
    edit_campaign(stage.session, stage.shop, campaign, changes=changes, at=NOON, actor=AUTHOR)
    assert (campaign.state, verdicts(stage)) == (CampaignState.DRAFT, ["void"])
    for attempt in (
        approve,
        lambda stage, campaign: launch(stage.session, stage.shop, campaign, at=NOON, actor=AUTHOR),
    ):
        with pytest.raises(Conflict):
            attempt(stage, campaign)


def test_changed_offer_voids_it_too(stage: Stage) -> None:
    strict(stage)
    offer = stage.offer()
    campaign = submitted(stage, offer_id=offer.id)
    offer.value = 5000
    stage.session.flush()
    with pytest.raises(Conflict, match="changed after it was submitted"):
        approve(stage, campaign)
    assert (campaign.state, verdicts(stage)) == (CampaignState.IN_REVIEW, ["pending"])
    offer.value = 2000
    stage.session.flush()
    approve(stage, campaign)
    offer.value = 5000
    stage.session.flush()
    with pytest.raises(Conflict, match="Submit this one for approval by another user"):
        launch(stage.session, stage.shop, campaign, at=NOON, actor=AUTHOR)
    assert campaign.state is CampaignState.APPROVED


def test_shop_policy_voids_it_where_it_holds_the_campaign_and_only_there(stage: Stage) -> None:
    strict(stage)
    campaign = submitted(stage)
    approve(stage, campaign)
    for values in ({"approval_required": False}, {"approval_required": True}, {"most_inserts": 2}):
        save_shop_policy(stage.session, stage.shop, values=values, at=NOON, actor="user:9")
    quiet = {"quiet": {"from": "22:00", "to": "08:00"}}
    save_shop_policy(stage.session, stage.shop, values=quiet, at=NOON, actor="user:9")
    with pytest.raises(Conflict, match="Submit this one for approval by another user"):
        launch(stage.session, stage.shop, campaign, at=NOON, actor=AUTHOR)
    save_shop_policy(stage.session, stage.shop, values={"quiet": None}, at=NOON, actor="user:9")
    launch(stage.session, stage.shop, campaign, at=NOON, actor=AUTHOR)
    assert campaign.state is CampaignState.RUNNING


def test_approver_who_saw_something_else_is_refused(stage: Stage) -> None:
    campaign = submitted(stage)
    with pytest.raises(Conflict, match="changed after"):
        approve(stage, campaign, fingerprint="0" * 64)
    assert campaign.state is CampaignState.IN_REVIEW


def test_moment_belongs_to_what_is_approved(stage: Stage) -> None:
    strict(stage)
    campaign = submitted(stage, scheduled_at=later(days=1))
    approve(stage, campaign)
    for attempt in (
        lambda: launch(stage.session, stage.shop, campaign, at=later(hours=23), actor=AUTHOR),
        lambda: schedule(stage.session, campaign, launch_at=later(hours=23), at=NOON, actor=AUTHOR),
        lambda: schedule(stage.session, campaign, launch_at=later(hours=25), at=NOON, actor=AUTHOR),
    ):
        with pytest.raises(Conflict):
            attempt()
    assert (campaign.state, campaign.scheduled_at) == (CampaignState.APPROVED, later(days=1))
    schedule(stage.session, campaign, at=NOON, actor=AUTHOR)
    assert launch_occurrence(stage.session, campaign.id, at=later(days=1)) is not None


def test_approved_recurrence_stays_approved_from_run_to_run(stage: Stage) -> None:
    strict(stage)
    campaign = submitted(stage, trigger={"recurring": {"rrule": "FREQ=DAILY", "at": "10:00"}})
    approve(stage, campaign)
    schedule(stage.session, campaign, at=NOON, actor=AUTHOR)
    for day in (1, 2):
        assert launch_occurrence(stage.session, campaign.id, at=later(days=day)) is not None


def test_sent_back_campaign_is_a_draft_with_the_reason(stage: Stage) -> None:
    campaign = submitted(stage)
    review = approving.send_back(stage.session, stage.shop, campaign, at=NOON, actor=OTHER, note="The end is missing.")
    assert review is not None
    assert (campaign.state, review.verdict, review.note) == (
        CampaignState.DRAFT,
        Verdict.SENT_BACK,
        "The end is missing.",
    )
    approving.submit(stage.session, stage.shop, campaign, at=NOON, actor=AUTHOR)
    approve(stage, campaign)
    assert verdicts(stage) == ["sent_back", "approved"]


def test_approval_and_edit_at_once_never_leave_an_approved_change(engine: Engine, on_stage: OnStage) -> None:
    def set_up(stage: Stage) -> int:
        strict(stage)
        return submitted(stage).id

    campaign_id = on_stage(set_up)
    ready = threading.Barrier(2)
    refused: list[Error] = []

    def run(act: Callable[[Stage, Campaign], object]) -> None:
        ready.wait()
        try:
            on_stage(lambda stage: act(stage, stage.session.get_one(Campaign, campaign_id)))
        except Error as error:
            refused.append(error)

    def edit(stage: Stage, campaign: Campaign) -> None:
        edit_campaign(
            stage.session, stage.shop, campaign, changes={"policy": {"control_share": 0.5}}, at=NOON, actor=AUTHOR
        )

    threads = [threading.Thread(target=run, args=(act,)) for act in (approve, edit)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with transaction(engine) as session:
        campaign = session.get_one(Campaign, campaign_id)
        assert (campaign.state, campaign.policy.control_share) == (CampaignState.DRAFT, 0.5)
        assert session.exec(select(CampaignApproval.verdict)).one() is Verdict.VOID
    assert len(refused) <= 1  # the approval, when the edit came first
