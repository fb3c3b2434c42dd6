"""The folder of an installation: readable by its owner only (folders 0700, files 0600), whatever the umask."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

FOLDER = 0o700
FILE = 0o600


def keep_private() -> None:
    """Let this process and its children make folders and files that nobody else may open.

    Every entry calls it first. The libraries that write here (SQLite, Celery, the queue) know no other way.
    """
    os.umask(0o077)


def open_home(home: Path) -> None:
    """Make the folder of an installation, or close one that others may open."""
    home.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    _close(home, FOLDER)


def close_home(home: Path) -> None:
    """Close everything in the folder: what an older release or a restored backup left open."""
    open_home(home)
    for folder, folders, files in os.walk(home):
        for name in folders:
            _close(Path(folder, name), FOLDER)
        for name in files:
            _close(Path(folder, name), FILE)


def keep_once(path: Path, content: bytes) -> None:
    """Store `content` under a name that is not taken; when it is, whoever was first is right.

    It is written aside, put on disk and then named, so that nobody ever reads half of it, not even after a power cut.
    """
    path.parent.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(draft, "xb", opener=_private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _name(draft, path)
        _put_on_disk(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _name(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links; two at once are a matter of milliseconds there
        if not path.exists():
            draft.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE)


def _put_on_disk(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _close(path: Path, mode: int) -> None:
    """Take from others what they may do with `path`; links and what belongs to somebody else stay as they are.

    A sticky folder is one that many share, such as /tmp: it was named by mistake and is not ours to close.
    """
    with suppress(OSError):
        now = path.lstat()
        is_ours = now.st_uid == os.geteuid() and not stat.S_ISLNK(now.st_mode) and not now.st_mode & stat.S_ISVTX
        if is_ours and stat.S_IMODE(now.st_mode) & 0o077:
            path.chmod(mode)
