"""Mail to a real SMTP server on loopback, one that is honest and several that are not."""

import email
import email.policy
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from campaigns.channels.channel import Connection, Message, Refused, TryLater, Undecided
from campaigns.channels.mime import build_mail
from campaigns.channels.smtp import SmtpChannel
from retention.errors import Invalid
from tests import servers

MESSAGE = Message(
    to="ada@example.com",
    sender="shop@shop.example",
    sender_name="回头客茶铺",
    subject="送您¥20，三天内有效",
    text=".一行\n..两点\n正文",
    html="<p>正文</p>",
    language="zh-CN",
    message_id="<1.abc@shop.example>",
    unsubscribe_address="https://shop.example/u/abc",
)


class Mailbox:
    """Keeps what arrives, and answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers = {"RCPT": "250 OK", "DATA": "250 OK"}

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so, with all of this
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers["RCPT"]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers["DATA"].startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            parsed = email.message_from_bytes(content, policy=email.policy.default)
            assert isinstance(parsed, EmailMessage)
            self.mails.append(parsed)
        return self.answers["DATA"]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@contextmanager
def mail_server_of(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """Run a mail server until the block ends, and yield its port."""
    port = servers.free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, ready_timeout=60, **options)
    controller.start()
    yield port
    controller.stop()


@pytest.fixture
def mail_server(mailbox: Mailbox) -> Iterator[SmtpChannel]:
    with mail_server_of(mailbox) as port:
        yield SmtpChannel(f"smtp://127.0.0.1:{port}", timeout=60)


def _hand_over(channel: SmtpChannel, message: Message = MESSAGE) -> None:
    with channel.connect() as connection:
        _take(connection, message)


def _take(connection: Connection, message: Message) -> None:
    (outcome,) = connection.hand_over_all([message])
    if isinstance(outcome, Exception):
        raise outcome


def test_mail_arrives_whole_in_chinese_with_one_click_unsubscribe(mail_server: SmtpChannel, mailbox: Mailbox) -> None:
    with mail_server.connect() as connection:
        _take(connection, MESSAGE)
        _take(connection, replace(MESSAGE, text=".one\n..two"))
    mail, dotted = mailbox.mails
    assert mail["Subject"] == "送您¥20，三天内有效"
    assert mail["From"] == "回头客茶铺 <shop@shop.example>"
    assert mail["Message-ID"] == "<1.abc@shop.example>"
    assert mail["List-Unsubscribe"] == "<https://shop.example/u/abc>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == [".一行", "..两点", "正文"]
    assert html.get_content().splitlines() == ["<p>正文</p>"]
    plain = dotted.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == [".one", "..two"]


@pytest.mark.parametrize(
    ("answers", "outcome", "said"),
    [
        ({"RCPT": "550 5.1.1 no such user"}, Refused, "550 5.1.1 no such user"),
        ({"RCPT": "451 4.7.1 try later"}, TryLater, "451 4.7.1 try later"),
        ({"DATA": "554 5.7.1 spam"}, Refused, "554 5.7.1 spam"),
        ({"DATA": "452 4.2.2 full"}, TryLater, "452 4.2.2 full"),
    ],
)
def test_answer_decides_between_never_and_later_and_the_connection_stays(
    mail_server: SmtpChannel, mailbox: Mailbox, answers: dict[str, str], outcome: type[Exception], said: str
) -> None:
    honest = dict(mailbox.answers)
    mailbox.answers |= answers
    with mail_server.connect() as connection:
        with pytest.raises(outcome, match=said):
            _take(connection, MESSAGE)
        mailbox.answers = honest
        _take(connection, MESSAGE)
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "Hello\r\nBcc: everybody@example.com"},
        {"to": "ada@example.com\r\nRCPT TO:<bo@example.com>"},
        {"to": "no address"},
        {"sender_name": "Tea\nX: y"},
        {"unsubscribe_address": "https://x/\r\nX: y"},
    ],
)
def test_nothing_can_be_smuggled_into_a_header(
    mail_server: SmtpChannel, mailbox: Mailbox, wrong: dict[str, str]
) -> None:
    values: dict[str, Any] = {name: getattr(MESSAGE, name) for name in MESSAGE.__slots__} | wrong
    with pytest.raises(Refused, match="cannot be a mail"):
        _hand_over(mail_server, Message(**values))
    assert mailbox.mails == []


def _server(talk: Callable[[Any], None]) -> Iterator[SmtpChannel]:
    """Serve one connection with a script."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        line, _ = listener.accept()
        with line, line.makefile("rwb", buffering=0) as file:
            talk(file)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield SmtpChannel(f"smtp://127.0.0.1:{listener.getsockname()[1]}", timeout=60)
    thread.join(timeout=60)
    listener.close()


def _until(file: Any, step: str) -> None:
    """Answer as a server does until the step at which the connection breaks."""
    file.write(b"220 here\r\n")
    while line := file.readline():
        verb = line[:4].upper()
        if verb == step.encode():
            if verb == b"DATA":
                file.write(b"354 go on\r\n")
                while file.readline() != b".\r\n":
                    pass
            return
        file.write(b"250 OK\r\n")


def test_line_that_breaks_before_the_message_went_out_is_safe_to_try_again() -> None:
    for channel in _server(lambda file: _until(file, "RCPT")):
        with pytest.raises(TryLater, match="the connection was lost") as trouble:
            _hand_over(channel)
        assert not trouble.value.connection_usable


def test_line_that_breaks_before_the_answer_leaves_nobody_the_wiser() -> None:
    for channel in _server(lambda file: _until(file, "DATA")):
        with pytest.raises(Undecided):
            _hand_over(channel)


def test_server_that_is_away_is_for_later() -> None:
    with pytest.raises(TryLater, match="cannot be reached"):
        _hand_over(SmtpChannel(f"smtp://127.0.0.1:{servers.free_port()}"))


def test_tls_that_is_required_and_not_offered_stops_before_the_message(
    mail_server: SmtpChannel, mailbox: Mailbox
) -> None:
    with pytest.raises(TryLater, match="cannot be reached"):
        _hand_over(SmtpChannel(f"{mail_server.url}?tls=required"))
    assert mailbox.mails == []


def test_address_of_a_mail_server_is_checked() -> None:
    with pytest.raises(Invalid, match="smtp://host:port"):
        _hand_over(SmtpChannel("http://127.0.0.1:25"))


def test_mail_needs_no_eight_bit_line_and_none_is_too_long() -> None:
    lines = build_mail(MESSAGE).split(b"\r\n")
    assert max(len(line) for line in lines) < 998
    assert all(byte < 128 for line in lines for byte in line)
