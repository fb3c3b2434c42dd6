"""Senders: what they keep secret, how fast they may go, when they are left alone, what a person can do with them."""

import errno
import smtplib
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import Engine
from sqlmodel import col, select

from campaigns.campaign.campaigns import Delivery
from campaigns.channels import breaker, outages, rates
from campaigns.channels.channel import Message, Refused, TryLater, Undecided
from campaigns.channels.kinds import make_channel
from campaigns.channels.memory import MemoryChannel
from campaigns.channels.senders import (
    Sender,
    SenderKind,
    SenderState,
    channel_for,
    create_sender,
    edit_sender,
    find_sender,
    send_test_message,
)
from campaigns.runs.launch import launch
from campaigns.sending import dispatch
from campaigns.sending.pausing import pause_sender, resume_sender
from campaigns.sending.sending import resend, send_waiting
from campaigns.texts.mail import SenderIdentity
from retention import clock
from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.consent import Channel
from retention.database import reading, transaction
from retention.errors import Conflict, Invalid
from retention.i18n import speaking
from retention.settings import get_settings
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.gateways import DROP, Gateway, gateway
from tests.campaigns.test_smtp import MESSAGE, Mailbox, mail_server_of

Acting = Callable[[Callable[[Stage], Any]], Any]
IDENTITY = SenderIdentity("https://shop.example", b"k", "Shop <shop@shop.example>")
SMTP = {"host": "mail.example", "user": "tea", "mail_from": "tea@shop.example"}


def _make(stage: Stage, kind: SenderKind = SenderKind.MEMORY, **values: Any) -> Sender:
    given = {"settings": {}, "secrets": {}} | values
    return create_sender(stage.session, stage.shop, "out", kind=kind, at=NOON, actor="user:1", **given)


def _launched(stage: Stage, count: int, **values: Any) -> None:
    row = _make(stage, **values)
    for number in range(count):
        buyer = stage.session.get_one(Buyer, stage.buyer(f"b{number}"))
        buyer.phone = f"+8613800{number:06d}"
        stage.answer(buyer.id, "in", Channel.SMS)
    campaign = stage.push()
    campaign.medium, campaign.sender_id = row.medium, row.id
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")


def _row(engine: Engine) -> Sender:
    with transaction(engine) as session:
        return session.exec(select(Sender)).one()


def _send(engine: Engine, channel: Any, **delta: float) -> dict[str, int]:
    return dict(+send_waiting(engine, channel, now=later(**delta), identity=IDENTITY, sender=_row(engine)))


def test_secrets_are_sealed_and_shown_to_nobody(stage: Stage) -> None:
    row = _make(stage, SenderKind.SMTP, settings=SMTP, secrets={"password": "s3cret-word"})
    assert b"s3cret-word" not in row.encrypted_secrets
    assert "s3cret-word" not in repr(row)
    assert "s3cret-word" not in repr(channel_for(row))
    assert "s3cret-word" in channel_for(row).url  # type: ignore[attr-defined]
    logged = stage.session.exec(select(AuditEntry).where(AuditEntry.subject == "sender:out")).all()
    assert "s3cret-word" not in repr([entry.model_dump() for entry in logged])


def test_secrets_do_not_follow_to_another_host_unless_entered_again(stage: Stage) -> None:
    row = _make(stage, SenderKind.SMTP, settings=SMTP, secrets={"password": "s3cret"})
    elsewhere = SMTP | {"host": "thief.example"}
    with pytest.raises(Invalid, match="Enter the secrets again"):
        edit_sender(stage.session, row, settings=elsewhere, at=NOON, actor="user:2")
    assert row.settings["host"] == "mail.example"
    edit_sender(stage.session, row, settings=SMTP | {"mail_from": "b@shop.example"}, at=NOON, actor="user:2")
    assert "s3cret" in channel_for(row).url  # type: ignore[attr-defined]
    edit_sender(stage.session, row, settings=elsewhere, secrets={"password": "new"}, at=NOON, actor="user:2")
    assert "s3cret" not in channel_for(row).url  # type: ignore[attr-defined]


def test_secrets_sealed_under_another_key_are_asked_for_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    row = _make(stage, SenderKind.SMTP, settings=SMTP, secrets={"password": "s3cret"})
    monkeypatch.setenv("REGULARS_SECRET", "another" * 5)
    get_settings.cache_clear()
    with pytest.raises(Conflict, match="Enter them again"):
        channel_for(row)


def test_paused_sender_sends_nothing_and_what_it_held_waits(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, 3))

    class Pausing(MemoryChannel):
        def hand_over(self, message: Message) -> None:
            super().hand_over(message)
            on_stage(lambda s: pause_sender(s.session, find_sender(s.session, 1, "out"), at=NOON, actor="user:1"))

    assert _send(engine, Pausing(), minutes=1) == {"sent": 1}
    assert _send(engine, MemoryChannel(), minutes=2) == {}
    on_stage(lambda s: resume_sender(s.session, find_sender(s.session, 1, "out"), at=NOON, actor="user:1"))
    assert _send(engine, MemoryChannel(), minutes=3) == {"sent": 2}


def test_sender_that_fails_five_times_is_left_alone_and_mended_by_one_message(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, 20))
    away = TryLater("nobody answers", of_sender=True)
    broken = MemoryChannel(errors={f"b{n}@example.com": [away] * 9 for n in range(20)})
    assert _send(engine, broken, minutes=1) == {"later": breaker.MOST_FAILURES}
    row = _row(engine)
    assert (row.state, row.failures, row.last_error) == (SenderState.BROKEN, 5, "nobody answers")
    assert row.broken_until == later(minutes=2)
    assert _send(engine, MemoryChannel(), minutes=1.5) == {}
    assert _send(engine, broken, minutes=2) == {"later": 1}  # the probe
    assert _row(engine).broken_until == later(minutes=4)
    assert _send(engine, MemoryChannel(), minutes=3) == {}
    assert _send(engine, MemoryChannel(), minutes=4) == {"sent": 20}
    row = _row(engine)
    assert (row.state, row.failures, row.broken_until) == (SenderState.ACTIVE, 0, None)
    told = on_stage(
        lambda s: [
            e.action
            for e in s.session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))
            if e.subject == "sender:out"
        ]
    )
    assert told == ["sender.create", "sender.broken", "sender.mended"]


def test_one_outage_of_many_messages_at_once_rests_a_minute(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, 20))

    class Away(MemoryChannel):
        def connect(self) -> Any:
            raise TryLater("nobody answers", of_sender=True)

    assert _send(engine, Away(), minutes=1) == {"later": 20}
    assert (_row(engine).failures, _row(engine).broken_until) == (5, later(minutes=2))
    assert _send(engine, Away(), minutes=2) == {"later": 1}
    assert (_row(engine).failures, _row(engine).broken_until) == (6, later(minutes=4))
    assert _send(engine, MemoryChannel(), minutes=20) == {"sent": 20}


def test_errors_of_a_sender_are_plain_words_in_the_current_language() -> None:
    silent = smtplib.SMTPServerDisconnected("Connection unexpectedly closed: timed out")
    told = {
        ConnectionRefusedError(111, "Connection refused"): "无法连接邮件服务器：该主机和端口拒绝连接",
        socket.gaierror(-2, "Name or service not known"): "无法连接邮件服务器：找不到主机名",
        TimeoutError("timed out"): "无法连接邮件服务器：超时",
        silent: "无法连接邮件服务器：超时",
        OSError(errno.EHOSTUNREACH, "No route to host"): "无法连接邮件服务器：没有到该主机的路由",
        smtplib.SMTPConnectError(554, "go away"): "无法连接邮件服务器：(554, 'go away')",
    }
    with speaking("zh_CN"):
        for error, words in told.items():
            assert outages.translated(outages.MAIL_AWAY.format(why=outages.describe_error(error))) == words
        assert (
            outages.translated(outages.NO_ANSWER.format(why="connection closed by the server"))
            == "没有响应：服务器关闭了连接"
        )
        assert outages.translated("500 boom") == "500 boom"


def test_addresses_that_are_refused_do_not_break_a_sender(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, 12))
    channel = MemoryChannel(errors={f"b{n}@example.com": [Refused("550 no such user")] for n in range(10)})
    assert _send(engine, channel, minutes=1) == {"failed": 10, "sent": 2}
    assert _row(engine).state is SenderState.ACTIVE


def test_rest_doubles_up_to_an_hour() -> None:
    minutes = [breaker.rest(failures).total_seconds() / 60 for failures in (5, 6, 7, 10, 11, 5000)]
    assert minutes == [1, 2, 4, 32, 60, 60]


def test_throttled_messages_wait_as_asked_and_that_counts_as_no_try(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, 2))
    slow = TryLater("429", of_sender=True, wait=timedelta(minutes=7))
    channel = MemoryChannel(errors={"b0@example.com": [slow]})
    assert _send(engine, channel, minutes=1) == {"later": 1}
    assert _send(engine, channel, minutes=7) == {}
    rows = on_stage(lambda stage: stage.session.exec(select(Delivery).order_by(Delivery.id)).all())
    assert [(row.attempts, row.due_at) for row in rows] == [(0, later(minutes=8)), (0, NOON)]
    assert _row(engine).failures == 0
    assert _send(engine, channel, minutes=8) == {"sent": 2}


def test_rate_holds_over_several_senders_at_once(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, 60, per_second=40))
    left: list[float] = []

    class Stamping(MemoryChannel):
        def hand_over(self, message: Message) -> None:
            left.append(time.monotonic())
            super().hand_over(message)

    started, begun = time.monotonic(), clock.now()

    def work(_: int) -> None:
        until = time.monotonic() + 60
        while len(left) < 60 and time.monotonic() < until:
            moment = begun + timedelta(seconds=time.monotonic() - started)
            if not +send_waiting(engine, Stamping(), now=moment, identity=IDENTITY, sender=_row(engine)):
                time.sleep(0.05)

    on_stage(lambda s: [row.sqlmodel_update({"due_at": begun}) for row in s.session.exec(select(Delivery))])
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, range(3)))
    assert len(left) == 60
    # Nothing leaves before its slot, so by any moment no more have left than the rate allows.
    assert all(at - started >= number / 40 - 0.02 for number, at in enumerate(sorted(left)))


def test_slots_are_taken_one_after_the_other(stage: Stage) -> None:
    row = _make(stage, per_second=10)
    first = rates.reserve(stage.session, row, 5, now=NOON)
    second = rates.reserve(stage.session, row, 5, now=NOON)
    assert first is not None
    assert second is not None
    assert [first.moment(4), second.moment(0)] == [later(seconds=0.4), later(seconds=0.5)]
    stage.session.refresh(row)
    assert rates.remaining_slots(row, now=NOON) == 10  # a second of the two is used up
    assert rates.reserve(stage.session, row, 15, now=NOON) is not None
    stage.session.refresh(row)
    assert rates.remaining_slots(row, now=NOON) == 0


def _gateway(there: Gateway, **more: Any) -> dict[str, Any]:
    return {"url": there.url, "fields": {"to": "{to}", "key": "{key}"}, "at_once": 1, **more}


def test_gateway_that_knows_its_keys_is_asked_again_and_another_is_not(engine: Engine, on_stage: Acting) -> None:
    with gateway() as there:
        settings = _gateway(there, takes_key_once=True)
        on_stage(lambda stage: _launched(stage, 1, kind=SenderKind.SMS_HTTP, settings=settings))
        channel = make_channel("sms-http", settings, {}, allow_private=True)
        there.answers = [DROP]
        assert _send(engine, channel, minutes=1) == {"later": 1}
        assert _send(engine, channel, minutes=2) == {"sent": 1}
        assert len({each.json["key"] for each in there.arrived}) == 1
        plain = make_channel("sms-http", _gateway(there), {}, allow_private=True)
        on_stage(lambda stage: stage.session.exec(select(Sender)).one().sqlmodel_update({"repeatable": False}))
        on_stage(lambda s: s.session.exec(select(Delivery)).one().sqlmodel_update({"state": "waiting", "due_at": NOON}))
        there.answers = [DROP]
        assert _send(engine, plain, minutes=3) == {"unknown": 1}
        assert _send(engine, plain, days=3) == {}


def test_message_that_may_have_arrived_is_unknown_whatever_ends_its_waiting(engine: Engine, on_stage: Acting) -> None:
    on_stage(lambda stage: _launched(stage, 1))
    doubtful = MemoryChannel(errors={"b0@example.com": [Undecided("no response"), Refused("550 spam")]})
    assert _send(engine, doubtful, minutes=1) == {"unknown": 1}
    on_stage(lambda stage: resend(stage.session, stage.shop, [1], at=later(minutes=2), actor="user:1"))
    assert _send(engine, doubtful, minutes=3) == {"failed": 1}
    row = on_stage(lambda stage: stage.session.exec(select(Delivery)).one())
    assert (row.state.value, row.reason, row.detail) == ("unknown", "no_record", "550 spam")


def test_senders_of_all_shops_have_their_turn(
    engine: Engine, on_stage: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGULARS_ALLOW_PRIVATE_ADDRESSES", "true")
    monkeypatch.setattr(clock, "now", lambda: later(minutes=1))
    get_settings.cache_clear()
    with gateway() as there:
        settings = _gateway(there, signature="【茶铺】")
        settings["fields"] = {"to": "{to}", "text": "{text}"}
        on_stage(lambda stage: _launched(stage, 3, kind=SenderKind.SMS_HTTP, settings=settings))
        assert dispatch.send_all(engine, now=clock.now) == Counter(sent=3)
        assert sorted(each.json["to"] for each in there.arrived) == [f"+8613800{n:06d}" for n in range(3)]
        assert all(each.json["text"].startswith("【茶铺】") for each in there.arrived)


def test_test_message_says_what_the_other_side_said(
    engine: Engine, on_stage: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGULARS_ALLOW_PRIVATE_ADDRESSES", "true")
    get_settings.cache_clear()
    with gateway() as there:
        on_stage(lambda stage: _make(stage, SenderKind.SMS_HTTP, settings=_gateway(there, reference="id")))
        there.answers = [(200, {"id": "77"}), (400, "no credit")]
        with reading(engine) as session:
            stage = Stage(session, on_stage(lambda each: each.shop))
            row = find_sender(session, 1, "out")
            assert send_test_message(session, stage.shop, row, to="+86138", at=NOON, actor="user:1") == "77"
            with pytest.raises(Conflict) as refusal:
                send_test_message(session, stage.shop, row, to="+86138", at=NOON, actor="user:1")
        assert "no credit" in str(refusal.value)
        assert there.arrived[0].json["to"] == "+86138"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ssl.SSLContext]:
    """A certificate authority of this test's own (PEM), and what a server on 127.0.0.1 shows of it."""
    folder: Path = tmp_path_factory.mktemp("ca")
    now = datetime.now(UTC)

    def made(
        name: str, key: Any, issuer: x509.Name, issuer_key: Any, **extensions: x509.ExtensionType
    ) -> x509.Certificate:
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )
        for extension in extensions.values():
            certificate = certificate.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return certificate.sign(issuer_key, hashes.SHA256())

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    own = made("test authority", root, issuer, root, ca=x509.BasicConstraints(ca=True, path_length=None))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    served = made("localhost", leaf, issuer, root, names=names)
    pem = folder / "server.pem"
    private = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + served.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return own.public_bytes(serialization.Encoding.PEM).decode(), context


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_goes_over_tls_to_a_server_whose_authority_is_trusted_and_to_no_other(
    certificates: tuple[str, ssl.SSLContext], tls: str
) -> None:
    authority, context = certificates
    mailbox = Mailbox()
    options = {"ssl_context": context} if tls == "implicit" else {"tls_context": context, "require_starttls": True}
    with mail_server_of(mailbox, **options) as port:
        settings = {"host": "localhost", "port": port, "tls": tls, "mail_from": "a@shop.example", "at_once": 2}
        trusted = make_channel("smtp", settings | {"authority": authority}, {}, allow_private=True)
        with trusted.connect() as connection:
            outcomes = connection.hand_over_all([MESSAGE, replace(MESSAGE, message_id="<2@x>")])
        assert [str(each) for each in outcomes if isinstance(each, Exception)] == []
        with (
            pytest.raises(TryLater, match="certificate"),
            make_channel("smtp", settings, {}, allow_private=True).connect(),
        ):
            pass
    assert len(mailbox.mails) == 2


def test_mail_server_inside_the_network_is_not_reached_by_a_shops_word() -> None:
    with mail_server_of(Mailbox()) as port:
        settings = {"host": "127.0.0.1", "port": port, "tls": "none", "mail_from": "a@shop.example"}
        with (
            pytest.raises(TryLater, match="inside this network"),
            make_channel("smtp", settings, {}, allow_private=False).connect(),
        ):
            pass
