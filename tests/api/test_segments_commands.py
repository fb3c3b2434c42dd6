"""The commands on segments, typed as a person types them."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from api.cli import main, terminal
from retention.audit import AuditEntry
from retention.database import reading, transaction
from retention.settings import get_settings
from retention.shops import find_shop
from segments.schema import rule_schema
from tests.factories import add_buyers, add_order, add_visits, make_shop

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
        ('{"orders": ', "regulars: rule.json is not JSON: Expecting value in line 1.\n"),
        ("[" * 100_000, "regulars: rule.json is nested too deeply.\n"),
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
    assert regulars("count", "--rule", "rule.json")[::2] == (2, "regulars: rule.json is not UTF-8 text.\n")
    assert regulars("count", "--rule", "absent.json")[::2] == (1, "regulars: There is no file absent.json.\n")


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
    assert regulars("export", "gone", "--out", "all.csv")[0] == 1
    assert Path("all.csv").read_text("utf-8") == f"{head}乙,Ana,ana@example.com{tail}"
    with reading(terminal.engine()) as session:
        exports = select(AuditEntry.after).where(AuditEntry.action == "segment.export").order_by(col(AuditEntry.id))
        taken = session.exec(exports).all()
    assert taken == [{"buyers": 1, "masked": masked, "as_of": None} for masked in (False, True)]


def test_a_segment_is_deleted_once_no_other_is_built_on_it(regulars):
    regulars("save", "repeat", "--rule", rule_file(REPEAT))
    regulars("save", "others", "--rule", rule_file({"not": {"segment": "repeat"}}))
    assert regulars("delete", "repeat") == (1, "", "regulars: Segment repeat is used by others.\n")
    assert regulars("delete", "others", "--json") == (0, '{"deleted": "others"}\n', "")
    assert regulars("delete", "repeat")[0] == 0
    assert regulars("list") == (0, "", "")


def test_a_preset_that_asks_for_something_is_counted_and_saved_with_it(regulars):
    code, out, _ = regulars("preset", "category-fans", "--category", "茶 🍵", "--save-as", "tea-fans", "--json")
    assert (code, json.loads(out)["count"]) == (0, 0)
    assert "茶 🍵" in regulars("list")[1]
    assert regulars("preset", "repeat-customers", "--json")[0] == 0
    code, out, err = regulars("preset", "bought-but-not", "--bought", "A", "--save-as", "mine")
    assert (code, out, "still needs: missing" in err) == (2, "", True)
    assert "mine" not in regulars("list")[1]


def test_presets_are_saved_once_under_chinese_names_for_a_chinese_shop(regulars):
    saved = json.loads(regulars("presets", "--json")[1])["saved"]
    assert saved[:3] == ["repeat-customers", "one-time-buyers", "new-buyers"]
    assert json.loads(regulars("presets", "--json")[1])["saved"] == []
    sizes = {row["slug"]: row["size"] for row in json.loads(regulars("refresh", "--json")[1])["segments"]}
    assert (sizes["repeat-customers"], sizes["one-time-buyers"], sizes["followers"]) == (1, 1, 0)


def test_buyers_are_manually_included_and_excluded(regulars):
    regulars("save", "repeat", "--rule", rule_file(REPEAT))
    Path("ids.txt").write_text("\ufeffa\n\n b \n", "utf-8")
    assert regulars("pin", "repeat", "--from", "ids.txt") == (
        0,
        "segment: repeat\npinned: in\nbuyers: 2\nsize: 3\n",
        "",
    )
    assert json.loads(regulars("pin", "repeat", "乙", "b", "--out", "--json")[1])["size"] == 1
    assert json.loads(regulars("unpin", "repeat", "乙", "a", "b", "--json")[1]) == {
        "segment": "repeat", "pinned": "no more", "buyers": 3, "size": 1,
    }  # fmt: skip


def test_a_pin_of_somebody_unknown_is_refused_and_pins_nobody(regulars):
    regulars("save", "repeat", "--rule", rule_file(REPEAT))
    refused = "regulars: No buyer is called O'Neil\"; --. Nothing was changed.\n"
    assert regulars("pin", "repeat", "a", "O'Neil\"; --") == (2, "", refused)
    assert regulars("pin", "repeat")[::2] == (2, "regulars: Give buyer IDs, or a file of IDs with --from.\n")
    assert json.loads(regulars("show", "repeat", "--json")[1])["count"] == 1


def test_a_list_is_uploaded_and_says_whom_nobody_knows(regulars):
    Path("ids.txt").write_text("乙\nzoe\na\n", "utf-8")
    assert json.loads(regulars("upload", "staff", "--from", "ids.txt", "--json")[1]) == {
        "list": "staff", "buyers": 2, "unknown": ["zoe"],
    }  # fmt: skip
    assert json.loads(regulars("count", "--rule", rule_file({"list": "staff"}), "--json")[1])["count"] == 2
    Path("ids.txt").write_bytes(b"\xff\xfe\x00")
    assert regulars("upload", "staff", "--from", "ids.txt")[0] == 2
    assert json.loads(regulars("count", "--rule", rule_file({"list": "staff"}), "--json")[1])["count"] == 2


def test_segments_are_combined_split_and_laid_over_each_other(regulars):
    regulars("save", "repeat", "--rule", rule_file(REPEAT))
    regulars("save", "ordered", "--rule", rule_file({"orders": {}}))
    regulars("save", "all", "--rule", rule_file({"all": []}))
    for words, count in (
        (("union", "repeat", "ordered"), 2),
        (("intersect", "repeat", "ordered"), 1),
        (("minus", "all", "ordered", "repeat", "--save-as", "never"), 1),
    ):
        assert json.loads(regulars(*words, "--json")[1])["count"] == count, words
    assert json.loads(regulars("show", "never", "--json")[1])["count"] == 1
    assert regulars("overlap", "all", "repeat") == (0, "\tall\trepeat\nall\t3\t1\nrepeat\t1\t1\n", "")
    parts = json.loads(regulars("split", "all", "--shares", "50,30,20", "--save-as", "part", "--json")[1])["parts"]
    assert (sum(part["count"] for part in parts), [part["slug"] for part in parts]) == (
        3,
        ["part-1", "part-2", "part-3"],
    )
    listed = regulars("list")[1]
    for shares in ("50,49", "half"):
        code, _, err = regulars("split", "all", "--shares", shares, "--save-as", "bad")
        assert (code, "Shares must be whole percentages from 1 that add up to 100, not" in err) == (2, True)
    assert regulars("union", "all", "nobody", "--save-as", "bad")[0] == 1
    assert regulars("list")[1] == listed


def test_rfm_groups_and_who_moved_between_them_are_counted(regulars):
    shown = json.loads(regulars("rfm", "--json")[1])
    assert sum(shown["groups"].values()) == 3
    assert shown["groups"]["prospects"] == 1
    assert sum(sum(row) for row in shown["plane"]) == 2
    moved = json.loads(regulars("movement", "--since", "2026-01-20", "--json")[1])["moved"]
    assert sum(row["buyers"] for row in moved) == 3
    assert {"from": "prospects", "to": "prospects", "buyers": 1} in moved
    assert regulars("rfm", "--as-of", "2026-01-01", "--scale", "steps")[1].startswith("champions\t0\n")


def test_too_little_to_predict_from_is_said(regulars):
    code, out, _ = regulars("predict", "--json")
    assert (code, json.loads(out)["nothing"].startswith("Not enough data for predictions: 2 buyers")) == (0, True)
    rule = rule_file({"prediction": {"measure": "alive", "at_least": 0.8}})
    assert json.loads(regulars("count", "--rule", rule, "--json")[1])["notes"] == [json.loads(out)["nothing"]]
    code, _, err = regulars("count", "--rule", rule, "--as-of", "2026-01-01")
    assert (code, err.startswith("regulars: Predictions have no history")) == (2, True)


def test_predictions_are_made_kept_and_written(regulars):
    with transaction(terminal.engine()) as session:
        add_visits(session, find_shop(session, "tea"), [[90, 60, 30, 1]] * 40 + [[30 + number] for number in range(80)])
    made = json.loads(regulars("predict", "--as-of", "2026-11-01", "--json")[1])
    assert (made["day"], made["buyers"], made["came_back"]) == ("2026-11-01", 122, 41)
    rule = rule_file({"prediction": {"measure": "orders", "more_than": 0}})
    assert json.loads(regulars("count", "--rule", rule, "--json")[1])["count"] == 0
    assert regulars("predict", "--out", "all.csv")[0] == 0
    rows = Path("all.csv").read_text("utf-8").splitlines()
    assert (rows[0], len(rows)) == ("buyer_id,alive,orders_in_90_days,next_order", 123)
    assert json.loads(regulars("count", "--rule", rule, "--json")[1])["count"] > 40


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_schema_of_rules_is_written_as_json(options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["segments", "schema", *options])
    assert (ended.value.code, json.loads(capsys.readouterr().out)) == (0, rule_schema())
