"""How a backlog leaves: in groups no larger than a quarter of a second, by as many workers as there is work for."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from campaigns.channels.channel import Message, Outcome
from campaigns.channels.memory import MemoryChannel
from campaigns.runs.launch import launch
from campaigns.sending import dispatch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.queue import app
from tests.campaigns.conftest import NOON, Stage, later

IDENTITY = SenderIdentity("https://shop.example", b"k", "Shop <shop@shop.example>")
Acting = Callable[[Callable[[Stage], Any]], Any]


class Grouped(MemoryChannel):
    """Remembers how many were begun together; each takes `seconds`."""

    groups: list[int]
    seconds = 0.0

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        self.groups.append(len(messages))
        time.sleep(self.seconds * len(messages))
        return super().hand_over_all(messages)


def _launched(stage: Stage, buyers: int) -> None:
    for number in range(buyers):
        stage.buyer(f"b{number}")
    launch(stage.session, stage.shop, stage.push(), at=NOON, actor="user:1")


def _groups(engine: Engine, *, seconds: float, at_once: int, repeatable: bool) -> list[int]:
    channel = Grouped(at_once=at_once, repeatable=repeatable)
    channel.groups, channel.seconds = [], seconds
    send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)
    assert len({message.to for message in channel.taken}) == len(channel.taken) == sum(channel.groups)
    return channel.groups


def test_without_keys_no_more_are_begun_than_are_in_the_air(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, 20))
    assert _groups(engine, seconds=0, at_once=8, repeatable=False) == [8, 8, 4]


def test_with_keys_no_more_are_begun_than_leave_in_a_quarter_of_a_second(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, 20))
    groups = _groups(engine, seconds=0.06, at_once=2, repeatable=True)
    assert sum(groups) == 20
    assert groups[0] == 2
    assert max(groups) <= 4


@pytest.mark.parametrize(("buyers", "asked"), [(5, ["campaigns.send"]), (2, ["campaigns.send"]), (1, [])])
def test_backlog_of_more_than_a_turn_asks_for_one_more_worker(
    engine: Engine, on_stage: Acting, monkeypatch: pytest.MonkeyPatch, buyers: int, asked: list[str]
) -> None:
    on_stage(lambda stage: _launched(stage, buyers))
    channel = MemoryChannel()
    queued: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **_: queued.append(name))  # the way to the broker
    monkeypatch.setattr(dispatch, "SmtpChannel", lambda _url: channel)  # the way out of this machine
    monkeypatch.setattr(dispatch, "TURN", 2)
    assert dispatch.send_all(engine, now=lambda: later(minutes=1))["sent"] == buyers
    assert queued == asked
