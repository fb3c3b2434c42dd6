"""Rows by their ids: the condition every group of messages is found by, the same statement however many they are.

The ids travel as one value, an array on PostgreSQL and JSON on SQLite: with a parameter for each, every size of
group would be a statement of its own, to be spelt out, parsed and planned.
"""

import json
from collections.abc import Collection
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from campaigns.campaign.campaigns import Delivery

NOTHING: sa.ColumnElement[int] = sa.literal_column("0", sa.Integer)


def with_ids(shop: Any, ids: Any, row: Any = Delivery) -> sa.ColumnElement[bool]:
    """Return the condition for deliveries of a shop with these ids; each may be a bound parameter.

    The shop is compared, not searched by (`+ 0`): SQLite without statistics would rather read all of a shop's rows, at
    every group of messages, than look up a few by id.
    """
    return sa.and_(row.shop_id + NOTHING == shop, any_of(row.id, ids))


def any_of(column: Any, ids: Collection[int] | sa.BindParameter[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a column is one of these ids, or of those bound to an `ids_parameter`."""
    known = ids if isinstance(ids, sa.BindParameter) else sa.bindparam(None, ids, type_=_Ids())
    return _AnyOf(column, known)


def ids_parameter(name: str) -> sa.BindParameter[Any]:
    """Return a parameter that takes a collection of row ids."""
    return sa.bindparam(name, type_=_Ids())


class _Ids(sa.types.TypeDecorator[Collection[int]]):
    """Row ids as one value."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        array: sa.types.TypeEngine[Any] = postgresql.ARRAY(sa.BigInteger)
        return dialect.type_descriptor(array if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: Collection[int] | None, dialect: Dialect) -> Any:
        ids = list(value or ())
        return ids if dialect.name == "postgresql" else json.dumps(ids)


class _AnyOf(FunctionElement[bool]):
    """A column and the ids it may be."""

    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Self:  # noqa: ARG002 - the library hands it over
        return self  # else SQLite, which has no Boolean, is asked whether it is 1, and looks into no index


@compiles(_AnyOf)
def _in_json(element: _AnyOf, compiler: SQLCompiler, **more: Any) -> str:
    column, ids = (compiler.process(each, **more) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({ids}))"  # noqa: S608 - both are compiled, nothing is spliced in


@compiles(_AnyOf, "postgresql")
def _in_array(element: _AnyOf, compiler: SQLCompiler, **more: Any) -> str:
    column, ids = (compiler.process(each, **more) for each in element.clauses)
    return f"{column} = ANY ({ids})"
