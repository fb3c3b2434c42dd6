"""Data versions: one counter per shop and family of facts, raised in the transaction that changes them.

A cached answer names the version it was computed from; when the counter has moved, the answer is not used.
"""

from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, SQLModel, select

from retention.database import BigId, choice, is_postgresql

_RAISED = "raised_versions"


class Family(StrEnum):
    """The families of facts a rule can ask about."""

    BUYERS = "buyers"
    ORDERS = "orders"
    FOLLOWERS_AND_GROUPS = "relations"  # as rows have it
    CONSENTS = "consents"
    TOUCHES = "touches"
    FORECASTS = "forecasts"  # what is predicted of buyers, recalculated once a day
    SEGMENTS = "segments"  # saved rules, manual members and lists, which other rules can name


NO_VERSIONS = dict.fromkeys(Family, 0)
"""Of a shop where nothing ever changed."""


class DataVersion(SQLModel, table=True):
    """How often a family of facts has changed."""

    __tablename__ = "data_versions"

    shop_id: int = Field(primary_key=True, foreign_key="shops.id", sa_type=BigId)
    family: Family = Field(primary_key=True, sa_type=choice(Family))
    version: int = 0


def raise_version(session: Session, shop_id: int, family: Family) -> None:
    """Say that facts of this family changed; call it in the transaction that changes them."""
    session.info.setdefault(_RAISED, set()).add((shop_id, family))
    session.flush()
    session.connection().execute(_raised(is_postgresql(session)), {"shop_id": shop_id, "family": family})


def raised_here(session: Session, shop_id: int) -> set[Family]:
    """Return the families this session has changed itself.

    What it computes from them may still change under the same version, and must not be kept for others.
    """
    return {family for shop, family in session.info.get(_RAISED, ()) if shop == shop_id}


def read_versions(session: Session, shop_id: int) -> dict[Family, int]:
    """Return the present version of every family; 0 where nothing ever changed."""
    found = session.exec(select(DataVersion).where(DataVersion.shop_id == shop_id))
    return NO_VERSIONS | {row.family: row.version for row in found}


def version_of(session: Session, shop_id: int, family: Family) -> int:
    """Return the present version of one family; 0 where nothing ever changed."""
    found = select(DataVersion.version).where(DataVersion.shop_id == shop_id, DataVersion.family == family)
    return session.exec(found).first() or 0


def all_versions(session: Session) -> dict[int, dict[Family, int]]:
    """Return the present versions of every shop where anything ever changed, by one SELECT."""
    found: dict[int, dict[Family, int]] = {}
    for row in session.exec(select(DataVersion)):
        found.setdefault(row.shop_id, dict(NO_VERSIONS))[row.family] = row.version
    return found


@cache
def _raised(on_postgresql: bool) -> Any:  # noqa: FBT001
    """Return the statement that counts one up, made once: every group of messages that leaves runs it."""
    counters = DataVersion.__table__  # type: ignore[attr-defined]
    row = (postgresql if on_postgresql else sqlite).insert(counters)
    first = row.values(shop_id=sa.bindparam("shop_id"), family=sa.bindparam("family"), version=1)
    return first.on_conflict_do_update(index_elements=["shop_id", "family"], set_={"version": counters.c.version + 1})
