"""A no holds everywhere at once: whatever way it comes in before hand-off, nothing leaves after it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign, Delivery
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import Reason
from campaigns.optouts.opt_in_out import (
    ConsentChoices,
    Evidence,
    Subject,
    choices_of,
    end_pause,
    keep_topics,
    opt_in,
    opt_out,
    opt_out_of_all,
    pause,
)
from campaigns.optouts.replies import START_WORDS, STOP_WORDS, is_start_word, is_stop_word, take_reply
from campaigns.optouts.topics import create_topic, find_topic, rename_topic, topics_of
from campaigns.runs.launch import launch
from campaigns.sending.pre_send_check import refused_before_sending
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent, Pause, last_answer
from retention.errors import Conflict, Invalid, NotFound
from tests.campaigns.conftest import NOON, Stage, later

EVIDENCE = Evidence(later(hours=1), "test", wording="Unsubscribe", address="203.0.113.7")


@pytest.fixture
def waiting(stage: Stage) -> Stage:
    """May, who has a mail about arrivals, a text message and a card in a parcel waiting; so has Ada."""
    for name, phone in (("may", "+86 138-0013-8000"), ("ada", "13900139000")):
        number = stage.buyer(name, parcel=True)
        stage.session.get_one(Buyer, number).phone = phone
        stage.answer(number, "in", Channel.SMS)
    create_topic(stage.session, stage.shop, "arrivals", names={"en": "New tea"}, at=NOON, actor="user:1")
    create_topic(stage.session, stage.shop, "offers", names={"en": "Offers", "zh-CN": "优惠"}, at=NOON, actor="user:1")
    for slug, medium, topic in (("mail", Medium.EMAIL, "arrivals"), ("sms", Medium.SMS, ""), ("card", None, "")):
        campaign = stage.flyer(slug) if medium is None else stage.push(slug)
        campaign.medium, campaign.topic = medium or campaign.medium, topic
        launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    assert rows(stage, "may") == {"mail": "waiting", "sms": "waiting", "card": "waiting"}
    return stage


def subject(stage: Stage, name: str = "may", channel: Channel = Channel.EMAIL) -> Subject:
    return Subject(stage.shop.id, stage.session.exec(select(Buyer.id).where(Buyer.external_id == name)).one(), channel)


def rows(stage: Stage, name: str) -> dict[str, str]:
    """Return by campaign the reason, or the state where there is none, of one buyer's deliveries."""
    found = (
        select(Campaign.slug, Delivery.state, Delivery.reason)
        .join(Delivery, Delivery.campaign_id == Campaign.id)
        .join(Buyer, Buyer.id == Delivery.buyer_id)
        .where(Buyer.external_id == name)
    )
    return {slug: reason or state.value for slug, state, reason in stage.session.exec(found)}


UNTOUCHED = {"mail": "waiting", "sms": "waiting", "card": "waiting"}


def test_a_no_to_one_channel_takes_what_waits_on_it_and_nothing_else(waiting: Stage) -> None:
    assert opt_out(waiting.session, subject(waiting), EVIDENCE) == 1
    assert rows(waiting, "may") == UNTOUCHED | {"mail": "no_consent"}
    assert rows(waiting, "ada") == UNTOUCHED
    kept = waiting.session.exec(select(Consent).where(Consent.source == "test", Consent.wording != "")).one()
    assert (kept.answer, kept.channel, kept.at) == (Answer.OUT, Channel.EMAIL, later(hours=1))
    assert (kept.wording, kept.address) == ("Unsubscribe", "203.0.113.7")


def test_a_no_to_everything_holds_on_every_channel(waiting: Stage) -> None:
    assert opt_out_of_all(waiting.session, subject(waiting), EVIDENCE) == 3
    assert set(rows(waiting, "may").values()) == {"no_consent"}
    answers = [
        last_answer(waiting.session, waiting.shop.id, buyer_id=subject(waiting).buyer_id, channel=channel)
        for channel in Channel
    ]
    assert answers == [Answer.OUT] * len(Channel)
    assert rows(waiting, "ada") == UNTOUCHED


def test_a_no_to_a_topic_leaves_the_others_waiting(waiting: Stage) -> None:
    keep_topics(waiting.session, subject(waiting), EVIDENCE, keep=["offers"])
    assert rows(waiting, "may") == UNTOUCHED | {"mail": "topic_out"}
    said = choices_of(waiting.session, subject(waiting), at=NOON)
    assert said == ConsentChoices(Answer.IN, frozenset({"arrivals"}), None)
    sms = choices_of(waiting.session, subject(waiting, channel=Channel.SMS), at=NOON)
    assert sms.topics_out == {"arrivals"}


def test_a_topic_wanted_again_is_written_once_and_the_same_choice_not_at_all(waiting: Stage) -> None:
    may = subject(waiting)
    keep_topics(waiting.session, may, EVIDENCE, keep=["offers"])
    keep_topics(waiting.session, may, EVIDENCE, keep=["offers"])
    keep_topics(waiting.session, may, EVIDENCE, keep=["offers", "arrivals", "unknown"])
    about_topics = select(Consent.answer).where(Consent.topic != "", Consent.channel == Channel.EMAIL)
    said = waiting.session.exec(about_topics.order_by(Consent.id))
    assert list(said) == [Answer.OUT, Answer.IN]
    assert choices_of(waiting.session, may, at=NOON).topics_out == frozenset()


def test_a_pause_skips_what_waits_on_every_channel_and_ends_by_itself(waiting: Stage) -> None:
    may = subject(waiting)
    assert pause(waiting.session, may, until=later(days=30), at=NOON, source="test") == 3
    assert set(rows(waiting, "may").values()) == {"paused"}
    assert choices_of(waiting.session, may, at=later(days=29)).paused_until == later(days=30)
    assert choices_of(waiting.session, may, at=later(days=30)).paused_until is None
    pause(waiting.session, may, until=later(days=90), at=NOON, source="test")
    assert [row.until for row in waiting.session.exec(select(Pause))] == [later(days=90)]
    end_pause(waiting.session, may)
    assert choices_of(waiting.session, may, at=NOON) == ConsentChoices(Answer.IN, frozenset(), None)


def test_a_yes_after_a_no_counts_from_then_on_and_brings_nothing_back(waiting: Stage) -> None:
    may = subject(waiting)
    opt_out(waiting.session, may, EVIDENCE)
    opt_in(waiting.session, may, Evidence(later(hours=2), "test", wording="Subscribe again"))
    assert choices_of(waiting.session, may, at=NOON).answer is Answer.IN
    assert rows(waiting, "may")["mail"] == "no_consent"


def test_a_reply_with_a_stop_word_is_a_no_to_text_messages(waiting: Stage) -> None:
    for phone in ("+8613800138000", "13800138000", "8613800138000", "0086 138 0013 8000", "１３８００１３８０００"):
        assert take_reply(waiting.session, waiting.shop.id, phone=phone, text="退订", at=NOON, source=phone) == 1
    assert rows(waiting, "may") == UNTOUCHED | {"sms": "no_consent"}
    kept = waiting.session.exec(select(Consent).where(Consent.source == "+8613800138000")).one()
    assert (kept.answer, kept.channel, kept.wording, kept.address) == (
        Answer.OUT,
        Channel.SMS,
        "退订",
        "+8613800138000",
    )


def test_a_reply_from_nobody_or_about_something_else_changes_nothing(waiting: Stage) -> None:
    before = len(waiting.session.exec(select(Consent)).all())
    for phone, text in (("13800138000", "谢谢，茶很好"), ("13700137000", "TD"), ("", "TD"), ("1", "TD")):
        assert take_reply(waiting.session, waiting.shop.id, phone=phone, text=text, at=NOON, source="sms reply") == 0
    assert len(waiting.session.exec(select(Consent)).all()) == before
    assert rows(waiting, "may") == UNTOUCHED


@pytest.mark.parametrize(
    ("text", "is_no"),
    [
        *(
            (word, True)
            for word in ("TD", "td", " T ", "R", "r.", "STOP", "Stop!", "ＴＤ", "退订", "拒收", "“退订”", "取消订阅")
        ),
        *((word, True) for word in ("stop please", "退订谢谢", "拒收短信", "UNSUBSCRIBE", "stop all", "opt out")),
        *((word, False) for word in ("", "TDX", "stopover in Paris?", "不退订", "好的", "R u open?", "👍", "收到")),
    ],
)
def test_which_replies_mean_no(text: str, *, is_no: bool) -> None:
    assert is_stop_word(text) is is_no


@pytest.mark.parametrize(
    ("text", "taken_back"),
    [
        *(
            (word, True)
            for word in ("START", "start.", "ＳＴＡＲＴ", "Opt in", "unstop", "开通", "恢复", "“订阅”", "恢复订阅")
        ),
        *(
            (word, False)
            for word in ("", "yes", "start with the green one", "不恢复", "好的", "取消订阅", "STOP", "TD")
        ),
    ],
)
def test_which_replies_take_a_no_back(text: str, *, taken_back: bool) -> None:
    assert is_start_word(text) is taken_back


def test_no_word_means_both(waiting: Stage) -> None:
    assert not STOP_WORDS & START_WORDS
    assert not any(is_stop_word(word) for word in START_WORDS)


def test_start_takes_the_no_of_this_number_back_on_this_channel_with_its_evidence(waiting: Stage) -> None:
    may, sms = subject(waiting), subject(waiting, channel=Channel.SMS)
    opt_out(waiting.session, may, EVIDENCE)
    reply = {"phone": "+8613800138000", "source": "sms reply"}
    assert take_reply(waiting.session, waiting.shop.id, text="退订", at=NOON, **reply) == 1
    assert take_reply(waiting.session, waiting.shop.id, text="恢复", at=later(hours=1), **reply) == 1
    assert choices_of(waiting.session, sms, at=NOON).answer is Answer.IN
    assert choices_of(waiting.session, may, at=NOON).answer is Answer.OUT
    kept = waiting.session.exec(select(Consent).where(Consent.source == "sms reply").order_by(Consent.id)).all()
    assert [(row.answer, row.channel, row.wording, row.address, row.at) for row in kept] == [
        (Answer.OUT, Channel.SMS, "退订", "+8613800138000", NOON),
        (Answer.IN, Channel.SMS, "恢复", "+8613800138000", later(hours=1)),
    ]
    assert rows(waiting, "may")["sms"] == "no_consent"  # what was skipped stays skipped


def test_start_from_somebody_who_never_said_no_is_no_consent(waiting: Stage) -> None:
    number = waiting.buyer("bo")
    waiting.session.get_one(Buyer, number).phone = "13700137000"
    waiting.session.flush()
    before = len(waiting.session.exec(select(Consent)).all())
    for phone in ("13700137000", "13800138000", "13600136000"):
        assert take_reply(waiting.session, waiting.shop.id, phone=phone, text="START", at=NOON, source="x") == 0
    assert len(waiting.session.exec(select(Consent)).all()) == before


def test_a_no_holds_for_what_is_transactional_too_whenever_it_is_said(stage: Stage) -> None:
    before, between, never = (stage.buyer(name) for name in ("ada", "bo", "cy"))
    campaign = stage.push("order", policy={"transactional": True})
    opt_out(stage.session, Subject(stage.shop.id, before, Channel.EMAIL), EVIDENCE)
    launch(stage.session, stage.shop, campaign, at=NOON, actor="user:1")
    ids = {row.buyer_id: row.id for row in stage.session.exec(select(Delivery))}
    assert sorted(ids) == [between, never]
    assert refused_before_sending(stage.session, stage.shop.id, list(ids.values()), at=NOON) == {}
    stage.answer(between, "out")  # the ledger alone, as when the skipping had been forgotten
    assert refused_before_sending(stage.session, stage.shop.id, list(ids.values()), at=NOON) == {
        ids[between]: Reason.NO_CONSENT
    }
    assert opt_out(stage.session, Subject(stage.shop.id, between, Channel.EMAIL), EVIDENCE) == 1
    assert rows(stage, "bo") == {"order": "no_consent"}
    assert rows(stage, "cy") == {"order": "waiting"}


def test_another_shops_buyers_hear_nothing_of_it(waiting: Stage) -> None:
    assert take_reply(waiting.session, waiting.shop.id + 1, phone="13800138000", text="TD", at=NOON, source="x") == 0
    assert rows(waiting, "may") == UNTOUCHED


def test_topics_are_listed_in_order_and_renamed_without_losing_their_slug(waiting: Stage) -> None:
    topic = find_topic(waiting.session, waiting.shop.id, "arrivals")
    rename_topic(waiting.session, topic, names={"en": " New  arrivals ", "zh-CN": "上新"}, at=NOON, actor="user:1")
    listed = [(each.slug, each.name("en"), each.name("zh-CN")) for each in topics_of(waiting.session, waiting.shop.id)]
    assert listed == [("arrivals", "New arrivals", "上新"), ("offers", "Offers", "优惠")]


@pytest.mark.parametrize(
    ("slug", "names", "error"),
    [
        ("arrivals", {"en": "Again"}, Conflict),
        ("new", {}, Invalid),
        ("new", {"en": "  "}, Invalid),
        ("new", {"fr": "Arrivages"}, Invalid),
        ("new", {"en": "x" * 61}, Invalid),
        ("Not A Slug", {"en": "x"}, Invalid),
    ],
)
def test_a_topic_that_cannot_be_shown_is_refused(waiting: Stage, slug: str, names: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        create_topic(waiting.session, waiting.shop, slug, names=names, at=NOON, actor="user:1")
    assert [each.slug for each in topics_of(waiting.session, waiting.shop.id)] == ["arrivals", "offers"]
    with pytest.raises(NotFound):
        find_topic(waiting.session, waiting.shop.id, "new")


def test_a_pause_is_over_when_it_says(waiting: Stage) -> None:
    pause(waiting.session, subject(waiting), until=NOON + timedelta(days=30), at=NOON, source="test")
    campaign = waiting.push("after")
    launch(waiting.session, waiting.shop, campaign, at=later(days=29, hours=23), actor="user:1")
    assert "after" not in rows(waiting, "may")
    again = waiting.push("again")
    launch(waiting.session, waiting.shop, again, at=later(days=30), actor="user:1")
    assert rows(waiting, "may")["again"] == "waiting"
