"""`regulars import` and `regulars report`: typed in a shell of their own, refused, and killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from api.cli import main, terminal
from retention import clock
from retention.database import transaction
from retention.settings import get_settings
from tests.factories import make_shop

ORDERS = """买家昵称,付款日期,订单状态,实付金额,邮费,省份,城市,购买数量
小林,2026-01-05 10:00:00,交易成功,186,6,浙江省,杭州市,1
小林,2026-01-25 10:00:00,交易成功,14.50,0,浙江省,杭州市,1
小王,2026-02-05 10:00:00,付款以后用户退款成功，交易自动关闭,90,0,上海,上海市,1
小张,2026-02-06 10:00:00,待定,90,0,上海,上海市,1
"""


class Shell:
    def __init__(self, database_url: str, home: Path) -> None:
        self.home, self.scratch = home, home / "scratch"
        self.scratch.mkdir()
        places = {"REGULARS_DATABASE_URL": database_url, "REGULARS_HOME": str(home), "TMPDIR": str(self.scratch)}
        self.environment = {**os.environ, **places}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "api.cli", *words]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        with self.start(*words) as process:
            output, error = process.communicate(timeout=120)
        return process.returncode, output, error


@pytest.fixture
def shell(engine: Engine, database_url: str, tmp_path: Path) -> Shell:
    with transaction(engine) as session:
        make_shop(session, "tea", at=clock.now())
    return Shell(database_url, tmp_path)


Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Typed]:
    """Run a command in this process, which has loaded all it needs: `typed("report", "repeat")`."""
    for name in ("REGULARS_DATABASE_URL", "REGULARS_HOME"):
        monkeypatch.setenv(name, shell.environment[name])
    get_settings.cache_clear()
    terminal.engine.cache_clear()

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    yield run
    terminal.engine().dispose()
    terminal.engine.cache_clear()


def test_orders_in_and_the_report_out(shell: Shell, typed: Typed) -> None:
    path = shell.home / "订单.csv"
    path.write_bytes(ORDERS.encode("gb18030"))
    code, output, error = shell.run("import", "orders", str(path), "--shop", "tea", "--preset", "taobao", "--json")
    assert (code, error) == (0, "")
    report = json.loads(output)
    assert (report["read"], report["accepted"], report["rejected"], report["encoding"]) == (4, 3, 1, "GB18030")
    assert report["totals"]["paid"] == "200.50"
    assert Path(report["rejects_path"]).read_bytes().startswith(b"\xef\xbb\xbfline,reason,")
    assert json.loads(typed("report", "repeat", "--shop", "tea", "--json")[1]) == {
        "buyers": 1,
        "orders": 2,
        "revenue": "200.50",
        "repeat_buyers": 1,
        "repeat_rate": 1.0,
        "median_days_between_order_days": 20,
        "orders_without_buyer": 0,
        "revenue_without_buyer": "0.00",
    }
    code, output, _ = typed("report", "repeat", "--shop", "tea", "--as-of", "2026-01-20", "--json")
    assert (code, json.loads(output)["orders"]) == (0, 1)
    cohorts = json.loads(typed("report", "cohorts", "--shop", "tea", "--json")[1])
    assert cohorts == {"cohorts": [{"month": "2026-01", "buyers": 1, "active": [1], "shares": [1.0]}]}
    assert "2026-01" in typed("report", "cohorts", "--shop", "tea")[1]


def test_dry_run_shows_what_was_understood_and_changes_nothing(shell: Shell, typed: Typed, engine: Engine) -> None:
    path = shell.home / "orders.csv"
    path.write_bytes((ORDERS + "小李,,待定,1,0,上海,上海市,1\n").encode("gb18030"))
    code, output, _ = typed("import", "orders", str(path), "--shop", "tea", "--dry-run")
    assert code == 0
    for line in ("encoding: GB18030", "  买家昵称 (小林, 小王, 小张): buyer_id", "revenue: 200.50", "rejected: 2"):
        assert line in output.splitlines()
    code, output, _ = typed("import", "orders", str(path), "--shop", "tea", "--dry-run", "--json")
    seen = json.loads(output)
    assert (code, seen["totals"]["buyers"], seen["rejects"][0]["line"]) == (0, 2, 5)
    path.write_text("order_id,paid_at,pay_sum,currency\n1,2026-01-02,5,EUR\n2,2027-01-02,5,\n")
    output = typed("import", "orders", str(path), "--shop", "tea", "--dry-run", "--map", "amount=pay_sum")[1]
    assert "  pay_sum (5): amount" in output.splitlines()
    notes = output.partition("notes:\n")[2].splitlines()
    assert [note.partition(":")[0] for note in notes[:2]] == ["  - EUR 1", "  - 1 order is dated after today"]
    path.write_text("a,b\n1,2\n")
    code, output, _ = typed("import", "orders", str(path), "--shop", "tea", "--dry-run")
    assert (code, "cannot be imported: No column holds" in output) == (2, True)
    with transaction(engine) as session:
        assert session.connection().execute(text("SELECT count(*) FROM buyers")).scalar() == 0
    assert list(shell.home.glob("*.rejected.csv")) == []


def test_refusals_are_one_line_and_an_exit_code(shell: Shell, typed: Typed) -> None:
    path = shell.home / "orders.csv"
    path.write_text("a,b\n1,2\n")
    for words, code, sentence in [
        (("orders", str(path), "--shop", "tea"), 2, "No column holds paid_at / placed_at."),
        (("orders", str(path), "--shop", "cup"), 1, "No shop is called cup."),
        (("orders", str(shell.home / "none"), "--shop", "tea"), 1, "There is no file"),
        (
            ("orders", str(path), "--shop", "tea", "--map", "paid_at"),
            2,
            "'paid_at' is not a mapping. Write field=Column.",
        ),
        (
            ("orders", str(path), "--shop", "tea", "--map", "paid_at=x"),
            2,
            "There is no column 'x'. The file has: a, b.",
        ),
    ]:
        found = typed("import", *words)
        assert (found[0], found[1], found[2].count("\n")) == (code, "", 1)
        assert sentence in found[2]
    path.write_text("paid_at,amount\nx,y\n")
    code, output, _ = typed("import", "orders", str(path), "--shop", "tea", "--json")
    assert (code, json.loads(output)["rejected"]) == (2, 1)


def test_import_killed_in_the_middle_leaves_nothing_and_ends_right_the_next_time(
    shell: Shell, typed: Typed, engine: Engine
) -> None:
    path = shell.home / "orders.csv"
    rows = (f"A{n},b{n % 5000},2026-03-05 10:00:00,S{n % 9},1.00\n" for n in range(60_000))
    path.write_text("order_id,buyer_id,paid_at,sku,amount\n" + "".join(rows))
    process = shell.start("import", "orders", str(path), "--shop", "tea", "--json")
    while process.poll() is None and not [*shell.scratch.glob("regulars-import-*")]:
        time.sleep(0.02)
    time.sleep(0.15)  # in the middle of it; where exactly makes no difference to what must hold
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed = process.returncode == -signal.SIGKILL
    with transaction(engine) as session:
        counts = session.connection().execute(
            text("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM buyers)")
        )
        assert tuple(counts.one()) == ((0, 0) if killed else (60_000, 5000))
    code, output, errors = typed("import", "orders", str(path), "--shop", "tea", "--json")
    assert code == 0, errors
    assert json.loads(output)["accepted"] == 60_000
    with transaction(engine) as session:
        sums = session.connection().execute(text("SELECT count(*), sum(orders), sum(spend) FROM buyer_facts"))
        assert tuple(sums.one()) == (5000, 60_000, 6_000_000)


def test_status_words_are_listed_and_removed(shell: Shell, typed: Typed) -> None:
    path = shell.home / "o.csv"
    path.write_text("order_id,paid_at,amount,status\n1,2026-03-05,1.00,寄存\n", encoding="utf-8")
    assert typed("import", "orders", str(path), "--shop", "tea", "--status", "寄存=paid")[0] == 0
    known = {"statuses": [{"word": "寄存", "meaning": "paid"}]}
    assert json.loads(typed("statuses", "list", "--shop", "tea", "--json")[1]) == known
    assert typed("statuses", "remove", "寄存", "--shop", "tea")[0] == 0
    assert json.loads(typed("statuses", "list", "--shop", "tea", "--json")[1]) == {"statuses": []}
    assert typed("statuses", "remove", "寄存", "--shop", "tea")[0] == 1
    assert json.loads(typed("statuses", "set", " 寄存 ", "ignore", "--shop", "tea", "--json")[1])["meaning"] == "ignore"
    assert typed("statuses", "set", "寄存", "unpaid", "--shop", "tea")[0] == 0
    known = {"statuses": [{"word": "寄存", "meaning": "unpaid"}]}
    assert json.loads(typed("statuses", "list", "--shop", "tea", "--json")[1]) == known
    for word, meaning, said in (
        ("寄存", "lost", "cannot mean"),
        (" ", "paid", "1 to 200"),
        ("x" * 201, "paid", "1 to 200"),
    ):
        code, _, error = typed("statuses", "set", word, meaning, "--shop", "tea")
        assert (code, said in error) == (2, True)


def test_mapping_is_saved_from_an_import_shown_used_and_removed(shell: Shell, typed: Typed) -> None:
    odd, tea = shell.home / "odd.csv", ("--shop", "tea")
    odd.write_text("Nr;Wer;Wann;Summe;Notiz\n1;ann;1.2.2026;1.000;x\n", encoding="utf-8")
    maps = [
        part for pair in ("order_id=Nr", "buyer_id=Wer", "paid_at=Wann", "amount=Summe") for part in ("--map", pair)
    ]
    said = (*maps, "--decimal", "comma", "--dates", "dmy")
    number = json.loads(typed("import", "orders", str(odd), *tea, *said, "--json")[1])["number"]
    code, output, _ = typed("mappings", "save", "Kasse", "--import", str(number), *tea, "--json")
    saved = json.loads(output)
    assert (code, saved["kind"], saved["options"]["decimal"], saved["options"]["mapping"]["amount"]) == (
        0,
        "orders",
        "comma",
        "Summe",
    )
    (listed,) = json.loads(typed("mappings", "list", *tea, "--json")[1])["mappings"]
    assert listed == saved == json.loads(typed("mappings", "show", "Kasse", *tea, "--json")[1])
    assert json.loads(typed("mappings", "list", *tea, "--kind", "buyers", "--json")[1]) == {"mappings": []}
    odd.write_text("Nr;Wer;Wann;Summe;Notiz\n2;bob;3.2.2026;2.000;x\n", encoding="utf-8")
    report = json.loads(typed("import", "orders", str(odd), *tea, "--mapping", "Kasse", "--json")[1])
    assert (report["totals"]["revenue"], report["totals"]["first_day"]) == ("2000.00", "2026-02-03")
    seen = typed("import", "orders", str(odd), *tea, "--mapping", "Kasse", "--decimal", "point", "--dry-run", "--json")
    assert json.loads(seen[1])["totals"]["revenue"] == "2.00"
    other = ("--map", "unit_price=Summe", "--ignore", "Wer", "--dry-run", "--json")
    seen = json.loads(typed("import", "orders", str(odd), *tea, "--mapping", "Kasse", *other)[1])
    assert seen["columns"] == {"order_id": "Nr", "paid_at": "Wann", "unit_price": "Summe"}
    assert json.loads(typed("mappings", "remove", "Kasse", *tea, "--json")[1]) == {"removed": saved}
    for words in (("show", "Kasse"), ("remove", "Kasse"), ("show", "Kasse", "--kind", "orders")):
        code, _, error = typed("mappings", *words, *tea)
        assert (code, "'Kasse'" in error) == (1, True)
    assert typed("import", "orders", str(odd), *tea, "--mapping", "Kasse")[0] == 1


def test_mappings_of_two_kinds_with_one_name_are_told_apart(shell: Shell, typed: Typed) -> None:
    path, tea = shell.home / "buyers.csv", ("--shop", "tea")
    path.write_text("buyer_id,sku,title\nann,T1,Tea\n")
    for kind in ("buyers", "products"):
        number = json.loads(typed("import", kind, str(path), *tea, "--json")[1])["number"]
        assert typed("mappings", "save", "Till", "--import", str(number), *tea)[0] == 0
    code, _, error = typed("mappings", "show", "Till", *tea)
    assert (code, "for buyers, products" in error) == (2, True)
    shown = json.loads(typed("mappings", "show", "Till", "--kind", "products", *tea, "--json")[1])
    assert shown["options"]["mapping"] == {"sku": "sku", "title": "title"}
