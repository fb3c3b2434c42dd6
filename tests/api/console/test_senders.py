"""The page of the senders: set up by an owner, tried, paused; secrets go in and never come out."""

from sqlalchemy import Engine

from campaigns.channels.senders import Sender, SenderState, senders_of
from retention.database import reading
from retention.shops import find_shop
from tests.api.console.doors import HOME, SignIn, send

ALIYUN = {
    "kind": "sms-aliyun",
    "slug": "texts",
    "name": "阿里云短信",
    "set_access_key_id": "LTAI5t",
    "set_sign_name": "山茶小铺",
    "set_template_code": "SMS_1",
    "set_values": '{"code": "{coupon.code}"}',
    "secret_access_key_secret": "hidden-in-the-row",
    "price": "0.045",
    "per_second": "20",
}


def senders(engine: Engine) -> list[Sender]:
    with reading(engine) as session:
        return senders_of(session, find_shop(session, "camellia").id)


def test_owner_sets_up_a_sender_and_its_secret_is_never_shown(camellia: Engine, sign_in: SignIn) -> None:
    owner = sign_in("owner")
    page = send(owner, "/senders", **ALIYUN)
    (texts,) = senders(camellia)
    assert (texts.slug, texts.price, texts.per_second) == ("texts", 450, 20.0)
    assert texts.settings["values"] == {"code": "{coupon.code}"}
    assert b"hidden" not in texts.encrypted_secrets
    assert "hidden-in-the-row" not in page + owner.get(f"{HOME}/senders/texts").text

    kept = {name: value for name, value in ALIYUN.items() if not name.startswith("secret_")}
    send(owner, "/senders/texts", **kept | {"name": "Texts"})
    (changed,) = senders(camellia)
    assert (changed.name, changed.encrypted_secrets) == ("Texts", texts.encrypted_secrets)


def test_missing_secret_is_refused_by_name_and_nothing_is_kept(camellia: Engine, sign_in: SignIn) -> None:
    page = send(sign_in("owner"), "/senders", **ALIYUN | {"secret_access_key_secret": ""})
    assert "access_key_secret" in page
    assert 'value="LTAI5t"' in page
    assert senders(camellia) == []


def test_json_that_is_none_is_refused_with_its_beginning(camellia: Engine, sign_in: SignIn) -> None:
    page = send(sign_in("owner"), "/senders", **ALIYUN | {"set_values": "{code"})
    assert "Values of the template is not JSON: {code" in page
    assert senders(camellia) == []


def test_marketer_pauses_and_resumes_but_sets_nothing_up(camellia: Engine, sign_in: SignIn) -> None:
    send(sign_in("owner"), "/senders", **ALIYUN)
    marketer = sign_in("marketer")
    assert marketer.get(f"{HOME}/senders/texts").status_code == 403
    send(marketer, "/senders/texts/moves/pause")
    assert senders(camellia)[0].state is SenderState.PAUSED
    assert "already paused" in send(marketer, "/senders/texts/moves/pause")
    send(marketer, "/senders/texts/moves/resume")
    assert senders(camellia)[0].state is SenderState.ACTIVE


def test_test_of_a_sender_on_a_private_address_is_refused_with_the_reason(camellia: Engine, sign_in: SignIn) -> None:
    mail = {"kind": "smtp", "slug": "inside", "set_host": "127.0.0.1", "set_port": "9", "set_mail_from": "a@b.example"}
    owner = sign_in("owner")
    send(owner, "/senders", **mail)
    assert "The test was rejected" in send(owner, "/senders/inside/test", to="ada@example.com")
