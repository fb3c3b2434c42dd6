"""Killed at every step: nobody gets two from a gateway that knows its keys, nobody is lost, the ledger is what arrived.

docs/kill-test.md says in words what is done here. The gateway and the mail server count what arrives; processes die by
SIGKILL, the broker loses everything, the database is stopped in the middle.
"""

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaign.campaigns import CampaignState, Delivery, DeliveryState, Run
from campaigns.campaign.media import Medium
from campaigns.channels.channel import Message
from campaigns.channels.kinds import make_channel
from campaigns.channels.memory import MemoryChannel
from campaigns.channels.senders import Sender, SenderKind, create_sender
from campaigns.deliveries import claiming
from campaigns.deliveries.campaign_moves import cancel, pause, resume
from campaigns.deliveries.ledger import count
from campaigns.runs.drafting import find_campaign
from campaigns.runs.launch import launch
from campaigns.sending import dispatch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention import clock
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent
from retention.database import open_engine, transaction
from retention.queue import app, configure
from retention.settings import Settings
from tests import servers
from tests.campaigns import sender_that_dies
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.gateways import Gateway, gateway
from tests.campaigns.test_smtp import Mailbox, mail_server_of
from tests.factories import make_shop

IDENTITY = SenderIdentity("https://shop.example", b"k", "Shop <shop@shop.example>")
STEPS = ("claim", "begun", "handed", "recorded")
BUYERS = 12

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([sender_that_dies.__name__])


@dataclass
class World:
    """A campaign by one sender, and what has arrived at the other side."""

    arrived: Callable[[], Counter[str]]
    medium: Medium
    kind: SenderKind
    settings: dict[str, Any]


@pytest.fixture(params=["mail", "gateway that knows its keys", "gateway that does not"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "mail":
        mailbox = Mailbox()
        with mail_server_of(mailbox) as port:
            settings = {
                "host": "127.0.0.1",
                "port": port,
                "tls": "none",
                "mail_from": "shop@shop.example",
                "at_once": 1,
            }
            yield World(
                lambda: Counter(str(mail["To"]) for mail in mailbox.mails), Medium.EMAIL, SenderKind.SMTP, settings
            )
        return
    knows = request.param == "gateway that knows its keys"
    with gateway() as there:
        settings = {"url": there.url, "fields": {"to": "{to}", "key": "{key}"}, "at_once": 1, "takes_key_once": knows}
        yield World(lambda: _taken(there, knows=knows), Medium.SMS, SenderKind.SMS_HTTP, settings)


def _taken(there: Gateway, *, knows: bool) -> Counter[str]:
    """Count the messages that reach a phone: one that knows its keys sends each once, however often it is asked."""
    asked = [(each.json["to"], each.json["key"]) for each in there.arrived]
    return Counter(to for to, _ in (dict.fromkeys(asked) if knows else asked))


def _draft(stage: Stage, world: World, buyers: int = BUYERS) -> None:
    for number in range(buyers):
        buyer = stage.session.get_one(Buyer, stage.buyer(f"b{number}"))
        buyer.phone = f"+8613800{number:06d}"
        stage.answer(buyer.id, "in", Channel.SMS)
    row = create_sender(
        stage.session, stage.shop, "out", kind=world.kind, settings=world.settings, secrets={}, at=NOON, actor="user:1"
    )
    campaign = stage.push()
    campaign.medium, campaign.sender_id = world.medium, row.id


def _die(database: str, step: str, *, at: datetime, number: int = 2) -> None:
    asked = {"database": database, "step": step, "now": at.isoformat(), "number": number}
    process = _processes.Process(target=sender_that_dies.run, args=(asked,))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == -9, step
    process.close()


def _states(session: Session) -> Counter[str]:
    return Counter(row.state.value for row in session.exec(select(Delivery)))


def _finish(engine: Engine, world: World, *, at: datetime) -> None:
    with transaction(engine) as session:
        row = session.exec(select(Sender)).one()
    channel = make_channel(world.kind.value, world.settings, {}, allow_private=True)
    while +send_waiting(engine, channel, now=at, identity=IDENTITY, sender=row):
        pass


def test_worker_killed_at_each_step_leaves_a_ledger_that_is_what_arrived(
    engine: Engine, database_url: str, on_stage: Callable[..., Any], world: World
) -> None:
    on_stage(lambda stage: _draft(stage, world))
    on_stage(
        lambda stage: launch(stage.session, stage.shop, find_campaign(stage.session, 1, "spring"), at=NOON, actor="u")
    )
    moment = NOON
    for step in STEPS:
        _die(database_url, step, at=moment)
        moment += claiming.CLAIM
    _finish(engine, world, at=moment)
    _finish(engine, world, at=moment + timedelta(hours=1))  # what may be tried again has waited by then

    def look(stage: Stage) -> None:
        rows = stage.session.exec(select(Delivery)).all()
        buyers = {row.id: row for row in stage.session.exec(select(Buyer))}
        at = (
            (lambda row: buyers[row.buyer_id].email)
            if world.medium is Medium.EMAIL
            else lambda row: buyers[row.buyer_id].phone
        )
        arrived = world.arrived()
        sent = {at(row) for row in rows if row.state is DeliveryState.SENT}
        unknown = {at(row) for row in rows if row.state is DeliveryState.UNKNOWN}
        assert sent | unknown == {at(row) for row in rows}  # no row is lost
        assert max(arrived.values()) == 1  # nobody got two
        assert sent <= set(arrived) <= sent | unknown
        if stage.session.exec(select(Sender)).one().repeatable:
            assert unknown == set()
            assert set(arrived) == sent
        else:
            # Exactly the undecidable, one for each death between begin and record. Before its byte: the one begun, and
            # the one begun in the transaction that recorded the message before. After it: the one handed over.
            assert len(unknown) == 3
            assert len(unknown - set(arrived)) == 2
        ledger = count(stage.session, stage.session.exec(select(Run)).one())
        assert (ledger.sent, ledger.unknown, ledger.waiting, ledger.adds_up) == (len(sent), len(unknown), 0, True)

    on_stage(look)


def test_launch_killed_before_its_commit_never_was_and_after_it_is_sent(
    engine: Engine, database_url: str, on_stage: Callable[..., Any]
) -> None:
    on_stage(lambda stage: [stage.buyer("ada"), stage.buyer("bo"), stage.push()])
    _die(database_url, "plan", at=NOON)
    assert on_stage(lambda stage: _states(stage.session)) == Counter()
    assert on_stage(lambda stage: find_campaign(stage.session, 1, "spring").state) is CampaignState.DRAFT
    _die(database_url, "launch", at=NOON)
    assert on_stage(lambda stage: _states(stage.session)) == Counter(waiting=2)
    channel = MemoryChannel()
    assert +send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY) == Counter(sent=2)
    assert len(channel.taken) == 2


def test_broker_that_lost_everything_costs_no_message(
    engine: Engine, on_stage: Callable[..., Any], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.conf, "broker_url", redis_url)
    configure(Settings(broker_url=redis_url))
    on_stage(lambda stage: [stage.buyer("ada"), launch(stage.session, stage.shop, stage.push(), at=NOON, actor="u")])
    with redis.Redis.from_url(redis_url) as broker:
        assert broker.llen("sending") > 0  # the launch woke a worker
        broker.flushall()
        assert broker.llen("sending") == 0
    channel = MemoryChannel()
    monkeypatch.setattr(dispatch, "SmtpChannel", lambda _url: channel)  # the way out of this machine
    monkeypatch.setattr(clock, "now", lambda: later(minutes=1))
    assert dispatch.send_all(engine, now=clock.now) == Counter(sent=1)  # what the sweep does every 15 seconds
    assert [message.to for message in channel.taken] == ["ada@example.com"]


@pytest.mark.postgres
def test_database_restarted_in_the_middle_is_waited_for() -> None:
    with servers.restartable_postgresql() as server:
        engine = open_engine(server.migrated("middle"))
        with transaction(engine) as session:
            shop = make_shop(session, "tea", at=NOON)
            stage = Stage(session, shop)
            for number in range(40):
                stage.buyer(f"b{number}")
            launch(session, stage.shop, stage.push(), at=NOON, actor="u")

        class Channel(MemoryChannel):
            def hand_over(self, message: Message) -> None:
                super().hand_over(message)
                if len(self.taken) == 7:  # back before anybody asks
                    server.restart()
                if len(self.taken) == 20:  # away while its answer is wanted
                    server.stop()
                    back.start()

        back = threading.Timer(1.0, server.start)
        channel = Channel()
        assert +send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY) == Counter(sent=40)
        back.join()
        assert Counter(message.to for message in channel.taken) == Counter(f"b{n}@example.com" for n in range(40))
        with transaction(engine) as session:
            assert _states(session) == Counter(sent=40)
        engine.dispose()


def test_ten_thousand_recipients_through_pause_resume_and_cancel(engine: Engine, on_stage: Callable[..., Any]) -> None:
    def prepare(stage: Stage) -> None:
        rows = [
            {"shop_id": 1, "external_id": f"b{n}", "name": "B", "email": f"b{n}@example.com", "created_at": NOON}
            for n in range(10_000)
        ]
        stage.session.execute(sa.insert(Buyer), rows)
        said = {"shop_id": 1, "channel": Channel.EMAIL, "answer": Answer.IN, "source": "test", "at": NOON}
        stage.session.execute(
            sa.insert(Consent), [{"buyer_id": n, **said} for n in stage.session.exec(select(Buyer.id))]
        )
        launch(stage.session, stage.shop, stage.push(), at=NOON, actor="u")
        stage.session.execute(sa.text("ANALYZE"))  # as PostgreSQL does by itself; nothing does in the suite

    on_stage(prepare)
    moves = {2_500: pause, 6_000: cancel}

    class Stopping(MemoryChannel):
        def hand_over(self, message: Message) -> None:
            super().hand_over(message)
            if move := moves.get(len(self.taken)):
                on_stage(
                    lambda stage: move(stage.session, find_campaign(stage.session, 1, "spring"), at=NOON, actor="u")
                )

    channel = Stopping(at_once=20)
    send_waiting(engine, channel, now=later(minutes=1), limit=20_000, identity=IDENTITY)
    paused_at = len(channel.taken)
    assert 2_500 <= paused_at < 2_500 + channel.at_once
    assert on_stage(lambda stage: _states(stage.session)) == Counter(sent=paused_at, waiting=10_000 - paused_at)
    on_stage(lambda stage: resume(stage.session, find_campaign(stage.session, 1, "spring"), at=NOON, actor="u"))
    send_waiting(engine, channel, now=later(minutes=2), limit=20_000, identity=IDENTITY)
    gone = len(channel.taken)
    assert 6_000 <= gone < 6_000 + channel.at_once
    assert on_stage(lambda stage: _states(stage.session)) == Counter(sent=gone, skipped=10_000 - gone)
    assert max(Counter(message.to for message in channel.taken).values()) == 1
    assert on_stage(lambda stage: count(stage.session, stage.session.exec(select(Run)).one()).adds_up)
