"""A process that is killed with SIGKILL at a chosen step of a run: `run` is what test_kill has a fresh process do.

step       kills itself
plan       after the run was planned and written, before the commit
launch     after the commit of the launch
claim      after a claim, before anything began
begun      after the begin was committed, before a byte left
handed     after the message was taken, before that is recorded
recorded   after the record was committed
"""

import os
import signal
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from sqlmodel import select

import api.tables  # noqa: F401 - every table known
from campaigns.campaign.campaigns import Campaign
from campaigns.channels.channel import Message, Outcome
from campaigns.channels.kinds import make_channel
from campaigns.channels.senders import Sender
from campaigns.runs.launch import launch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.database import open_engine, transaction
from retention.queue import app
from retention.shops import Shop


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    """A real channel whose process dies around its `number`-th message."""

    def __init__(self, channel: Any, step: str, number: int) -> None:
        self._channel, self._step, self._left = channel, step, number
        self.medium, self.at_once, self.repeatable = channel.medium, channel.at_once, channel.repeatable

    def connect(self) -> Self:
        if self._step == "claim":
            die()
        return self

    def __enter__(self) -> Self:
        self._opened = self._channel.connect()
        self._line = self._opened.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._opened.__exit__(*raised)

    def hand_over_all(self, messages: Sequence[Message]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for message in messages:
            self._left -= 1
            if self._step == "begun" and self._left == 0:
                die()
            if self._step == "recorded" and self._left == -1:  # the one before is on record by now
                die()
            outcomes += self._line.hand_over_all([message])
            if self._step == "handed" and self._left == 0:
                die()
        return outcomes


def run(asked: dict[str, Any]) -> None:
    """Do the step and die: `database`, `step`, `now`, and the `number` of the message to die at."""
    app.conf.broker_url = "memory://"
    engine, now = open_engine(asked["database"]), datetime.fromisoformat(asked["now"])
    if asked["step"] in {"plan", "launch"}:
        with transaction(engine) as session:
            campaign = session.exec(select(Campaign)).one()
            launch(session, session.get_one(Shop, 1), campaign, at=now, actor="user:1")
            session.flush()
            if asked["step"] == "plan":
                die()
        die()
    with transaction(engine) as session:
        row = session.exec(select(Sender)).one()
    channel = make_channel(row.kind.value, row.settings, {}, allow_private=True)
    sender = SenderIdentity("https://shop.example", b"k", "Shop <shop@shop.example>")
    send_waiting(engine, Deadly(channel, asked["step"], asked["number"]), now=now, identity=sender, sender=row)
