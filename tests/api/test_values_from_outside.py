"""What others say comes in whole or is refused in words; what went wrong is told without anybody's values."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session, SQLModel, select

import api.tables
from campaigns.channels.channel import Accepted, Refused, TryLater, together
from campaigns.optouts.inbound import inbound_token
from retention.column_limits import LARGEST
from retention.consent import Channel
from retention.database import insert, reading, transaction
from retention.error_text import public_message, redacted
from retention.errors import Invalid
from retention.failures import Failure, Thing, write_failure
from retention.i18n import speaking
from retention.settings import Settings
from retention.suppressions import OptOutSubject, Suppression, is_held
from tests.campaigns.conftest import NOON, Stage

Tea = Callable[[Callable[[Stage], Any]], Any]


def _wrong_values() -> Iterator[tuple[type[SQLModel], str, object]]:
    """Of every column of every table, values it cannot hold."""
    assert api.tables.metadata.tables
    for mapper in SQLModel._sa_registry.mappers:
        for column in mapper.columns:
            kind: Any = getattr(column.type, "impl_instance", column.type)
            if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum):
                yield mapper.class_, column.key, "a\0b"
                yield mapper.class_, column.key, "a\ud800b"
                if kind.length:
                    yield mapper.class_, column.key, "a" * (kind.length + 1)
            elif isinstance(kind, (sa.Integer, sa.BigInteger)):
                yield mapper.class_, column.key, LARGEST + 1
            elif isinstance(kind, sa.JSON):
                yield mapper.class_, column.key, {"a": ["b\0"]}


def test_no_statement_writes_what_its_column_cannot_hold(session: Session) -> None:
    """However the values come: in the statement, in several rows, or beside it."""
    tried = 0
    for model, name, value in _wrong_values():
        row = insert(session, model)
        for statement, several in (
            (row.values(**{name: value}), None),
            (row.values([{name: value}]), None),
            (row, [{name: value}]),
            (sa.update(model).values({name: value}), None),
        ):
            with pytest.raises(Invalid, match=name):
                session.connection().execute(statement, several)
            tried += 1
    assert tried > 1000


NUMBER = "13855667788"


@pytest.mark.parametrize(
    "said_no",
    ["STOP\0", "\0退订", "stop " + "x" * 5000, "退订\ud83d", "TD\ufffe"],
)
def test_a_no_counts_however_broken_its_text_is(engine: Engine, tea: Tea, phone: TestClient, said_no: str) -> None:
    shop_id = tea(lambda stage: stage.shop.id)
    key = Settings.signing_key(phone.app.state.settings)  # type: ignore[attr-defined]
    address = f"/in/{inbound_token(key, shop_id=shop_id)}/sms"
    body = json.dumps([{"from": NUMBER, "text": said_no, "id": "i\0\ud800" + "9" * 400}])
    answer = phone.post(address, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    with reading(engine) as session:
        assert is_held(session, OptOutSubject(shop_id, Channel.SMS), NUMBER)
        kept = session.exec(select(Suppression)).one()
        assert (len(kept.wording) <= 1000, "\0" in kept.wording) == (True, False)


SECRET, MAIL = "sk4Hq8vPz1Lr0TnYw7Bc2Xe5Ug", "ada.qx@mail.example"


def test_responses_of_others_are_shown_without_addresses_numbers_and_secrets() -> None:
    told = {
        f"550 5.1.1 <{MAIL}>: user unknown": "550 5.1.1 <…>: user unknown",
        "+8613855667788 is blocked (isv.BUSINESS_LIMIT_CONTROL)": "… is blocked (isv.BUSINESS_LIMIT_CONTROL)",
        f"https://ada:pw@gate.example/send?token={SECRET} said 404": "https://gate.example/… said 404",
        f"the key {SECRET} is wrong": "the key … is wrong",
        "421 4.7.0 try again later\0": "421 4.7.0 try again later",
        "gate.example cannot be reached: [Errno 111] Connection refused": None,
        "503 Service Unavailable, again in 120 s": None,
    }
    for text, expected in told.items():
        assert redacted(text) == str(Refused(text)) == str(TryLater(text)) == (expected or text)
    assert Accepted("a\0" + "9" * 300).reference == "a" + "9" * 199


def test_an_outcome_nobody_foresaw_tells_its_kind_and_nothing_of_its_message() -> None:
    def breaks() -> Iterator[None]:
        yield
        raise ValueError(f"{MAIL} {SECRET}")

    (outcome,) = together([breaks()])  # type: ignore[list-item]
    assert str(outcome) == "Internal error (ValueError). The administrator finds it in the log."


def test_failures_tell_a_sentence_and_no_value_of_the_database(engine: Engine, tea: Tea) -> None:
    shop_id = tea(lambda stage: stage.shop.id)
    found: list[Exception] = [
        KeyError(MAIL),
        ValueError(f"{SECRET} is no key"),
        FileNotFoundError(2, "No such file or directory", f"/home/{MAIL}"),
        RuntimeError(f"[SQL: SELECT '{MAIL}']"),
    ]
    same = sa.text("INSERT INTO shops SELECT * FROM shops WHERE slug = :said OR 1 = 1")
    unknown = sa.text("SELECT nothing FROM shops WHERE slug = :said")
    for statement in (same, unknown):
        with pytest.raises(DBAPIError) as refused, engine.connect() as connection:
            connection.execute(statement, {"said": MAIL})
        found.append(refused.value)
    assert isinstance(found[-2], IntegrityError)
    with transaction(engine) as session:
        for number, error in enumerate(found, 1):
            write_failure(session, "hook", Thing(shop_id, "hook", number), error, now=NOON)
    with reading(engine) as session:
        why = {each.thing_id: each.why for each in session.exec(select(Failure))}
    assert len(why) == len(found)
    for text in why.values():
        assert not any(part in text for part in (MAIL, SECRET, "SELECT", "tea", "/home"))
        assert text.endswith(("。", "."))
    with speaking("en"):
        assert public_message(found[2]).startswith("System error: No such file or directory.")
