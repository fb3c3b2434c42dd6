"""The editor of campaigns: each step saves what was chosen, a refusal keeps it and changes nothing."""

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import func, select

from api.console.campaigns.recurrences import Plain, plain_of, recurrence_words
from campaigns.campaign.campaigns import Campaign, Recipe
from campaigns.campaign.media import Medium
from campaigns.offers.offers import Offer
from retention.database import reading
from retention.errors import Invalid
from retention.i18n import speaking
from tests.api.console.doors import HOME
from tests.api.console.signed_in import DRAFT, Console, notice, title

STEPS = ("who", "what", "when", "rules")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_each_recipe_is_offered_and_opens_its_first_step(console: Console, language: str) -> None:
    marketer = console.enter("marketer", language=language)
    offered = marketer.page("/campaigns/new")
    for recipe in Recipe:
        address = f"{HOME}/joint" if recipe is Recipe.JOINT_FLYER else f"{HOME}/campaigns/new/{recipe}"
        assert f'href="{address}"' in offered
        text = marketer.page(f"/campaigns/new/{recipe}")
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) == []


def test_steps_of_a_draft_open_for_those_who_write_and_for_nobody_else(console: Console) -> None:
    console.enter("marketer").send("/campaigns/new/coupon-push", **DRAFT)
    for step in STEPS:
        console.enter("marketer").page(f"/campaigns/autumn/edit/{step}")
        console.enter("viewer").page(f"/campaigns/autumn/edit/{step}", 403)
        assert (
            console.enter("owner", shop="teahouse").client.get(f"{HOME}/campaigns/autumn/edit/{step}").status_code
            == 404
        )
    console.enter("viewer").page("/campaigns/autumn")
    console.enter("marketer").page("/campaigns/autumn/edit/nothing", 404)


def test_who_joins_segments_leaves_others_out_and_says_how_many(console: Console) -> None:
    marketer = console.enter("marketer")
    chosen = {**DRAFT, "segment": ["group-members", "followers"], "join": "all", "excluded": ["vip", "one-time-buyers"]}
    counted = marketer.send("/campaigns/new/coupon-push/count", **chosen).text
    made = title(marketer.send("/campaigns/new/coupon-push", **chosen).text)
    campaign = console.campaign()
    assert made in ("Review the plan, then launch", "No recipients")
    assert campaign.audience_json == {"all": [{"segment": "group-members"}, {"segment": "followers"}]}
    assert campaign.excluded_json == {"any": [{"segment": "vip"}, {"segment": "one-time-buyers"}]}
    assert re.search(r'<b class="big">\d+</b>', counted)
    again = marketer.page("/campaigns/autumn/edit/who")
    checked = re.findall(r'name="(\w+)" value="([\w-]+)" checked', again)
    assert sorted(checked) == [
        ("excluded", "one-time-buyers"), ("excluded", "vip"), ("join", "all"), ("segment", "followers"),
        ("segment", "group-members"),
    ]  # fmt: skip


def test_rule_made_elsewhere_is_kept_until_segments_are_chosen(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **{**DRAFT, "source": "own", "segment": []})
    suggested = console.campaign().audience_json
    assert "segment" not in suggested
    saved = {"name": "Renamed", "offer": "autumn-20", "source": "own", "to": "stay"}
    marketer.send("/campaigns/autumn/edit/who", **saved)
    assert (console.campaign().audience_json, console.campaign().name) == (suggested, "Renamed")
    marketer.send("/campaigns/autumn/edit/who", **{**saved, "source": "segments", "segment": "vip"})
    assert console.campaign().audience_json == {"segment": "vip"}


WHEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "once"}, {}),
    (
        {"kind": "recurring", "every": "week", "weekday": ["MO", "TH"], "at": "10:30", "zone": "buyer", "again": "yes"},
        {"recurring": {"rrule": "FREQ=WEEKLY;BYDAY=MO,TH", "at": "10:30", "zone": "buyer", "again": True}},
    ),
    (
        {"kind": "recurring", "every": "month", "month_days": "1, 15", "at": "09:00", "zone": "shop"},
        {"recurring": {"rrule": "FREQ=MONTHLY;BYMONTHDAY=1,15", "at": "09:00", "zone": "shop", "again": False}},
    ),
    (
        {"kind": "recurring", "every": "year", "year_month": "11", "year_day": "11", "at": "00:00", "again": "yes"},
        {"recurring": {"rrule": "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=11", "at": "00:00", "zone": "shop", "again": True}},
    ),
    (
        {"kind": "event", "event": "birthday", "days": "7", "event_at": "10:00"},
        {"event": {"kind": "birthday", "days": 7, "at": "10:00"}},
    ),
    ({"kind": "event", "event": "followed", "hours": "2"}, {"event": {"kind": "followed", "hours": 2}}),
    ({"kind": "event", "event": "order_unpaid"}, {"event": {"kind": "order_unpaid"}}),
    (
        {"kind": "event", "event": "segment_entered", "hours": "0", "segment": "vip"},
        {"event": {"kind": "segment_entered", "hours": 0, "segment": "vip"}},
    ),
]


@pytest.mark.parametrize(("typed", "trigger"), WHEN)
def test_when_is_saved_as_chosen_and_shown_so_again(
    console: Console, typed: dict[str, Any], trigger: dict[str, Any]
) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    answer = marketer.send("/campaigns/autumn/edit/when", **typed, to="stay")
    assert notice(answer.text) == "Saved."
    assert console.campaign().trigger_json == trigger
    assert f'name="kind" value="{typed["kind"]}" checked' in marketer.page("/campaigns/autumn/edit/when")


def test_moment_is_read_on_the_shops_clock_and_kept_in_the_draft(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    marketer.send("/campaigns/autumn/edit/when", kind="moment", day="2026-12-01", time="19:30", to="stay")
    assert console.campaign().scheduled_at == datetime(2026, 12, 1, 11, 30, tzinfo=UTC)
    assert "once, on 1 Dec 2026, 19:30" in marketer.page("/campaigns/autumn/edit/when")


def test_hours_of_sending_and_quiet_hours_go_into_the_policy(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    hours = {"send": "buyer", "send_time": "19:30", "quiet": "shop", "quiet_from": "22:00", "quiet_to": "08:00"}
    marketer.send("/campaigns/autumn/edit/when", kind="once", **hours, to="stay")
    policy = console.campaign().policy_json
    assert policy["send_at"] == {"time": "19:30", "zone": "buyer"}
    assert policy["quiet"] == {"from": "22:00", "to": "08:00", "zone": "shop"}
    text = marketer.page("/campaigns/autumn/edit/when")
    assert "22:00 to 08:00" in text


def test_rules_are_saved_line_by_line(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    typed = {
        "control": "33.5", "read_out_days": "14", "priority": "70", "late_after": "48", "cost_ceiling": "120.50",
        "over_ceiling": "cut", "cap_messages": ["2", "", "0"], "cap_over": ["all", "medium", "medium"],
        "cap_window": ["week", "rolling", "rolling"], "cap_days": ["7", "7", "30"],
        "cap_when_full": ["yield", "skip", "delay"], "to": "stay",
    }  # fmt: skip
    marketer.send("/campaigns/autumn/edit/rules", **typed)
    policy = console.campaign().policy
    assert (policy.control_share, policy.read_out_days, policy.priority) == (0.335, 14, 70)
    assert (policy.late_after, policy.cost_ceiling, policy.over_ceiling) == (48, 12050, "cut")
    assert [(cap.messages, cap.per, cap.days, cap.over, cap.when_full) for cap in policy.caps] == [
        (2, "week", None, "all", "yield"), (0, None, 30, "medium", "delay"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "typed", "said", "kept"),
    [
        ("rules", {"control": "a fifth", "read_out_days": "7", "priority": "1"},
         "The control group is a percentage such as 20, not a fifth.", 'value="a fifth"'),
        ("when", {"kind": "recurring", "every": "month", "month_days": "40", "at": "10:00"},
         "'40' are not days of a month. Write them like 1, 15; -1 is the last.", 'value="40"'),
        ("when", {"kind": "recurring", "every": "week", "at": "10:00"}, "Choose at least one day of the week",
         "10:00"),
        ("when", {"kind": "moment", "day": "", "time": "10:00"}, "is not a date and time", 'value="moment" checked'),
        ("who", {"name": "Kept", "offer": "autumn-20"}, "Choose at least one segment as the audience.", 'value="Kept"'),
        ("who", {"name": "Kept", "segment": "nobody-knows", "offer": "autumn-20"}, "nobody-knows", 'value="Kept"'),
        ("what", {"subject_en": "Hi {{ nobody.name }}", "body_en": "For you.", "medium": "email"},
         "The message cannot be rendered", "Hi {{ nobody.name }}"),
    ],
)  # fmt: skip
def test_refused_step_keeps_what_was_typed_and_changes_nothing(
    console: Console, step: str, typed: dict[str, Any], said: str, kept: str
) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    before = console.campaign().model_dump()
    answer = marketer.send(f"/campaigns/autumn/edit/{step}", **typed)
    assert answer.status_code in (404, 422)
    assert said in html.unescape(answer.text)
    assert html.unescape(kept) in html.unescape(answer.text)
    assert console.campaign().model_dump() == before


def test_texts_are_saved_per_language_and_an_empty_language_is_none(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    typed = {
        "medium": "email",
        "subject_en": "Hello",
        "preheader_en": "",
        "body_en": "For you.\r\nAnd you.",
        "to": "stay",
    }
    marketer.send("/campaigns/autumn/edit/what", **typed)
    assert console.campaign().content_json == {"en": {"subject": "Hello", "body": "For you.\nAnd you."}}
    assert console.campaign().medium is Medium.EMAIL


@pytest.mark.parametrize(
    ("rrule", "english", "chinese"),
    [
        ("FREQ=DAILY", "every day", ""),
        ("FREQ=WEEKLY;BYDAY=MO,TH", "every Monday and Thursday", "星期一和星期四"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15", "every month on day 1 and 15", "1"),
        ("FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=11", "every year on 11 November", "11月11日"),
        ("FREQ=MONTHLY;BYDAY=1FR", "FREQ=MONTHLY;BYDAY=1FR", "FREQ=MONTHLY;BYDAY=1FR"),
    ],
)
def test_recurrence_is_said_in_words_and_read_back_the_same(rrule: str, english: str, chinese: str) -> None:
    with speaking("en"):
        assert recurrence_words(rrule) == english
    with speaking("zh-CN"):
        assert chinese in recurrence_words(rrule)
    assert plain_of(rrule).as_rrule == rrule


@pytest.mark.parametrize("plain", [Plain(every="week", weekdays=[]), Plain(every="month", month_days="0")])
def test_recurrence_of_no_day_is_refused(plain: Plain) -> None:
    with pytest.raises(Invalid):
        _ = plain.as_rrule


def test_name_taken_already_makes_no_second_campaign(console: Console) -> None:
    marketer = console.enter("marketer")
    marketer.send("/campaigns/new/coupon-push", **DRAFT)
    answer = marketer.send("/campaigns/new/coupon-push", **{**DRAFT, "name": "Another"})
    assert answer.status_code == 409
    assert 'value="Another"' in answer.text
    with reading(console.engine) as session:
        assert session.exec(select(func.count()).select_from(Campaign)).one() == 1


def test_offer_for_a_drop_of_minutes_and_for_a_team_can_be_made(console: Console) -> None:
    marketer = console.enter("marketer")
    drop = {"kind": "amount", "value": "20", "most_coupons": "30", "starts_at": "2026-11-22T20:00", "minutes": "15"}
    marketer.send("/offers/new", name="Drop", slug="drop", **drop)
    marketer.send("/offers/new", name="Team", slug="team", kind="amount", value="20", unlock_at="3")
    with reading(console.engine) as session:
        made = session.exec(select(Offer).where(Offer.slug != "autumn-20").order_by(Offer.slug)).all()
    assert [(each.ends_at, each.unlock_at) for each in made] == [
        (datetime(2026, 11, 22, 12, 15, tzinfo=UTC), None), (None, 3),
    ]  # fmt: skip
    for recipe, offer in (("group-drop", "drop"), ("team-coupon", "team")):
        wrong = marketer.send(f"/campaigns/new/{recipe}", **{**DRAFT, "slug": recipe})
        assert (wrong.status_code, "needs an offer" in wrong.text) == (422, True)
        made_page = marketer.send(f"/campaigns/new/{recipe}", **{**DRAFT, "slug": recipe, "offer": offer})
        assert made_page.status_code == 200
