"""The installation's folder: its signing key is whole or refused, and nobody else may open anything in it."""

import multiprocessing
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from retention.encryption import decrypt, encrypt
from retention.errors import Invalid
from retention.home import close_home, keep_once, keep_private, open_home
from retention.settings import Settings


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Whatever is made here is open to everybody, unless it is closed on purpose."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("key", ["", "x" * 31, " " * 40, "\n"])
def test_a_signing_key_that_can_be_guessed_or_was_cut_off_is_refused(tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").write_text(key)
    with pytest.raises(Invalid, match="a key needs 32"):
        Settings(home=tmp_path).signing_key()
    assert (tmp_path / "secret").read_text() == key
    if key.strip():
        with pytest.raises(Invalid, match="REGULARS_SECRET has 31 bytes"):
            Settings(home=tmp_path, secret=key).signing_key()


def test_the_key_is_made_once_and_seals_ever_after(tmp_path: Path, open_umask: None) -> None:
    home = tmp_path / "new" / "home"
    encrypted = encrypt(Settings(home=home).signing_key(), {"password": "kettle"})
    assert decrypt(Settings(home=home).signing_key(), encrypted) == {"password": "kettle"}
    assert (mode(home), mode(home / "secret"), [each.name for each in home.iterdir()]) == (0o700, 0o600, ["secret"])


def _read_key(home: Path) -> bytes:
    return Settings(home=home).signing_key()


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as processes:
        keys = processes.map(_read_key, [tmp_path / "home"] * 8, chunksize=1)
    assert len(set(keys)) == 1


def test_nothing_is_left_where_a_secret_cannot_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        keep_once(tmp_path / "secret", b"x" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_stood_open_is_closed(tmp_path: Path, open_umask: None) -> None:
    home = tmp_path / "home"
    (home / "files" / "ab").mkdir(parents=True, mode=0o777)
    (home / "files" / "ab" / "file").touch(mode=0o666)
    (home / "elsewhere").symlink_to(tmp_path / "shared")
    (tmp_path / "shared").touch(mode=0o644)
    close_home(home)
    modes = [mode(each) for each in (home, home / "files", home / "files" / "ab", home / "files" / "ab" / "file")]
    assert modes == [0o700, 0o700, 0o700, 0o600]
    assert mode(tmp_path / "shared") == 0o644


def test_a_folder_that_many_share_is_never_closed(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    open_home(shared)
    assert mode(shared) == 0o1777


def test_an_entry_of_the_program_closes_what_it_makes(tmp_path: Path, open_umask: None) -> None:
    keep_private()
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert (mode(tmp_path / "folder"), mode(tmp_path / "file")) == (0o700, 0o600)


def test_an_upgrade_closes_a_database_that_stood_open(tmp_path: Path) -> None:
    database = tmp_path / "regulars.db"
    database.touch()
    database.chmod(0o644)
    command = [sys.executable, "-c", "from api.cli import app; app()", "db", "upgrade"]
    subprocess.run(command, env=os.environ | {"REGULARS_HOME": str(tmp_path)}, check=True, capture_output=True)
    assert mode(database) == 0o600
