"""What a JSON column stands for: the row keeps what was written, and gives the frozen value it means.

It is checked at the door, before it is written. What a row holds may still be older than this program, or damaged
since; so it is read when it is first asked for, not when the row is loaded. A row that cannot be read raises Invalid
there, and can be listed, shown and mended like any other.
"""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

from sqlmodel import SQLModel

Value = TypeVar("Value")


class Stored(Generic[Value]):
    """A JSON column as a value: ``policy: ClassVar[Stored[Policy]] = Stored("policy_json", read_policy)``.

    It is read once for as long as the row holds the same JSON. Whoever writes, writes the JSON.
    """

    def __init__(self, column: str, read: Callable[[Any], Value]) -> None:
        self._column, self._place, self._read = column, f"_{column}_read", read

    @overload
    def __get__(self, row: None, model: type[SQLModel]) -> Self: ...
    @overload
    def __get__(self, row: SQLModel, model: type[SQLModel]) -> Value: ...
    def __get__(self, row: SQLModel | None, model: type[SQLModel]) -> Self | Value:
        if row is None:
            return self
        written = getattr(row, self._column)
        kept: tuple[object, Value] | None = row.__dict__.get(self._place)
        if kept is None or kept[0] is not written:
            kept = written, self._read(written)
            row.__dict__[self._place] = kept
        return kept[1]
