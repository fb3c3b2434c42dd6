"""What the report of an import says beside its figures: what was found in the file, and what to look at.

A note is a sentence with its values, so that each reader gets it in the language spoken there.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from retention.i18n import gettext, ngettext

Sentence = str | tuple[str, str]
"""A sentence marked by `gettext_noop`, or its two forms marked by `ngettext_noop`: `count` among the values decides."""


class Note(NamedTuple):
    """One sentence, marked where it is written, and the values in it."""

    message: Sentence
    values: dict[str, Any]

    def __str__(self) -> str:
        if isinstance(self.message, str):
            return gettext(self.message).format(**self.values)
        return ngettext(*self.message, self.values["count"]).format(**self.values)


class Notes:
    """Collects the notes of one import; the same sentence is said once."""

    def __init__(self) -> None:
        self._notes: list[Note] = []

    def add(self, message: Sentence, **values: Any) -> None:
        """Add a sentence, unless it was said."""
        note = Note(message, values)
        if note not in self._notes:
            self._notes.append(note)

    def extend(self, notes: Iterable[Note]) -> None:
        """Add notes, those aside that were said."""
        for note in notes:
            self.add(note.message, **note.values)

    def __iter__(self) -> Iterator[Note]:
        return iter(self._notes)
