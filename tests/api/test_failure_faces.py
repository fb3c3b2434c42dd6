"""What goes wrong by itself, listed and tried again over REST and by command."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session, select

from api.cli import main, terminal
from retention.access import Scope
from retention.audit import AuditEntry
from retention.database import reading, transaction
from retention.errors import Conflict
from retention.failures import Failure, Thing, write_failure
from retention.settings import get_settings
from tests.campaigns.conftest import NOON, Stage, later
from tests.factories import make_shop

Tea = Callable[[Callable[[Stage], Any]], Any]


def _leave(session: Session, shop_id: int, name: str) -> int:
    thing = Thing(shop_id, "hook", 7, name)
    return write_failure(session, "hook", thing, Conflict("It cannot be."), now=NOON).id


def _two_shops(stage: Stage) -> tuple[int, int]:
    other = make_shop(stage.session, "other", timezone="UTC", currency="EUR", at=NOON)
    return _leave(stage.session, stage.shop.id, "erp"), _leave(stage.session, other.id, "theirs")


def test_a_failure_is_listed_and_tried_again_over_rest(
    engine: Engine, tea: Tea, caller: Callable[..., TestClient]
) -> None:
    ours, theirs = tea(_two_shops)
    client = caller(Scope.CAMPAIGNS_WRITE)
    moment = NOON.isoformat().replace("+00:00", "Z")
    again = later(minutes=1).isoformat().replace("+00:00", "Z")
    line = {"id": ours, "work": "hook", "kind": "hook", "name": "erp", "why": "It cannot be.", "tries": 1,
            "given_up": False, "since": moment, "tried_at": moment, "next_at": again}  # fmt: skip
    assert client.get("/api/v1/failures").json() == {"failures": [line], "next": None}
    assert client.post(f"/api/v1/failures/{theirs}/try-again").status_code == 404
    assert client.post(f"/api/v1/failures/{ours}/try-again").json() == line
    assert client.post(f"/api/v1/failures/{ours}/try-again").status_code == 404
    assert caller(Scope.CAMPAIGNS_READ).get("/api/v1/failures").status_code == 403
    with reading(engine) as session:
        assert session.exec(select(Failure.name)).all() == ["theirs"]
        assert "failure.retry" in session.exec(select(AuditEntry.action)).all()


def test_a_failure_is_listed_and_tried_again_by_command(
    engine: Engine,
    database_url: str,
    tea: Tea,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours, theirs = tea(_two_shops)
    monkeypatch.setenv("REGULARS_DATABASE_URL", database_url)
    get_settings.cache_clear()
    terminal.engine.cache_clear()

    def type_in(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["failures", *words, "--shop", "tea", "--json"])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out or said.err

    code, listed = type_in("list")
    assert (code, [each["id"] for each in json.loads(listed)["failures"]]) == (0, [ours])
    assert type_in("try-again", str(theirs)) == (1, f"regulars: No failure has the number {theirs}.\n")
    code, tried = type_in("try-again", str(ours))
    assert (code, json.loads(tried)["name"]) == (0, "erp")
    assert json.loads(type_in("list")[1]) == {"failures": []}
    terminal.engine().dispose()
    terminal.engine.cache_clear()
    with transaction(engine) as session:
        assert session.exec(select(Failure.name)).all() == ["theirs"]
