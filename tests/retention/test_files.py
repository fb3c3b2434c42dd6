"""The store of files: one folder or another place, the same answers."""

import io
from pathlib import Path

import pytest

from retention.errors import NotFound
from retention.files import FileStore


@pytest.fixture(params=["folder", "elsewhere"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "folder":
        return FileStore(tmp_path / "files")
    return FileStore(f"memory://{tmp_path.name}", scratch=tmp_path / "scratch")


def again(store: FileStore, tmp_path: Path) -> FileStore:
    """The same store as another machine sees it."""
    place = tmp_path / "files" if store.folder == tmp_path / "files" else f"memory://{tmp_path.name}"
    return FileStore(place, scratch=tmp_path / "scratch of another machine")


def test_bytes_are_found_under_their_digest_from_every_machine(store: FileStore, tmp_path: Path) -> None:
    name = store.put(b"a proof")
    assert name == store.put(b"a proof")
    other = again(store, tmp_path)
    assert (other.get(name), other.path(name).read_bytes()) == (b"a proof", b"a proof")


def test_file_kept_by_name_is_read_streamed_opened_and_removed_from_every_machine(
    store: FileStore, tmp_path: Path
) -> None:
    assert store.keep("uploads/abc/订单.csv", io.BytesIO(b"a,b\n1,2\n")) == 8
    other = again(store, tmp_path)
    assert b"".join(other.stream("uploads/abc/订单.csv")) == b"a,b\n1,2\n"
    with other.opened("uploads/abc/订单.csv") as path:
        assert (path.name, path.read_bytes()) == ("订单.csv", b"a,b\n1,2\n")
        path.with_name(f"{path.name}.rejected.csv").write_bytes(b"1,2,why\n")
    assert store.read("uploads/abc/订单.csv.rejected.csv") == b"1,2,why\n"
    other.remove("uploads/abc")
    assert store.read("uploads/abc/订单.csv") is None
    with pytest.raises(NotFound):
        store.stream("uploads/abc/订单.csv")
    with pytest.raises(NotFound, match="is no longer stored"), store.opened("uploads/abc/订单.csv"):
        pass


def test_file_that_breaks_off_while_it_comes_is_not_kept(store: FileStore) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: object) -> int:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.keep("uploads/x/half.csv", io.BufferedReader(Broken()))
    assert store.read("uploads/x/half.csv") is None
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "uploads/../../secret", "uploads/./x", "a\0b", ""])
def test_no_name_leads_out_of_the_store(store: FileStore, key: str) -> None:
    for act in (store.read, store.stream, store.remove, lambda key: store.write(key, b"x")):
        with pytest.raises(NotFound):
            act(key)
