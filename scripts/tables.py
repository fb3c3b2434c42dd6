"""Write docs/tables.md: every table with what it is for, its columns and keys, as the models say it.

`--check` says whether the page is that of the models.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel
from sqlmodel.main import default_registry

from api.tables import metadata

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tables.md"
PACKAGES = ("retention", "segments", "campaigns", "printables")
_HEAD = """# The tables

Every table with its model, what it is for, its columns and keys. Written by `make tables` from the models: change them,
not this page. Row numbers (`id`) count within one installation; `shop_id` leads every key of what belongs to a shop
([decision 1](decisions/0001-shop-leads-every-key.md)). Money is in minor units, moments are UTC, a column that may be
empty is marked.
"""
_PLAIN = {
    sa.Boolean: "yes or no", sa.Date: "day", sa.DateTime: "moment", sa.Float: "fraction", sa.Integer: "number",
    sa.JSON: "JSON", sa.LargeBinary: "bytes", sa.Numeric: "fraction", sa.Text: "text", sa.Uuid: "UUID",
}  # fmt: skip


def main() -> None:
    if "--check" in sys.argv[1:]:
        sys.exit("docs/tables.md is not that of the models: make tables" if page() != PAGE.read_text("utf-8") else 0)
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    parts = [_HEAD]
    for package in PACKAGES:
        mine = sorted((each for each in models() if each.__module__.split(".")[0] == package), key=_table_name)
        parts.append(f"## {package}\n\n" + "\n".join(section(model) for model in mine))
    return "\n".join(parts)


def models() -> list[type[SQLModel]]:
    """Every model with a table; a table without one would be missing in the page, so it is an error."""
    found = [mapper.class_ for mapper in default_registry.mappers]
    assert {_table_name(each) for each in found} == set(metadata.tables)
    return found


def section(model: type[SQLModel]) -> str:
    table = _table(model)
    doc = " ".join((inspect.getdoc(model) or "").split())
    said = said_of_columns(model)
    lines = [
        f"### `{table.name}`",
        "",
        f"`{model.__module__}.{model.__name__}`. {doc}",
        "",
        "| column | holds | |",
        "| --- | --- | --- |",
    ]
    lines += [f"| `{column.name}` | {holds(column)} | {notes(column, said)} |" for column in table.columns]
    keys = list(keys_of(table))
    return "\n".join([*lines, "", *keys, *([""] if keys else [])])


def holds(column: sa.Column[Any]) -> str:
    kind: Any = column.type
    if isinstance(kind, sa.TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, sa.Enum):
        return ", ".join(f"`{each}`" for each in kind.enums)
    word = next((word for sort, word in _PLAIN.items() if isinstance(kind, sort)), "text")
    length = getattr(kind, "length", None)
    return f"{word} of at most {length}" if length else word


def notes(column: sa.Column[Any], said: dict[str, str]) -> str:
    found = [f"row of `{key.column.table.name}`" for key in column.foreign_keys]
    if column.nullable:
        found.append("may be empty")
    if words := said.get(column.name):
        found.append(words)
    return "; ".join(found)


def keys_of(table: sa.Table) -> Iterator[str]:
    """The keys of a table, a line each, the primary one only where it is not the row's number."""
    primary = [column.name for column in table.primary_key]
    if primary != ["id"]:
        yield f"Primary key: {_names(primary)}."
    unique = [_names(each.columns) for each in table.constraints if isinstance(each, sa.UniqueConstraint)]
    unique += [_names(each.columns) for each in table.indexes if each.unique]
    if unique:
        yield f"Unique: {'; '.join(sorted(unique))}."
    if plain := [_names(each.columns) for each in table.indexes if not each.unique]:
        yield f"Index: {'; '.join(sorted(plain))}."


def _names(columns: Any) -> str:
    return ", ".join(f"`{getattr(each, 'name', each)}`" for each in columns)


@cache
def said_of_columns(model: type[SQLModel]) -> dict[str, str]:
    """What stands in the model below a column, or in its description."""
    said: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, SQLModel) and base is not SQLModel:
            (tree,) = ast.parse(inspect.getsource(base)).body
            said |= _doc_strings(tree)
    described = {name: info.description for name, info in model.model_fields.items() if info.description}
    return {name: " ".join(words.split()).rstrip(".") for name, words in {**described, **said}.items()}


def _doc_strings(tree: ast.stmt) -> dict[str, str]:
    assert isinstance(tree, ast.ClassDef)
    pairs = zip(tree.body, tree.body[1:], strict=False)
    return {
        column.target.id: text.value.value
        for column, text in pairs
        if isinstance(column, ast.AnnAssign) and isinstance(column.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def _table(model: type[SQLModel]) -> sa.Table:
    table = sa.inspect(model).local_table
    assert isinstance(table, sa.Table)
    return table


def _table_name(model: type[SQLModel]) -> str:
    return _table(model).name


if __name__ == "__main__":
    main()
