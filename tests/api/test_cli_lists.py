"""Commands that list: as many rows as asked for, a sentence when there are more, and the shapes of the REST API."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import col

from api.cli import main
from api.shapes import campaigns, consents, failures, optouts, posts, segments, senders, users, webhooks
from api.shapes.shape import Shape
from campaigns.webhooks.webhooks import Webhook
from retention.database import transaction
from retention.keys import ApiKey
from segments.rules import parse
from segments.segments import Segment, save_segment
from tests.campaigns.conftest import NOON, Stage
from tests.retention import rows

Tea = Callable[[Callable[[Stage], Any]], Any]
Typed = Callable[..., tuple[int, str, str]]

LISTS: dict[str, tuple[str, type[Shape]]] = {
    "campaigns list": ("campaigns", campaigns.CampaignOut),
    "segments list": ("segments", segments.ListedSegmentOut),
    "senders list": ("senders", senders.SenderOut),
    "hooks list": ("hooks", webhooks.HookOut),
    "hooks calls erp": ("calls", webhooks.CallOut),
    "failures list": ("failures", failures.FailureOut),
    "bounces list": ("bounces", optouts.BounceOut),
    "consent show ada": ("history", consents.AnswerOut),
    "consent suppressed": ("suppressions", optouts.SuppressionOut),
    "posts groups": ("groups", posts.GroupOut),
    "key list": ("keys", users.KeyOut),
}
"""By command: under which name its rows stand, and which shape of the REST API they have."""


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """One database is enough: that pages are right is seen where they are made."""
    return sqlite_engine


@pytest.fixture
def typed(home: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Run a command on the tea shop: `typed("campaigns", "list") -> (code, output, errors)`."""
    monkeypatch.setattr("api.cli.terminal.engine", lambda: engine)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--shop", "tea"])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_lists_have_what_rest_answers_of_each_row(tea: Tea, typed: Typed, engine: Engine) -> None:
    tea(lambda stage: stage.buyer("ada"))
    with transaction(engine) as session:
        rows.fill(session.connection(), each=1)
        session.exec(sa.update(ApiKey).values(scopes=[]))
        session.exec(sa.update(Webhook).values(slug="erp", events=[]))
    for words, (name, shape) in LISTS.items():
        code, out, err = typed(*words.split(), "--json")
        row = json.loads(out)[name][0]
        assert (code, err, set(shape.model_fields) - set(row)) == (0, "", set()), words
        assert "more" not in json.loads(out), words


def test_limit_shows_so_many_rows_and_says_that_there_are_more(tea: Tea, typed: Typed) -> None:
    tea(lambda stage: [stage.push(slug) for slug in ("spring", "summer", "autumn")])
    code, out, err = typed("campaigns", "list", "--limit", "2")
    assert (code, out) == (0, "autumn\tautumn\tdraft\nsummer\tsummer\tdraft\n")
    assert err == "Rows shown: 2. There are more; use --limit to see them.\n"
    told = json.loads(typed("campaigns", "list", "--limit", "2", "--json")[1])
    assert ([each["slug"] for each in told["campaigns"]], told["more"]) == (["autumn", "summer"], True)
    assert typed("campaigns", "list", "--limit", "3")[1:] == (out + "spring\tspring\tdraft\n", "")
    assert typed("campaigns", "list", "--limit", "0")[0] == 2


def test_a_segment_that_cannot_be_read_hides_no_other_in_any_list(tea: Tea, typed: Typed, backend: TestClient) -> None:
    def make(stage: Stage) -> None:
        for slug in ("sound", "torn"):
            save_segment(stage.session, stage.shop.id, slug, rule=parse({"not": {"follows": {}}}), actor="t", at=NOON)
        stage.session.exec(sa.update(Segment).where(col(Segment.slug) == "torn").values(rule_json={"never": 1}))

    tea(make)
    for listed in (json.loads(typed("segments", "list", "--json")[1]), backend.get("/api/v1/segments").json()):
        sound, torn = listed["segments"]
        assert (sound["slug"], sound["words"]) == ("sound", "Buyers who do not follow the shop")
        assert (torn["slug"], torn["rule"], "never" in torn["words"]) == ("torn", {}, True)
