"""One cell with a date or a moment, taken apart: day, month and year, the time of day, the zone beside them.

Which of 12/1/2010 is the day is not decided here: such a date stays as the three numbers that are written.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_MONTHS = {
    word: number
    for number, names in enumerate(
        (
            "january jan januar jänner janvier janv enero ene gennaio gen janeiro januari stycznia styczeń sty",
            "february feb februar février févr fév febrero febbraio fevereiro fev februari lutego luty lut",
            "march mar märz mrz mars marzo março maart mrt marts marca marzec",
            "april apr avril avr abril abr aprile kwietnia kwiecień kwi",
            "may mai mayo maggio mag maio mei maj maja",
            "june jun juni juin junio giugno giu junho czerwca czerwiec cze",
            "july jul juli juillet juil julio luglio lug julho lipca lipiec lip",
            "august aug août agosto ago augustus augusti sierpnia sierpień sie",
            "september sept sep septembre septiembre settembre set setembro września wrzesień wrz",
            "october oct oktober okt octobre octubre ottobre ott outubro out października październik paź",
            "november nov novembre noviembre novembro listopada listopad lis",
            "december dec dezember dez décembre déc diciembre dic dicembre dezembro desember des grudnia grudzień gru",
        ),
        1,
    )
    for word in names.split()
}  # fmt: skip
_OFFSETS = {
    "z": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "cet": 60, "mez": 60, "cest": 120, "mesz": 120, "eet": 120,
    "eest": 180, "msk": 180, "jst": 540, "kst": 540, "hkt": 480, "sgt": 480, "awst": 480, "aest": 600, "aedt": 660,
    "nzst": 720, "nzdt": 780, "est": -300, "edt": -240, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420,
    "akst": -540, "akdt": -480, "hst": -600, "brt": -180,
}  # fmt: skip
AMBIGUOUS = ("cst", "ist", "bst", "ast", "sst", "gst")
"""Abbreviations of several zones each: CST is Chicago's, Shanghai's and Havana's."""

_MORNING = {"am", "上午", "早上", "早晨", "清晨", "凌晨", "午前", "오전"}
_EVENING = {"pm", "下午", "傍晚", "午后", "午後", "오후", "晚上", "夜里", "夜晚", "晚间"}
_NIGHT = {"晚上", "夜里", "夜晚", "晚间"}
_NOON = {"中午", "正午"}

_NOISE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|\\[[^\\]]*\\]|\\([^)]*\\)")
_ZONE_ASIDE = re.compile(r"\(((?:utc|gmt)\s?[+-]?[\d:]*|[a-z]{3,4})\)")
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe63]")
_WEEKDAY = re.compile(
    r"\b(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun)\b\.?|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b"
    r"|^(?:(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche"
    r"|lunes|martes|miércoles|jueves|viernes|sábado|domingo|(?:lune|marte|mercole|giove|vener)dì|sabato|domenica"
    r"|(?:mo|di|mi|do|fr|sa|so)\b(?=\.?,))\b\.?|[월화수목금토일]요일"
    r"|(?:星期|礼拜|周)[一二三四五六日天]|\b(?:at|um|uhr|de|del|à|om|kl|klo|godz)\b\.?"
)
_HALVES = "|".join(sorted((_MORNING | _EVENING | _NOON) - {"am", "pm"}))
_MARKER = re.compile(rf"({_HALVES})|(?<![a-z])([ap])\.?\s?m\b\.?")
_EAST = r"(?:\s?(?:utc|gmt)?\s?([+-])(0?\d|1[0-4])(?::?(00|15|30|45))?|\s?(z))?(?=[\s,]|$)"
_START = r"(?:^|(?<=[\st日号일,_])|(?<=\d{4}:)|(?<=\d-)(?=\d{1,2}:))"
_CLOCKS = tuple(
    re.compile(pattern + _EAST)
    for pattern in (
        _START + r"(\d{1,2})(?:\s?[:时時点點시]\s?|h)(\d{2})(?:\s?[:分분]\s?(\d{1,2}))?(?:[.,:](\d{1,9}))?"
        r"\s?[分秒분초]?",
        r"(?<=\d)t(\d{2})(\d{2})(\d{2})?(?:[.,](\d{1,9}))?",
        _START + r"(\d{1,2})\s?(?:[时時点點]整?|h)()()()",
    )
)
_BARE_HOUR = re.compile(_START + r"(\d{1,2})()()()" + _EAST)
_ZONE = re.compile(rf"(?<![a-z])({'|'.join((*_OFFSETS, *AMBIGUOUS))})\b")

_YMD = re.compile(r"(\d{4})(?:\s?[-/.年년]\s?|\s)(\d{1,2})(?:\s?[-/.月월]\s?|\s)(\d{1,2})\s?[日号일]?\.?")
_SHORT_YMD = re.compile(r"(\d{2})年(\d{1,2})月(\d{1,2})[日号]?")
_EIGHT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_WORD = re.compile("[a-zà-ÿąćęłńśźż]{3,12}")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ]*#[-/. ]*(\d{4}|\d{2})")
_MONTH_FIRST = re.compile(r"#[-/. ]*(\d{1,2})[-/. ]+(\d{4}|\d{2})")
_YEAR_FIRST = re.compile(r"(\d{4})[-/. ]*#[-/. ]*(\d{1,2})")
_THREE = re.compile(r"(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{1,2})")
_DAYS = re.compile(r"\d{5}(?:[.,]\d+)?")
_SECONDS = re.compile(r"(\d{10})(?:(\d{3})|\.\d+)?")


class Written(NamedTuple):
    """What a cell says. Either `year`, `month` and `day`, or `a`, `b`, `c` with the year last (or first, if short),
    or `days` of a spreadsheet, or `seconds` since 1970, UTC.

    `offset`: minutes east of UTC. `zone`: an abbreviation of several zones. `short`: the year has two digits.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    a: int | None = None
    b: int | None = None
    c: int | None = None
    short: bool = False
    hour: int = 0
    minute: int = 0
    second: int = 0
    micro: int = 0
    offset: int | None = None
    zone: str | None = None
    days: float | None = None
    seconds: float | None = None


@lru_cache(maxsize=1 << 16)
def written_time(text: str) -> Written | None:
    """Return the parts of a date or moment; None for what is none."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", text).lower())
    text = _ZONE_ASIDE.sub(r" \1", text)
    text = " ".join(_NOISE.sub(" ", text).split()).strip(" '’‘`\",=")
    if _DAYS.fullmatch(text):
        return Written(days=float(text.replace(",", ".")))
    if found := _SECONDS.fullmatch(text):
        return Written(seconds=int(found[1]) + int(found[2] or 0) / 1000)
    text, marker = _taken(_MARKER, text)
    half = (marker[1] or f"{marker[2]}m") if marker else ""
    for pattern in (*_CLOCKS, _BARE_HOUR) if half else _CLOCKS:
        rest, clock = _taken(pattern, text)
        if clock:
            return _moment(rest, clock, half)
    return None if half else _date(text)


def _taken(pattern: re.Pattern[str], text: str) -> tuple[str, re.Match[str] | None]:
    """Return a text without what was found in it, and what was."""
    found = pattern.search(text)
    return (" ".join(f"{text[: found.start()]} {text[found.end() :]}".split()), found) if found else (text, None)


def _moment(text: str, clock: re.Match[str], half: str) -> Written | None:
    """Return the date that `text` is, at the time of day of `clock`."""
    text, named = _taken(_ZONE, text)
    date, hour = _date(text), _hour(int(clock[1]), half)
    minute, second = int(clock[2] or 0), int(clock[3] or 0)
    if date is None or hour is None or minute > 59 or second > 59:
        return None
    offset = _OFFSETS.get(named[1]) if named else None
    if clock[5]:
        offset = (int(clock[6]) * 60 + int(clock[7] or 0)) * (-1 if clock[5] == "-" else 1)
    elif clock[8]:
        offset = 0
    return date._replace(
        hour=hour,
        minute=minute,
        second=second,
        micro=int((clock[4] or "")[:6].ljust(6, "0")),
        offset=offset,
        zone=named[1] if named and offset is None else None,
    )


def _hour(hour: int, half: str) -> int | None:
    """Return the hour of the day from 0 to 23; None when it is none, or two may be meant."""
    if half in _MORNING:
        return hour % 12 if hour <= 12 else None
    if half in _NOON:
        return {11: 11, 12: 12, 13: 13, 1: 13, 2: 14}.get(hour)
    if half in _NIGHT and (hour == 12 or hour < 5):
        return None
    if half in _EVENING and hour < 12:
        return hour + 12
    return hour if hour <= 23 else None


def _date(text: str) -> Written | None:
    text = " ".join(_WEEKDAY.sub(" ", text).replace(",", " ").split()).strip(" .t-_:")
    for pattern in (_YMD, _EIGHT, _SHORT_YMD):
        if found := pattern.fullmatch(text):
            return _dated(found[1], int(found[2]), found[3])
    if found := _THREE.fullmatch(text):
        a, _, b, c = found.groups()
        return Written(a=int(a), b=int(b), c=int(c), short=len(c) <= 2)
    return _date_with_word(text)


def _date_with_word(text: str) -> Written | None:
    """Return a date whose month is a word: Feb 21, 2020; 21-Feb-20; 2020 Feb 21."""
    word = _WORD.search(text)
    month = _MONTHS.get(word[0]) if word else None
    if word is None or month is None:
        return None
    text = re.sub(r"(?<=\d)(?:st|nd|rd|th|er|re|o|a)\b|\bof\b", "", f"{text[: word.start()]}#{text[word.end() :]}")
    text = " ".join(text.split())
    if found := _DAY_FIRST.fullmatch(text) or _MONTH_FIRST.fullmatch(text):
        return _dated(found[2], month, found[1])
    if found := _YEAR_FIRST.fullmatch(text):
        return _dated(found[1], month, found[2])
    return None


def _dated(year: str, month: int, day: str) -> Written:
    return Written(year=int(year), month=month, day=int(day), short=len(year) == 2)


def offset_of(text: str) -> int | None:
    """Return the minutes east of UTC that a zone is named by: PST, +08:00, GMT+8; None where it is none of these."""
    text = text.strip().lower()
    found = re.fullmatch(r"(?:utc|gmt)?\s?([+-])(\d{1,2})(?::?(\d{2}))?", text)
    if found:
        return (int(found[2]) * 60 + int(found[3] or 0)) * (-1 if found[1] == "-" else 1)
    return _OFFSETS.get(text)
