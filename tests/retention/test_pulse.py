"""The pulse: what moves is left alone, what stands still or never ends is late."""

import os
import time
from collections.abc import Iterator

import pytest

from retention import pulse
from retention.pulse import Pulse


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pulse]:
    """The parent's end of this process's pulse, and a clock that stands still unless a test moves it."""
    ends = Pulse(60.0)
    monkeypatch.setattr(pulse, "_fd", ends.write)
    yield ends
    pulse.end()
    ends.close()


def test_long_work_that_moves_is_not_late_and_one_that_stands_still_or_never_ends_is(
    parent: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = start = time.monotonic()
    monkeypatch.setattr(pulse.time, "monotonic", lambda: now)
    pulse.begin(60, most=600)
    for _ in range(10):
        now += 59
        assert not parent.is_late(now)
        pulse.move()
    assert now - start == 590
    assert not parent.is_late(start + 600)
    pulse.move()
    assert parent.is_late(start + 601), "it has gone on for longer than anything may"


def test_work_that_does_not_move_is_late_after_its_limit(parent: Pulse) -> None:
    pulse.begin(60, most=600)
    assert not parent.is_late(time.monotonic() + 59)
    assert parent.is_late(time.monotonic() + 61)


def test_saying_that_it_moves_costs_one_word_a_second_at_most(parent: Pulse) -> None:
    pulse.begin(60, most=600)
    os.read(parent._read, 4096)
    for _ in range(1000):
        pulse.move()
    with pytest.raises(BlockingIOError):
        os.read(parent._read, 4096)
