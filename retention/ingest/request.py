"""What one call of an import asks for: a file, what was said of it, and who wants to know how far it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from retention.errors import Invalid
from retention.files import FileStore
from retention.ingest.columns import Columns, FoundExport, find_export, known_columns, map_columns
from retention.ingest.files.chunks import Chunk, Source
from retention.ingest.files.sources import open_source
from retention.ingest.notes import Notes
from retention.ingest.options import ImportOptions
from retention.ingest.presets import KINDS, check_preset
from retention.ingest.questions import Question

Progress = Callable[[int, int], None]
"""Is told how much is done of how much; bytes or rows of the file, the merge counting as a quarter more."""


@dataclass(frozen=True)
class ImportRequest:
    """What one call asks for; `look` is shown the cells as they are read."""

    kind: str
    path: Path
    options: ImportOptions
    now: datetime
    progress: Progress | None
    files: FileStore
    look: Callable[[Chunk], None] | None = None
    job: int | None = None
    actor: str = ""
    notes: Notes = field(default_factory=Notes)
    questions: list[Question] = field(default_factory=list)

    def open(self, country: str) -> Source:
        """Return the rows of the file of a shop in a country, and note how they are read."""
        opened = open_source(
            self.path,
            known=known_columns(self.kind, self.options.preset, self.options.mapping),
            encoding=self.options.encoding,
            header_row=self.options.header_row,
            country=country,
        )
        for message, values in opened.notes:
            self.notes.add(message, **values)
        return opened

    def columns_of(self, header: Sequence[str]) -> tuple[FoundExport, Columns]:
        """Return whose export a file with this header is, and its columns by field; Invalid when one is missing."""
        found = find_export(self.kind, header, self.options.preset)
        offered = [name for name in header if name not in self.options.ignore]
        return found, map_columns(self.kind, offered, found.export, self.options.mapping)


def ask(
    kind: str,
    path: Path | str,
    options: ImportOptions | None,
    *,
    now: datetime,
    progress: Progress | None,
    files: FileStore,
    look: Callable[[Chunk], None] | None = None,
) -> ImportRequest:
    """Return what one call asks for; Invalid for an unknown kind or preset."""
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise Invalid("{kind} cannot be imported. Use one of {known}.", kind=repr(kind), known=known)
    options = options or ImportOptions()
    check_preset(options.preset)
    return ImportRequest(kind, Path(path), options, now=now, progress=progress, files=files, look=look)
