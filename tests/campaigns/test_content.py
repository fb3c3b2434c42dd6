"""Content: what a text may use and cost, how it reads, what is found in it, and a test that leaves no trace."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaigns import Campaign, Delivery, Medium, Recipe
from campaigns.launch import launch
from campaigns.noes.unsubscribe import find_subject
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from campaigns.sending.channels.channel import Message, Refused, TryLater
from campaigns.sending.channels.memory import MemoryChannel
from campaigns.sending.senders import Sender, SenderKind
from campaigns.sending.sending import send_waiting
from campaigns.texts.branding import Look, contrast, set_branding
from campaigns.texts.checks import Severity, check_text
from campaigns.texts.content import extremes, show_to, variables
from campaigns.texts.mail import Sender as Voice
from campaigns.texts.mail_page import Frame, set_mail
from campaigns.texts.messages import Text, render
from campaigns.texts.suspect_words import absolute_words, spam_words
from campaigns.texts.trying import TESTS_A_DAY, send_test
from retention.access import Role
from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.database import reading
from retention.errors import Conflict, Forbidden, Invalid, NotFound
from retention.files import FileStore
from retention.people import add_user
from retention.words import speaking
from tests.campaigns.conftest import NOON, Stage, later

VOICE = Voice("https://r.teahouse.cn", b"a key for tests", "Tea <shop@teahouse.cn>")
Acting = Callable[[Callable[[Stage], Any]], Any]


def english(body: str, subject: str = "New tea", **more: str) -> dict[str, Any]:
    return {"en": {"subject": subject, "body": body, **more}}


def campaign(stage: Stage, content: dict[str, Any], *, medium: Medium = Medium.EMAIL, **values: Any) -> Campaign:
    drafted = stage.draft("news", Recipe.COUPON_PUSH, **values)
    drafted.content, drafted.medium = content, medium
    stage.session.flush()
    return drafted


def gateway(stage: Stage, **values: Any) -> Sender:
    row = {"slug": "sms", "name": "Gateway", "medium": Medium.SMS, "kind": SenderKind.SMS_HTTP, "created_at": NOON}
    sender = Sender(shop_id=stage.shop.id, **row | values)
    stage.session.add(sender)
    stage.session.flush()
    return sender


def named(stage: Stage, *names: str) -> list[Buyer]:
    """Add buyers with these names, numbered from 1; an empty name is none."""
    rows = [stage.session.get_one(Buyer, stage.buyer(f"b{number}")) for number, _ in enumerate(names)]
    for row, name in zip(rows, names, strict=True):
        row.name, row.phone = name, "13800138000"
    stage.session.flush()
    return rows


EMPTY_NAMES = (
    "2 buyers of the audience have no name, and the text would leave a gap. Write {{ buyer.name | default: 'friend' }}."
)


# What a template may cost


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in (1..1000000000) %}x{% endfor %}",
        "{% for i in (1..900) %}{% for j in (1..900) %}x{% endfor %}{% endfor %}",
        "{% for i in (1..999) %}{% endfor %}" * 500,
        "{% for i in (1..1000000000) reversed limit:1 %}x{% endfor %}",
        "{{ (1..1000000000) | join: 'x' | size }}",
        "{% assign n = 300000000 %}{% assign a = (1..n) | reverse %}",
        "{% assign x = 'aaaaaaaa' %}{% for i in (1..900) %}{% assign x = x | append: x %}{% endfor %}{{ x }}",
        "{% assign x = 9 %}{% for i in (1..900) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
        "{% assign s = '" + "a" * 3900 + "' %}{{ s | replace: 'a', s | replace: 'a', s | size }}",
        "{% if link %}" * 500 + "{% endif %}" * 500,
        "{% include 'x' %}",
        "{% render 'x' %}",
        "{{ link.__class__ }}",
        "{{ 1 | divided_by: 0 }}",
        "{% if (%}",
    ],
    ids=lambda template: template[:40],
)
def test_no_template_runs_away_or_looks_around(template: str) -> None:
    with pytest.raises(Invalid, match=r"The text cannot be made: .{5}"):
        render(english(template), {"link": "https://x"}, language="en")


def test_what_a_message_needs_stays_within_the_limits() -> None:
    body = "{% for i in (1..3) %}{{ i }}{% endfor %} {{ name | default: 'friend' | upcase }} {{ name | size }}"
    said = render(english(body, preheader="{{ name }}\n next"), {"name": "ada"}, language="en")
    assert (said.body, said.preheader) == ("123 ADA 3", "ada next")


# What a text may use


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


# How it reads


def test_the_preview_is_what_is_sent_but_for_code_link_and_way_out(engine: Engine, on_stage: Acting) -> None:
    def prepare(stage: Stage) -> dict[str, Any]:
        stage.buyer("may")
        drafted = campaign(stage, english("Dear {{ buyer.name }}, {{ coupon.code }}: {{ link }}"))
        shown = show_to(stage.session, stage.shop, drafted, stage.session.get_one(Buyer, 1), voice=VOICE)
        assert stage.session.exec(select(Link)).all() == stage.session.exec(select(Coupon)).all() == []
        launch(stage.session, stage.shop, drafted, at=NOON, actor="user:1")
        link, coupon = stage.session.exec(select(Link.token)).one(), stage.session.exec(select(Coupon.code)).one()
        return {"shown": shown, "link": link, "code": f"{coupon[:4]}-{coupon[4:]}"}

    kept = on_stage(prepare)
    channel = MemoryChannel()
    send_waiting(engine, channel, now=later(minutes=1), sender=VOICE)
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
    shown = show_to(stage.session, stage.shop, drafted, stage.session.get_one(Buyer, 1), voice=None)
    assert shown.text.startswith("【云间茶】陈小姐您好，")
    assert shown.text.endswith("拒收请回复R")
    assert shown.sms is not None
    assert (shown.sms.parts, shown.cost) == (2, 900)


def test_a_webhook_is_shown_as_the_data_of_its_call(stage: Stage) -> None:
    named(stage, "Ada")
    drafted = campaign(stage, english("Hi {{ buyer.name }}"), medium=Medium.WEBHOOK)
    shown = show_to(stage.session, stage.shop, drafted, stage.session.get_one(Buyer, 1), voice=VOICE)
    assert shown.call is not None
    assert (shown.call["to"], shown.call["text"], shown.call["language"]) == ("b0", "Hi Ada", "en")
    assert shown.call["values"]["buyer.name"] == "Ada"


def test_the_shortest_and_the_longest_name_of_the_audience_are_found(stage: Stage) -> None:
    rows = named(stage, "Bo", "Maximiliane", "", "Ada")
    drafted = campaign(stage, english("Hi"))
    assert [each.name for each in extremes(stage.session, stage.shop, drafted, at=NOON)] == ["", "Maximiliane"]
    drafted.audience = {"buyer": {"field": "external_id", "is": ["b0"]}}
    assert extremes(stage.session, stage.shop, drafted, at=NOON) == [rows[0]]
    drafted.audience = {"buyer": {"field": "external_id", "is": ["nobody"]}}
    assert extremes(stage.session, stage.shop, drafted, at=NOON) == []


def test_the_longest_text_message_is_the_one_with_most_parts_whatever_its_language_and_letters(stage: Stage) -> None:
    rows = named(stage, "A very long name in plain letters", "茶", "Bo", "Ada")
    rows[3].language, stage.shop.language = "zh-CN", "en"
    drafted = campaign(stage, english("{{ buyer.name }} " + "tea " * 30), medium=Medium.SMS)
    assert [each.name for each in extremes(stage.session, stage.shop, drafted, at=NOON)] == ["Bo", "茶"]
    drafted.content = drafted.content | {"zh-CN": {"subject": "茶", "body": "{{ buyer.name }}" + "春茶上新" * 60}}
    assert [each.name for each in extremes(stage.session, stage.shop, drafted, at=NOON)][-1] == "Ada"


# What is found in it


def found(stage: Stage, drafted: Campaign, *, voice: Voice = VOICE) -> list[tuple[str, str]]:
    with speaking("en"):
        findings = check_text(stage.session, stage.shop, drafted, at=NOON, voice=voice)
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
            "asks for buyer.nam, which this campaign does not have. Did you mean buyer.name?",
        ),
        ("{{ weather }}", "unknown_variable", "It has: shop.name, buyer.name"),
        ("{% for i in (1..9999) %}{% endfor %}", "text_error", "The text cannot be made"),
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
    drafted.content = content
    return drafted


def test_languages_nobody_wrote_in_and_names_that_are_missing_are_counted(stage: Stage) -> None:
    rows = named(stage, "Ada", "", " ")
    rows[0].language = rows[1].language = "zh-CN"
    stage.session.flush()
    drafted = campaign(stage, english("Dear {{ buyer.name }}, {{buyer.name|upcase}}"))
    assert found(stage, drafted) == [
        ("missing_translation", "2 buyers of the audience read zh-CN, and there is no text in it."),
        (
            "empty_name",
            EMPTY_NAMES,
        ),
    ]
    drafted.content = english("Dear {{ buyer.name | default: 'friend' }}") | {
        "zh-CN": {"subject": "新茶", "body": "您好"}
    }
    assert found(stage, drafted) == []


def test_a_text_message_is_held_to_its_signature_length_and_link(stage: Stage) -> None:
    named(stage, "Ada")
    stage.shop.name = "云间茶叶旗舰店总店"
    text = {"zh-CN": {"subject": "新茶", "body": "春茶上新" * 40}}
    drafted = campaign(stage, text, medium=Medium.SMS)
    assert [kind for kind, _ in found(stage, drafted)] == ["no_link", "long_signature", "many_parts"]
    drafted.content = {"zh-CN": {"subject": "新茶", "body": "春茶上新 {{ link }}"}}
    signed = Voice(VOICE.public_url, VOICE.signing_key, VOICE.mail_from, "【云间茶】")
    assert found(stage, drafted, voice=signed) == []
    blank = Voice(VOICE.public_url, VOICE.signing_key, VOICE.mail_from, "【】")
    assert [kind for kind, _ in found(stage, drafted, voice=blank)] == ["no_signature"]


def test_links_to_this_machine_are_found_before_buyers_get_them(stage: Stage) -> None:
    named(stage, "Ada")
    local = Voice("http://127.0.0.1:8000", VOICE.signing_key, VOICE.mail_from)
    assert [kind for kind, _ in found(stage, campaign(stage, english("Hi")), voice=local)] == ["private_address"]


@pytest.mark.parametrize("text", ["最近上新", "最后三天", "第一次来", "最多两件", "第一时间通知您", "最低消费 99 元"])
def test_harmless_words_are_not_taken_for_claims(text: str) -> None:
    assert absolute_words(text) == []


def test_words_are_found_whole_and_once() -> None:
    assert spam_words("Cheapest? No: cheap, CHEAP and cheap. Prizefighter.") == ["cheap", "CHEAP"]
    assert absolute_words("最好的茶，最好的水，国家级") == ["最好", "国家级"]


# A test of it


def tried(engine: Engine, *, to: str, channel: Any = None, at: Any = NOON) -> tuple[str, list[Message]]:
    used = channel or MemoryChannel()
    with reading(engine) as session:
        drafted = session.exec(select(Campaign)).one()
        stage = Stage(session, session.get_one(type(_shop(session)), drafted.shop_id))
        buyer = session.get_one(Buyer, 1)
        subject = send_test(session, stage.shop, drafted, buyer, to=to, at=at, actor="user:1", channel=used)
    return subject, used.taken


def _shop(session: Session) -> Any:
    from retention.shops import Shop

    return session.exec(select(Shop)).one()


def _prepared(stage: Stage) -> None:
    stage.buyer("may")
    campaign(stage, english("Dear {{ buyer.name }}, {{ coupon.code }}"))
    add_user(stage.session, "lin@tea.example", shop=stage.shop, role=Role.MARKETER, password="long enough!", at=NOON)


def _traces(stage: Stage) -> tuple[int, int, int, list[Any]]:
    rows = [len(stage.session.exec(select(table)).all()) for table in (Delivery, Coupon, Link)]
    tests = select(AuditEntry.after).where(AuditEntry.action == "campaign.test")
    return (*rows, list(stage.session.exec(tests)))


def test_a_test_goes_to_somebody_of_the_shop_marked_as_one_and_leaves_no_trace(
    engine: Engine, on_stage: Acting
) -> None:
    on_stage(_prepared)
    subject, taken = tried(engine, to="Lin@tea.example")
    assert subject == "[Test] New tea"
    (message,) = taken
    assert (message.to, message.subject) == ("Lin@tea.example", "[Test] New tea")
    assert "Dear May, 2345-6789" in message.text
    assert message.message_id.startswith("<test.")
    assert on_stage(_traces) == (0, 0, 0, [{"to": "Lin@tea.example", "said": ""}])


def test_a_test_goes_to_no_stranger(engine: Engine, on_stage: Acting) -> None:
    on_stage(_prepared)
    with pytest.raises(Forbidden, match="nobody here has the address"):
        tried(engine, to="may@example.com")
    assert on_stage(_traces) == (0, 0, 0, [])


class Refusing(MemoryChannel):
    def hand_over(self, message: Message) -> None:  # noqa: ARG002 - it takes none
        raise Refused("550 no such mailbox")


class Away(MemoryChannel):
    def connect(self) -> Any:
        raise TryLater("nobody answers")


@pytest.mark.parametrize(("channel", "said"), [(Refusing, "550 no such mailbox"), (Away, "nobody answers")])
def test_a_test_that_is_not_taken_says_why(engine: Engine, on_stage: Acting, channel: Any, said: str) -> None:
    on_stage(_prepared)
    with pytest.raises(Conflict, match=said):
        tried(engine, to="lin@tea.example", channel=channel())


def test_tests_are_limited_by_the_day(engine: Engine, on_stage: Acting) -> None:
    def used_up(stage: Stage) -> None:
        _prepared(stage)
        entry = {"shop_id": stage.shop.id, "actor": "user:1", "action": "campaign.test", "subject": "campaign:news"}
        stage.session.add_all(AuditEntry(**entry, at=NOON) for _ in range(TESTS_A_DAY))

    on_stage(used_up)
    with pytest.raises(Conflict, match="at most 50 tests in 24 hours"):
        tried(engine, to="lin@tea.example", at=later(hours=23))
    assert tried(engine, to="lin@tea.example", at=later(hours=24))[0] == "[Test] New tea"


# The page of a mail

FRAME = Frame(shop="Tea & Co", link="https://r.teahouse.cn/Q/7K3M", unsubscribe="https://r.teahouse.cn/u/AA")
TEXT = Text("New <tea>", "Dear Ada,\n\nthe oolong is here.\nBrew it hot.", "en", "Only 300 tins")


def test_both_twins_carry_the_same_links_and_words() -> None:
    html, plain = set_mail(TEXT, FRAME)
    for words in ("https://r.teahouse.cn/Q/7K3M", "https://r.teahouse.cn/u/AA", "the oolong is here.", "Unsubscribe"):
        assert words in html
        assert words in plain
    assert "Tea &amp; Co" in html
    assert "New &lt;tea&gt;" in html
    assert "<script" not in html
    assert "Only 300 tins" in html.split("</div>")[0]


def test_a_shops_logo_and_colour_are_on_its_mail(stage: Stage, tmp_path: Any) -> None:
    files = FileStore(tmp_path)
    look = set_branding(
        stage.session, stage.shop, files, logo=b"\x89PNG\r\n\x1a\n", accent="#0B6E4F", at=NOON, actor="user:1"
    )
    stage.buyer("may")
    shown = show_to(
        stage.session, stage.shop, campaign(stage, english("Hi")), stage.session.get_one(Buyer, 1), voice=VOICE
    )
    assert f'src="https://r.teahouse.cn/logo/{look.logo}"' in shown.html
    assert "background:#0b6e4f" in shown.html
    for wrong in (
        {"accent": "green"},
        {"accent": "#12345"},
        {"logo": b"<svg>"},
        {"logo": b"\x89PNG\r\n\x1a\n" + b"x" * 500_000},
    ):
        with pytest.raises(Invalid):
            set_branding(stage.session, stage.shop, files, at=NOON, actor="user:1", **wrong)
    assert set_branding(stage.session, stage.shop, files, logo=b"", at=NOON, actor="user:1") == Look("", "#0b6e4f")


@pytest.mark.parametrize("accent", ["#000000", "#ffffff", "#b8440e", "#ffd54a", "#0b6e4f", "#808080", "#ff0000"])
def test_any_colour_can_be_read_on_light_and_dark_and_under_its_button(accent: str) -> None:
    look = Look("", accent)
    assert contrast(look.on_light, "#ffffff") >= 4.5
    assert contrast(look.on_dark, "#2f2a24") >= 4.5
    assert contrast(look.on_accent, accent) >= 4.5


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 800])
def test_a_mail_fits_a_phone_and_stays_within_600_pixels(browse: Callable[..., Any], tmp_path: Any, width: int) -> None:
    long = Text("x", "y" * 300 + "\n\n" + "长" * 300, "zh-CN")
    html, _ = set_mail(long, FRAME)
    (tmp_path / "mail.html").write_text(html, "utf-8")
    page = browse(f"file://{tmp_path / 'mail.html'}", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator(".card").bounding_box()["width"] == min(600, width - 16)
