"""The page of the shop's policy: an owner sets limits, others read them, a wrong value changes nothing."""

import re

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from campaigns.campaign.policy import ShopPolicy
from campaigns.campaign.shop_policy import shop_policy
from campaigns.optouts.topics import topics_of
from retention.database import reading
from retention.shops import find_shop
from tests.api.console.doors import HOME, SignIn, send

LIMITS = {"cap_messages": "2", "cap_over": "all", "cap_window": "week", "cap_days": "7", "cap_when_full": "skip"}


def policy(engine: Engine) -> ShopPolicy:
    with reading(engine) as session:
        return shop_policy(session, find_shop(session, "camellia"))


def test_owner_sets_caps_quiet_hours_and_approval(camellia: Engine, sign_in: SignIn) -> None:
    page = send(
        sign_in("owner"), "/policies", **LIMITS, quiet_from="22:00", quiet_to="08:00", most_inserts="2",
        approval_required="yes",
    )  # fmt: skip
    found = policy(camellia)
    assert [(cap.messages, cap.over, cap.per) for cap in found.caps] == [(2, "all", "week")]
    assert found.quiet
    assert (found.quiet.start, found.quiet.end, found.quiet.zone) == ("22:00", "08:00", "buyer")
    assert (found.most_inserts, found.approval_required) == (2, True)
    assert "0 buyers are at this cap now" in page


def test_wrong_hour_is_refused_by_name_and_the_form_keeps_what_was_typed(camellia: Engine, sign_in: SignIn) -> None:
    page = send(sign_in("owner"), "/policies", **LIMITS, quiet_from="25:00", quiet_to="08:00")
    assert "25:00" in page
    assert "must be a time of day" in page
    assert re.search(r'name="cap_messages" value="2"', page)
    assert policy(camellia) == ShopPolicy()


def test_marketer_reads_the_limits_but_does_not_change_them(camellia: Engine, sign_in: SignIn) -> None:
    client: TestClient = sign_in("marketer")
    assert "Only an owner of the shop can change these limits." in client.get(f"{HOME}/policies").text
    send(client, "/policies", **LIMITS)
    assert policy(camellia) == ShopPolicy()


def test_topic_is_added_and_renamed_in_both_languages(camellia: Engine, sign_in: SignIn) -> None:
    client = sign_in("marketer")
    send(client, "/policies/topics", topic="arrivals", en="New arrivals", zh="上新", is_new="yes")
    send(client, "/policies/topics", topic="arrivals", en="What is new", zh="上新")
    with reading(camellia) as session:
        found = topics_of(session, find_shop(session, "camellia").id)
    assert [(topic.slug, topic.names) for topic in found] == [("arrivals", {"en": "What is new", "zh-CN": "上新"})]
