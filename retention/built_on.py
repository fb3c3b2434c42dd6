"""What may be built on rows that an import brought: declared beside the models that refer to them.

While something stands there, the import cannot be taken back: a message that was sent is not unsent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, SQLModel

from retention.bitmaps import ids_in


@dataclass(frozen=True)
class BroughtRows:
    """What one import brought, as row numbers. `buyers` are all whose rows it changed, `new_buyers` those it added."""

    shop_id: int
    since: datetime
    buyers: BitMap
    new_buyers: BitMap
    orders: BitMap
    parcels: BitMap


class Built(NamedTuple):
    """What was built: a word for it, marked by `gettext_noop` where it is declared, and how much of it."""

    what: str
    number: int


Check = Callable[[Session, BroughtRows], int]
_checks: list[tuple[str, Check]] = []


def builds_on(table: type[SQLModel], what: str, *, moments: tuple[str, ...] = ()) -> None:
    """Say that rows of a table are built on rows they name: on buyers it added by `buyer_id`, on buyers it changed when
    one of the `moments` is later, and on orders and parcels by `order_id` and `parcel_id`.
    """
    rows: sa.Table = table.__table__  # type: ignore[attr-defined]

    def count(session: Session, brought: BroughtRows) -> int:
        later = sa.or_(sa.false(), *(rows.c[name] >= brought.since for name in moments))
        named = {
            "buyer_id": ((brought.new_buyers, sa.true()), (brought.buyers, later)),
            "order_id": ((brought.orders, sa.true()),),
            "parcel_id": ((brought.parcels, sa.true()),),
        }
        where = [
            sa.and_(rows.c[column].in_(ids_in(session, ids)), when)
            for column, sets in named.items()
            for ids, when in sets
            if column in rows.c and ids
        ]
        found = sa.select(sa.func.count()).select_from(rows).where(rows.c.shop_id == brought.shop_id)
        return session.execute(found.where(sa.or_(*where))).scalar_one() if where else 0

    _checks.append((what, count))


def at_undo(what: str) -> Callable[[Check], Check]:
    """Have a function count what is built where no column says so."""

    def declare(check: Check) -> Check:
        _checks.append((what, check))
        return check

    return declare


def built_on(session: Session, brought: BroughtRows) -> list[Built]:
    """Return what was built on the rows of an import."""
    found = (Built(what, check(session, brought)) for what, check in _checks)
    return [each for each in found if each.number]
