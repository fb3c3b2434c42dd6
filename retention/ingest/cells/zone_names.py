"""Time zones as people and programs call them: the name of the tz database for each.

Ruby on Rails, and so Square, has names of its own (`ActiveSupport::TimeZone::MAPPING`), Windows others; a city that
gives a zone its name stands for that zone.
"""

from functools import cache
from zoneinfo import available_timezones

from babel.core import get_global

_IN_CHINESE = dict.fromkeys(("北京时间", "中国标准时间", "北京", "上海", "中国"), "Asia/Shanghai")
_AREAS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
_RAILS = {  # those that are neither Windows' nor a zone's own city
    "International Date Line West": "Pacific/Pago_Pago", "Midway Island": "Pacific/Pago_Pago",
    "American Samoa": "Pacific/Pago_Pago", "Hawaii": "Pacific/Honolulu", "Alaska": "America/Juneau",
    "Arizona": "America/Phoenix", "Saskatchewan": "America/Regina", "Guadalajara": "America/Mexico_City",
    "Indiana": "America/Indiana/Indianapolis", "Quito": "America/Lima", "Brasilia": "America/Sao_Paulo",
    "Georgetown": "America/Guyana", "Mid-Atlantic": "Atlantic/South_Georgia", "Cape Verde Is.": "Atlantic/Cape_Verde",
    "Edinburgh": "Europe/London", "Bern": "Europe/Zurich", "West Central Africa": "Africa/Algiers",
    "Kyiv": "Europe/Kyiv", "St. Petersburg": "Europe/Moscow", "Harare": "Africa/Maputo",
    "Pretoria": "Africa/Johannesburg", "Kuwait": "Asia/Riyadh", "Abu Dhabi": "Asia/Dubai", "Muscat": "Asia/Dubai",
    "Ekaterinburg": "Asia/Yekaterinburg", "Islamabad": "Asia/Karachi", "Chennai": "Asia/Kolkata",
    "Mumbai": "Asia/Kolkata", "New Delhi": "Asia/Kolkata", "Astana": "Asia/Almaty", "Dhaka": "Asia/Dhaka",
    "Sri Jayawardenepura": "Asia/Colombo", "Rangoon": "Asia/Yangon", "Hanoi": "Asia/Bangkok",
    "Beijing": "Asia/Shanghai", "Chongqing": "Asia/Shanghai", "Osaka": "Asia/Tokyo", "Sapporo": "Asia/Tokyo",
    "Canberra": "Australia/Sydney", "Solomon Is.": "Pacific/Guadalcanal", "New Caledonia": "Pacific/Noumea",
    "Marshall Is.": "Pacific/Majuro", "Wellington": "Pacific/Auckland", "Nuku'alofa": "Pacific/Tongatapu",
    "Tokelau Is.": "Pacific/Fakaofo", "Chatham Is.": "Pacific/Chatham",
}  # fmt: skip


def place_of(name: str) -> str:
    """Return a zone as the tz database calls it, also for Eastern Time (US & Canada) and China Standard Time.

    A name that nothing is called by is returned as it is.
    """
    windows = get_global("windows_zone_mapping")
    plain = name.partition("(")[0].strip()
    standard = plain.removesuffix(" Time").removesuffix(" Standard").removesuffix(" Daylight") + " Standard Time"
    known = _IN_CHINESE.get(plain) or windows.get(plain) or _RAILS.get(plain) or windows.get(standard)
    return known or _cities().get(plain.casefold(), name)


@cache
def _cities() -> dict[str, str]:
    """Return the zones by the cities they are named after; of several the one with the fewest words: the usual one."""
    zones = sorted(available_timezones(), key=lambda each: (each.count("/"), each), reverse=True)
    return {
        each.rpartition("/")[2].replace("_", " ").casefold(): each for each in zones if each.partition("/")[0] in _AREAS
    }
