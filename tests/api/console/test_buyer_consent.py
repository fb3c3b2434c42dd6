"""Consent on a buyer's page: somebody phones, and what they say holds, with the name of who wrote it down."""

import re

from sqlalchemy import Engine
from sqlmodel import select

from campaigns.optouts.topics import create_topic
from retention.audit import AuditEntry
from retention.consent import Consent, Pause
from retention.database import reading, transaction
from retention.shops import find_shop
from retention.suppressions import Suppression
from tests.api.console import sample
from tests.api.console.doors import HOME, SignIn, send

PAGE = "/buyers/B0003"
NO = {"answer": "out", "channel": "email", "source": "phone", "evidence": "Called: <b>no</b> more mail"}


def told(engine: Engine) -> list[Consent]:
    with reading(engine) as session:
        return list(session.exec(select(Consent).where(Consent.wording != "").order_by(Consent.id)))


def test_a_no_by_phone_is_recorded_with_evidence_and_name(camellia: Engine, sign_in: SignIn) -> None:
    page = send(sign_in("marketer"), f"{PAGE}/answers", **NO)
    assert "Called: &lt;b&gt;no&lt;/b&gt; more mail" in page
    assert re.search(r"phone · [^<]*marketer", page)
    (row,) = told(camellia)
    assert (row.answer.value, row.channel.value, row.at, row.counts) == ("out", "email", sample.NOW, True)
    with reading(camellia) as session:
        held = session.exec(select(Suppression)).one()
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "consent.record")).one()
    assert (held.channel.value, held.lifted_at, entry.subject) == ("email", None, "buyer:B0003")
    assert entry.actor == row.recorded_by


def test_an_older_answer_is_shown_as_one_that_does_not_count(camellia: Engine, sign_in: SignIn) -> None:
    client = sign_in("owner")
    send(client, f"{PAGE}/answers", **NO)
    page = send(client, f"{PAGE}/answers", **NO | {"answer": "in", "at": "2026-01-01T10:00", "evidence": "An old form"})
    assert "superseded by a newer answer" in page
    assert [row.counts for row in told(camellia)] == [True, False]


def test_topics_and_quiet_days_of_somebody_who_phones(camellia: Engine, sign_in: SignIn) -> None:
    with transaction(camellia) as session:
        names = {"en": "New tea", "zh-CN": "新茶"}
        create_topic(session, find_shop(session, "camellia"), "tea", names=names, at=sample.NOW, actor="user:1")
    client = sign_in("owner")
    assert "unsubscribed from New tea" in send(client, f"{PAGE}/answers", **NO | {"topic": "tea"})
    assert "Paused up to and including 24 Dec 2026" in send(client, f"{PAGE}/pause", last_day="2026-12-24")
    with reading(camellia) as session:
        until = session.exec(select(Pause)).one().until
    assert until.isoformat() == "2026-12-24T16:00:00+00:00"  # the end of the day in Shanghai
    assert "Paused up to and including" not in send(client, f"{PAGE}/pause")
    assert "新茶" in sign_in("owner", language="zh-CN").get(HOME + PAGE).text


def test_what_says_too_little_is_refused_and_stays_in_the_form(camellia: Engine, sign_in: SignIn) -> None:
    client = sign_in("owner")
    for changes in ({"evidence": " "}, {"channel": "pigeon"}, {"at": "yesterday"}, {"at": "2027-01-01T10:00"}):
        answer = client.post(f"{HOME}{PAGE}/answers", data=NO | {"source": "in person"} | changes)
        assert (answer.status_code, 'value="in person" selected' in answer.text) == (422, True), changes
    assert client.post(f"{HOME}{PAGE}/pause", data={"last_day": "2020-01-01"}).status_code == 422
    assert client.post(f"{HOME}/buyers/nobody/answers", data=NO).status_code == 404
    assert told(camellia) == []


def test_who_may_only_read_sees_what_holds_and_neither_evidence_nor_forms(camellia: Engine, sign_in: SignIn) -> None:
    send(sign_in("owner"), f"{PAGE}/answers", **NO)
    viewer = sign_in("viewer")
    page = viewer.get(HOME + PAGE).text
    assert ("opted out" in page, "more mail" in page, "Record consent" in page) == (True, False, False)
    assert viewer.post(f"{HOME}{PAGE}/answers", data=NO).status_code == 403
    assert len(told(camellia)) == 1
