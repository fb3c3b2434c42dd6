"""Sparklines: a few figures over time as the points of a line, for SVG in a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 120, 28


@dataclass(frozen=True)
class Sparkline:
    """The points of the line, and where its last one is."""

    points: str
    x: float
    y: float


def sparkline(figures: Sequence[tuple[datetime, int]]) -> Sparkline | None:
    """Return a line through (moment, figure), oldest first; None where there is nothing to connect."""
    if len(figures) < 2:
        return None
    first, span = figures[0][0], (figures[-1][0] - figures[0][0]).total_seconds() or 1.0
    low, high = min(value for _, value in figures), max(value for _, value in figures)

    def place(at: datetime, value: int) -> tuple[float, float]:
        across = (at - first).total_seconds() / span * WIDTH
        up = (value - low) / (high - low) if high > low else 0.5
        return round(across, 1), round(HEIGHT - 2 - up * (HEIGHT - 4), 1)

    places = [place(at, value) for at, value in figures]
    return Sparkline(" ".join(f"{x:g},{y:g}" for x, y in places), *places[-1])
