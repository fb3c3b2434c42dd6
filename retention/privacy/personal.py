"""Personal data: which rows are about one buyer and which of their columns are personal, declared beside each model.

An export shows every row declared here; an erasure puts blanks where personal values stood, or deletes rows that mean
nothing without the person. Counts and money stay.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, SQLModel


class PersonKeys(NamedTuple):
    """One buyer: the row's number, the id the shop knows them by, and each address they have or had, in every spelling
    that is known.
    """

    id: int
    external_id: str
    addresses: frozenset[str] = frozenset()


Which = Callable[[PersonKeys], "sa.ColumnElement[bool]"]


@dataclass(frozen=True)
class Personal:
    """Rows of one table about a buyer.

    `which` finds them. `blank` is what erasure leaves in which column; with `delete` the rows
    go. `files` are columns that name stored files, which go too. `hide` are columns no export shows. `addresses` are
    columns that hold addresses of the buyer, also former ones. With `any_shop` rows of other shops count too: those of
    a joint flyer that this buyer got.
    """

    table: type[SQLModel]
    which: Which
    blank: Mapping[str, Any] = field(default_factory=dict)
    delete: bool = False
    files: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    any_shop: bool = False

    @property
    def name(self) -> str:
        return str(self.rows.name)

    @property
    def rows(self) -> sa.Table:
        table: sa.Table = self.table.__table__  # type: ignore[attr-defined]
        return table

    def about(self, shop_id: int, who: PersonKeys) -> tuple["sa.ColumnElement[bool]", ...]:
        """Return the conditions that are true of the buyer's rows."""
        mine = () if self.any_shop else (self.rows.c.shop_id == shop_id,)
        return *mine, self.which(who)


_declared: dict[str, Personal] = {}


def mentions(column: Any, who: PersonKeys) -> "sa.ColumnElement[bool]":
    """Return whether a column of JSON names a buyer, by the shop's own id or by an address, as either database
    writes it.
    """
    text = sa.cast(column, sa.Text)
    ids, addresses = _written({who.external_id}), _written({each.lower() for each in _telling(who)})
    return sa.or_(*(_holds(text, each) for each in ids), *(_holds(sa.func.lower(text), each) for each in addresses))


def quotes(column: Any, who: PersonKeys) -> "sa.ColumnElement[bool]":
    """Return whether a column of free text has an address of a buyer in it."""
    text = sa.func.lower(sa.cast(column, sa.Text))
    return sa.or_(sa.false(), *(_holds(text, each.lower()) for each in _telling(who)))


def _written(names: set[str]) -> list[str]:
    """Return texts as they stand in JSON: SQLite keeps what is not ASCII in escapes, PostgreSQL as it is."""
    return sorted({json.dumps(name, ensure_ascii=ascii_only) for name in names for ascii_only in (True, False)})


def _holds(text: Any, part: str) -> "sa.ColumnElement[bool]":
    """Return whether a text has a part in it, letter for letter; LIKE of SQLite knows no case."""
    return sa.func.replace(text, part, "") != text  # type: ignore[no-any-return]


def _telling(who: PersonKeys) -> list[str]:
    """Return the addresses that are nobody else's by chance: what is neither mail address nor whole number is none."""
    return sorted(each for each in who.addresses if "@" in each or sum(sign.isdigit() for sign in each) >= 7)


def personal(
    table: type[SQLModel],
    *,
    which: Which | None = None,
    blank: Mapping[str, Any] | None = None,
    delete: bool = False,
    files: tuple[str, ...] = (),
    hide: tuple[str, ...] = (),
    addresses: tuple[str, ...] = (),
    any_shop: bool = False,
) -> None:
    """Say that rows of a table are about a buyer: by its column `buyer_id`, or by what `which` returns for a buyer."""
    rows: sa.Table = table.__table__  # type: ignore[attr-defined]
    found = which or (lambda who: rows.c.buyer_id == who.id)
    _declared[str(rows.name)] = Personal(table, found, blank or {}, delete, files, hide, addresses, any_shop)


Step = Callable[[Session, int, PersonKeys], Iterable[str]]
_steps: list[Step] = []


def at_erasure(step: Step) -> Step:
    """Have a function take what no blank in a row can; it returns the names of stored files that are to go."""
    _steps.append(step)
    return step


def steps() -> list[Step]:
    """Return what an erasure does besides."""
    return list(_steps)


def declared() -> list[Personal]:
    """Return all that is declared, by the name of the table; buyers last, since others are found by what they hold."""
    return [_declared[name] for name in sorted(_declared, key=lambda name: (name == "buyers", name))]
