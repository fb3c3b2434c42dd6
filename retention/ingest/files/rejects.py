"""Rejected rows: a file with line number, reason and original cells, to be corrected and imported again."""

import csv
import heapq
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Self

from retention.errors import Invalid
from retention.ingest.files.chunks import REJECTS, Reject
from retention.spreadsheets import open_csv, plain

MARK = "\ufeff"  # Excel takes a file without it for the local code page and garbles Chinese


class RejectsFile:
    """Writes `<file>.rejected.csv` beside the file; it appears whole or not at all."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self.path = path.with_name(f"{path.name}.rejected.csv")
        self.count = 0
        self._header = header
        self._own = len(REJECTS) if tuple(header[: len(REJECTS)]) == REJECTS else 0  # rejected rows, rejected again
        self._draft: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._drop()

    def add(self, rejects: Iterable[Reject]) -> None:
        """Write rejected rows down."""
        for reject in rejects:
            cells = reject.cells[self._own : len(self._header)]
            self._write([reject.line, reject.reason, *cells, *reject.surplus])

    def weave(self, late: Iterable[Reject]) -> None:
        """Add rows that were refused at the end at their places among the others; both in the order of the file."""
        early, self._draft, self.count = self._draft, None, 0
        if early is None:
            self.add(late)
            return
        with closing(early):
            Path(early.name).unlink()
            early.seek(0)
            rows = csv.reader(early)
            next(rows)
            before = [""] * self._own
            width = len(self._header)
            written = ((line, reason, [*before, *map(plain, cells)]) for line, reason, *cells in rows)
            known = (Reject(int(line), reason, cells[:width], surplus=cells[width:]) for line, reason, cells in written)
            self.add(heapq.merge(known, late, key=lambda each: each.line))

    def _write(self, cells: Sequence[object]) -> None:
        if self._draft is None:
            self._draft = self._open()
            open_csv(self._draft).write([*REJECTS, *self._header[self._own :]])
        open_csv(self._draft).write(cells)
        self.count += 1

    def keep(self) -> Path | None:
        """Put the file in its place and return where; None, and no stale file left, when nothing was rejected."""
        if self._draft is None:
            self.path.unlink(missing_ok=True)
            return None
        self._draft.close()
        os.replace(self._draft.name, self.path)  # noqa: PTH105 - atomic, and said as such
        self._draft = None
        return self.path

    def _open(self) -> IO[str]:
        for folder in (self.path.parent, Path.cwd()):  # the file may lie where nothing may be written
            try:
                draft = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by keep or _drop
                    "w+", encoding="utf-8", newline="", dir=folder, prefix=".rejected-", delete=False
                )
            except OSError:
                continue
            self.path = folder / self.path.name
            draft.write(MARK)
            return draft
        raise Invalid("Rejected rows cannot be written to the folder of {file}.", file=repr(str(self.path)))

    def _drop(self) -> None:
        if self._draft is not None:
            self._draft.close()
            Path(self._draft.name).unlink(missing_ok=True)
            self._draft = None
