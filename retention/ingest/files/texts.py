"""TextFile files in any encoding and with any line ends, streamed as UTF-8 whose lines end in a line feed.

A line that is not in the encoding of the file comes through as it is, with a byte in front that UTF-8 never has; so who
reads it can refuse it and show it.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retention.errors import Invalid
from retention.ingest.files.chunks import LONGEST_LINE
from retention.ingest.files.encodings import (
    BLOCK,
    ENDLESS_LINE,
    MARKS,
    ZERO_BYTES,
    Encoding,
    Letters,
    named_encoding,
    wide_encoding,
)
from retention.ingest.files.headers import Known, nothing_known

FOREIGN = b"\xff"
"""Stands in a line that is not in the encoding of the file."""

_HEAD = 1 << 16
_HEADER_LINES = 5  # among which the header mostly is
_LONE = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True)
class TextFile:
    """A text file. `returns`: whether its lines end in a carriage return, or some of them do."""

    path: Path
    encoding: Encoding
    size: int
    mark: int = 0
    returns: str = ""

    def pieces(self, at_once: int = BLOCK) -> Iterator[tuple[bytes, int]]:
        """Yield the text, with how many bytes of the file are done; pieces may end within a line."""
        if self.encoding.wide:
            yield from self._wide_pieces(at_once)
            return
        direct = self.encoding == Encoding("UTF-8") and not self.returns
        with self.path.open("rb") as file:
            file.seek(self.mark)
            if direct:
                while piece := file.read(at_once):
                    yield piece, file.tell()
                return
            rest = b""
            while more := file.read(at_once):
                whole, rest = self._cut(rest + more)
                yield self._unified(self._as_utf8(whole)), file.tell() - len(rest)
            yield self._unified(self._as_utf8(rest)), self.size

    @property
    def may_have_returns(self) -> bool:
        """Whether a carriage return may stand in it without a line feed behind it."""
        return bool(self.returns) or self.encoding.wide

    def head(self, most: int = 1 << 18) -> bytes:
        """Return the first lines, at least one of them whole."""
        found = b""
        for piece, _ in self.pieces():
            found += piece
            if len(found) >= most and b"\n" in found:
                return found[: found.rfind(b"\n", 0, max(most, found.find(b"\n") + 1)) + 1]
        return found if found.endswith(b"\n") else found + b"\n"

    def lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield lines with their number and how many bytes are done; Invalid when one does not end."""
        rest, number, done = b"", 0, 0
        for piece, done in self.pieces():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                number += 1
                self._check_length(line, number)
                yield number, done, line
            self._check_length(rest, number + 1)
        if rest:
            yield number + 1, done, rest

    def _check_length(self, line: bytes, number: int) -> None:
        if len(line) >= LONGEST_LINE:
            raise Invalid(ENDLESS_LINE, file=repr(self.path.name), line=number)

    def _cut(self, block: bytes) -> tuple[bytes, bytes]:
        """Return whole lines and the rest; a line feed may follow a carriage return at the end."""
        end = block.rfind(b"\n") + 1
        if self.returns == "all":
            end = max(end, block.rfind(b"\r", 0, len(block) - 1) + 1)
            end += block[end : end + 1] == b"\n" and block[end - 1 : end] == b"\r"
        return block[:end], block[end:]

    def _as_utf8(self, block: bytes) -> bytes:
        whole = self.encoding.name == "UTF-8" and not self.encoding.mixed  # the whole file was read as such before
        if whole or block.isascii():
            return block
        if not self.encoding.mixed:
            try:
                return block.decode(self.encoding.codec).encode()
            except UnicodeDecodeError:
                pass
        return b"".join(map(self._line_as_utf8, block.splitlines(keepends=True)))

    def _line_as_utf8(self, line: bytes) -> bytes:
        text = self.encoding.decode_line(line)
        return FOREIGN + line if text is None else text.encode()

    def _unified(self, block: bytes) -> bytes:
        if not self.returns or b"\r" not in block:
            return block
        if self.returns == "all":
            return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return b"\n".join(map(_split_at_returns, block.split(b"\n")))

    def _wide_pieces(self, at_once: int) -> Iterator[tuple[bytes, int]]:
        decoder = codecs.getincrementaldecoder(self.encoding.codec)("surrogatepass")
        rest = ""
        with self.path.open("rb") as file:
            file.seek(self.mark)
            while more := file.read(at_once):
                text = rest + decoder.decode(more)
                cut = max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1) if self.returns else -1) + 1
                yield self._unified(self._checked(text[:cut])), file.tell()
                rest = text[cut:]
        left = decoder.getstate()[0]  # half a letter: the file ends too early
        yield self._unified(self._checked(rest)) + (FOREIGN if left else b""), self.size

    def _checked(self, text: str) -> bytes:
        if "\0" in text:
            raise Invalid(ZERO_BYTES, file=repr(self.path.name))
        try:
            return text.encode()
        except UnicodeEncodeError:
            lines = (line.encode("utf-8", "surrogatepass") for line in re.split("(?<=\n)", text))
            return b"".join(FOREIGN + line if _is_broken(line) else line for line in lines)


def open_text(path: Path, *, encoding: str | None = None, known: Known = nothing_known, country: str = "") -> TextFile:
    """Return a text file with its encoding found, or as asked; Invalid when it is no text or nobody can tell.

    `country` is the shop's: its letters come first where several would do.
    """
    asked = named_encoding(encoding) if encoding else None
    with path.open("rb") as file:
        head = file.read(_HEAD)
    mark = next((mark for mark, codec in MARKS if head.startswith(mark)), b"")
    size = path.stat().st_size
    wide = wide_encoding(head)
    if asked and asked.name == "UTF-16" and wide:
        asked = wide
    if (asked or wide or Encoding("UTF-8")).wide:
        text = TextFile(path, asked or wide or Encoding("UTF-16LE"), size, len(mark) if mark != MARKS[0][0] else 0)
        return TextFile(path, text.encoding, size, text.mark, _returns(text.head()))
    if mark:
        asked = Encoding("UTF-8", mixed=True)
    letters, returns = _scan(path)
    found = asked or letters.conclude(
        path, known, country=country, header=b"\n".join(head.splitlines()[:_HEADER_LINES])
    )
    if found.name == "UTF-8":
        found = Encoding("UTF-8", mixed=letters.foreign > 0)
    return TextFile(path, found, size, len(mark), returns)


def _scan(path: Path) -> tuple[Letters, str]:
    """Read a file once: which letters it has, and what its lines end in."""
    letters, feeds, lone = Letters(), 0, 0
    rest = b""
    with path.open("rb") as file:
        while more := file.read(BLOCK):
            block = rest + more
            end = max(block.rfind(b"\n"), block.rfind(b"\r", 0, len(block) - 1)) + 1
            block, rest = block[:end], block[end:]
            if len(rest) > LONGEST_LINE:
                raise Invalid(ENDLESS_LINE, file=repr(path.name), line=feeds + lone + block.count(b"\n") + 1)
            _look(letters, block, path)
            more_feeds, more_lone = _line_ends(block)
            feeds, lone = feeds + more_feeds, lone + more_lone
    _look(letters, rest, path)
    return letters, _returns_of(lone, feeds)


def _line_ends(block: bytes) -> tuple[int, int]:
    """Return how many line feeds there are, and carriage returns without one behind; `count` takes longer."""
    signs = np.frombuffer(block, np.uint8)
    feeds = signs == ord("\n")
    found = int(np.count_nonzero(feeds))
    if b"\r" not in block:
        return found, 0
    returns = signs == ord("\r")
    return found, int(np.count_nonzero(returns) - np.count_nonzero(returns[:-1] & feeds[1:]))


def _look(letters: Letters, block: bytes, path: Path) -> None:
    if b"\0" in block:
        raise Invalid(ZERO_BYTES, file=repr(path.name))
    letters.look(block)


def _returns(head: bytes) -> str:
    lone = len(_LONE.findall(head))
    return _returns_of(lone, head.count(b"\n"))


def _returns_of(lone: int, feeds: int) -> str:
    if not lone:
        return ""
    return "all" if lone > feeds else "some"


def _split_at_returns(line: bytes) -> bytes:
    """Break a line at carriage returns when what stands between them is rows; else each is a blank in a cell."""
    body, end = (line[:-1], b"\r") if line.endswith(b"\r") else (line, b"")
    if b"\r" not in body:
        return line
    parts = [part for part in body.split(b"\r") if part]
    alike = any(len({part.count(sign) for part in parts}) == 1 and parts[0].count(sign) for sign in b",;\t|")
    return (b"\n".join(parts) if alike else body.replace(b"\r", b" ")) + end


def _is_broken(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False
