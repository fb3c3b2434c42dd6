"""Consent by REST, by command and on the buyer's page: the same answers, with evidence and who wrote them down."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from api.cli import main
from retention.access import Scope
from retention.audit import AuditEntry
from retention.buyers import Buyer
from retention.consent import Answer, Channel, Consent, Pause, last_answer
from retention.suppressions import Suppression
from tests.campaigns.conftest import Stage, later

Tea = Callable[[Callable[[Stage], Any]], Any]
SAID = {"answer": "out", "evidence": "Please do not write", "source": "phone"}


def buyers(stage: Stage) -> None:
    """Ada and her brother share a mailbox and a telephone."""
    for name in ("ada", "bo"):
        number = stage.buyer(name, email={"ada": "Home@Example.com", "bo": "home@example.com "}[name])
        stage.session.get_one(Buyer, number).phone = {"ada": "13800138000", "bo": "+86 138 0013 8000"}[name]
        stage.answer(number, "in", Channel.SMS, at=later(days=-1))
    stage.topic("arrivals")


def said(stage: Stage, name: str, channel: Channel, topic: str = "") -> Answer | None:
    number = stage.session.exec(select(Buyer.id).where(Buyer.external_id == name)).one()
    return last_answer(stage.session, stage.shop.id, buyer_id=number, channel=channel, topic=topic)


def holding(stage: Stage) -> list[tuple[str, str, str]]:
    rows = stage.session.exec(select(Suppression).where(Suppression.lifted_at.is_(None)))
    return sorted((row.channel.value, row.topic, row.address) for row in rows)


def test_an_answer_by_rest_is_kept_with_its_evidence_and_a_later_one_counts(tea: Tea, backend: TestClient) -> None:
    tea(buyers)
    no = {"buyer": "ada", "channel": "sms", "at": later(hours=-2).isoformat(), **SAID}
    (row,) = backend.post("/api/v1/consents", json=no).json()["recorded"]
    assert (row["buyer"], row["answer"], row["counts"], row["evidence"]) == ("ada", "out", True, "Please do not write")
    assert backend.post("/api/v1/consents", json=no).json()["recorded"] == [row]  # twice is once
    older = no | {"answer": "in", "at": later(hours=-3).isoformat()}
    assert [each["counts"] for each in backend.post("/api/v1/consents", json=older).json()["recorded"]] == [False]
    history = backend.get("/api/v1/consents?buyer=ada").json()
    sms = [(each["answer"], each["counts"]) for each in history["history"] if each["channel"] == "sms"]
    assert sms == [("in", False), ("out", True), ("in", True)]
    assert history["history"][1]["recorded_by"].startswith("key:")
    now = {each["channel"]: (each["answer"], each["held"]) for each in history["now"]}
    assert (now["sms"], now["email"], now["group"]) == (("out", True), ("in", False), (None, False))
    (held,) = backend.get("/api/v1/suppressions").json()["suppressions"]
    assert (held["channel"], held["address"], held["source"]) == ("sms", "+8613800138000", "phone")
    assert tea(lambda stage: said(stage, "bo", Channel.SMS)) is Answer.IN  # held by the number, not by a word of theirs
    actions = tea(lambda stage: list(stage.session.exec(select(AuditEntry.action, AuditEntry.subject))))
    assert ("consent.record", "buyer:ada") in actions


def test_an_address_answers_for_whoever_has_it_and_for_nobody_yet(tea: Tea, backend: TestClient) -> None:
    tea(buyers)
    no = {"channel": "email", **SAID}
    rows = backend.post("/api/v1/consents", json=no | {"address": " HOME@example.com"}).json()["recorded"]
    assert sorted(row["buyer"] for row in rows) == ["ada", "bo"]
    assert backend.post("/api/v1/consents", json=no | {"address": "New@example.com"}).json() == {"recorded": []}
    assert tea(holding) == [("email", "", "home@example.com"), ("email", "", "new@example.com")]
    yes = no | {"answer": "in"}
    assert backend.post("/api/v1/consents", json=yes | {"address": "new@example.com"}).status_code == 201
    assert backend.post("/api/v1/consents", json=yes | {"address": "new@example.com"}).status_code == 404
    assert tea(holding) == [("email", "", "home@example.com")]


def test_topics_every_channel_and_pauses_by_rest(tea: Tea, backend: TestClient) -> None:
    tea(buyers)
    topic = {"buyer": "ada", "topic": "arrivals", **SAID}
    assert len(backend.post("/api/v1/consents", json=topic).json()["recorded"]) == len(Channel)
    assert tea(holding) == [("email", "arrivals", "home@example.com"), ("sms", "arrivals", "+8613800138000")]
    until = later(days=30)
    pause = {"buyer": "ada", "until": until.isoformat(), "source": "phone"}
    assert backend.post("/api/v1/pauses", json=pause).status_code == 200
    shown = backend.get("/api/v1/consents?buyer=ada").json()
    assert shown["paused_until"] is not None
    assert {each["channel"]: each["topics_out"] for each in shown["now"]}["email"] == ["arrivals"]
    assert tea(lambda stage: list(stage.session.exec(select(Pause.until)))) == [until]
    assert backend.post("/api/v1/pauses", json=pause | {"until": None}).json()["paused_until"] is None
    assert tea(lambda stage: list(stage.session.exec(select(Pause.until)))) == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"buyer": "nobody"}, 404),
        ({"buyer": ""}, 422),
        ({"address": "home@example.com"}, 422),
        ({"buyer": "", "address": "home@example.com", "channel": None}, 422),
        ({"buyer": "", "address": "home@example.com", "channel": "parcel"}, 422),
        ({"buyer": "", "address": "not an address"}, 422),
        ({"topic": "unknown"}, 404),
        ({"evidence": "  "}, 422),
        ({"source": ""}, 422),
        ({"source": "import:list.csv"}, 422),
        ({"at": later(days=1).isoformat()}, 422),
        ({"at": "2026-03-01T10:00:00"}, 422),
        ({"channel": "pigeon"}, 422),
        ({"answer": "maybe"}, 422),
    ],
)
def test_an_answer_that_says_too_little_is_refused(
    tea: Tea, backend: TestClient, changes: dict[str, Any], status: int
) -> None:
    tea(buyers)
    before = tea(lambda stage: len(stage.session.exec(select(Consent)).all()))
    sent = {"buyer": "ada", "channel": "email", **SAID} | changes
    assert backend.post("/api/v1/consents", json=sent).status_code == status
    assert tea(lambda stage: len(stage.session.exec(select(Consent)).all())) == before
    assert tea(holding) == []


def test_recording_needs_its_scope_and_reading_that_of_personal_data(tea: Tea, caller: Callable[..., Any]) -> None:
    tea(buyers)
    reader, writer = caller(Scope.BUYERS_PERSONAL), caller(Scope.CONSENTS_WRITE)
    pause = {"buyer": "ada", "until": None, "source": "phone"}
    for path, body, status in (("consents", {"buyer": "ada", **SAID}, 201), ("pauses", pause, 200)):
        assert reader.post(f"/api/v1/{path}", json=body).status_code == 403
        assert writer.post(f"/api/v1/{path}", json=body).status_code == status
    for path in ("consents?buyer=ada", "suppressions"):
        assert (reader.get(f"/api/v1/{path}").status_code, writer.get(f"/api/v1/{path}").status_code) == (200, 403)


def test_answers_and_pauses_at_the_command_line(
    tea: Tea, engine: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def regulars(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["consent", *arguments, "--shop", "tea"])
        return int(ended.value.code or 0), capsys.readouterr().out

    monkeypatch.setattr("api.cli.terminal.engine", lambda: engine)
    monkeypatch.setenv("LOGNAME", "lin")
    tea(buyers)
    no = ("--answer", "out", "--evidence", "Called, wants no texts")
    code, out = regulars("record", "ada", *no, "--channel", "sms", "--json")
    assert (code, json.loads(out)) == (0, {"recorded": 1, "counted": 1})
    late = ("--answer", "in", "--evidence", "Signed a form", "--at", "2026-03-01", "--channel", "sms", "--json")
    assert json.loads(regulars("record", "--address", "0086 138 0013 8000", *late)[1]) == {"recorded": 2, "counted": 0}
    newest = json.loads(regulars("show", "ada", "--json")[1])["history"][0]
    assert (newest["counts"], newest["recorded_by"], newest["at"][:10]) == (False, "cli:lin", "2026-02-28")
    assert "Called, wants no texts" in regulars("show", "ada")[1]
    assert [each["address"] for each in json.loads(regulars("suppressed", "--json")[1])["suppressions"]] == [
        "+8613800138000"
    ]
    assert regulars("pause", "ada", "--until", "2100-01-01")[0] == 2  # beyond ten years
    assert regulars("record", *no)[0] == 2
