"""Order files larger than what is merged at a time: the pieces make no difference, and half an import is none."""

import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, inspect, text

from retention.database import open_engine, transaction
from retention.errors import Invalid
from retention.ingest import import_file
from tests.factories import make_shop
from tests.retention.makers import NOW, TWO_LINES, Ask, Load, in_small_pieces


def test_file_is_merged_stretch_by_stretch(load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_pieces(monkeypatch)
    rows = [f"A{number // 3},b{number % 2},2026-03-05,S{number},{number}.00,W{number // 3}" for number in range(100)]
    content = "order_id,buyer_id,paid_at,sku,amount,waybill\n" + "\n".join(rows)
    report = load(content)
    assert (report.changed, report.totals["new_buyers"], report.totals["new_parcels"]) == (34, 2, 34)
    assert ask("SELECT sum(amount), count(*), sum(items) FROM orders") == [(495000, 34, 100)]
    assert ask("SELECT sum(orders), sum(spend) FROM buyer_facts") == [(34, 495000)]
    assert load(content).changed == 0


def test_contacts_and_places_of_new_buyers_are_those_of_the_latest_stretch(
    load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_pieces(monkeypatch)
    rows = [f"A{n},b{n % 3},2026-03-05 10:00:{n % 60:02},1,{'' if n % 2 else f'{n}@x'},c{n}" for n in range(50)]
    load("order_id,buyer_id,paid_at,amount,email,city\n" + "\n".join(rows))
    people = "SELECT external_id, email, city FROM buyers ORDER BY 1"
    assert ask(people) == [("b0", "48@x", "c48"), ("b1", "46@x", "c49"), ("b2", "44@x", "c47")]
    assert ask("SELECT version FROM data_versions WHERE family = 'buyers'") == [(1,)]
    load("order_id,buyer_id,paid_at,amount,email,city\nB1,b0,2026-03-01,1,old@x,old\nB2,b1,2026-03-09,1,new@x,new\n")
    assert ask(people) == [("b0", "48@x", "c48"), ("b1", "46@x", "new"), ("b2", "44@x", "c47")]


def test_lines_of_an_order_may_lie_far_apart(load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_pieces(monkeypatch)
    rows = [f"A{number % 7},b{number % 7},2026-03-05,S{number},1,{number}.00" for number in range(60)]
    content = "order_id,buyer_id,paid_at,sku,quantity,amount\n" + "\n".join(rows)
    assert load(content).changed == 7
    expected = [(f"A{k}", sum(range(k, 60, 7)) * 100, len(range(k, 60, 7))) for k in range(7)]
    assert ask("SELECT external_id, amount, items FROM orders ORDER BY 1") == expected
    numbers = ask(
        "SELECT l.number, l.sku FROM order_lines l JOIN orders o ON o.id = order_id WHERE external_id = 'A3' ORDER BY 1"
    )
    assert numbers == [(place, f"S{k}") for place, k in enumerate(range(3, 60, 7), 1)]
    assert load(content).changed == 0


def test_import_that_is_interrupted_leaves_nothing_and_ends_right_the_next_time(
    load: Load, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_pieces(monkeypatch, 1000)
    content = (
        "order_id,buyer_id,paid_at,amount\n" + "".join(f"A{n},b{n},2026-03-05,{n}\n" for n in range(500)) + "bad\n"
    )
    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(content, progress=stop)
    assert ask("SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM buyers)") == [(0,)]
    assert sorted(path.name for path in tmp_path.iterdir() if "rejected" in path.name) == []
    assert load(content).accepted == 500
    assert ask("SELECT count(*), sum(amount) FROM orders") == [(500, 12475000)]


UNIFORM = "order_id,buyer_id,line_id,paid_at,sku,amount\n"
FIRST = "A0,b0,,01/01/2026,S1,5\n" * 2 + "".join(
    f"A{n},b{n},{n},0{n % 9 + 1}/0{n % 9 + 1}/2026,S{n},{n}\n" for n in range(1, 61)
)
DOUBLED = "".join(f"C{n},b{n},,01/01/2026,S{sku},5\n" for n in range(9) for _ in (1, 2) for sku in (1, 2))


@pytest.mark.parametrize(
    ("later", "told", "orders"),
    [
        ("B1,b1,,02/20/2026,S1,3\nB2,b2,,01/12/2026,S1,3\n", "'paid_at' is month/day/year: '02/20/2026'.", (63, 1846)),
        ('B1,b1,,01/01/2026,S1,"2,50"\n', "'amount' has a decimal comma: '2,50'.", (62, 1842.5)),
        ("B1,b1,,01/01/2026,S1,1.234\n", "Column 'amount': '1.234' may be written with a decimal comma", None),
        ("B1,b1,,01/02/2026,S1,3\n", "Column 'paid_at': '01/02/2026' may be day/month or month/day", None),
        (
            "B1,b1,7,01/01/2026,S1,3\nB2,b1,7,01/01/2026,S1,3\n",
            "Column 'line_id' is not used as line number",
            (63, 1846),
        ),
        (DOUBLED, "Identical lines of an order: 0 kept, 19 left out", (70, 1925)),
    ],
    ids=["date order", "comma", "open decimals", "open dates", "line ids", "doubled"],
)
def test_what_only_the_end_of_a_file_tells_holds_for_all_of_it(
    load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch, later: str, told: str, orders: tuple[int, float] | None
) -> None:
    in_small_pieces(monkeypatch)
    if orders is None:
        with pytest.raises(Invalid, match=told):
            load(UNIFORM + FIRST + later)
        assert ask("SELECT count(*) FROM orders") == [(0,)]
        return
    report = load(UNIFORM + FIRST + later)
    assert [note for note in report.notes if told in note], report.notes
    assert ask("SELECT count(*), sum(amount) / 100.0 FROM orders") == [orders]
    assert ask("SELECT external_id FROM orders WHERE order_day = 20465") == [("B2",)] * ("01/12/2026" in later)


def test_progress_ends_at_its_total(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retention.ingest.files.delimited.BLOCK", 60)
    seen: list[tuple[int, int]] = []
    load(TWO_LINES, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), block=st.sampled_from([80, 300, 100_000]))
def test_order_of_lines_and_size_of_chunks_make_no_difference(
    sqlite_template: Path, tmp_path: Path, seed: int, block: int
) -> None:
    chance = random.Random(seed)
    rows = [
        f"A{chance.randrange(12)},2026-0{chance.randrange(1, 9)}-05,S{number},"
        f"{chance.choice((-1, 1, 2))},{chance.randrange(9)}"
        for number in range(40)
    ]
    moments = {}
    rows = [row.replace(row.split(",")[1], moments.setdefault(row.split(",")[0], row.split(",")[1])) for row in rows]
    outcomes = []
    for shuffled in (False, True):
        if shuffled:
            chance.shuffle(rows)
        database = tmp_path / f"{seed}-{block}-{shuffled}.db"
        shutil.copy(sqlite_template, database)
        engine = open_engine(f"sqlite:///{database}")
        with transaction(engine) as session:
            make_shop(session, "tea", at=NOW)
        path = tmp_path / "some.csv"
        lines = [f"{row},b{int(row.split(',')[0][1:]) % 4}" for row in rows]
        path.write_text("order_id,paid_at,sku,quantity,unit_price,buyer_id\n" + "\n".join(lines))
        with pytest.MonkeyPatch.context() as patch:
            if shuffled:
                in_small_pieces(patch, block)
            import_file(engine, "tea", "orders", path, now=NOW)
            assert import_file(engine, "tea", "orders", path, now=NOW).changed == 0
        query = """SELECT b.external_id, f.orders, spend, items, returns, first_at, last_at
            FROM buyer_facts f JOIN buyers b ON b.id = buyer_id ORDER BY 1"""
        with transaction(engine) as session:
            outcomes.append([tuple(row) for row in session.connection().execute(text(query))])
        engine.dispose()
    assert outcomes[0] == outcomes[1]


def test_indexes_stand_again_after_an_import_that_ends_and_one_that_does_not(load: Load, shop_engine: Engine) -> None:
    def indexes() -> list[str]:
        tables = ("orders", "order_lines", "parcels")
        return sorted(str(index["name"]) for table in tables for index in inspect(shop_engine).get_indexes(table))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = indexes()
    assert len(before) > 4
    with pytest.raises(KeyboardInterrupt):
        load(TWO_LINES, progress=stop)
    assert indexes() == before
    load(TWO_LINES)
    assert indexes() == before


def test_line_that_comes_again_counts_in_its_stretch_of_rows_only(
    load: Load, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_pieces(monkeypatch)
    rows = [f"A{number // 3},b1,2026-03-05,S{number},1" for number in range(100)]
    header = "order_id,buyer_id,paid_at,sku,amount"
    for repeated, kept in (([*rows, rows[0]], 0), ([*rows[:50], rows[49], *rows[50:]], 1)):
        report = load("\n".join([header, *repeated]))
        assert (report.accepted, report.rejected) == (101, 0)
        assert (report.totals["repeats_kept"], report.totals["repeats_left_out"]) == (kept, 1 - kept)
        assert ask("SELECT sum(amount), sum(items) FROM orders") == [(10000 + 100 * kept, 100 + kept)]


def test_two_imports_at_once_into_one_shop_add_everything_once(shop_engine: Engine, tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(TWO_LINES)
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(import_file, shop_engine, "tea", "orders", path, now=NOW) for _ in range(2)]
    assert sorted(each.result().changed for each in both) == [0, 2]
    assert ask("SELECT (SELECT count(*) FROM buyers), (SELECT count(*) FROM orders)") == [(2, 2)]
