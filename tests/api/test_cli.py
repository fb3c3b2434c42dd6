"""The command line as it is typed: results, refusals in one line, exit codes; and that each command is documented."""

import errno
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from sqlmodel import select

from api.cli import app, main, terminal
from api.cli.commands import COMMANDS, Commands
from api.cli.refusals import refusal_of
from api.demo.summary import MessageFigures
from campaigns.campaign.reasons import Reason, sentence, step_name
from retention import migrate
from retention.access import runs_the_machine, terminal_actor, terminal_name
from retention.audit import AuditEntry
from retention.database import reading
from retention.i18n import speaking
from retention.settings import Settings, get_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def regulars(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Type a command: `regulars("shop", "create", "tea") -> (exit code, output, errors)`."""
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REGULARS_DATABASE_URL", database_url)
    get_settings.cache_clear()
    terminal.engine.cache_clear()

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        typed = capsys.readouterr()
        return int(ended.value.code or 0), typed.out, typed.err

    yield run
    terminal.engine().dispose()
    get_settings.cache_clear()
    terminal.engine.cache_clear()


Regulars = Callable[..., tuple[int, str, str]]


def test_a_shop_a_person_and_a_key_are_made_in_three_commands(regulars: Regulars) -> None:
    code, out, _ = regulars("shop", "create", "tea", "--name", "Tea & Co", "--currency", "eur", "--json")
    assert (code, json.loads(out)) == (
        0,
        {"slug": "tea", "name": "Tea & Co", "timezone": "Asia/Shanghai", "currency": "EUR", "language": "zh-CN"},
    )
    code, out, _ = regulars("user", "add", "May@Tea.example", "--shop", "tea", "--role", "owner", "--json")
    made = json.loads(out)
    assert (code, made["email"], "password" in made) == (0, "may@tea.example", False)
    assert made["invitation"].startswith("http://127.0.0.1:8000/join/")
    code, out, _ = regulars("key", "create", "till", "--shop", "tea", "--scope", "orders:write", "--json")
    assert (code, json.loads(out)["key"].startswith("rk_")) == (0, True)


def test_somebody_with_a_password_is_given_no_link(regulars: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    for slug in ("tea", "pots"):
        regulars("shop", "create", slug)
    monkeypatch.setattr("sys.stdin", io.StringIO("seven green kettles\n"))
    regulars("user", "add", "may@tea.example", "--shop", "tea", "--role", "owner", "--password-stdin")
    code, out, _ = regulars("user", "add", "may@tea.example", "--shop", "pots", "--role", "viewer", "--json")
    assert (code, json.loads(out)) == (0, {"email": "may@tea.example", "shop": "pots", "role": "viewer"})


REFUSALS = [
    (["shop", "create", "Tea Shop"], 2, "'Tea Shop' cannot be used in an address."),
    (["shop", "create", "tea", "--timezone", "Shanghai"], 2, "'Shanghai' is not a time zone."),
    (["shop", "create", "tea", "--currency", "RMB"], 2, "'RMB' is not a currency."),
    (["user", "add", "may@tea.example", "--shop", "none", "--role", "owner"], 1, "No shop is called none."),
    (["user", "add", "may@tea.example", "--shop", "none", "--role", "boss"], 2, "'boss' is not one of"),
    (["key", "create", "till", "--shop", "none", "--scope", "all"], 2, "Known scopes: buyers:read,"),
    (["lift", "none.csv", "--arm", "a", "--control", "c", "--converted", "d"], 2, "There is no file none.csv"),
    (["fly"], 2, "No such command 'fly'."),
    (["shop", "create"], 2, "Missing argument 'slug'."),
]


def test_a_refusal_is_one_line_with_an_exit_code(regulars: Regulars) -> None:
    for words, code, says in REFUSALS:
        answered, out, errors = regulars(*words)
        assert (answered, out, errors.count("\n")) == (code, "", 1), words
        assert errors.startswith("regulars: ")
        assert says in errors


TOO_MUCH = (str(2**63), str(10**30), "x" * 10_000, "a\udc80b", "")
UNKEEPABLE = [
    ["shop", "create", "pots", "--name", "{}"],
    ["user", "add", "{}", "--shop", "tea", "--role", "owner"],
    ["key", "create", "{}", "--shop", "tea", "--scope", "orders:write"],
    ["key", "revoke", "{}", "--shop", "tea"],
    ["batches", "show", "{}", "--shop", "tea"],
    ["posts", "take", "{}", "--shop", "tea", "--as", "may@tea.example"],
    ["campaigns", "plan", "{}", "--shop", "tea"],
    ["segments", "show", "{}", "--shop", "tea"],
]


def test_no_value_ends_a_command_with_a_traceback(regulars: Regulars) -> None:
    regulars("shop", "create", "tea")
    for value in TOO_MUCH:
        for words in UNKEEPABLE:
            code, _, errors = regulars(*(word.format(value) for word in words))
            assert (code, errors.count("\n")) in {(0, 0), (1, 1), (2, 1)}, (words, value[:40], errors[:200])


def test_a_database_without_tables_names_the_command_to_run(
    regulars: Regulars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGULARS_DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    get_settings.cache_clear()
    terminal.engine.cache_clear()
    code, _, errors = regulars("shop", "create", "tea")
    assert (code, "regulars db upgrade" in errors) == (1, True)
    assert regulars("db", "upgrade")[0] == 0
    assert regulars("shop", "create", "tea")[0] == 0


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_printed_in_words(reason: Reason, capsys: pytest.CaptureFixture[str]) -> None:
    counted = {reason.value: 12, "segment": 40}
    terminal.show({"ledger": {"audience": 40, "skipped": counted}, "funnel": counted}, as_json=False)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:4] == ["ledger:", "  audience: 40", "  skipped:", f"    {step_name(reason)}: 12"]
    assert printed[5:] == ["funnel:", f"  {step_name(reason)}: 12", "  In the segment: 40"]
    message = MessageFigures(audience=40, sent=28, skipped={reason.value: 12}, control=0, failed=0, unknown=0)
    assert f"12 skipped ({step_name(reason).lower()} 12)" in message.in_words()
    with speaking("zh-CN"):
        chinese = (step_name(reason), sentence(reason))
    assert all(re.search("[一-鿿]", each) for each in chinese)
    assert not {reason.value, step_name(reason), sentence(reason)} & {"", *chinese}


def test_values_are_printed_as_people_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    rule = {"orders": {"at_least": 2}}
    lift = {"p": 1e-9, "p_holm": 0.25, "rate": 0.1230769, "interval": (0.1, None), "arms": []}
    result = {"early": False, "ends_at": None, "lift": lift, "scans": {"tea -> pots": 3}, "none": {}, "rule": rule}
    terminal.show(result, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "early: no",
        "ends at: none",
        "lift:",
        "  p < 0.0001",
        "  p = 0.2500 corrected for several arms (Holm)",
        "  rate: 0.1231",
        "  interval: 0.1, none",
        "  arms: none",
        "scans:",
        "  tea -> pots: 3",
        "none: none",
        'rule: {"orders": {"at_least": 2}}',
    ]


def test_lift_reads_any_experiments_table(regulars: Regulars, tmp_path: Path) -> None:
    rows = ["arm,ordered"] + ["A,1"] * 10 + ["A,0"] * 90 + ["B,1"] * 30 + ["B,0"] * 70
    (tmp_path / "table.csv").write_text("\n".join(rows))
    asked = ["lift", str(tmp_path / "table.csv"), "--arm", "arm", "--control", "A", "--converted", "ordered"]
    code, out, _ = regulars(*asked, "--json")
    found = json.loads(out)
    (lift,) = found["lift"]
    assert (code, list(found), round(lift["difference"], 4)) == (0, ["arms", "srm", "lift"], 0.2)
    said = regulars(*asked)[1].splitlines()
    assert said[:2] == ["A: 10 of 100 (10.00%)", "B: 30 of 100 (30.00%)"]
    assert said[3].startswith("B against A: Significant increase")
    assert said[4] == "  +20.00 points [+9.00, +30.58], p = 0.0004; +20 buyers [+9, +31]"
    assert said[5] == "  3.00 times the control's rate [1.58, 5.80]"


def test_lift_says_how_small_a_chance_is_and_what_several_arms_and_few_orders_mean(
    regulars: Regulars, tmp_path: Path
) -> None:
    arms = {"A": 30, "B": 300, "C": 33}
    rows = [f"{arm},{int(n < some)},{10 * (n < some)}" for arm, some in arms.items() for n in range(1000)]
    (tmp_path / "table.csv").write_text("\n".join(["arm,ordered,spent", *rows]))
    asked = ["lift", str(tmp_path / "table.csv"), "--arm", "arm", "--control", "A", "--converted", "ordered"]
    said = regulars(*asked, "--value", "spent", "--planned", "A=1", "--planned", "B=1", "--planned", "C=1")[1]
    assert "p < 0.0001, p < 0.0001 corrected for several arms (Holm); +270 buyers" in said
    assert "p = 0.7009, p = 0.7009 corrected for several arms (Holm)" in said
    assert "The groups have the planned sizes." in said
    assert "Interpret with caution: fewer than 50 buyers of the control group ordered" in said
    assert "0.0000" not in said
    refused = regulars(*asked, "--planned", "A=half")
    assert (refused[0], "'A=half' is not the share of an arm. Write it like control=0.1." in refused[2]) == (2, True)


@cache
def commands() -> dict[str, typer.main.Any]:
    """Every command by its words, such as "shop create"."""
    found: dict[str, Any] = {}

    def walk(command: Any, words: str) -> None:
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{words} {name}".strip())
        if not getattr(command, "commands", None):
            found[words] = command

    for name in COMMANDS:
        command = cast("Commands", typer.main.get_command(app)).get_command(None, name)
        walk(command, name)
    return found


@pytest.mark.parametrize("words", sorted(commands()))
def test_each_command_is_documented_with_every_option(words: str) -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    section = re.search(rf"^### `regulars {words}\b.*?(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert section, f"docs/commands.md has no section: ### `regulars {words} ...`"
    options = [name for each in commands()[words].params for name in getattr(each, "opts", []) if name.startswith("--")]
    missing = [name for name in options if name not in section[0] and name != "--help"]
    assert missing == []


def test_help_has_each_command_and_line_without_loading_any(regulars: Regulars) -> None:
    listed = regulars("--help")[1]
    group = cast("Commands", typer.main.get_command(app))
    for name, command in COMMANDS.items():
        assert group.get_command(None, name).get_short_help_str(100) == command.line
        assert f"  {name} " in listed
    loaded = "import sys, api.cli; api.cli.app(['--version'], standalone_mode=False); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert {"sqlalchemy", "sqlmodel", "structlog", "campaigns"} & set(modules) == set()
    assert modules[:2] == ["regulars", version("regulars")]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left", "/a/b"), "/a/b: No space left. Make room on the disk, then try again."),
        (OSError(errno.ENOSPC, "No space left"), "No space left. Make room on the disk, then try again."),
        (OSError(errno.EACCES, "Permission denied", "/a/b"), "/a/b: Permission denied."),
        (OSError("odd"), "odd."),
        (OverflowError(), "A value is too long or contains characters that cannot be stored."),
    ],
)
def test_what_the_machine_refuses_is_one_line_with_its_remedy(error: Exception, said: str) -> None:
    assert refusal_of(error)[0] == said


def test_each_command_says_what_it_is_for() -> None:
    for words, command in commands().items():
        silent = [each.name for each in command.params if not getattr(each, "help", "") and each.name != "help"]
        assert (bool(command.help), silent) == (True, []), words


def test_no_documented_command_is_gone() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    named = re.findall(r"^### `regulars ([a-z -]+?)(?= [A-Z\[-]|`| --)", page, re.MULTILINE)
    assert sorted(named) == sorted(commands())


def test_each_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    named = re.findall(r"^\| `(REGULARS_[A-Z_]+)`", page, re.MULTILINE)
    assert named == [f"REGULARS_{name.upper()}" for name in Settings.model_fields]


def test_upgrade_names_the_index_a_database_lacks_and_goes_on(
    regulars: Callable[..., tuple[int, str, str]], database_url: str
) -> None:
    assert regulars("db", "upgrade")[2] == ""
    with migrate.connect(database_url) as connection, connection.begin():
        connection.exec_driver_sql("DROP INDEX ix_products_shop_id_products_arrival_at")
    code, said, warned = regulars("db", "upgrade")
    assert (code, said.startswith("The database is current")) == (0, True)
    assert warned.startswith("The database lacks ix_products_shop_id_products_arrival_at. It works, but slower")


def test_only_the_terminal_opens_sessions_shops_and_moments() -> None:
    """Every other command module gets them from it."""
    opening = re.compile(
        r"from retention\.database import|import find_shop|\bSession\(|terminal_member|\btransaction\("
    )
    found = [path.name for path in (ROOT / "api" / "cli").glob("*.py") if opening.search(path.read_text("utf-8"))]
    assert found == ["terminal.py"]


def test_the_audit_log_names_the_person_at_the_terminal(regulars: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    regulars("shop", "create", "tea")
    for name in ("may", "lin:x"):
        monkeypatch.setenv("LOGNAME", name)
        regulars("topics", "create", f"about-{name[:3]}", "--shop", "tea", "--en", "News")
    with reading(terminal.engine()) as session:
        entries = session.exec(select(AuditEntry.actor).where(AuditEntry.action == "topic.create")).all()
    assert sorted(entries) == ["cli:linx", "cli:may"]


@pytest.mark.parametrize(("name", "actor"), [("may", "cli:may"), ("", "cli:unknown"), ("a\nb:c", "cli:abc")])
def test_a_name_of_the_machine_becomes_a_distinct_actor(name: str, actor: str) -> None:
    assert terminal_actor(name) == actor
    assert terminal_name(actor) == actor.removeprefix("cli:")
    assert len(terminal_actor(name * 200)) <= 64
    assert [runs_the_machine(each) for each in (actor, "system", "user:1", "key:1")] == [True, True, False, False]
