"""Figures of large shops: kept while the facts stand, shown with their moment once they moved, counted by a worker."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

import api.worker  # noqa: F401 -- every figure
from retention import clock, figures, queue
from retention.buyers import Buyer
from retention.database import reading, transaction
from retention.figures import (
    CountedFigure,
    Figure,
    KeptFigure,
    begin_figures,
    count_figures,
    define,
    figure_of,
    is_counting,
    moment_of,
)
from retention.metrics import HOME, REPEAT
from retention.shops import Shop, find_shop
from retention.versions import Family, raise_version
from tests.retention.makers import NOW, TWO_LINES, Load

ROOT = Path(__file__).resolve().parents[2]
LATER = NOW + timedelta(minutes=10)


@pytest.fixture(autouse=True)
def every_shop_is_large(monkeypatch: pytest.MonkeyPatch, home: Any) -> None:
    monkeypatch.setattr(figures, "LARGE", 0)
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that were sent to workers."""
    names: list[str] = []
    monkeypatch.setattr(queue.app, "send_task", lambda name, *_, **__: names.append(name))
    return names


def asked(engine: Engine, figure: Figure[Any] = REPEAT, *, now: Any = NOW) -> tuple[CountedFigure[Any] | None, bool]:
    """Return a figure as a page gets it, and whether the page says that it is being counted."""
    with reading(engine) as session:
        return figure_of(session, find_shop(session, "tea"), figure, now=now), is_counting(session)


def seen(engine: Engine, figure: Figure[Any] = REPEAT, *, now: Any = NOW) -> CountedFigure[Any]:
    """Return a figure as a page gets it, at the latest when a worker has counted."""
    if asked(engine, figure, now=now)[0] is None:
        count_figures(engine, 1)
    found, counting = asked(engine, figure, now=now)
    assert found is not None
    assert not counting
    return found


def kept(engine: Engine) -> dict[str, KeptFigure]:
    with reading(engine) as session:
        return {row.name: row for row in session.exec(select(KeptFigure))}


def test_figure_is_counted_once_then_read_until_its_facts_move(shop_engine: Engine, load: Load) -> None:
    load(TWO_LINES)
    first = seen(shop_engine)
    assert (first.value.orders, first.current, first.at) == (2, True, NOW)
    with shop_engine.begin() as connection:
        connection.exec_driver_sql("UPDATE orders SET amount = 1")  # behind the versions' back: proof that it is kept
    assert seen(shop_engine, now=LATER) == CountedFigure(first.value, NOW, current=True)


def test_figure_whose_facts_moved_is_shown_with_its_moment_until_a_worker_has_counted(
    shop_engine: Engine, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(TWO_LINES)
    seen(shop_engine)
    load(TWO_LINES.replace("A2", "A3").replace("b2", "b3"), name="more.csv")
    stale = seen(shop_engine, now=LATER)
    assert (stale.value.orders, stale.current, moment_of(stale)) == (2, False, NOW)
    monkeypatch.setattr(clock, "now", lambda: LATER)
    count_figures(shop_engine)
    fresh = seen(shop_engine, now=LATER)
    assert (fresh.value.orders, fresh.current, moment_of(fresh)) == (3, True, None)


def test_day_that_ends_moves_the_figures_too(shop_engine: Engine, load: Load) -> None:
    load(TWO_LINES)
    seen(shop_engine, HOME)
    assert [seen(shop_engine, HOME, now=NOW + timedelta(hours=hours)).current for hours in (1, 23)] == [True, False]


def test_no_visit_counts_a_figure_however_long_no_worker_came_by(
    shop_engine: Engine, load: Load, sent: list[str]
) -> None:
    load(TWO_LINES)
    sent.clear()
    minutes = [timedelta(minutes=minutes) for minutes in (0, 1, 2, 6, 7)]
    assert [asked(shop_engine, now=NOW + passed) for passed in minutes] == [(None, True)] * 5
    assert sent == ["figures.count"] * 2  # at the first visit, and when that may have been lost
    first = seen(shop_engine, now=NOW + timedelta(minutes=8))
    late = seen(shop_engine, now=NOW + timedelta(days=3))
    assert (late.value, late.at, late.current) == (first.value, NOW, False)
    early = seen(shop_engine, now=NOW - timedelta(days=3))  # it was counted by a clock that was ahead
    assert (early.value, early.at, early.current) == (first.value, NOW - timedelta(days=3), False)


def test_figure_that_is_asked_for_is_counted_after_an_import_too(shop_engine: Engine, load: Load) -> None:
    load(TWO_LINES)
    assert asked(shop_engine) == (None, True)
    begin_figures(shop_engine, 1)
    assert seen(shop_engine).value.orders == 2


def test_worker_counts_what_is_looked_at_and_not_more_often_than_it_can_afford(
    shop_engine: Engine, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(TWO_LINES)
    seen(shop_engine)
    with transaction(shop_engine) as session:
        raise_version(session, 1, Family.ORDERS)
        session.get_one(KeptFigure, (1, "repeat:")).seconds = 60

    def counted_at(moment: Any) -> Any:
        monkeypatch.setattr(clock, "now", lambda: moment)
        count_figures(shop_engine, 1)
        return kept(shop_engine)["repeat:"].counted_at

    assert counted_at(NOW + timedelta(minutes=19)) == NOW
    assert counted_at(NOW + timedelta(minutes=21)) == NOW + timedelta(minutes=21)
    with transaction(shop_engine) as session:
        raise_version(session, 1, Family.ORDERS)
    assert counted_at(NOW + timedelta(days=8)) == NOW + timedelta(minutes=21)


def test_figure_that_cannot_be_counted_keeps_no_other_from_being_counted(
    shop_engine: Engine, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [False]

    def count(_session: Session, _shop: Shop, _key: str, _now: Any) -> int:
        return 1 // (not broken[0])

    fragile = define(Figure("a fragile one", (Family.ORDERS,), int, count))
    load(TWO_LINES)
    seen(shop_engine, fragile)
    seen(shop_engine)
    broken[0] = True
    with transaction(shop_engine) as session:
        raise_version(session, 1, Family.ORDERS)
    monkeypatch.setattr(clock, "now", lambda: LATER)
    count_figures(shop_engine)
    del figures._figures["a fragile one"]
    assert {name: row.counted_at for name, row in kept(shop_engine).items()} == {
        "a fragile one:": NOW,
        "repeat:": LATER,
    }


def test_figures_of_a_small_shop_are_always_those_of_now(
    shop_engine: Engine, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "LARGE", 2)
    load(TWO_LINES)
    assert seen(shop_engine).value.orders == 2
    assert kept(shop_engine) == {}
    with transaction(shop_engine) as session:
        session.add(Buyer(shop_id=1, external_id="third", created_at=NOW))
    seen(shop_engine)
    assert list(kept(shop_engine)) == ["repeat:"]


def test_first_who_signs_in_after_an_import_finds_the_figures_counted(shop_engine: Engine, load: Load) -> None:
    load(TWO_LINES)
    begin_figures(shop_engine, 1)
    assert set(kept(shop_engine)) == {f"{figure.name}:" for figure in figures._figures.values() if figure.first}
    assert {"repeat:", "home:", "cohorts:", "late:"} <= set(kept(shop_engine))


def test_worker_knows_every_figure_pages_ask_for() -> None:
    names = "import retention.figures as f; print(sorted(f._figures))"
    known = [
        subprocess.run(
            [sys.executable, "-c", f"import {entry}; {names}"], cwd=ROOT, capture_output=True, check=True
        ).stdout
        for entry in ("api.worker", "api.app, api.console, api.worker")
    ]
    assert known[0] == known[1] != b"[]\n"
