"""Who writes a table, as far as its source tells: by a statement, through objects, or in SQL of its own."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from sqlmodel import SQLModel

_STATEMENTS = {"update", "insert", "delete", "merge", "insert_rows", "bulk_insert_mappings", "bulk_update_mappings"}
_READS = {"get", "get_one", "select", "query", "refresh"}
_SQL = r"\b(update|insert\s+into|delete\s+from|merge\s+into|replace\s+into|copy|truncate)\s+((only|table)\s+)*[\"'`]?"


def writes(source: str, table: type[SQLModel]) -> list[str]:
    """Return each place that writes rows of a table, as line and kind. A sample with `id=0` cannot be stored."""
    row, statements = table.__name__.lower(), _sql_of(table)
    suspect = rf"\b{table.__name__}\b|\b{row}\.\w+[^=\n]*=[^=]|(setattr|delete)\([\w.]*{row}\b"
    if not (re.search(suspect, source) or statements.search(source)):  # most modules have nothing to do with it
        return []
    tree = _parsed(source)
    nodes = list(ast.walk(tree))
    imported = [each for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names]
    names = {table.__name__} | {each.asname or each.name for each in imported if each.name == table.__name__}
    scopes = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    outside = ast.Module([node for node in tree.body if node not in scopes], [])
    found = [place for scope in (outside, *scopes) for place in _Scope(table, names, scope).writes()]
    return list(dict.fromkeys(found))


@cache
def _sql_of(table: type[SQLModel]) -> re.Pattern[str]:
    return re.compile(rf"{_SQL}{table.__tablename__}\b", re.IGNORECASE)


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


class _Scope:
    """A function, or what stands outside of all: which of its names hold rows of the table."""

    def __init__(self, table: type[SQLModel], names: set[str], scope: ast.AST) -> None:
        self.name, self.columns = table.__name__, set(table.model_fields)
        self.sql = _sql_of(table)
        self.names = names
        self.nodes = list(ast.walk(scope))
        self.rows: set[str] = {self.name.lower()}
        for _ in range(3):  # what is read from what was read
            self.rows |= {name for node in self.nodes for name in self._held(node)}

    def writes(self) -> Iterator[str]:
        for node in self.nodes:
            if kind := self._by_call(node) if isinstance(node, ast.Call) else self._by_itself(node):
                yield f"{getattr(node, 'lineno', 0)}: {kind}"

    def _by_call(self, node: ast.Call) -> str:
        name = _called(node)
        if self._is_table(node.func):
            sample = any(each.arg == "id" and ast.unparse(each.value) == "0" for each in node.keywords)
            return "" if sample else "a new row"
        if name in _STATEMENTS and any(self._is_table(each) for each in node.args):
            return name
        if isinstance(node.func, ast.Attribute) and name in {"update", "delete"} and self._reads(node.func.value):
            return f"{name} of a query"
        return name if name in {"setattr", "delete"} and node.args and self._is_row(node.args[0]) else ""

    def _by_itself(self, node: ast.AST) -> str:
        match node:
            case ast.Attribute(attr="__table__", value=value) if self._is_table(value):
                return "the table itself"
            case ast.Assign(value=value) if self._is_table(value):
                return "another name of the table"
            case ast.Attribute(ctx=ast.Store() | ast.Del(), attr=column, value=row) if self._is_row(row):
                return column if column in self.columns else ""
            case ast.Constant(value=str(text)) if self.sql.search(text):
                return "SQL"
        return ""

    def _held(self, node: ast.AST) -> Iterator[str]:
        """Yield the names a node gives to rows: annotated so, read from the database, or one after the other."""
        match node:
            case ast.arg(arg=name, annotation=ast.AST() as kind) if self._mentions(kind):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind) if self._mentions(kind):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if self._reads(value):
                yield name
            case ast.NamedExpr(target=ast.Name(id=name), value=value) if self._reads(value):
                yield name
            case ast.For(target=ast.Name(id=name), iter=rows) if self._reads(rows) or self._is_row(rows):
                yield name

    def _is_table(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == self.name or (node.attr == "__table__" and self._is_table(node.value))
        return isinstance(node, ast.Name) and node.id in self.names

    def _is_row(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == self.name.lower()
        return isinstance(node, ast.Name) and node.id in self.rows

    def _mentions(self, node: ast.AST) -> bool:
        return any(self._is_table(each) for each in ast.walk(node))

    def _reads(self, node: ast.AST) -> bool:
        """Tell whether an expression reads whole rows: `get(Delivery, 1)`, `exec(select(Delivery))`."""
        calls = (each for each in ast.walk(node) if isinstance(each, ast.Call) and _called(each) in _READS)
        return any(self._is_table(argument) for call in calls for argument in call.args)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
