"""What gateways and mail servers tell us, and that a no holds from whichever way it comes in until hand-off."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.media import Medium
from campaigns.channels.memory import MemoryChannel
from campaigns.channels.senders import Sender, SenderKind, create_sender
from campaigns.channels.twilio import signature_of
from campaigns.offers.links import Link
from campaigns.optouts.bounces import Bounce
from campaigns.optouts.inbound import inbound_token
from campaigns.optouts.replays import InboundMessage
from campaigns.optouts.unsubscribe_links import unsubscribe_token
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from retention.buyers import Buyer
from retention.consent import Channel, Consent
from retention.database import reading
from retention.settings import get_settings
from tests.api.conftest import SECRET, SITE, launched
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.test_bounces import arf, dsn, mail_id

Tea = Callable[[Callable[[Stage], Any]], Any]
KEY = SECRET.encode()


def waiting(stage: Stage) -> None:
    """May, number 1, has one mail waiting that was launched at noon."""
    stage.session.get_one(Buyer, stage.buyer("may")).phone = "13800138000"
    launched(stage, stage.push("first"))


def gateway(stage: Stage) -> str:
    """Add a gateway for text messages and return the token of its address."""
    values = {"slug": "sms", "name": "Gateway", "medium": Medium.SMS, "kind": SenderKind.SMS_HTTP, "created_at": NOON}
    row = Sender(shop_id=stage.shop.id, **values)
    stage.session.add(row)
    stage.session.flush()
    return inbound_token(KEY, shop_id=stage.shop.id, sender_id=row.id)


def consents(engine: Engine, source: str) -> list[tuple[str, str, str, str]]:
    with reading(engine) as session:
        rows = session.exec(select(Consent).where(Consent.source == source).order_by(Consent.id))
        return [(row.channel.value, row.answer.value, row.wording, row.address) for row in rows]


def one_click(phone: TestClient, tea: Tea, _link: str) -> None:
    token = unsubscribe_token(KEY, shop_id=1, buyer_id=1, channel=Channel.EMAIL)
    phone.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})


def all_by_page(phone: TestClient, tea: Tea, _link: str) -> None:
    token = unsubscribe_token(KEY, shop_id=1, buyer_id=1, channel=Channel.PARCEL)
    phone.post(f"/u/{token}", data={"choice": "all"})


def pause_by_page(phone: TestClient, tea: Tea, _link: str) -> None:
    token = unsubscribe_token(KEY, shop_id=1, buyer_id=1, channel=Channel.PARCEL)
    phone.post(f"/u/{token}", data={"choice": "pause-30"})


def complaint(phone: TestClient, tea: Tea, about: str) -> None:
    phone.post(f"/in/{inbound_token(KEY, shop_id=1)}/mail", content=arf(about))


def hard_bounce(phone: TestClient, tea: Tea, about: str) -> None:
    phone.post(f"/in/{inbound_token(KEY, shop_id=1)}/mail", content=dsn(about))


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        (one_click, "no_consent"),
        (all_by_page, "no_consent"),
        (pause_by_page, "paused"),
        (complaint, "no_consent"),
        (hard_bounce, "bounced"),
    ],
)
def test_a_no_between_launch_and_hand_off_stops_what_waits(
    tea: Tea, phone: TestClient, engine: Engine, way: Callable[..., None], reason: str
) -> None:
    tea(waiting)
    way(phone, tea, tea(lambda stage: mail_id(stage, "may", "first")))
    channel = MemoryChannel()
    sender = SenderIdentity(SITE, KEY, "Tea <shop@shop.example>")
    assert +send_waiting(engine, channel, now=later(hours=1), identity=sender) == {}
    assert channel.taken == []
    with reading(engine) as session:
        rows = session.exec(select(Delivery)).all()
        assert [(row.state.value, row.reason, row.handed_at) for row in rows] == [("skipped", reason, None)]


def test_a_reply_is_taken_as_a_form_or_as_json_and_unknown_numbers_look_the_same(
    tea: Tea, phone: TestClient, engine: Engine
) -> None:
    tea(waiting)
    token = tea(gateway)
    known = phone.post(f"/in/{token}/sms", data={"From": "+8613800138000", "Body": "Stop", "MessageSid": "SM1"})
    stranger = phone.post(f"/in/{token}/sms", data={"From": "+8613700137000", "Body": "Stop", "MessageSid": "SM2"})
    assert known.status_code == stranger.status_code == 200
    assert known.text == stranger.text == '<?xml version="1.0" encoding="UTF-8"?><Response/>'
    assert known.headers["content-type"] == "text/xml; charset=utf-8"
    one = phone.post(f"/in/{token}/sms", json={"from": "13800138000", "text": "TD"})
    many = phone.post(f"/in/{token}/sms", json=[{"phone_number": "13800138000", "content": "退订"}, {"phone": 1}])
    assert one.json() == many.json() == {"code": 0, "msg": "ok"}
    assert consents(engine, "sms reply") == [
        ("sms", "out", "Stop", "+8613800138000"),
        ("sms", "out", "TD", "13800138000"),
        ("sms", "out", "退订", "13800138000"),
    ]


def twilio(stage: Stage) -> str:
    """Add a sender at Twilio and return the token of the address it is given."""
    sender = create_sender(
        stage.session, stage.shop, "twilio", kind=SenderKind.SMS_TWILIO,
        settings={"account_sid": "AC" + "0" * 32, "sender": "+14155550100"}, secrets={"auth_token": "12345"},
        at=NOON, actor="user:1",
    )  # fmt: skip
    return inbound_token(KEY, shop_id=stage.shop.id, sender_id=sender.id)


def test_signature_of_twilio_is_the_one_its_documentation_works_out() -> None:
    form = {
        "CallSid": ["CA1234567890ABCDE"],
        "Caller": ["+14158675310"],
        "Digits": ["1234"],
        "From": ["+14158675310"],
        "To": ["+18005551212"],
    }
    signed = signature_of("https://mycompany.com/myapp.php?foo=1&bar=2", form, "12345")
    assert signed == "GvWf1cFY/Q7PnoempGyD5oXAezc="


def test_a_reply_by_twilio_is_taken_only_when_twilio_signed_it(
    tea: Tea, phone: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGULARS_SECRET", SECRET)
    get_settings.cache_clear()
    tea(waiting)
    path = f"/in/{tea(twilio)}/sms"
    sent = {"From": "+8613800138000", "Body": "Stop", "FromZip": ""}
    form = {name: [value] for name, value in sent.items()}
    right = signature_of(f"{SITE}{path}", form, "12345")
    for wrong in (
        {},
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "é".encode()},
        {"X-Twilio-Signature": signature_of(f"{SITE}{path}", form, "54321")},
        {"X-Twilio-Signature": signature_of("https://elsewhere.example/", form, "12345")},
        {"X-Twilio-Signature": signature_of(f"{SITE}{path}", form | {"Body": ["Hi"]}, "12345")},
    ):
        assert phone.post(path, data=sent, headers=wrong).status_code == 403
    only_address = {"X-Twilio-Signature": signature_of(f"{SITE}{path}", {}, "12345")}
    assert phone.post(path, json={"from": "+8613800138000", "text": "TD"}, headers=only_address).status_code == 403
    assert consents(engine, "sms reply") == []
    assert phone.post(path, data=sent, headers={"X-Twilio-Signature": right}).status_code == 200
    with_query = {"X-Twilio-Signature": signature_of(f"{SITE}{path}?a=1", form, "12345")}
    assert phone.post(f"{path}?a=1", data=sent | {"Body": "Stop"}, headers=with_query).status_code == 200
    assert consents(engine, "sms reply") == [("sms", "out", "Stop", "+8613800138000")] * 2


def test_start_by_reply_comes_back_in(tea: Tea, phone: TestClient, engine: Engine) -> None:
    tea(waiting)
    token = tea(gateway)
    for word in ("Stop", "Start"):
        assert phone.post(f"/in/{token}/sms", data={"From": "+8613800138000", "Body": word}).status_code == 200
    assert consents(engine, "sms reply") == [
        ("sms", "out", "Stop", "+8613800138000"),
        ("sms", "in", "Start", "+8613800138000"),
    ]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"[1]", b"nonsense", b'{"text": "TD"}', b"\xff\xfe", b'{"from": {}}', b"[" * 60_000]
)
def test_a_reply_we_cannot_read_is_refused_and_changes_nothing(
    tea: Tea, phone: TestClient, engine: Engine, body: bytes
) -> None:
    token = tea(gateway)
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        assert phone.post(f"/in/{token}/sms", content=body, headers={"content-type": kind}).status_code == 422
    assert consents(engine, "sms reply") == []


def test_nobody_else_can_speak_for_a_gateway(tea: Tea, phone: TestClient, engine: Engine) -> None:
    tea(waiting)
    token = tea(gateway)
    forged = [
        inbound_token(b"another key", shop_id=1),
        unsubscribe_token(KEY, shop_id=1, buyer_id=1, channel=Channel.EMAIL),
        inbound_token(KEY, shop_id=1, sender_id=99),
        inbound_token(KEY, shop_id=99),
        "AAAA",
        token[:-2] + "AA",
    ]
    for wrong in forged:
        assert phone.post(f"/in/{wrong}/sms", data={"From": "13800138000", "Body": "TD"}).status_code == 404
        assert phone.post(f"/in/{wrong}/mail", content=dsn("<1.a@b>")).status_code == 404
    assert phone.get(f"/in/{token}/sms").status_code == 405
    assert consents(engine, "sms reply") == []
    with reading(engine) as session:
        assert session.exec(select(Bounce)).all() == []


def test_reports_come_in_as_they_are_and_all_are_answered_the_same(tea: Tea, phone: TestClient, engine: Engine) -> None:
    tea(waiting)
    about = tea(lambda stage: mail_id(stage, "may", "first"))
    address = f"/in/{inbound_token(KEY, shop_id=1)}/mail"
    for raw in (dsn(about), dsn("<1.0123456789abcdef@x>"), b"nonsense"):
        taken = phone.post(address, content=raw, headers={"content-type": "message/rfc822"})
        assert (taken.status_code, taken.json()) == (202, {"taken": 1})
    with reading(engine) as session:
        assert [row.kind.value for row in session.exec(select(Bounce).order_by(Bounce.id))] == [
            "hard",
            "unmatched",
            "unreadable",
        ]
        assert session.exec(select(Link)).one().token not in about


START = {"From": "+8613800138000", "Body": "Start"}
OUT_IN_OUT = ["out", "in", "out"]


def _form(**more: str) -> dict[str, Any]:
    return {"data": START | more}


def _json(headers: dict[str, str] | None = None, **more: object) -> dict[str, Any]:
    return {"json": {"from": "13800138000", "text": "Start"} | more, "headers": headers or {}}


MINUTE = NOON.strftime("%Y-%m-%dT%H:%M:%S+00:00")
ECHOES: dict[str, dict[str, Any]] = {
    "twilio": _form(MessageSid="SM1"),
    "plivo": _form(MessageUUID="u-1"),
    "aliyun": {"json": [{"phone_number": "13800138000", "content": "Start", "sequence_id": 7, "send_time": MINUTE}]},
    "vonage": _json(messageId="0A1", **{"message-timestamp": "2026-03-10 12:00:00"}),
    "standard webhooks": _json({"webhook-id": "msg_1", "webhook-timestamp": str(int(NOON.timestamp()))}),
    "by its time": _json(timestamp=int(NOON.timestamp() * 1000)),
    "states neither": _json(),
}


@pytest.mark.parametrize("way", ECHOES)
def test_a_replayed_yes_is_refused_and_does_not_overrule_the_no_after_it(
    tea: Tea, phone: TestClient, engine: Engine, way: str
) -> None:
    tea(waiting)
    address = f"/in/{tea(gateway)}/sms"
    assert phone.post(address, data={"From": "+8613800138000", "Body": "TD", "MessageSid": "no-1"}).status_code == 200
    assert phone.post(address, **ECHOES[way]).status_code == 200
    assert phone.post(address, data={"From": "+8613800138000", "Body": "TD", "MessageSid": "no-2"}).status_code == 200
    assert [phone.post(address, **ECHOES[way]).status_code for _ in range(2)] == [409, 409]
    assert [answer for _, answer, _, _ in consents(engine, "sms reply")] == OUT_IN_OUT
    with reading(engine) as session:
        kept = session.exec(select(InboundMessage)).all()
        assert len(kept) == 3
        assert not any("13800138000" in each.key for each in kept)


@pytest.mark.parametrize(
    ("sent_at", "status"),
    [
        (NOON.isoformat(), 200),
        (later(days=-2).isoformat(), 200),
        (later(days=-3, minutes=-1).isoformat(), 409),
        (later(minutes=11).isoformat(), 409),
        (str(int(later(days=-4).timestamp())), 409),
        ("2026-03-10 12:00:00", 200),  # a shop's wall clock, without its zone
        ("2026-03-06 12:00:00", 409),
        ("yesterday", 200),
        ("1" * 300, 200),
    ],
)
def test_a_message_that_is_not_of_now_is_refused(
    tea: Tea, phone: TestClient, engine: Engine, sent_at: str, status: int
) -> None:
    tea(waiting)
    sent = {"from": "13800138000", "text": "TD", "sent_at": sent_at, "id": "m1"}
    assert phone.post(f"/in/{tea(gateway)}/sms", json=sent).status_code == status
    assert len(consents(engine, "sms reply")) == (status == 200)


def test_of_several_messages_the_new_ones_are_taken(tea: Tea, phone: TestClient, engine: Engine) -> None:
    tea(waiting)
    address = f"/in/{tea(gateway)}/sms"
    first = {"from": "13800138000", "text": "TD", "id": "m1"}
    second = first | {"text": "START", "id": "m2"}
    assert [phone.post(address, json=some).status_code for some in ([first], [first, second], [first, second])] == [
        200, 200, 409,
    ]  # fmt: skip
    assert [answer for _, answer, _, _ in consents(engine, "sms reply")] == ["out", "in"]


def test_an_opt_out_without_id_or_time_counts_every_time(tea: Tea, phone: TestClient, engine: Engine) -> None:
    tea(waiting)
    address = f"/in/{tea(gateway)}/sms"
    said = [
        phone.post(address, json={"from": "13800138000", "text": word}).status_code for word in ("TD", "START", "TD")
    ]
    assert said == [200, 200, 200]
    assert [answer for _, answer, _, _ in consents(engine, "sms reply")] == OUT_IN_OUT


def test_a_replayed_report_is_refused_and_changes_nothing(tea: Tea, phone: TestClient, engine: Engine) -> None:
    tea(waiting)
    raw = arf(tea(lambda stage: mail_id(stage, "may", "first")))
    address = f"/in/{inbound_token(KEY, shop_id=1)}/mail"
    assert phone.post(address, content=raw).status_code == 202
    tea(lambda stage: stage.answer(1, "in", at=later(hours=1)))
    said = [phone.post(address, content=content).status_code for content in (raw, raw, b"nonsense", b"nonsense")]
    assert said == [409, 409, 202, 409]
    assert _reports(engine) == ["complaint", "unreadable"]
    assert len(consents(engine, "complaint")) == 1


def _reports(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return [row.kind.value for row in session.exec(select(Bounce).order_by(Bounce.id))]
