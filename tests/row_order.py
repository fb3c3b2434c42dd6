"""What names no order comes in another than it was written: a test or a page that needs one fails here, not by chance.

A database may hand such rows out in any order, and does so once it chooses another plan. This holds for every engine,
also one that a command opens; processes of their own are left as they are.
"""

import re
import sqlite3
from functools import lru_cache
from typing import Any

import psycopg

_INNER = re.compile(r"'[^']*'|\([^()]*\)")


@lru_cache(4_000)
def names_no_order(statement: str) -> bool:
    """Tell whether a statement that hands out rows says nothing of their order, but perhaps inside of brackets."""
    outside, inside = _INNER.sub(" ", statement), statement
    while outside != inside:
        outside, inside = _INNER.sub(" ", outside), outside
    return re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\b(?!.*\b(ORDER BY|INSERT)\b)", outside, re.DOTALL) is not None


class ReversedCursor(psycopg.Cursor[Any]):
    """Hands the last row out first, where the statement names no order."""

    _turned: list[Any] | None = None

    def execute(self, query: Any, params: Any = None, **options: Any) -> "ReversedCursor":
        super().execute(query, params, **options)
        turn = self.description and isinstance(query, str) and names_no_order(query)
        self._turned = super().fetchall() if turn else None
        return self

    def __iter__(self) -> Any:
        return super().__iter__() if self._turned is None else iter(self.fetchall())

    def fetchone(self) -> Any:
        if self._turned is None:
            return super().fetchone()
        return self._turned.pop() if self._turned else None

    def fetchmany(self, size: int = 0) -> list[Any]:
        if self._turned is None:
            return super().fetchmany(size)
        return [self._turned.pop() for _ in range(min(size or self.arraysize, len(self._turned)))]

    def fetchall(self) -> list[Any]:
        if self._turned is None:
            return super().fetchall()
        rows, self._turned = self._turned[::-1], []
        return rows


def reverse(connection: Any, _record: object) -> None:
    """Have a connection hand such rows out in the other direction."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA reverse_unordered_selects=ON")
    else:
        connection.cursor_factory = ReversedCursor
