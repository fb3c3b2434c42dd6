"""The watchdog: what moves is left alone, what stands still or never ends is late."""

import os
import time
from collections.abc import Iterator

import pytest

from retention import watchdog
from retention.watchdog import Watchdog


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watchdog]:
    """The parent's watchdog over this process, and a clock that stands still unless a test moves it."""
    ends = Watchdog(60.0)
    monkeypatch.setattr(watchdog, "_fd", ends.write)
    yield ends
    watchdog.end()
    ends.close()


def test_long_work_that_moves_is_not_late_and_one_that_stands_still_or_never_ends_is(
    parent: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = start = time.monotonic()
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: now)
    watchdog.begin(60, most=600)
    for _ in range(10):
        now += 59
        assert not parent.is_late(now)
        watchdog.move()
    assert now - start == 590
    assert not parent.is_late(start + 600)
    watchdog.move()
    assert parent.is_late(start + 601), "it has gone on for longer than anything may"


def test_work_that_does_not_move_is_late_after_its_limit(parent: Watchdog) -> None:
    watchdog.begin(60, most=600)
    assert not parent.is_late(time.monotonic() + 30)
    assert parent.is_late(time.monotonic() + 61)


def test_saying_that_it_moves_costs_one_word_a_second_at_most(
    parent: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: now)
    watchdog.begin(60, most=600)
    os.read(parent._read, 4096)
    for _ in range(1000):
        watchdog.move()
    with pytest.raises(BlockingIOError):
        os.read(parent._read, 4096)
