"""Who a row is about: the buyer's number, mail address and telephone, without what only looks like one.

Placeholders (0, NULL, guest) are blank. What a platform has masked (小**, 138****1234, a cipher) is nobody's: it
names no buyer and is no address. A mail address as a number has one spelling. Where no number is left, a row of orders
or buyers is about whoever has its mail address, else its telephone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl
from sqlmodel import Session

from retention.addresses import email_keys, phone_keys
from retention.buyers import mail_ids_as_stored
from retention.i18n import ngettext_noop
from retention.ingest.cells.identifiers import bare_identifiers
from retention.ingest.notes import Note
from retention.ingest.people.placeholders import blank_if_placeholder
from retention.shops import Shop
from retention.staging import ColumnKind, look_up

_NOBODY = frozenset((
    "null", "nan", "n/a", "na", "#n/a", "none", "nil", "undefined", "(blank)", "blank", "-", "--", "---", "—", "\\n",
    "unknown", "(not set)", "guest", "guests", "guest customer", "guest user", "guest checkout", "anonymous",
    "anonymous customer", "walk-in customer", "匿名", "匿名用户", "匿名买家", "匿名会员", "游客", "散客", "访客",
    "未知", "无", "空",
))  # fmt: skip
_ZERO = r"^0+(?:\.0+)?$"
_STARS = ("*", "＊", "●", "•")
_CIPHER = r"^(?:~.{8,}|\$\$.+|##.+|[$#].{16,}[$#]\d*[$#]?)$"
_CROSSED = r"(?i)^(?:\+?86)?1\d{2}x{4}\d{4}$"  # 138xxxx1234; a nickname may have an x
_LONG = (
    r"^[A-Za-z0-9+/_-]{60,150}={0,2}$"  # a recipient's cipher (OAID): letters of both cases and digits, of no meaning
)
_LEAST_LONG = 60
_MOST_NAMED = 3
_LEAST_DIGITS = 7  # of a telephone that tells one person from another


SEVERAL = ngettext_noop(
    "{count} mail address of the file is the ID of several buyers, who were stored in different spellings. Its rows go "
    "to one of them: {buyers}.",
    "{count} mail addresses of the file are the IDs of several buyers each, who were stored in different spellings. "
    "Their rows go to one of them: {buyers}.",
)


class Persons(NamedTuple):
    """The persons of some rows; `masked` tells whose buyer, and `hidden` whose address, is masked."""

    buyer: pl.Series
    contacts: dict[str, pl.Series]
    masked: pl.Series
    hidden: pl.Series


def read_persons(
    number: pl.Series, contacts: Mapping[str, pl.Series], country: str, countries: pl.Series | None, *, guests: bool
) -> Persons:
    """Return whom the rows name; with `guests`, a mail address or telephone stands for a number that is missing."""
    number, masked = without_masks(blank_if_nobody(number))
    kept = {name: blank_if_nobody(cells) for name, cells in contacts.items()}
    hidden = pl.repeat(False, len(number), eager=True)
    for name in ("email", "phone"):
        if name in kept:
            kept[name], masked_cells = without_masks(blank_if_placeholder(kept[name], name))
            hidden |= masked_cells
    if number.str.contains("@", literal=True).any():
        number = blank_if_placeholder(number, "email")
    buyer = _one_spelling(number)
    if guests:
        buyer = _or_contact(buyer, kept, country, countries)
    return Persons(buyer, kept, masked & buyer.is_null(), hidden)


def blank_if_nobody(cells: pl.Series) -> pl.Series:
    """Return cells without the marks of spreadsheets around them; null where they stand for nothing."""
    if cells.null_count() == len(cells):
        return cells
    cells = bare_identifiers(cells, whole=False)
    short = cells.str.len_bytes() <= 24
    nobody = short & (cells.str.to_lowercase().is_in(list(_NOBODY)) | cells.str.contains(_ZERO) | (cells == ""))
    return _null_where(nobody, cells)


def without_masks(cells: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return cells without those that are masked, and which these are."""
    masked = cells.str.contains_any(list(_STARS)) | cells.str.contains(_CIPHER) | cells.str.contains(_CROSSED)
    longest = cells.str.len_bytes().max()
    long = cells.str.contains(_LONG) if isinstance(longest, int) and longest >= _LEAST_LONG else None
    if long is not None and long.any():
        masked |= (
            long & pl.DataFrame([cells.str.contains(sign) for sign in ("[A-Z]", "[a-z]", "[0-9]")]).min_horizontal()
        )
    masked = masked.fill_null(False)
    return _null_where(masked, cells), masked


def _null_where(wrong: pl.Series, cells: pl.Series) -> pl.Series:
    if not wrong.any():
        return cells
    return pl.select(pl.when(~wrong.fill_null(False)).then(cells)).to_series().alias(cells.name)


def _one_spelling(number: pl.Series) -> pl.Series:
    mail = number.str.contains_any(["@", "＠"]).fill_null(False)
    if not mail.any():
        return number
    keys = email_keys(number.filter(mail))
    spelled = pl.select(pl.when(mail).then(number.scatter(mail.arg_true(), keys)).otherwise(number)).to_series()
    return spelled.alias(number.name)


def _or_contact(
    buyer: pl.Series, contacts: Mapping[str, pl.Series], country: str, countries: pl.Series | None
) -> pl.Series:
    """Fill missing numbers with the mail address, else with the telephone in E.164."""
    if "email" in contacts and buyer.null_count():
        missing = buyer.is_null() & contacts["email"].str.contains(r"[^@\s]@[^@\s]").fill_null(False)
        if missing.any():
            buyer = buyer.scatter(missing.arg_true(), email_keys(contacts["email"].filter(missing)))
    if "phone" in contacts and buyer.null_count():
        missing = buyer.is_null() & contacts["phone"].is_not_null()
        if missing.any():
            places = countries.filter(missing) if countries is not None else None
            keys = phone_keys(contacts["phone"].filter(missing), country, places)
            abroad = contacts["phone"].filter(missing).str.starts_with("+") & ~keys.str.starts_with("+")
            keys = pl.select(pl.when(abroad).then("+" + keys).otherwise(keys)).to_series()
            whole = keys.str.count_matches(r"\d") >= _LEAST_DIGITS
            buyer = buyer.scatter(missing.arg_true(), _null_where(~whole, keys))
    return buyer


class KnownBuyers:
    """How mail addresses that are numbers of a shop's buyers were written when they were stored.

    Where one stands as several buyers, whoever has it in its one spelling is meant, else the oldest.
    """

    def __init__(self, session: Session, shop: Shop) -> None:
        stored = mail_ids_as_stored(session, shop.id)
        exact = _exact(session, shop, list(stored))
        self._stored = {key: spellings[0] for key, spellings in stored.items() if key not in exact}
        self._several = {
            key: self._stored.get(key, key) for key, spellings in stored.items() if key in exact or spellings[1:]
        }
        self._met: dict[str, str] = {}

    def as_stored(self, buyer: pl.Series) -> pl.Series:
        """Return the numbers with each mail address as the shop has it."""
        if self._several:
            self._met |= {key: self._several[key] for key in buyer.unique() if key in self._several}
        return buyer.replace(self._stored) if self._stored else buyer

    def notes(self) -> Iterator[Note]:
        """Say which of several buyers with one address got the rows."""
        if self._met:
            shown = ", ".join(map(repr, sorted(self._met.values())[:_MOST_NAMED]))
            more = ", …" if len(self._met) > _MOST_NAMED else ""
            yield Note(SEVERAL, {"count": len(self._met), "buyers": shown + more})


def _exact(session: Session, shop: Shop, keys: list[str]) -> set[str]:
    """Return the addresses that somebody has in their one spelling."""
    if not keys:
        return set()
    columns = {"key": ("t.external_id", ColumnKind.TEXT)}
    found = look_up(session, "buyers", pl.Series(keys), "t.external_id = s.value", columns, shop=shop.id)
    return set(found["key"].to_list())


def joined(parts: Sequence[pl.Series]) -> pl.Series:
    """Return several columns as one value each: given name and family name, day and time."""
    if len(parts) == 1:
        return parts[0]
    blank = pl.all_horizontal(part.is_null() for part in parts)
    spaced = pl.concat_str(list(parts), separator=" ", ignore_nulls=True)
    together = pl.select(pl.when(~blank).then(spaced)).to_series()
    chinese = together.str.contains(r"^[\p{Han}]+ [\p{Han}]+$").fill_null(False)
    if chinese.any():  # the family name comes first, without a blank
        turned = pl.select(pl.concat_str(list(reversed(parts)), ignore_nulls=True)).to_series()
        together = pl.select(pl.when(chinese).then(turned).otherwise(together)).to_series()
    return together
