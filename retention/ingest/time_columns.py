"""Pairs of columns of which one has the day and the other the time of day: Date and Time, 付款日期 and 付款时间.

They are told by their names: alike but for the word, or a bare word for the time beside the column of the day. What
the cells say settles the rest (`cells.day_and_time`): a column of times that holds whole moments is read as it is.
"""

from collections.abc import Callable, Collection, Sequence

MOMENTS = (
    "paid_at", "placed_at", "shipped_at", "updated_at", "cancelled_at", "created_at", "consent_at",
    "email_consent_at",
    "sms_consent_at", "arrival_at", "followed_at", "ended_at", "joined_at", "left_at", "ship_date", "delivered_at",
)  # fmt: skip
"""The fields that hold moments, in every kind of file."""

_DAYS = (
    "date", "day", "datum", "tag", "fecha", "día", "jour", "data", "dia", "giorno", "dato", "dag", "dátum", "datumas",
    "дата", "день", "tarih", "gün", "päivä", "päivämäärä", "pvm", "ημερομηνία", "ngày", "tanggal", "tarikh", "วันที่",
    "日期", "日", "日付", "年月日", "날짜", "일자", "تاريخ", "תאריך",
)  # fmt: skip
_TIMES = (
    "time", "timeofday", "hour", "clock", "uhrzeit", "zeit", "hora", "heure", "ora", "orario", "tijd", "tijdstip",
    "uur",
    "tid", "tidspunkt", "klokkeslett", "klokkeslæt", "klockslag", "kl", "kello", "kellonaika", "aika", "godzina",
    "czas",
    "čas", "hodina", "idő", "időpont", "óra", "vreme", "vrijeme", "время", "час", "saat", "zaman", "ώρα", "giờ",
    "jam",
    "waktu", "masa", "เวลา", "时间", "時間", "时刻", "時刻", "时分", "时", "時", "시간", "시각", "وقت", "שעה",
)  # fmt: skip

Plain = Callable[[str], str]
"""Returns the name of a column without what names are compared without."""


def pair_of(column: str, header: Sequence[str], taken: Collection[str], plain: Plain) -> tuple[str, str] | None:
    """Return the column of the day and that of the time which belong together, if `column` is one of them.

    `taken` are columns that tell something else.
    """
    free = [name for name in header if name != column and name not in taken]
    own = plain(column)
    by_name = {plain(name): name for name in reversed(free)}
    for words, others, turned in ((_DAYS, _TIMES, False), (_TIMES, _DAYS, True)):
        for word in sorted((each for each in words if each in own), key=len, reverse=True):
            begin, _, end = own.rpartition(word)
            other = next((by_name[f"{begin}{each}{end}"] for each in others if f"{begin}{each}{end}" in by_name), None)
            if other:
                return (other, column) if turned else (column, other)
    return _beside(column, header, free, plain) if own not in _TIMES else None


def bare_pair(header: Sequence[str], plain: Plain) -> tuple[str, str] | None:
    """Return the only two columns that are called by nothing but a word for a day and one for a time."""
    days = [name for name in header if plain(name) in _DAYS]
    times = [name for name in header if plain(name) in _TIMES]
    return (days[0], times[0]) if len(days) == len(times) == 1 else None


def _beside(column: str, header: Sequence[str], free: Sequence[str], plain: Plain) -> tuple[str, str] | None:
    """Return the pair of a column and one behind it, the only one of the file, that is called by a word for a time."""
    bare = [name for name in free if plain(name) in _TIMES]
    place = list(header).index(column)
    if len(bare) == 1 and header[place + 1 : place + 2] == bare:
        return column, bare[0]
    return None
