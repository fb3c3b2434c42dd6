"""What a person says of a file. Everything they leave open is found in the file itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any

from retention.errors import Invalid
from retention.i18n import gettext_noop
from retention.ingest.columns import columns_of

DATE_ORDERS = ("dmy", "mdy")
DECIMALS = ("comma", "point")
STATUS_MEANINGS = ("paid", "unpaid", "cancelled", "refunded", "ignore")


@dataclass(frozen=True)
class ImportOptions:
    """What is said of one file; raises Invalid for a value that nothing can be.

    `preset`: the name of a column preset, or `auto`. `mapping`: the column of a field; `A + B` are one value together,
    of `A | B` the second is read where the first is blank. `source`: where order
    numbers come from; the same number from another source is another order. `dates`: how 12/1/2010 is meant.
    `decimal`: what stands before the cents. `header_row`: the line of the header, from 1. `statuses`: what a status
    word means. `rates`: what one unit of another currency is worth in the shop's. `ignore`: columns that no field
    is taken from. `add_lines`: lines are added to orders that are known.
    """

    preset: str = "auto"
    mapping: Mapping[str, str] = field(default_factory=dict)
    ignore: Sequence[str] = ()
    source: str | None = None
    dates: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header_row: int | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    add_lines: bool = False

    def __post_init__(self) -> None:
        if self.dates not in {None, *DATE_ORDERS}:
            raise Invalid("Dates can be dmy or mdy, not {dates}.", dates=repr(self.dates))
        if self.decimal not in {None, *DECIMALS}:
            raise Invalid("The decimal sign can be comma or point, not {decimal}.", decimal=repr(self.decimal))
        if self.header_row is not None and self.header_row < 1:
            raise Invalid("The header row is a line of the file, from 1, not {row}.", row=self.header_row)
        for word, meaning in self.statuses.items():
            check_meaning(word, meaning)

    def as_json(self) -> dict[str, Any]:
        """Return the options as JSON values, without those that are left open."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values |= {
            "mapping": dict(self.mapping),
            "ignore": list(self.ignore),
            "statuses": dict(self.statuses),
            "rates": {currency: str(rate) for currency, rate in self.rates.items()},
        }
        fields = self.__dataclass_fields__.values()
        open_ = {each.name: each.default for each in fields} | {
            "mapping": {},
            "ignore": [],
            "statuses": {},
            "rates": {},
        }
        return {name: value for name, value in values.items() if value != open_[name]}


def check_meaning(word: str, meaning: str) -> None:
    """Raise Invalid for what no status can mean."""
    if meaning not in STATUS_MEANINGS:
        known = ", ".join(STATUS_MEANINGS)
        raise Invalid(
            "The status {word} cannot mean {meaning}. Use one of {known}.",
            word=repr(word),
            meaning=repr(meaning),
            known=known,
        )


_MAY_SHARE = frozenset(("buyer_id", "name", "email", "phone"))
"""Fields that one column may tell."""


def with_saved(saved: Mapping[str, Any], given: ImportOptions) -> ImportOptions:
    """Return options that were saved, as JSON, with what is given besides: what is given comes first.

    A column that is now taken for another field, or for none, is no longer taken for what it was.
    """
    before, values = options_from(saved), given.as_json()
    fields = {column: name for name, spelling in given.mapping.items() for column in _columns(spelling)}
    mapping = {
        name: spelling
        for name, spelling in before.mapping.items()
        if not any(
            column in given.ignore or (column in fields and not {name, fields[column]} <= _MAY_SHARE)
            for column in _columns(spelling)
        )
    }
    together = {
        "mapping": {**mapping, **given.mapping},
        "ignore": given.ignore or [name for name in before.ignore if name not in fields],
        "statuses": {**before.statuses, **given.statuses},
        "rates": {**before.rates, **given.rates},
    }
    return options_from({**saved, **values, **together})


def _columns(spelling: str) -> set[str]:
    """Return the columns that a mapping may name; a column may itself be called `A + B`."""
    return {spelling, *chain(*columns_of(spelling, ()))}


def options_from(values: Mapping[str, Any]) -> ImportOptions:
    """Return the options that `as_json` wrote; Invalid for a name or value that is none."""
    unknown = values.keys() - ImportOptions.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(ImportOptions.__dataclass_fields__)
        raise Invalid("There is no option {name}. Known: {known}.", name=repr(min(unknown)), known=known)
    rates = parse_rates([f"{currency}={rate}" for currency, rate in values.get("rates", {}).items()])
    return ImportOptions(**{**values, "rates": rates})


def parse_maps(pairs: Sequence[str]) -> dict[str, str]:
    """Return `field=Column` pairs, as the command line gives them, as a mapping; Invalid for anything else."""
    return dict(
        _pair(pair.partition("="), gettext_noop("{pair} is not a mapping. Write field=Column.")) for pair in pairs
    )


def parse_statuses(pairs: Sequence[str]) -> dict[str, str]:
    """Return `WORD=meaning` pairs as a mapping; Invalid for anything else."""
    return dict(
        _pair(pair.rpartition("="), gettext_noop("{pair} gives no status a meaning. Write WORD=paid."))
        for pair in pairs
    )


def parse_rates(pairs: Sequence[str]) -> dict[str, Decimal]:
    """Return `EUR=7.8` pairs as rates above 0 by ISO currency; Invalid for anything else."""
    rates = {}
    for pair in pairs:
        currency, text = _pair(pair.partition("="), gettext_noop("{pair} is not a rate. Write EUR=7.8."))
        try:
            rate = Decimal(text)
        except InvalidOperation:
            rate = Decimal()
        if not (rate.is_finite() and rate > 0):
            raise Invalid("The rate of {currency} must be a number above 0, not {rate}.", currency=currency, rate=text)
        rates[currency.upper()] = rate
    return rates


def _pair(parts: tuple[str, str, str], message: str) -> tuple[str, str]:
    name, equals, value = parts
    if not (name.strip() and equals and value.strip()):
        raise Invalid(message, pair=repr("".join(parts)))
    return name.strip(), value.strip()
