"""Sets of row numbers between database and memory: a SELECT of ids as a Roaring bitmap, a bitmap as rows of a query."""

import json

import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy.dialects import postgresql
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from retention.database import BigId, is_postgresql


def read_bitmap(session: Session, query: sa.Select[int] | SelectOfScalar[int]) -> BitMap:
    """Return the one id column of `query` as a set. Ids must stay below 2^32."""
    result = session.connection().execute(query, execution_options={"yield_per": 100_000})
    found = BitMap()
    for rows in result.partitions():
        found.update(row[0] for row in rows)
    return found


def ids_in(session: Session, ids: BitMap) -> sa.Select[int]:
    """Return a SELECT of one column `id` that yields the members of `ids`, sent as one bound value."""
    if is_postgresql(session):
        members = sa.func.unnest(sa.bindparam(None, ids.to_array().tolist(), type_=postgresql.ARRAY(sa.BigInteger)))
        return sa.select(members.column_valued("id"))
    each = sa.func.json_each(json.dumps(ids.to_array().tolist())).table_valued(sa.column("value", BigId))
    return sa.select(each.c.value.label("id"))
