"""Sent once more because a person says so: what has ended by itself goes on, what was cancelled stays so."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import CampaignState, Delivery, Run
from campaigns.channels.channel import Refused
from campaigns.channels.memory import MemoryChannel
from campaigns.deliveries import campaign_moves, ledger
from campaigns.runs.drafting import find_campaign
from campaigns.runs.launch import launch
from campaigns.sending.sending import resend, send_waiting
from campaigns.texts.mail import SenderIdentity
from tests.campaigns.conftest import NOON, Stage, later

OnStage = Callable[[Callable[[Stage], Any]], Any]
IDENTITY = SenderIdentity("https://shop.example", b"k", "Shop <shop@shop.example>")


def failed(engine: Engine, on_stage: OnStage) -> None:
    """Launch a mail to two of whom one is refused, and let the campaign end."""

    def prepare(stage: Stage) -> None:
        stage.buyer("ada"), stage.buyer("bo")
        launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")

    on_stage(prepare)
    channel = MemoryChannel(errors={"bo@example.com": [Refused("550 full")]})
    assert +send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY) == Counter(sent=1, failed=1)


def states(stage: Stage) -> list[str]:
    return [row.state.value for row in stage.session.exec(select(Delivery).order_by(Delivery.buyer_id))]


def test_what_failed_in_a_campaign_that_has_ended_leaves_when_a_person_says_so(
    engine: Engine, on_stage: OnStage
) -> None:
    failed(engine, on_stage)
    on_stage(lambda stage: campaign_moves.finish_done(stage.session, at=later(minutes=2)))

    def again(stage: Stage) -> None:
        row = find_campaign(stage.session, 1, "spring")
        assert row.state is CampaignState.FINISHED
        assert resend(stage.session, stage.shop, [1, 2], at=later(hours=1), actor="user:1") == 1
        run = stage.session.exec(select(Run)).one()
        assert (row.state, run.finished_at) == (CampaignState.RUNNING, None)

    on_stage(again)
    assert +send_waiting(engine, MemoryChannel(), now=later(hours=1), identity=IDENTITY) == Counter(sent=1)

    def look(stage: Stage) -> None:
        assert states(stage) == ["sent", "sent"]
        assert campaign_moves.finish_done(stage.session, at=later(hours=2)) == 1
        assert ledger.count(stage.session, stage.session.exec(select(Run)).one()).adds_up

    on_stage(look)


def test_what_failed_in_a_cancelled_campaign_is_not_sent_again(engine: Engine, on_stage: OnStage) -> None:
    failed(engine, on_stage)

    def again(stage: Stage) -> None:
        row = find_campaign(stage.session, 1, "spring")
        campaign_moves.cancel(stage.session, row, at=later(minutes=2), actor="user:1")
        assert resend(stage.session, stage.shop, [1, 2], at=later(hours=1), actor="user:1") == 0
        assert (row.state, states(stage)) == (CampaignState.CANCELLED, ["sent", "failed"])

    on_stage(again)
