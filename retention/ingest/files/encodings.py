"""The encoding of a text file, told by its mark, by zero bytes, or by the letters of all lines that are not UTF-8.

What cannot be told is refused with the question, never read in a likely one. A file in which UTF-8 and another encoding
both occur is read in the one that more of its lines need; the other lines come out as rejects.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.ingest.files.guessing import candidates, guess, tell_apart
from retention.ingest.files.headers import Known, Note

BLOCK = 4 << 20
_SAMPLE = 2_000
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_ODD = re.compile("[\u0180-\u036f\u0500-\u058f\u0700-\u07ff]")
"""Letters of two bytes in UTF-8 that hardly any shop writes; two bytes of GB18030 may look like one of them."""

MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)

ENDLESS_LINE = gettext_noop("Line {line} of {file} is longer than 4 MB, so this is not a table.")
ZERO_BYTES = gettext_noop(
    "{file} is neither a text file nor a workbook: it contains zero bytes. Save it again as CSV or XLSX."
)
WHICH = gettext_noop(
    "The encoding of {file} cannot be told from its letters. Say it with --encoding, one of {known}, or save the file "
    "as CSV UTF-8."
)
WHICH_OF_TWO = gettext_noop(
    "The encoding of {file} cannot be told from its letters: in {first} they are {ours}, in {second} {theirs}. Say it "
    "with --encoding, one of {known}, or save the file as CSV UTF-8."
)
DOUBTFUL = gettext_noop(
    "The file was read as {first}: {ours}. In {second} these would be {theirs}; if that is right, say --encoding "
    "{second}."
)

_CODECS = {
    "UTF-8": "utf-8",
    **{each.name: each.codec for each in candidates()},
    "BIG5-HKSCS": "big5hkscs",
    "ISO-8859-2": "iso8859_2",
    "ISO-8859-15": "iso8859_15",
    "UTF-16": "utf-16-le",
    "UTF-16LE": "utf-16-le",
    "UTF-16BE": "utf-16-be",
}
_ALIASES = {
    "UTF8SIG": "UTF-8", "GBK": "GB18030", "GB2312": "GB18030", "CP936": "GB18030", "WINDOWS1252": "CP1252",
    "ISO88591": "CP1252", "LATIN1": "CP1252", "ANSI": "CP1252", "CP950": "BIG5", "SJIS": "SHIFT-JIS",
    "CP932": "SHIFT-JIS", "WINDOWS31J": "SHIFT-JIS", "CP949": "EUC-KR", "UHC": "EUC-KR", "MACROMAN": "MAC-ROMAN",
    "MACINTOSH": "MAC-ROMAN", "LATIN2": "ISO-8859-2", "LATIN9": "ISO-8859-15", "TIS620": "CP874",
    "WINDOWS1250": "CP1250", "WINDOWS1251": "CP1251", "WINDOWS1253": "CP1253", "WINDOWS1254": "CP1254",
    "WINDOWS1257": "CP1257", "WINDOWS1255": "CP1255", "WINDOWS1256": "CP1256", "WINDOWS874": "CP874",
}  # fmt: skip


@dataclass(frozen=True)
class Encoding:
    """The encoding of a file; `mixed` when some lines are in another one. `notes` say what speaks against it."""

    name: str
    mixed: bool = False
    notes: tuple[Note, ...] = field(default=(), compare=False)

    @property
    def codec(self) -> str:
        """The name Python knows it by."""
        return _CODECS[self.name]

    @property
    def wide(self) -> bool:
        """Whether every letter takes two bytes, so that a line end is no single byte."""
        return self.codec.startswith("utf-16")

    def decode_line(self, line: bytes) -> str | None:
        """Return one line as text, or None when it is not in this encoding."""
        if self.mixed and self.name != "UTF-8" and _is_other_utf8(line, self.name):
            return None
        try:
            return line.decode(self.codec)
        except UnicodeDecodeError:
            return None


def named_encoding(name: str) -> Encoding:
    """Return the encoding a person names; Invalid with the known ones otherwise."""
    plain = re.sub(r"[\s_-]", "", name).upper()
    for known in _CODECS:
        if plain == known.replace("-", ""):
            return Encoding(known)
    if plain not in _ALIASES:
        raise Invalid("There is no encoding {name}. Use one of {known}.", name=repr(name), known=known_encodings())
    return Encoding(_ALIASES[plain])


def known_encodings() -> str:
    """Return the names a person may give, as one text."""
    return ", ".join(_CODECS)


def wide_encoding(head: bytes) -> Encoding | None:
    """Return UTF-16, told by its mark or by zero bytes in every other place; None for anything else."""
    for mark, codec in MARKS[1:]:
        if head.startswith(mark):
            return Encoding("UTF-16LE" if codec == "utf-16-le" else "UTF-16BE")
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < 2 or min(even, odd) * 10 > max(even, odd):
        return None
    found = Encoding("UTF-16LE" if odd > even else "UTF-16BE")
    try:
        text = head[: len(head) // 2 * 2].decode(found.codec)
    except UnicodeDecodeError as error:
        if error.end < len(head) - 2:
            return None
        text = head[: error.start].decode(found.codec)
    return found if any(sign in text for sign in "\n\r") and "\0" not in text else None


@dataclass
class Letters:
    """The lines of a file that are not plain ASCII, as far as they tell its encoding."""

    foreign: int = 0  # lines that are not UTF-8
    other: int = 0  # lines that are UTF-8 and not ASCII
    wide: int = 0  # of these, lines in a script of the east
    sample: list[bytes] = field(default_factory=list)
    odd: list[bytes] = field(default_factory=list)

    def look(self, block: bytes) -> None:
        """Take in another stretch of whole lines."""
        if block.isascii():
            return
        try:
            text = block.decode("utf-8")
        except UnicodeDecodeError:
            self._look_by_line(block)
            return
        lines = block.count(b"\n") + 1
        self.other += lines
        if _WIDE.search(text):
            self.wide += lines
        elif not self.odd and _ODD.search(text):
            self.odd = [line for line in block.splitlines() if not line.isascii()][:_SAMPLE]

    def conclude(self, path: Path, known: Known, *, country: str = "", header: bytes = b"") -> Encoding:
        """Return the encoding; Invalid when the letters do not tell it."""
        if not self.foreign:
            return self._of_utf8(known)
        found = guess(self.sample, known, country=country, header=header)
        others = self.wide if found.name in {"GB18030", None} else self.other
        if self.foreign <= others:
            return Encoding("UTF-8", mixed=True)
        ours, theirs = (", ".join(repr(each[place]) for each in found.examples) for place in (0, 1))
        values: dict[str, object] = {"first": found.likeliest, "second": found.other, "ours": ours, "theirs": theirs}
        if found.name is None:
            message = WHICH_OF_TWO if found.examples else WHICH
            raise Invalid(message, file=repr(path.name), known=known_encodings(), **(values if found.examples else {}))
        return Encoding(found.name, mixed=others > 0, notes=((DOUBTFUL, values),) if found.examples else ())

    def _of_utf8(self, known: Known) -> Encoding:
        """Two bytes of GB18030 may be one letter of UTF-8, but one that makes no sense."""
        if self.odd and not self.wide and tell_apart(self.odd, known) == "GB18030":
            return Encoding("GB18030")
        return Encoding("UTF-8")

    def _look_by_line(self, block: bytes) -> None:
        for line in block.splitlines():
            if line.isascii():
                continue
            text = _utf8(line)
            if text is None:
                self.foreign += 1
                if len(self.sample) < _SAMPLE:
                    self.sample.append(line)
            else:
                self.other += 1
                self.wide += _WIDE.search(text) is not None


def _is_other_utf8(line: bytes, name: str) -> bool:
    """Tell whether a line is UTF-8 rather than in `name`. GB18030 text is Chinese UTF-8 only by a rare accident."""
    text = None if line.isascii() else _utf8(line)
    return text is not None and (name != "GB18030" or _WIDE.search(text) is not None)


def _utf8(line: bytes) -> str | None:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None
