"""The encoding of a text file, detected from all of its bytes.

Two are found: UTF-8 (with or without its mark) and GB18030, which contains GBK and GB2312. A file in which both occur
is read in the one that more of its lines need; the other lines come out as rejects, never as garbled names.
"""

from dataclasses import dataclass
from pathlib import Path

from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.ingest.chunks import LONGEST_LINE

BLOCK = 4 << 20
_CHINESE = range(0x3400, 0xA000)

ENDLESS_LINE = gettext_noop("Line {line} of {file} is longer than 4 MB, so this is not a table.")


@dataclass(frozen=True)
class Encoding:
    """The encoding of a file; `mixed` when some lines are in the other one."""

    name: str
    mixed: bool = False

    def decode_line(self, line: bytes) -> str | None:
        """Return one line as text, or None when it is not in this encoding."""
        if self.name == "GB18030" and self.mixed and _is_chinese_utf8(line):
            return None
        try:
            return line.decode(self.name)
        except UnicodeDecodeError:
            return None


def find_encoding(path: Path) -> Encoding:
    """Return the encoding of the file; Invalid when it is no text at all."""
    foreign = chinese = 0  # lines that are not UTF-8; lines that are UTF-8 and Chinese
    line = 1
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            rest = file.readline(LONGEST_LINE)
            if len(rest) == LONGEST_LINE:
                raise Invalid(ENDLESS_LINE, file=repr(path.name), line=line + block.count(b"\n"))
            block += rest
            line += block.count(b"\n")
            if b"\0" in block:
                raise Invalid(
                    "{file} is neither a text file nor a workbook: it contains zero bytes. "
                    "Save it again as CSV or XLSX.",
                    file=repr(path.name),
                )
            if block.isascii():
                continue
            try:
                block.decode("utf-8")
                chinese += block.count(b"\n") + 1
            except UnicodeDecodeError:
                lines = [line for line in block.splitlines() if not line.isascii()]
                here = sum(_is_chinese_utf8(line) for line in lines)
                chinese += here
                foreign += sum(not _is_utf8(line) for line in lines)
    if not foreign:
        return Encoding("utf-8")
    return Encoding("GB18030" if foreign > chinese else "utf-8", mixed=chinese > 0)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese_utf8(line: bytes) -> bool:
    """Tell whether a line is UTF-8 with a Chinese character in it. GB18030 text is that only by a rare accident."""
    if line.isascii():
        return False
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return any(ord(letter) in _CHINESE for letter in text)
