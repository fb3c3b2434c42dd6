"""What a text may use, and how it reads to one buyer before it is sent."""

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from campaigns.campaign.media import Medium
from campaigns.channels.memory import MemoryChannel
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.optouts.unsubscribe_links import find_subject
from campaigns.runs.launch import launch
from campaigns.sending.sending import send_waiting
from campaigns.texts.content import extremes, show_to, variables
from retention.buyers import Buyer
from retention.errors import NotFound
from retention.i18n import speaking
from tests.campaigns.conftest import NOON, Stage, later
from tests.campaigns.texts import IDENTITY, Acting, campaign, english, gateway, named


def test_only_what_the_campaign_has_is_listed_with_an_example_in_the_language_spoken(stage: Stage) -> None:
    drafted = campaign(stage, english("Hi"))
    drafted.product_id = stage.product(brand="Camellia").id
    with speaking("en"):
        listed = {each.name: each.example for each in variables(stage.session, stage.shop, drafted)}
    assert listed == {
        "shop.name": "Tea",
        "buyer.name": "Ada",
        "product.title": "Spring tea",
        "product.price": "¥128",
        "product.category": "",
        "product.brand": "Camellia",
        "offer.name": "20 off",
        "offer.headline": "¥20",
        "offer.terms": "from ¥99",
        "coupon.code": "0000-0000",
        "coupon.ends": "",
        "link": "https://shop.example/Q/0",
    }
    drafted.product_id = drafted.offer_id = None
    bare = [each.name for each in variables(stage.session, stage.shop, drafted)]
    assert bare == ["shop.name", "buyer.name", "link"]


def test_the_preview_is_what_is_sent_but_for_code_link_and_way_out(engine: Engine, on_stage: Acting) -> None:
    def prepare(stage: Stage) -> dict[str, Any]:
        stage.buyer("may")
        drafted = campaign(stage, english("Dear {{ buyer.name }}, {{ coupon.code }}: {{ link }}"))
        shown = show_to(stage.session, stage.shop, drafted, stage.session.get_one(Buyer, 1), identity=IDENTITY)
        assert stage.session.exec(select(Link)).all() == stage.session.exec(select(Coupon)).all() == []
        launch(stage.session, stage.shop, drafted, at=NOON, actor="user:1")
        link, coupon = stage.session.exec(select(Link.token)).one(), stage.session.exec(select(Coupon.code)).one()
        return {"shown": shown, "link": link, "code": f"{coupon[:4]}-{coupon[4:]}"}

    kept = on_stage(prepare)
    channel = MemoryChannel()
    send_waiting(engine, channel, now=later(minutes=1), identity=IDENTITY)
    (sent,) = channel.taken
    shown = kept["shown"]
    assert shown.subject == sent.subject == "New tea"
    for previewed, left in ((shown.text, sent.text), (shown.html, sent.html)):
        way_out = left[left.index("https://r.teahouse.cn/u/") :].split('"')[0].split("\n")[0]
        previewed_out = previewed[previewed.index("https://r.teahouse.cn/u/") :].split('"')[0].split("\n")[0]
        assert way_out != previewed_out
        same = previewed.replace("/Q/23456789", f"/Q/{kept['link']}").replace("2345-6789", kept["code"])
        assert same.replace(previewed_out, way_out) == left
        with pytest.raises(NotFound):
            on_stage(lambda stage, token=previewed_out: find_subject(stage.session, token[24:], key=b"a key for tests"))


def test_a_text_message_is_shown_with_signature_parts_and_cost(stage: Stage) -> None:
    named(stage, "陈小姐")
    sender = gateway(stage, price=450, settings={"signature": "【云间茶】"})
    text = {"zh-CN": {"subject": "新茶", "body": "{{ buyer.name }}您好，" + "春茶上新" * 15 + "{{ link }}"}}
    drafted = campaign(stage, text, medium=Medium.SMS, sender_id=None)
    drafted.sender_id = sender.id
    shown = show_to(stage.session, stage.shop, drafted, stage.session.get_one(Buyer, 1), identity=None)
    assert shown.text.startswith("【云间茶】陈小姐您好，")
    assert shown.text.endswith("拒收请回复R")
    assert shown.sms is not None
    assert (shown.sms.parts, shown.cost) == (2, 900)


def test_a_webhook_is_shown_as_the_data_of_its_call(stage: Stage) -> None:
    named(stage, "Ada")
    drafted = campaign(stage, english("Hi {{ buyer.name }}"), medium=Medium.WEBHOOK)
    shown = show_to(stage.session, stage.shop, drafted, stage.session.get_one(Buyer, 1), identity=IDENTITY)
    assert shown.call is not None
    assert (shown.call["to"], shown.call["text"], shown.call["language"]) == ("b0", "Hi Ada", "en")
    assert shown.call["values"]["buyer.name"] == "Ada"


def test_the_shortest_and_the_longest_name_of_the_audience_are_found(stage: Stage) -> None:
    rows = named(stage, "Bo", "Maximiliane", "", "Ada")
    drafted = campaign(stage, english("Hi"))
    assert [each.name for each in extremes(stage.session, stage.shop, drafted, at=NOON)] == ["", "Maximiliane"]
    drafted.audience_json = {"buyer": {"field": "external_id", "is": ["b0"]}}
    assert extremes(stage.session, stage.shop, drafted, at=NOON) == [rows[0]]
    drafted.audience_json = {"buyer": {"field": "external_id", "is": ["nobody"]}}
    assert extremes(stage.session, stage.shop, drafted, at=NOON) == []


def test_the_longest_text_message_is_the_one_with_most_parts_whatever_its_language_and_letters(stage: Stage) -> None:
    rows = named(stage, "A very long name in plain letters", "茶", "Bo", "Ada")
    rows[3].language, stage.shop.language = "zh-CN", "en"
    drafted = campaign(stage, english("{{ buyer.name }} " + "tea " * 30), medium=Medium.SMS)
    assert [each.name for each in extremes(stage.session, stage.shop, drafted, at=NOON)] == ["Bo", "茶"]
    drafted.content_json = drafted.content_json | {
        "zh-CN": {"subject": "茶", "body": "{{ buyer.name }}" + "春茶上新" * 60}
    }
    assert [each.name for each in extremes(stage.session, stage.shop, drafted, at=NOON)][-1] == "Ada"
