"""Addresses that a shop's till or a marketplace writes for whoever has none: they are nobody's.

Taken for an address, one would make a single buyer of all strangers. Beside the known ones, an address or number that
stands for many different names in a file is named in a warning: nobody lists all that tills write.
"""

from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from retention.i18n import gettext_noop
from retention.ingest.files.chunks import Chunk
from retention.ingest.notes import Note

_NOBODY = (  # before the @, in any domain: nobody is called so
    (r"no(?:ne|body|name|where)|no[-_.]?(?:e[-_.]?)?mails?(?:[-_.]?(?:address|provided|given))?", "there is none"),
    (r"(?:not|non)[-_.]?(?:provided|given|available|applicable|set|known)|unknown|undefined|null|nil", "there is none"),
    (r"no[-_.]?reply|do[-_.]?not[-_.]?reply|noreply[-_.]?\w*", "a machine's that reads no answer"),
    (r"anonym(?:ous|e|o|us)?|walk[-_.]?in(?:[-_.]?customer)?|0+|x{3,}|n[/-]a", "there is none"),
    (r"(?:pas[-_.]?de?|sans|sin|senza|ohne|keine?|bez|brak)[-_.]?(?:e?[-_.]?mail\w*|correo|adresse)",
     "there is none, in other languages"),
)  # fmt: skip
_WORDS = (  # before the @, where the domain is nobody's either: in another they may be a person or an office
    r"no|na|n[-_.]a|nope|test\d*|tester|testing|guest\d*|gast|invite|invitado|ospite|customer|client|cliente|kunde|buyer|"
    r"user|someone|somebody|name|email|e-mail|mail|info|abc|asd+f?|qwe(?:rty)?|a+|x+|fake|dummy|sample|example|1+|"
    r"123\d*|default|temp|admin|cash|pos|till|shop|store"
)
_DOMAINS = (
    r"(?:test|none|no|na|nope|domain|abc|aaa+|xxx+|asdf?|123\d*|fake|dummy|yourdomain|mydomain|guest|customer|"
    r"noreply)\.(?:com|org|net)"
)
_LIKELY = r"(?:no|test|guest|fake|dummy|e?-?mail)@(?:example|e?-?mail)\.(?:com|org|net)"
"""In the domains of documents, and of a provider with such a name, people may be called so: only the plainest."""
_NOWHERE = (  # behind the @, whatever stands before it
    r"no(?:ne|[-_]?e?-?mail)\.(?:com|org|net|invalid|local|none|de|fr|cn)|none?\.none?|na\.na|test\.test|"
    r"(?:[\w.-]+\.)?invalid|localhost(?:\.localdomain)?"
)
_MAIL = (
    rf"(?i)^(?:(?:{'|'.join(pattern for pattern, _ in _NOBODY)})@.*|(?:{_WORDS})@(?:{_DOMAINS})|{_LIKELY}|"
    rf"[^@]*@(?:{_NOWHERE}))$"
)
_WRITTEN = r"(?i)^(?:invalid request|not available|not provided|no e-?mail|no phone|keine|kein|aucun|ninguno)$"
"""What eBay and others write where they give no address away."""
_PHONE = (  # one digit all along, and digits in their order
    r"^\D*(?:" + "|".join(rf"(?:{digit}\D*){{6,}}" for digit in range(10)) + r"|"
    r"0?1\D*2\D*3\D*4\D*5\D*6\D*7?\D*8?\D*9?\D*0?\D*1?\D*)$"
)
_ODD_PHONE = r"0000|1111|2222|3333|4444|5555|6666|7777|8888|9999|1234"

MOST_NAMES = 5
"""From how many different names on one address is no person's."""
_MOST_NAMED = 3

SHARED_MAIL = gettext_noop(
    "The mail address {address} stands for {names} different names in this file. If it is a placeholder, empty it: "
    "whoever has no other number becomes one buyer."
)
SHARED_PHONE = gettext_noop(
    "The phone number {address} stands for {names} different names in this file. If it is a placeholder, empty it: "
    "whoever has no other number becomes one buyer."
)


def blank_if_placeholder(cells: pl.Series, name: str) -> pl.Series:
    """Return mail addresses or phone numbers (`name` says which) without those that are nobody's."""
    if name == "email":
        wrong = cells.str.contains(_MAIL) | cells.str.contains(_WRITTEN)
    else:
        wrong = cells.str.contains(_ODD_PHONE)
        wrong = wrong & cells.str.contains(_PHONE) if wrong.any() else wrong
    if not wrong.any():
        return cells
    return pl.select(pl.when(~wrong.fill_null(value=False)).then(cells)).to_series().alias(cells.name)


class SharedAddresses:
    """Counts the names that each mail address and phone number of a file stands for, as hashes: 16 bytes a pair."""

    def __init__(self) -> None:
        self._pairs: dict[str, list[pl.DataFrame]] = {"email": [], "phone": []}

    def clear(self) -> None:
        """Forget all rows: the file is read from the top again."""
        self._pairs = {"email": [], "phone": []}

    def look(self, contacts: Mapping[str, pl.Series]) -> None:
        """Take in the names and addresses of some rows."""
        if "name" not in contacts or contacts["name"].null_count() == len(contacts["name"]):
            return
        names = _bare(contacts["name"]).hash()
        for kind, pairs in self._pairs.items():
            if kind in contacts and (known := contacts[kind].is_not_null() & contacts["name"].is_not_null()).any():
                found = pl.DataFrame({"address": _key(contacts[kind], kind).hash(), "name": names})
                pairs.append(found.filter(known).unique())

    def notes(self, chunks: Iterable[Chunk], columns: Mapping[str, str]) -> Iterator[Note]:
        """Return a warning for the addresses with most names; the file is read for them where there are any."""
        suspicious = {kind: found for kind, pairs in self._pairs.items() if pairs and (found := _most_named(pairs))}
        if not suspicious:
            return
        written: dict[tuple[str, int], str] = {}
        for chunk in chunks:
            for kind, found in suspicious.items():
                cells = chunk.frame[columns[kind]].unique().drop_nulls()
                keys = _key(cells, kind).hash()
                for place in keys.is_in(list(found)).arg_true():
                    written.setdefault((kind, keys[place]), cells[place])
        for (kind, key), address in written.items():
            message = SHARED_MAIL if kind == "email" else SHARED_PHONE
            yield Note(message, {"address": repr(address), "names": suspicious[kind][key]})


def _most_named(pairs: list[pl.DataFrame]) -> dict[int, int]:
    """Return the addresses with many names and how many these are, those with most first."""
    counts = pl.concat(pairs).unique().group_by("address").len("names").filter(pl.col("names") >= MOST_NAMES)
    return dict(counts.sort("names", "address", descending=[True, False]).head(_MOST_NAMED).iter_rows())


def _bare(names: pl.Series) -> pl.Series:
    return names.str.to_lowercase().str.replace_all(r"[\s.,'-]+", "")


def _key(addresses: pl.Series, kind: str) -> pl.Series:
    return addresses.str.to_lowercase().str.strip_chars() if kind == "email" else addresses.str.replace_all(r"\D+", "")
