"""The store of files: a folder, or any place fsspec knows (`s3://bucket/prefix`), shared by web and workers.

Files are named by their SHA-256, so the same bytes are kept once and a name can never mean other bytes; uploads and
their progress stand beside them under names of their own, and go again.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from retention.errors import NotFound
from retention.settings import Settings

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PIECE = 1 << 20


class FileStore:
    """Files by name in `place`: a folder, or an address with a scheme that fsspec knows.

    Files that lie elsewhere are copied into `scratch`, a folder of this machine, when they are read.
    """

    def __init__(self, place: Path | str, *, scratch: Path | None = None) -> None:
        self._remote = "://" in str(place)
        self._place = str(place).rstrip("/")
        if self._remote and scratch is None:
            raise ValueError("A store elsewhere needs a folder of this machine for its copies.")
        self.folder = scratch if self._remote and scratch else Path(place)

    def put(self, content: bytes) -> str:
        """Store `content` and return its SHA-256. A reader never sees half a file."""
        name = hashlib.sha256(content).hexdigest()
        if not self._has(_place_of(name)):
            self.write(_place_of(name), content)
        return name

    def get(self, name: str) -> bytes:
        """Return the bytes called `name`; NotFound when there are none."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError as error:
            raise NotFound("No file {name} is stored.", name=name) from error

    def path(self, name: str) -> Path:
        """Return where the file called `name` lies on this machine; NotFound for anything that is no SHA-256."""
        if not _DIGEST.fullmatch(name):
            raise NotFound("No file {name} is stored.", name=repr(name))
        path = self.folder / _place_of(name)
        if self._remote and not path.exists():
            with suppress(FileNotFoundError):
                self._fetch(_place_of(name), path)
        return path

    def write(self, key: str, content: bytes) -> None:
        """Store `content` under a name of its own, over whatever was there."""
        with _drafted(self.folder / _checked(key)) as draft:
            draft.write(content)
        self._send(key)

    def keep(self, key: str, source: BinaryIO) -> int:
        """Store a stream under a name of its own, a piece at a time, and return how many bytes it had."""
        with _drafted(self.folder / _checked(key)) as draft:
            shutil.copyfileobj(source, draft, _PIECE)
            size = draft.tell()
        self._send(key)
        return size

    def read(self, key: str) -> bytes | None:
        """Return what is stored under a name of its own now, or None."""
        try:
            return self._system.cat_file(self._at(key)) if self._remote else (self.folder / _checked(key)).read_bytes()
        except FileNotFoundError:
            return None

    def stream(self, key: str) -> Iterator[bytes]:
        """Return what is stored under a name of its own, in pieces; NotFound when there is nothing."""
        try:
            source = (
                self._system.open(self._at(key), "rb") if self._remote else (self.folder / _checked(key)).open("rb")
            )
        except FileNotFoundError as error:
            raise NotFound("No file {name} is stored.", name=repr(key.rsplit("/", 1)[-1])) from error
        return _pieces(source)

    def remove(self, key: str) -> None:
        """Forget what is stored under a name of its own, a folder with all that is in it; nothing is no error."""
        if self._remote:
            with suppress(FileNotFoundError):
                self._system.rm(self._at(key), recursive=True)
        here = self.folder / _checked(key)
        if here.is_dir():
            shutil.rmtree(here, ignore_errors=True)
        here.unlink(missing_ok=True)

    def forget(self, name: str) -> None:
        """Forget a file by its SHA-256 or by a name of its own."""
        self.remove(_place_of(name) if _DIGEST.fullmatch(name) else name)

    @contextmanager
    def opened(self, key: str) -> Iterator[Path]:
        """Yield a stored file as one of this machine, and keep what is written beside it. NotFound when it is gone."""
        path = self.folder / _checked(key)
        if self._remote:
            with suppress(FileNotFoundError):
                self._fetch(key, path)
        if not path.is_file():
            raise NotFound("The file {name} is no longer stored. Upload it again.", name=repr(path.name))
        if not self._remote:
            yield path
            return
        try:
            yield path
        finally:
            for beside in path.parent.iterdir():
                if beside != path:
                    self._send(str(beside.relative_to(self.folder)))
            shutil.rmtree(path.parent, ignore_errors=True)

    def _has(self, key: str) -> bool:
        return bool(self._system.exists(self._at(key))) if self._remote else (self.folder / key).exists()

    def _send(self, key: str) -> None:
        """Move what was written here to where the store is."""
        if self._remote:
            self._system.makedirs(os.path.dirname(self._at(key)), exist_ok=True)  # noqa: PTH120 - an address
            self._system.put_file(str(self.folder / key), self._at(key))
            (self.folder / key).unlink()

    def _open(self, key: str) -> BinaryIO:
        place = self._at(key)
        return self._system.open(place, "rb") if self._remote else Path(place).open("rb")

    def _fetch(self, key: str, path: Path) -> None:
        with self._open(key) as source, _drafted(path) as draft:
            shutil.copyfileobj(source, draft, _PIECE)

    def _at(self, key: str) -> str:
        return f"{self._place}/{_checked(key)}"

    @cached_property
    def _system(self) -> Any:
        from fsspec.core import url_to_fs  # late: only a store that lies elsewhere needs it

        system, _ = url_to_fs(self._place)  # type: ignore[no-untyped-call]
        return system


def open_store(settings: Settings) -> FileStore:
    """Return the store of this installation."""
    return FileStore(settings.files, scratch=settings.home / "scratch")


@contextmanager
def _drafted(path: Path) -> Iterator[BinaryIO]:
    """Yield a draft that becomes `path` when all is written, and nothing when it is not."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".draft-", delete=False) as draft:
        try:
            yield draft  # type: ignore[misc]
            draft.close()
            os.replace(draft.name, path)  # noqa: PTH105 - atomic, and said as such
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    with source:
        while piece := source.read(_PIECE):
            yield piece


def _place_of(digest: str) -> str:
    return f"{digest[:2]}/{digest}"


def plain_name(name: str) -> str:
    """Return a name as a file may have it everywhere."""
    return re.sub(r"[^\w.\- ]", "_", name)


def _checked(key: str) -> str:
    """Return a name that stays inside the store."""
    if "\0" in key or {"", ".", ".."} & set(key.split("/")):
        raise NotFound("No file {name} is stored.", name=repr(key))
    return key
