"""A run that cannot leave says so, and another sender may take it while nothing has left."""

from typing import Any

import pytest
from sqlmodel import Session, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState
from campaigns.campaign.media import Medium
from campaigns.channels.channel import TryLater
from campaigns.channels.memory import MemoryChannel
from campaigns.channels.senders import Sender, SenderKind, SenderState, create_sender
from campaigns.runs.launch import launch
from campaigns.sending.blocked import Blocker, blocked_campaigns, change_sender, may_change_sender, sending_block_of
from campaigns.sending.pausing import pause_sender
from campaigns.sending.sending import send_waiting
from retention.errors import Conflict, Invalid
from retention.failures import Thing, write_failure
from tests.campaigns.conftest import NOON, Stage, later


def _sender(stage: Stage, slug: str) -> Sender:
    return create_sender(
        stage.session, stage.shop, slug, kind=SenderKind.MEMORY, settings={}, secrets={}, at=NOON, actor="user:1"
    )


def _launched(stage: Stage, **values: Any) -> Campaign:
    stage.buyer("ada")
    campaign = stage.push(**values)
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    return campaign


def test_a_campaign_that_names_no_sender_gets_the_shops_own(stage: Stage) -> None:
    assert stage.push("before").sender_id is None
    first, second = _sender(stage, "first"), _sender(stage, "second")
    assert stage.push("with-two").sender_id == first.id
    pause_sender(stage.session, first, at=NOON, actor="user:1")
    assert stage.push("one-paused").sender_id == second.id


def test_each_way_a_sender_fails_is_shown_with_its_response(stage: Stage) -> None:
    sender = _sender(stage, "shop-mail")
    campaign = _launched(stage)
    assert sending_block_of(stage.session, campaign) is None
    assert blocked_campaigns(stage.session, stage.shop.id) == []
    found = []
    sender.failures, sender.last_error = 2, "nobody answers"
    found.append(sending_block_of(stage.session, campaign))
    sender.failures, sender.state = 5, SenderState.BROKEN
    found.append(sending_block_of(stage.session, campaign))
    thing = Thing(stage.shop.id, "sender", sender.id, sender.slug)
    write_failure(stage.session, "sender", thing, Conflict("Its secrets cannot be read."), now=NOON)
    found.append(sending_block_of(stage.session, campaign))
    sender.state = SenderState.PAUSED
    found.append(sending_block_of(stage.session, campaign))
    assert [(each.blocker, each.detail) for each in found if each] == [
        (Blocker.FAILING, "nobody answers"),
        (Blocker.BROKEN, "nobody answers"),
        (Blocker.UNUSABLE, "Its secrets cannot be read."),
        (Blocker.PAUSED, ""),
    ]
    assert [each.slug for each, _ in blocked_campaigns(stage.session, stage.shop.id)] == [campaign.slug]


def test_the_installations_own_server_that_is_down_is_shown_until_it_accepts_a_message(
    engine: Any, on_stage: Any
) -> None:
    on_stage(_launched)

    class Away(MemoryChannel):
        def connect(self) -> Any:
            raise TryLater("the mail server cannot be reached", of_sender=True)

    def details(stage: Stage) -> list[str]:
        return [stands.detail for _, stands in blocked_campaigns(stage.session, stage.shop.id)]

    send_waiting(engine, Away(), now=NOON)
    assert on_stage(details) == ["the mail server cannot be reached"]
    send_waiting(engine, MemoryChannel(), now=later(minutes=2))
    assert on_stage(details) == []


def test_another_sender_takes_what_waits_at_once_while_nothing_has_left(stage: Stage) -> None:
    dead, other = _sender(stage, "dead"), _sender(stage, "other")
    campaign = _launched(stage)
    row = stage.session.exec(select(Delivery)).one()
    row.attempts, row.due_at = 2, later(hours=5)
    change_sender(stage.session, stage.shop, campaign, other, at=later(hours=1), actor="user:1")
    stage.session.refresh(row)
    assert (dead.id != other.id, campaign.sender_id, row.due_at) == (True, other.id, later(hours=1))
    for state in (DeliveryState.SENT, DeliveryState.UNKNOWN):
        row.state = state
        stage.session.flush()
        assert not may_change_sender(stage.session, campaign)
        with pytest.raises(
            Conflict,
            match="nothing has been sent",
        ):
            change_sender(stage.session, stage.shop, campaign, dead, at=later(hours=2), actor="user:1")
    assert campaign.sender_id == other.id


def test_a_sender_of_another_medium_takes_nothing(stage: Stage) -> None:
    text = _sender(stage, "text")
    campaign = _launched(stage)
    text.medium = Medium.SMS
    _refused(stage.session, stage, campaign, text)


def _refused(session: Session, stage: Stage, campaign: Campaign, sender: Sender) -> None:
    with pytest.raises(Invalid, match="the channel of the campaign"):
        change_sender(session, stage.shop, campaign, sender, at=NOON, actor="user:1")
