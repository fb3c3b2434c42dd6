"""Personalised messages handed over to a loopback SMTP server and a loopback HTTP gateway, against a bare client loop.

All sides talk to the same sinks, which run in a process of their own. Ours plans nothing: the run is launched before
the clock starts, and from then on every message is claimed, looked at once more, made from its template, begun, handed
over and recorded in the database. Ours is as many processes as `regulars serve` gives its worker (`--hands`, 2): a
backlog of more than a turn has all of them send, and they share it by claims. They are started before the clock, as a
worker's are. Two bare clients, one process each, send the very same bytes, kept in memory:

plain   one connection, one message after the other, by the library ours uses: smtplib's `sendmail`, http.client's
        `request`. This is "a bare client loop", so the target, 0.5 x, is judged by it.
wide    as many in the air as ours, on as many connections, by our own lines: what it does without bookkeeping.
        A loop that does this is no bare one; its figure tells what the bookkeeping costs.

Processor seconds of the senders, not of sinks and database, are printed besides wall seconds, since a loaded machine
stretches only the latter.
"""
# ruff: noqa: T201, E402 - a benchmark prints, and finds the repository first

import argparse
import cProfile
import http.client
import multiprocessing
import os
import pstats
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import psycopg
import sqlalchemy as sa
from sqlmodel import select

import api.tables  # noqa: F401 - every table known
from campaigns.campaign.campaigns import Delivery, DeliveryState, Recipe
from campaigns.campaign.draft import Draft
from campaigns.campaign.media import Medium
from campaigns.channels.channel import Accepted, together
from campaigns.channels.mime import build_mail
from campaigns.channels.senders import Sender, SenderKind, create_sender
from campaigns.channels.sms_http import SmsHttpSettings, sms_channel
from campaigns.channels.smtp import SmtpChannel
from campaigns.channels.web import WebChannel
from campaigns.deliveries.claiming import Claim
from campaigns.offers.offers import OfferKind, create_offer
from campaigns.runs.drafting import create_campaign
from campaigns.runs.launch import launch
from campaigns.sending.sending import _message_contexts, send_waiting
from campaigns.texts.composing import compose
from campaigns.texts.mail import SenderIdentity
from retention import migrate
from retention.buyers import Buyer
from retention.consent import Answer, Consent
from retention.consent import Channel as ConsentChannel
from retention.database import open_engine, transaction
from retention.queue import app
from retention.shops import create_shop
from tests import servers

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
IDENTITY = SenderIdentity("https://r.example.cn", b"a key for benchmarks", "Tea <tea@shop.example>")
TEXT = {
    "zh-CN": {
        "subject": "{{ buyer.name }}，{{ shop.name }}送您{{ offer.headline }}",
        "body": (
            "{{ buyer.name }}，您好！\n\n谢谢您常来。"
            "凭券码 {{ coupon.code }} 下单，{{ offer.terms }}可用。\n\n{{ link }}"
        ),
    }
}
GATEWAY = {
    "fields": {"mobile": "{to}", "content": "{text}", "id": "{key}"},
    "headers": {"Idempotency-Key": "{key}"},
    "taken": {"field": "code", "values": [0]},
    "reference": "id",
    "takes_key_once": True,
}


def prepare(url: str, messages: int, medium: Medium, settings: dict[str, Any], at_once: int) -> Any:
    """Make a shop with so many buyers, launch a campaign to all of them, and return the engine and the sender's row."""
    migrate.upgrade(url)
    engine = open_engine(url)
    with transaction(engine) as session:
        shop = create_shop(session, "tea", name="回头客茶铺", timezone="Asia/Shanghai", currency="CNY", at=NOW)
        buyers = [
            {"shop_id": shop.id, "external_id": f"b{n}", "name": f"林{n}", "email": f"b{n}@mail.example",
             "phone": f"+86138{n:08d}", "created_at": NOW}
            for n in range(messages)
        ]  # fmt: skip
        session.execute(sa.insert(Buyer), buyers)
        said = {"channel": ConsentChannel(medium.value), "answer": Answer.IN, "source": "bench", "at": NOW}
        ids = session.exec(select(Buyer.id)).all()
        session.execute(sa.insert(Consent), [{"shop_id": shop.id, "buyer_id": each, **said} for each in ids])
        for table in ("buyers", "consents"):  # as the server does by itself within a minute of an import
            session.execute(sa.text(f"ANALYZE {table}"))
        offer = create_offer(
            session,
            shop.id,
            "ten",
            name="10 off",
            kind=OfferKind.AMOUNT,
            value=1000,
            minimum=9900,
            at=NOW,
            actor="bench",
        )
        kind = SenderKind.SMTP if medium is Medium.EMAIL else SenderKind.SMS_HTTP
        row = create_sender(
            session,
            shop,
            "sink",
            kind=kind,
            settings={**settings, "at_once": at_once},
            secrets={},
            at=NOW,
            actor="bench",
        )
        campaign = create_campaign(
            session,
            shop,
            Draft(
                "spring",
                recipe=Recipe.COUPON_PUSH,
                audience={"buyer": {"field": "external_id", "exists": True}},
                offer_id=offer.id,
                content=TEXT,
                policy={"control_share": 0.0},
            ),
            at=NOW,
            actor="bench",
        )
        campaign.medium, campaign.sender_id = medium, row.id
        session.add(campaign)
        session.flush()
        launch(session, shop, campaign, at=NOW, actor="bench")
    return engine, row


def bytes_of(engine: Any, medium: Medium, channel: Any) -> list[Any]:
    """Return every message of the run as the client sends it."""
    with transaction(engine) as session:
        ids = list(session.exec(select(Delivery.id).where(Delivery.state == DeliveryState.WAITING)))
        made = []
        for start in range(0, len(ids), 1000):
            for context in _message_contexts(session, Claim(1, "", []), ids[start : start + 1000]):
                message = compose(context, IDENTITY, at=NOW)
                made.append(
                    (message.sender, message.to, build_mail(message))
                    if medium is Medium.EMAIL
                    else channel.build_request(message)
                )
            session.expunge_all()
    return made


class Spent(NamedTuple):
    """Wall and processor seconds."""

    wall: float
    processor: float

    def rate(self, messages: int) -> str:
        return f"{messages / self.wall:,.0f}/s ({self.wall:.1f} s, {self.processor:.1f} s of the processor)"


def spend(work: Callable[[], object]) -> Spent:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - processor)


def plain_mail(port: int, made: list[Any]) -> None:
    with smtplib.SMTP("127.0.0.1", port) as server:
        for sender, to, envelope in made:
            server.sendmail(sender, to, envelope)


def plain_web(port: int, made: list[Any]) -> None:
    line = http.client.HTTPConnection("127.0.0.1", port)
    for request in made:
        line.request(request.method, urlsplit(request.url).path, request.body, request.headers)
        line.getresponse().read()
    line.close()


def wide_mail(channel: SmtpChannel, made: list[Any]) -> None:
    lines = [channel.open() for _ in range(channel.at_once)]
    for start in range(0, len(made), len(lines)):
        group = made[start : start + len(lines)]
        outcomes = together([line.hand_over(*each) for line, each in zip(lines, group, strict=False)])
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    for line in lines:
        line.close()


def wide_web(channel: WebChannel, made: list[Any]) -> None:
    bare = replace(channel, build_request=lambda request: request)  # the requests are made already
    with bare.connect() as lines:
        outcomes = lines.hand_over_all(made)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


def ours(engine: Any, channel: Any, row: Sender, messages: int) -> None:
    counts = send_waiting(engine, channel, now=NOW, limit=messages, identity=IDENTITY, sender=row)
    assert counts["sent"] == messages, counts


def spend_by_hands(url: str, medium: Medium, port: int, messages: int, options: Any) -> Spent:
    """Have several processes share the run, and return their wall seconds and processor seconds in all."""
    processes = multiprocessing.get_context("spawn")
    ready, told = processes.Barrier(options.hands + 1), processes.SimpleQueue()
    asked = (url, medium, port, messages, options.at_once, ready, told)
    hands = [processes.Process(target=hand, args=asked) for _ in range(options.hands)]
    for each in hands:
        each.start()
    ready.wait(timeout=120)
    started = time.perf_counter()
    found = [told.get() for _ in hands]
    wall = time.perf_counter() - started
    for each in hands:
        each.join()
    assert sum(sent for sent, _ in found) == messages, found
    return Spent(wall, sum(processor for _, processor in found))


def hand(url: str, medium: Medium, port: int, messages: int, at_once: int, ready: Any, told: Any) -> None:
    """Send what is due until nothing is, as one process of a worker does."""
    app.conf.broker_url = "memory://"
    engine, channel = open_engine(url), channel_to(medium, port, at_once)
    with transaction(engine) as session:
        row = session.exec(select(Sender)).one()
    ready.wait(timeout=120)
    processor = time.process_time()
    counts = send_waiting(engine, channel, now=NOW, limit=messages, identity=IDENTITY, sender=row)
    told.put((counts["sent"], time.process_time() - processor))
    engine.dispose()


def settings_of(medium: Medium, port: int) -> dict[str, Any]:
    if medium is Medium.EMAIL:
        return {"host": "127.0.0.1", "port": port, "tls": "none", "mail_from": "tea@shop.example"}
    return {"url": f"http://127.0.0.1:{port}/send", **GATEWAY}


def channel_to(medium: Medium, port: int, at_once: int) -> Any:
    if medium is Medium.EMAIL:
        return SmtpChannel(f"smtp://127.0.0.1:{port}", at_once=at_once)
    return sms_channel(SmsHttpSettings(**settings_of(medium, port), at_once=at_once), {}, allow_private=True)


@contextmanager
def sinks() -> Iterator[tuple[int, int]]:
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("sinks.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    mail, web = map(int, process.stdout.readline().split())
    try:
        yield mail, web
    finally:
        process.stdin.close()
        process.wait(timeout=10)


def compare(name: str, url: str, medium: Medium, port: int, options: Any) -> None:
    channel = channel_to(medium, port, options.at_once)
    engine, row = prepare(url, options.messages, medium, settings_of(medium, port), options.at_once)
    made = bytes_of(engine, medium, channel)
    size = sum(len(each[2] if medium is Medium.EMAIL else each.body) for each in made) / len(made)
    is_mail = medium is Medium.EMAIL
    work = partial(ours, engine, channel, row, options.messages)  # one hand, in this process
    plain_loop, wide_loop = (plain_mail, wide_mail) if is_mail else (plain_web, wide_web)
    before = spend(partial(plain_loop, port, made))
    if options.profile:
        profile = cProfile.Profile()
        spent = spend(partial(profile.runcall, work))
        pstats.Stats(profile).sort_stats(options.profile).print_stats(45)
    elif options.hands == 1:
        spent = spend(work)
    else:
        spent = spend_by_hands(url, medium, port, options.messages, options)
    plain = min(before, spend(partial(plain_loop, port, made)))
    wide = spend(partial(wide_loop, channel, made))
    print(
        f"{name}: {options.messages:,} messages of {size:,.0f} bytes\n"
        f"  ours, {options.hands} x {options.at_once} in the air   {spent.rate(options.messages)}\n"
        f"  plain loop           {plain.rate(options.messages)}: ours is {plain.wall / spent.wall:.2f} x by the clock, "
        f"{plain.processor / spent.processor:.2f} x by the processor (target 0.5: the loop the issue means)\n"
        f"  {options.at_once} in the air         {wide.rate(options.messages)}: ours is {wide.wall / spent.wall:.2f} x "
        f"(not judged: no bare loop keeps several in the air)",
        flush=True,
    )
    engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument(
        "--at-once", type=int, default=16, help="messages in the air of each process, on as many connections"
    )
    parser.add_argument("--hands", type=int, default=2, help="processes that send; 1 with --profile")
    parser.add_argument("--only", default="", help="mail-postgresql, web-sqlite and so on")
    parser.add_argument("--profile", default="", help="tottime or cumtime")
    options = parser.parse_args()
    app.conf.broker_url = "memory://"
    with ExitStack() as stack:
        mail, web = stack.enter_context(sinks())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["REGULARS_HOME"] = str(folder)
        for database in ("sqlite", "postgresql"):
            for word, medium, port in (("mail", Medium.EMAIL, mail), ("web", Medium.SMS, web)):
                name = f"{word}-{database}"
                if options.only not in name:
                    continue
                if database == "sqlite":
                    url = f"sqlite:///{folder / word}.db"
                else:
                    address = stack.enter_context(servers.postgresql())
                    with psycopg.connect(address.format("postgres").replace("+psycopg", ""), autocommit=True) as line:
                        line.execute("CREATE DATABASE bench")
                    url = address.format("bench")
                compare(name, url, medium, port, options)


if __name__ == "__main__":
    main()
