"""Channels towards gateways that are honest and gateways that are not; whom nobody may connect to."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from campaigns.channels import addresses
from campaigns.channels.aliyun import sign_call, signature_of
from campaigns.channels.channel import Accepted, Message, Outcome, Refused, TryLater, Undecided
from campaigns.channels.kinds import check_secrets, make_channel, read_settings
from campaigns.channels.web import read_wait
from retention import clock
from retention.errors import Invalid
from tests.campaigns.gateways import DROP, Gateway, gateway
from tests.servers import free_port

MESSAGE = Message(
    to="+8613812345678",
    sender="",
    sender_name="回头客茶铺",
    subject="春茶",
    text="【回头客】您的券 7K3M-9PQR，拒收请回复R",
    html="",
    language="zh-CN",
    message_id="7.abc",
    unsubscribe_address="https://shop.example/u/abc",
    key="7.abc",
    fields={"coupon.code": "7K3M-9PQR", "buyer.name": 'Ada "&', "campaign": "spring"},
)

PLAIN = {
    "fields": {"mobile": "{to}", "content": "{text}", "id": "{key}", "account": "shop", "pass": "{secret.password}"},
    "headers": {"Idempotency-Key": "{key}"},
    "taken": {"field": "code", "values": [0]},
    "later": {"field": "code", "values": [105]},
    "reference": "id",
    "says": "msg",
}


@pytest.fixture
def there() -> Iterator[Gateway]:
    with gateway() as opened:
        yield opened


def _send(kind: str, settings: dict[str, Any], secrets: dict[str, str], *messages: Message) -> list[Outcome]:
    channel = make_channel(kind, settings, secrets, allow_private=True)
    with channel.connect() as connection:
        return connection.hand_over_all(messages or (MESSAGE,))


def _plain(there: Gateway, *messages: Message, **more: Any) -> list[Outcome]:
    settings = {"url": f"{there.url}/send", **PLAIN, **more}
    return _send("sms-http", settings, {"password": "a b&c"}, *messages)


def test_gateway_gets_what_its_template_says_as_json(there: Gateway) -> None:
    assert _plain(there) == [Accepted("m-1")]
    (arrived,) = there.arrived
    assert (arrived.method, arrived.path) == ("POST", "/send")
    assert arrived.headers["idempotency-key"] == "7.abc"
    assert arrived.json == {
        "mobile": "+8613812345678",
        "content": MESSAGE.text,
        "id": "7.abc",
        "account": "shop",
        "pass": "a b&c",
    }


def test_values_cannot_break_out_of_a_form_an_address_or_a_header(there: Gateway) -> None:
    nasty = replace(MESSAGE, to="1&admin=1", text="a=b&c\r\nX-Y: z", fields={"coupon.code": "x/../y?q=1"})
    more = {"body": "form", "headers": {"X-Text": "{text}"}}
    _plain(there, nasty, url=f"{there.url}/send/{{coupon.code}}", **more)
    (arrived,) = there.arrived
    assert arrived.path == "/send/x%2F..%2Fy%3Fq%3D1"
    assert arrived.form["mobile"] == "1&admin=1"
    assert arrived.form["content"] == "a=b&c\r\nX-Y: z"
    assert arrived.headers["x-text"] == "a=b&c X-Y: z"
    assert "x-y" not in arrived.headers


@pytest.mark.parametrize(
    ("answer", "outcome", "said"),
    [
        ((200, {"code": 1, "msg": "sensitive word"}), Refused, "sensitive word"),  # says 200 and means no
        ((200, {"code": 105, "msg": "busy"}), TryLater, "busy"),
        ((200, "<html>sign in to the hotel's network</html>"), Undecided, "cannot be read"),
        ((500, "oops"), Undecided, "500 oops"),
        ((503, ""), TryLater, "503"),
        ((401, "who are you"), TryLater, "401 who are you"),
        ((400, {"msg": "bad number"}), Refused, "bad number"),
        ((302, "", {"Location": "http://169.254.169.254/"}), TryLater, "302"),
        (DROP, Undecided, "no response"),
    ],
)
def test_what_a_gateway_answers_is_read_for_what_it_means(
    there: Gateway, answer: Any, outcome: type[Exception], said: str
) -> None:
    there.answers = [answer]
    first, second = _plain(there, MESSAGE, replace(MESSAGE, key="8.abc"), at_once=1)
    assert type(first) is outcome
    assert said in str(first)
    assert second == Accepted("m-1")
    assert len(there.arrived) == 2


def test_error_of_the_account_is_no_error_of_the_message(there: Gateway) -> None:
    there.answers = [(401, ""), (400, ""), (200, {"code": 105}), (408, "")]
    outcomes = [_plain(there)[0] for _ in range(4)]
    assert [isinstance(each, TryLater) and each.of_sender for each in outcomes] == [True, False, True, False]


def test_throttle_says_how_long_to_wait(there: Gateway) -> None:
    there.answers = [(429, "slow down", {"Retry-After": "120"}), (503, "", {"Retry-After": "7"}), (429, "")]
    waits = [outcome.wait for outcome in (_plain(there)[0] for _ in range(3)) if isinstance(outcome, TryLater)]
    assert waits == [timedelta(seconds=120), timedelta(seconds=7), timedelta(seconds=30)]


def test_wait_is_read_as_a_date_too_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 10, 4, tzinfo=UTC))
    assert read_wait("Tue, 10 Mar 2026 04:02:00 GMT") == timedelta(minutes=2)
    assert read_wait("999999999999") == timedelta(hours=1)
    assert read_wait("-5") == read_wait("soon") == timedelta(seconds=30)


def test_gateway_that_never_answers_is_not_waited_for_longer_than_its_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        channel = make_channel(
            "sms-http", {"url": f"http://127.0.0.1:{silent.getsockname()[1]}"}, {}, allow_private=True
        )
        with replace(channel, timeout=0.2).connect() as connection:  # type: ignore[type-var]
            (outcome,) = connection.hand_over_all([MESSAGE])
    assert isinstance(outcome, Undecided)


def test_gateway_that_is_away_is_for_later() -> None:
    (outcome,) = _send("sms-http", {"url": f"http://127.0.0.1:{free_port()}"}, {})
    assert isinstance(outcome, TryLater)
    assert outcome.of_sender


def test_messages_are_in_the_air_together_and_lines_are_kept(there: Gateway) -> None:
    there.usually = (200, {"code": 0})
    messages = [replace(MESSAGE, key=f"{number}.x", to=str(number)) for number in range(10)]
    assert _plain(there, *messages, at_once=4) == [Accepted()] * 10
    assert sorted(each.json["mobile"] for each in there.arrived) == sorted(str(number) for number in range(10))


def test_line_that_the_other_side_closed_meanwhile_is_opened_again() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[bytes] = []
    closed = threading.Semaphore(0)

    def serve() -> None:
        for _ in range(2):
            line, _ = listener.accept()
            with line:
                asked.append(line.recv(65_536))
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            closed.release()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    channel = make_channel("sms-http", {"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}, {}, allow_private=True)
    with channel.connect() as connection:
        for _ in range(2):
            assert connection.hand_over_all([MESSAGE]) == [Accepted()]
            assert closed.acquire(timeout=60)
    thread.join()
    listener.close()
    assert len(asked) == 2


def test_signature_of_alibaba_cloud_is_the_one_its_documentation_works_out() -> None:
    # The worked example of the RPC signature's documentation: key testid, secret testsecret.
    call = {
        "TimeStamp": "2016-02-23T12:46:24Z",
        "Format": "XML",
        "AccessKeyId": "testid",
        "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26",
        "SignatureVersion": "1.0",
    }
    call["Timestamp"] = call.pop("TimeStamp")
    assert signature_of(call, "testsecret", method="GET") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


def test_call_to_alibaba_cloud_carries_every_parameter_and_its_signature() -> None:
    at = datetime(2026, 3, 10, 4, tzinfo=UTC)
    call = sign_call("SendSms", {"PhoneNumbers": "138", "SignName": "茶 铺"}, "testid", "testsecret", at=at, nonce="n")
    assert call.pop("Signature") == signature_of(call, "testsecret", method="POST")
    assert call["Timestamp"] == "2026-03-10T04:00:00Z"
    assert call["Version"] == "2017-05-25"


ALIYUN = {
    "access_key_id": "testid",
    "sign_name": "回头客",
    "template_code": "SMS_1",
    "values": {"code": "{coupon.code}", "name": "{buyer.name}"},
}


def test_alibaba_cloud_gets_the_values_of_its_template_and_every_other_code_than_ok_is_no(there: Gateway) -> None:
    settings = ALIYUN | {"endpoint": there.url}
    there.answers = [
        (200, {"Code": "OK", "BizId": "900", "Message": "OK"}),
        (200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "bad number"}),
        (200, {"Code": "isv.AMOUNT_NOT_ENOUGH", "Message": "no money"}),
        (200, {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "too many"}),
        (400, {"Code": "InvalidAccessKeyId.NotFound"}),
    ]
    outcomes = [_send("sms-aliyun", settings, {"access_key_secret": "testsecret"})[0] for _ in range(5)]
    assert [type(each) for each in outcomes] == [Accepted, Refused, TryLater, TryLater, Refused]
    assert outcomes[0] == Accepted("900")
    assert [each.of_sender for each in outcomes[2:4] if isinstance(each, TryLater)] == [True, False]
    sent = there.arrived[0].form
    assert json.loads(sent["TemplateParam"]) == {"code": "7K3M-9PQR", "name": 'Ada "&'}
    assert (sent["PhoneNumbers"], sent["SignName"], sent["Action"]) == ("13812345678", "回头客", "SendSms")
    signature = sent.pop("Signature")
    assert signature == signature_of(sent, "testsecret", method="POST")


def test_twilio_gets_a_form_and_a_known_account_and_names_the_message(there: Gateway) -> None:
    sid = "AC" + "0" * 32
    there.answers = [
        (201, {"sid": "SM1", "status": "queued", "error_code": None}),
        (400, {"code": 21211}),
        (201, {"sid": "SM2", "status": "failed", "error_code": 30003, "error_message": "no route"}),
    ]
    settings = {"account_sid": sid, "sender": "+14155550100", "endpoint": there.url}
    outcomes = [_send("sms-twilio", settings, {"auth_token": "t0ken"})[0] for _ in range(3)]
    assert outcomes[0] == Accepted("SM1")
    assert [type(each) for each in outcomes[1:]] == [Refused, Refused]
    arrived = there.arrived[0]
    assert arrived.path == f"/2010-04-01/Accounts/{sid}/Messages.json"
    assert arrived.headers["authorization"] == "Basic " + base64.b64encode(f"{sid}:t0ken".encode()).decode()
    assert arrived.form == {"To": "+8613812345678", "Body": MESSAGE.text, "From": "+14155550100"}


def test_webhook_is_signed_and_has_the_same_id_at_every_try(there: Gateway) -> None:
    secret = "whsec_" + base64.b64encode(b"0" * 24).decode()
    there.answers = [(500, "")]
    outcomes = [_send("webhook", {"url": f"{there.url}/hook"}, {"secret": secret})[0] for _ in range(2)]
    assert [type(each) for each in outcomes] == [Undecided, Accepted]
    assert [each.headers["webhook-id"] for each in there.arrived] == ["msg_7.abc"] * 2
    said = Webhook(secret).verify(there.arrived[1].body, there.arrived[1].headers)
    assert said["data"]["to"] == "+8613812345678"
    assert said["data"]["values"]["coupon.code"] == "7K3M-9PQR"


def test_private_addresses_are_not_connected_to(there: Gateway) -> None:
    channel = make_channel("sms-http", {"url": f"{there.url}/send"}, {}, allow_private=False)
    with channel.connect() as connection:
        (outcome,) = connection.hand_over_all([MESSAGE])
    assert isinstance(outcome, TryLater)
    assert "inside this network" in str(outcome)
    assert there.arrived == []


@pytest.mark.parametrize("private", ["127.0.0.1", "192.0.0.8", "100.64.0.1", "::ffff:127.0.0.1", "5f00::1"])
def test_address_is_looked_at_when_it_is_connected_to_and_no_other_name_helps(
    there: Gateway, monkeypatch: pytest.MonkeyPatch, private: str
) -> None:
    answers = [("93.184.216.34", 80), (private, there.port)]  # a name that resolves to something else each time

    def resolve(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", answers.pop())]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(TryLater, match="inside this network"):
        addresses.open_socket("rebound.example", there.port, 1, allow_private=False)
    assert len(answers) == 1  # asked once


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("smtp", {"host": "mail.example", "mail_from": "no address"}, "is not an email address"),
        ("smtp", {"host": "mail.example\r\nX", "mail_from": "a@b.example"}, "host is not valid"),
        ("sms-http", {"url": "file:///etc/passwd"}, "url"),
        (
            "sms-http",
            {"url": "https://{to}.example/"},
            "url must be a URL that begins with https://",
        ),
        ("sms-http", {"url": "https://a.example/", "surprise": 1}, "surprise is not a known setting"),
        ("sms-twilio", {"account_sid": "AC" + "0" * 32}, "Give either"),
        ("robot", {"platform": "irc"}, "platform cannot be 'irc'. Choose one of: wecom"),
        ("assisted", {}, "takes no settings"),
    ],
)
def test_settings_that_cannot_work_are_refused(kind: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_settings(kind, settings)
    assert said in str(refusal.value)


def test_secrets_are_the_ones_the_kind_needs() -> None:
    check_secrets("sms-http", {"anything": "x"})
    with pytest.raises(Invalid, match="needs the secret auth_token"):
        check_secrets("sms-twilio", {"auth_token": ""})
    with pytest.raises(Invalid, match="has no secret pin"):
        check_secrets("smtp", {"pin": "1"})
