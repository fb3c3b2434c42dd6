"""Stored files, named by their SHA-256: the same bytes are kept once, and a name can never mean other bytes."""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from retention.errors import NotFound


@dataclass(frozen=True)
class FileStore:
    """A folder of files under their SHA-256."""

    folder: Path

    def put(self, content: bytes) -> str:
        """Store `content` and return its SHA-256. A reader never sees half a file."""
        name = hashlib.sha256(content).hexdigest()
        path = self.path(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
                draft.write(content)
            os.replace(draft.name, path)  # noqa: PTH105 - atomic, and said as such
        return name

    def get(self, name: str) -> bytes:
        """Return the bytes called `name`; NotFound when there are none."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError as error:
            raise NotFound("No file {name} is stored.", name=name) from error

    def path(self, name: str) -> Path:
        """Return where the file called `name` lies; NotFound for anything that is no SHA-256."""
        if not re.fullmatch(r"[0-9a-f]{64}", name):
            raise NotFound("No file {name} is stored.", name=repr(name))
        return self.folder / name[:2] / name
