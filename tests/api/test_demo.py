"""The demonstration: a small shop played through twice, and held to what it says of itself."""

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pypdfium2
import pytest
from rich.console import Console

from api.cli.demo import _next_step
from api.demo.run import run
from api.demo.summary import MessageFigures, Summary
from printables.drawing.verify import decode, page_count
from retention.errors import Conflict
from tests.printables import engines

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
FILES = ["summary.json", "orders.csv", "flyers-a4.pdf", "flyers-label.pdf", "joint-flyer.pdf"]


def play(out: Path, seed: int) -> Summary:
    quiet = Console(quiet=True)
    return run(out, seed, orders=None, preset="generic", now=NOW, console=quiet, buyers=900)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    out = tmp_path_factory.mktemp("demo") / "out"
    return out, play(out, 4)


def test_every_file_it_names_is_there_and_the_summary_is_the_one_on_disk(played: tuple[Path, Summary]) -> None:
    out, summary = played
    assert summary.files[: len(FILES)] == FILES
    assert all((out / name).stat().st_size > 100 for name in summary.files)
    assert json.loads((out / "summary.json").read_text(encoding="utf-8")) == summary.model_dump(mode="json")


def test_each_campaign_adds_up_to_its_audience(played: tuple[Path, Summary]) -> None:
    _, summary = played
    for message in (summary.push, summary.alert):
        assert _total(message) == message.audience > 0
        assert message.sent > message.control > 0
    assert summary.flyers.in_parcels == summary.flyers.pieces > 0
    assert summary.lift.treated == summary.push.sent
    assert summary.lift.control == summary.push.control


def test_every_printed_code_reads_and_leads_to_a_link_of_its_own(played: tuple[Path, Summary]) -> None:
    out, summary = played
    found = [code.text for name in FILES[2:4] for code in decode(out / name)]
    assert len(found) == len(set(found)) == summary.flyers.pieces
    assert all(text.startswith("HTTP://127.0.0.1:8000/Q/") for text in found)


def test_ghostscript_draws_the_same_ink_and_codes_as_pdfium_on_all_paper(played: tuple[Path, Summary]) -> None:
    out, _ = played
    for name in FILES[2:]:
        pdf = (out / name).read_bytes()
        ends = sorted({1, page_count(pdf)})
        printed, shown = engines.by_ghostscript(pdf, ends), engines.by_pdfium(pdf, ends)
        assert [engines.apart(*pages) < 0.001 for pages in zip(printed, shown, strict=True)] == [True] * len(ends)
        meant = [sorted(code.text for code in decode(pdf, pages=[page])) for page in ends]
        assert [engines.codes(page) for page in printed] == meant


def test_each_joint_sheet_carries_a_code_of_both_shops(played: tuple[Path, Summary]) -> None:
    out, summary = played
    assert summary.joint.shops == ["camellia", "celadon"]
    codes = decode(out / "joint-flyer.pdf")
    assert len(codes) % 2 == 0
    assert len({code.text for code in codes}) == len(codes) > 0


def test_the_orders_it_imported_are_kept_and_the_mails_can_be_opened(played: tuple[Path, Summary]) -> None:
    out, summary = played
    with (out / "orders.csv").open(encoding="utf-8") as file:
        assert len({row["order_id"] for row in csv.DictReader(file)}) > summary.orders
    mails = sorted((out / "mails").glob("*.eml"))
    mail = message_from_bytes(mails[0].read_bytes())
    assert len(mails) == 12
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_same_seed_gives_the_same_figures_on_another_day(played: tuple[Path, Summary], tmp_path: Path) -> None:
    _, summary = played
    again = run(
        tmp_path / "again",
        4,
        orders=None,
        preset="generic",
        now=datetime(2027, 3, 3, 5, tzinfo=UTC),
        console=Console(quiet=True),
        buyers=900,
    )
    # Months differ in length, and so does who has a birthday in this one.
    changing = {"seconds": True, "day": True, "segments": {"birthday-this-month"}}
    assert again.model_dump(exclude=changing) == summary.model_dump(exclude=changing)


def test_the_line_that_opens_its_console_can_be_pasted_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Path(sys.executable).with_name("regulars")
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    (line,) = [each for each in _next_step(tmp_path / "my demo", "camellia").splitlines() if each.startswith("    ")]
    run = subprocess.run(f"{line} --help; echo $REGULARS_HOME", shell=True, capture_output=True, text=True, check=True)
    assert "Usage" in run.stdout
    assert line.strip().startswith(f"REGULARS_HOME='{tmp_path}/my demo/var' ")


def test_its_paper_says_what_it_is(played: tuple[Path, Summary]) -> None:
    out, _ = played
    for name in FILES[2:]:
        with pypdfium2.PdfDocument(out / name) as document:
            assert "DEMO" in document[0].get_textpage().get_text_range()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("two years of work")
    with pytest.raises(Conflict, match="is not empty and not an earlier demo"):
        play(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def _total(message: MessageFigures) -> int:
    return message.sent + sum(message.skipped.values()) + message.control + message.failed + message.unknown
