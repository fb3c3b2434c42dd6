"""What is found wrong with a text before buyers get it."""

from typing import Any

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign
from campaigns.campaign.media import Medium
from campaigns.texts.checks import Severity, check_text
from campaigns.texts.mail import SenderIdentity
from campaigns.texts.suspect_words import absolute_words, spam_words
from retention.i18n import speaking
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.texts import IDENTITY, campaign, english, named

EMPTY_NAMES = (
    "2 buyers in the audience have no name, and the text would leave a gap. Write {{ buyer.name | default: 'friend' }}."
)


def found(stage: Stage, drafted: Campaign, *, identity: SenderIdentity = IDENTITY) -> list[tuple[str, str]]:
    with speaking("en"):
        findings = check_text(stage.session, stage.shop, drafted, at=NOON, identity=identity)
    assert [each.severity for each in findings] == sorted(
        (each.severity for each in findings), key=lambda severity: severity is not Severity.RED
    )
    return [(each.kind, each.sentence) for each in findings]


def test_a_plain_text_with_its_link_is_found_nothing_wrong_with(stage: Stage) -> None:
    named(stage, "Ada")
    drafted = campaign(stage, english("Dear {{ buyer.name }}, the autumn oolong is here."))
    assert found(stage, drafted) == []


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("Act now, it is guaranteed", "spam_words", "Act now, guaranteed"),
        ("恭喜您中奖", "spam_words", "恭喜您, 中奖"),
        ("全国第一的最佳好茶", "absolute_words", "全国第一, 最佳"),
        ("BUY THIS TEA TODAY", "shouting", "capitals"),
        ("New tea!!", "shouting", "exclamation"),
        ("See https://bit.ly/3xyz", "short_link", "https://bit.ly/3xyz hides"),
        ("See http://tea.cn/new", "plain_link", "http://tea.cn/new is not encrypted"),
        ("See https://tea.cn/new.", "uncounted_link", "Use {{ link }}"),
        ("See http://192.168.1.5/x", "private_link", "No buyer can open http://192.168.1.5/x"),
        ("See http://[::1]/x", "private_link", "No buyer can open"),
        ("See https://intranet/x", "private_link", "No buyer can open https://intranet/x"),
        ("See http://printer.local", "private_link", "No buyer"),
        (
            "{{ buyer.nam }}",
            "unknown_variable",
            "uses buyer.nam, which this campaign does not have. Did you mean buyer.name?",
        ),
        ("{{ weather }}", "unknown_variable", "It has: shop.name, buyer.name"),
        ("{% for i in (1..9999) %}{% endfor %}", "text_error", "The message cannot be rendered"),
    ],
)
def test_what_is_found_in_a_text(stage: Stage, body: str, kind: str, words: str) -> None:
    named(stage, "Ada")
    findings = dict(found(stage, campaign(stage, english(body))))
    assert kind in findings
    assert words in findings[kind]


def test_a_subject_wider_than_inboxes_show_is_found(stage: Stage) -> None:
    named(stage, "Ada")
    assert found(stage, campaign(stage, english("Hi", subject="x" * 60))) == []
    kinds = [kind for kind, _ in found(stage, _again(stage, english("Hi", subject="茶" * 31)))]
    assert kinds == ["long_subject"]


def _again(stage: Stage, content: dict[str, Any]) -> Campaign:
    drafted = stage.session.exec(select(Campaign)).one()
    drafted.content_json = content
    return drafted


def test_languages_nobody_wrote_in_and_names_that_are_missing_are_counted(stage: Stage) -> None:
    rows = named(stage, "Ada", "", " ")
    rows[0].language = rows[1].language = "zh-CN"
    stage.session.flush()
    drafted = campaign(stage, english("Dear {{ buyer.name }}, {{buyer.name|upcase}}"))
    assert found(stage, drafted) == [
        ("missing_translation", "2 buyers in the audience read zh-CN, and there is no text in that language."),
        (
            "empty_name",
            EMPTY_NAMES,
        ),
    ]
    drafted.content_json = english("Dear {{ buyer.name | default: 'friend' }}") | {
        "zh-CN": {"subject": "新茶", "body": "您好"}
    }
    assert found(stage, drafted) == []


def test_a_text_message_is_held_to_its_signature_length_and_link(stage: Stage) -> None:
    named(stage, "Ada")
    stage.shop.name = "云间茶叶旗舰店总店"
    text = {"zh-CN": {"subject": "新茶", "body": "春茶上新" * 40}}
    drafted = campaign(stage, text, medium=Medium.SMS)
    assert [kind for kind, _ in found(stage, drafted)] == ["no_link", "long_signature", "many_parts"]
    drafted.content_json = {"zh-CN": {"subject": "新茶", "body": "春茶上新 {{ link }}"}}
    signed = SenderIdentity(IDENTITY.public_url, IDENTITY.signing_key, IDENTITY.mail_from, "【云间茶】")
    assert found(stage, drafted, identity=signed) == []
    blank = SenderIdentity(IDENTITY.public_url, IDENTITY.signing_key, IDENTITY.mail_from, "【】")
    assert [kind for kind, _ in found(stage, drafted, identity=blank)] == ["no_signature"]


def test_links_to_this_machine_are_found_before_buyers_get_them(stage: Stage) -> None:
    named(stage, "Ada")
    local = SenderIdentity("http://127.0.0.1:8000", IDENTITY.signing_key, IDENTITY.mail_from)
    assert [kind for kind, _ in found(stage, campaign(stage, english("Hi")), identity=local)] == ["private_address"]


@pytest.mark.parametrize("text", ["最近上新", "最后三天", "第一次来", "最多两件", "第一时间通知您", "最低消费 99 元"])
def test_harmless_words_are_not_taken_for_claims(text: str) -> None:
    assert absolute_words(text) == []


def test_words_are_found_whole_and_once() -> None:
    assert spam_words("Cheapest? No: cheap, CHEAP and cheap. Prizefighter.") == ["cheap", "CHEAP"]
    assert absolute_words("最好的茶，最好的水，国家级") == ["最好", "国家级"]
