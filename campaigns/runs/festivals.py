"""Festivals: public holidays of the shop's country and shopping days.

Public holidays come from the `holidays` package, which knows lunar calendars too; the sales days are fixed by custom.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from babel.core import get_global

from retention.i18n import current_language
from retention.i18n import gettext as _
from retention.i18n import gettext_noop as n_
from retention.shops import Shop

_EVERYWHERE = {(2, 14): n_("Valentine's Day"), (12, 25): n_("Christmas")}
_OF_CHINA = {
    (3, 8): n_("3.8 Women's Day sale"),
    (5, 20): n_("5.20"),
    (6, 18): n_("6.18 sale"),
    (9, 10): n_("Teachers' Day"),
    (11, 11): n_("Double 11"),
    (12, 12): n_("Double 12"),
}
_LANGUAGES = {"en": "en_US", "zh-CN": "zh_CN"}
_FRIDAY = 4


def festivals(shop: Shop, first: date, last: date) -> dict[date, list[str]]:
    """Return the festivals from `first` to `last`, both included, by day, in the language being spoken."""
    country = country_of(shop)
    found: dict[date, list[str]] = {}
    days = [*_public(country, first.year, last.year), *_of_custom(country, first.year, last.year)]
    for day, name in sorted(days):
        if first <= day <= last and name not in found.setdefault(day, []):
            found[day].append(name)
    return {day: names for day, names in found.items() if names}


def country_of(shop: Shop) -> str:
    """Return the country of a shop's time zone as its two letters, or nothing for a zone of none."""
    return str(get_global("zone_territories").get(shop.timezone, ""))


def _public(country: str, first_year: int, last_year: int) -> Iterator[tuple[date, str]]:
    """Yield public holidays; days off in lieu, which are no festival, stay out."""
    import holidays  # its calendars take a tenth of a second to load, and few commands look at them

    if country not in holidays.list_supported_countries():
        return
    years = range(first_year, last_year + 1)
    kinds = holidays.list_localized_countries().get(country, [])
    wanted = _LANGUAGES[current_language()]
    known = holidays.country_holidays(
        country, years=years, observed=False, language=wanted if wanted in kinds else None
    )
    for day, names in known.items():
        for name in names.split("; "):
            yield day, name


def _of_custom(country: str, first_year: int, last_year: int) -> Iterator[tuple[date, str]]:
    customs = _EVERYWHERE | (_OF_CHINA if country == "CN" else {})
    for year in range(first_year, last_year + 1):
        for (month, day), name in customs.items():
            yield date(year, month, day), _(name)
        if country != "CN":
            yield black_friday(year), _("Black Friday")
            yield black_friday(year) + timedelta(days=3), _("Cyber Monday")


def black_friday(year: int) -> date:
    """Return the day after the fourth Thursday of November."""
    first = date(year, 11, 1)
    return first + timedelta(days=(_FRIDAY - 1 - first.weekday()) % 7 + 21 + 1)
