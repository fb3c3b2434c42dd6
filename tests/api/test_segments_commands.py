"""The commands on segments, typed as a person types them."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.cli import main, terminal
from retention.database import transaction
from retention.settings import get_settings
from tests.segments.makers import add_buyers, add_order, make_shop

Regulars = Callable[..., tuple[int, str, str]]
REPEAT = {"orders": {"at_least": 2}}


@pytest.fixture
def regulars(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Regulars]:
    """Type `regulars segments ... --shop tea` in a shop whose buyers 乙, a and b have 2, 1 and no orders."""
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REGULARS_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    terminal.engine.cache_clear()
    with transaction(terminal.engine()) as session:
        shop = make_shop(session)
        two, one, _ = add_buyers(session, shop, "乙", "a", "b", name="Ana", email="ana@example.com")
        add_order(session, shop, two, at=datetime(2026, 1, 1, 16, tzinfo=UTC))
        add_order(session, shop, two, at=datetime(2026, 2, 1, tzinfo=UTC))
        add_order(session, shop, one, at=datetime(2026, 2, 1, tzinfo=UTC))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["segments", *words, "--shop", "tea"])
        typed = capsys.readouterr()
        return int(ended.value.code or 0), typed.out, typed.err

    yield run
    terminal.engine().dispose()
    get_settings.cache_clear()
    terminal.engine.cache_clear()


def rule_file(rule: Any) -> str:
    Path("rule.json").write_text(json.dumps(rule), "utf-8")
    return "rule.json"


def test_count_says_how_many_and_writes_their_ids_sorted(regulars):
    rule = rule_file({"orders": {"at_least": 1}})
    code, out, _ = regulars("count", "--rule", rule, "--ids", "ids.txt", "--json")
    assert (code, json.loads(out)) == (0, {"count": 2, "buyers": 3, "as_of": None, "ids": "ids.txt"})
    assert Path("ids.txt").read_bytes() == "a\n乙\n".encode()


def test_count_reads_the_rule_from_standard_input(regulars, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(REPEAT)))
    assert regulars("count", "--rule", "-") == (0, "count: 1\nbuyers: 3\n", "")


@pytest.mark.parametrize(
    ("as_of", "count"),
    [("2026-01-02", 0), ("2026-01-03", 1), ("2026-02-01", 1), ("2026-02-01T08:00:00", 1), ("2026-02-01T08:00:01", 2)],
)
def test_count_as_of_a_day_knows_what_was_before_it_began_in_the_shops_zone(regulars, as_of, count):
    code, out, _ = regulars("count", "--rule", rule_file({"orders": {}}), "--as-of", as_of, "--json")
    assert (code, json.loads(out)["count"]) == (0, count)


def test_a_live_count_says_from_which_hour_it_counts_back(regulars):
    code, out, _ = regulars("count", "--rule", rule_file({"orders": {"window": {"last_days": 7}}}), "--json")
    assert code == 0
    assert json.loads(out)["counted_back_from"].endswith(":00:00+00:00")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ('{"orders": ', "regulars: The rule is no JSON: Expecting value in line 1.\n"),
        ("[" * 100_000, "regulars: The rule is nested too deeply.\n"),
        ('{"orders": {"at_leats": 2}}', None),
        ('{"segment": "nobody"}', None),
    ],
)
def test_a_bad_rule_is_refused_in_one_line_and_writes_nothing(regulars, text, refusal):
    Path("rule.json").write_text(text)
    code, out, err = regulars("count", "--rule", "rule.json", "--ids", "ids.txt")
    assert (code in (1, 2), out, err.count("\n")) == (True, "", 1)
    assert refusal in (None, err)
    assert not Path("ids.txt").exists()


def test_a_rule_that_is_no_text_or_not_there_is_refused(regulars):
    Path("rule.json").write_bytes(b"\xff\xfe\x00")
    assert regulars("count", "--rule", "rule.json")[::2] == (2, "regulars: The rule is no text in UTF-8.\n")
    assert regulars("count", "--rule", "absent.json")[0] == 1


def test_a_segment_is_saved_refreshed_listed_shown_described_and_exported(regulars):
    assert regulars("save", "repeat", "--name", "Repeat", "--rule", rule_file(REPEAT))[0] == 0
    assert regulars("list") == (0, "repeat\tnot refreshed yet\tRepeat\n", "")
    assert regulars("refresh") == (0, "repeat\t1\t+1 -0\n", "")
    assert regulars("refresh", "repeat") == (0, "repeat\t1\t+0 -0\n", "")
    assert regulars("list") == (0, "repeat\t1\tRepeat\n", "")
    shown = json.loads(regulars("show", "repeat", "--json")[1])
    assert (shown["count"], shown["words"], [step["size"] for step in shown["trend"]]) == (
        1,
        "Buyers who placed at least 2 orders",
        [1],
    )
    assert regulars("describe", "repeat") == (0, "Buyers who placed at least 2 orders\n", "")
    regulars("export", "repeat", "--out", "all.csv")
    regulars("export", "repeat", "--out", "masked.csv", "--masked")
    head = "buyer_id,name,email,phone,country,region,city,orders,spend,last_order_at\n"
    tail = ",,,,,2,20.00,2026-02-01T00:00:00+00:00\n"
    assert Path("all.csv").read_text("utf-8") == f"{head}乙,Ana,ana@example.com{tail}"
    assert Path("masked.csv").read_text("utf-8") == f"{head}乙,A**,a***@example.com{tail}"


def test_presets_are_saved_once_under_chinese_names_for_a_chinese_shop(regulars):
    saved = json.loads(regulars("presets", "--json")[1])["saved"]
    assert saved[:3] == ["repeat-customers", "one-time-buyers", "new-buyers"]
    assert json.loads(regulars("presets", "--json")[1])["saved"] == []
    sizes = {row["slug"]: row["size"] for row in json.loads(regulars("refresh", "--json")[1])["segments"]}
    assert (sizes["repeat-customers"], sizes["one-time-buyers"], sizes["followers"]) == (1, 1, 0)
