"""Who writes a table, as far as its source tells: by a statement, through objects, or in SQL of its own.

Found is what names the table, one of its rows, or a function that says it returns rows. Out of reach stays whatever
only running it would tell: a table chosen by a variable (`for table in tables: sa.update(table)`, `sa.table(name)`,
as the erasure does with the tables registered as personal), SQL put together from variables before it is run, rows
that pass through a dict, a list of a class or a function without a return type, and what a trigger or a cascade of the
database does.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache

from sqlmodel import SQLModel

_STATEMENTS = {"update", "insert", "delete", "merge", "insert_rows", "bulk_insert_mappings", "bulk_update_mappings"}
_OF_ROWS = {"setattr", "delete", "merge", "bulk_save_objects"}
_READS = {"get", "get_one", "select", "query", "refresh"}
_MADE = {"model_validate", "model_validate_json", "model_construct", "from_orm", "parse_obj", "construct"}
_TABLES = {"table", "Table", "inspect", "class_mapper"}
_SQL = r"\b(update|insert\s+into|delete\s+from|merge\s+into|replace\s+into|copy|truncate)\s+((only|table)\s+)*[\"'`]?"
_TABLE = "the table itself"
_PUT_IN = "\N{REPLACEMENT CHARACTER}"
_VERB = re.compile(rf"{_SQL}({_PUT_IN}|%s|%\(|\{{)", re.IGNORECASE)


def writes(source: str, table: type[SQLModel], helpers: Iterable[str] = ()) -> list[str]:
    """Return each place that writes rows of a table, as line and kind. A sample with `id=0` cannot be stored.

    `helpers` are functions of other modules that return rows of it, as `returning` finds them.
    """
    row, statements = table.__name__.lower(), _sql_of(table)
    suspect = rf"\b{table.__name__}\b|\b{row}\.\w+[^=\n]*=[^=]|({'|'.join(_OF_ROWS)})\([\w.\[]*{row}\b"
    own = "|".join(sorted({*helpers, f"[\"']{table.__tablename__}[\"']"}))
    if not (re.search(rf"{suspect}|{own}", source) or statements.search(source)):
        return []  # most modules have nothing to do with it
    tree = _parsed(source)
    nodes = list(ast.walk(tree))
    names = _names_of(nodes, table)
    found = {*helpers, *_returning(nodes, names)}
    scopes = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    outside = ast.Module([node for node in tree.body if node not in scopes], [])
    shared = names | set(_other_names(outside, names))
    return list(dict.fromkeys(each for scope in (outside, *scopes) for each in _Scope(table, shared, found, scope)))


def returning(source: str, table: type[SQLModel]) -> set[str]:
    """Return the functions of a module whose return type names the table: what they return is a row, or rows."""
    if not re.search(rf"->.*\b{table.__name__}\b", source):
        return set()
    nodes = list(ast.walk(_parsed(source)))
    return set(_returning(nodes, _names_of(nodes, table)))


def unnamed(source: str) -> list[str]:
    """Return each line with SQL that writes a table whose name is put into it."""
    if not re.search(rf"{_SQL}([{{%]|[\"'])", source, re.IGNORECASE):
        return []
    return [str(getattr(node, "lineno", 0)) for node in ast.walk(_parsed(source)) if _put_together(node)]


def _put_together(node: ast.AST) -> list[ast.expr]:
    """Return the parts of a text that is SQL which writes, where the name of the table is one of the parts."""
    match node:
        case ast.JoinedStr(values=parts):
            pass
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            parts = [left, *_parts(right)]
        case ast.Call(func=ast.Attribute(attr="format", value=left), args=args):
            parts = [left, *args]
        case _:
            return []
    words = "".join(each.value if _is_text(each) else _PUT_IN for each in parts)  # type: ignore[attr-defined]
    return parts if _VERB.search(words) else []


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _returning(nodes: list[ast.AST], names: set[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns and _says(node.returns, names):
            yield node.name


def _names_of(nodes: list[ast.AST], table: type[SQLModel]) -> set[str]:
    imported = [each for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names]
    return {table.__name__} | {each.asname or each.name for each in imported if each.name == table.__name__}


def _other_names(scope: ast.AST, names: set[str]) -> Iterator[str]:
    """Yield what a table is called where it is read beside itself: `mine = aliased(Delivery)`, also two at once."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Tuple):
            for name, value in zip(_parts(node.targets[0]), _parts(node.value), strict=False):
                if isinstance(name, ast.Name) and isinstance(value, ast.Call) and _called(value) == "aliased":
                    yield from [name.id] if any(_says(each, names) for each in value.args) else []


def _parts(node: ast.AST) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple | ast.List) else [node]  # type: ignore[list-item]


def _says(node: ast.AST, names: set[str]) -> bool:
    """Tell whether a type names the table, also between quotes."""
    said = {text for each in ast.walk(node) for text in (getattr(each, "id", ""), getattr(each, "attr", ""))}
    quoted = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return bool(said & names) or any(re.search(rf"\b{name}\b", text) for name in names for text in quoted)


@cache
def _sql_of(table: type[SQLModel]) -> re.Pattern[str]:
    return re.compile(rf"{_SQL}{table.__tablename__}\b", re.IGNORECASE)


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


class _Scope:
    """A function, or what stands outside of all: which of its names hold rows of the table, and what it writes."""

    def __init__(self, table: type[SQLModel], names: set[str], helpers: set[str], scope: ast.AST) -> None:
        self.name, self.columns = table.__name__, set(table.model_fields)
        self.stored, self.sql = table.__tablename__, _sql_of(table)
        self.names = names | set(_other_names(scope, names))
        self.helpers = helpers
        self.nodes = list(ast.walk(scope))
        self.rows: set[str] = {self.name.lower()}
        for _ in range(3):  # what is read from what was read
            self.rows |= {name for node in self.nodes for name in self._held(node)}

    def __iter__(self) -> Iterator[str]:
        for node in self.nodes:
            if kind := self._by_call(node) if isinstance(node, ast.Call) else self._by_itself(node):
                yield f"{getattr(node, 'lineno', 0)}: {kind}"

    def _by_call(self, node: ast.Call) -> str:
        name, on = _called(node), node.func.value if isinstance(node.func, ast.Attribute) else None
        if self._is_table(node.func) or (name in _MADE and on and self._is_table(on)):
            sample = any(each.arg == "id" and ast.unparse(each.value) == "0" for each in node.keywords)
            return "" if sample else "a new row"
        if name in _STATEMENTS and any(self._is_table(each) for each in node.args):
            return name
        if name in _TABLES and node.args and (self._is_table(node.args[0]) or self._is_stored(node.args[0])):
            return _TABLE
        if on and name in {"update", "delete"} and self._reads(on):
            return f"{name} of a query"
        changed = [on] if name in {"sqlmodel_update", "__setattr__"} else node.args[:1] if name in _OF_ROWS else []
        if any(self._is_row(each) for row in changed if row for each in _parts(row)):
            return name
        return self._by_sql(node)

    def _by_itself(self, node: ast.AST) -> str:
        match node:
            case ast.Attribute(attr="__table__", value=value) if self._is_table(value):
                return _TABLE
            case ast.Subscript(value=ast.Attribute(attr="tables"), slice=name) if self._is_stored(name):
                return _TABLE
            case ast.Assign(value=ast.Name() | ast.Attribute() as value) if self._is_table(value):
                return "another name of the table"
            case ast.Attribute(ctx=ast.Store() | ast.Del(), attr=column, value=row) if self._is_row(row):
                return column if column in self.columns else ""
        return self._by_sql(node)

    def _by_sql(self, node: ast.AST) -> str:
        if isinstance(node, ast.Constant):
            return "SQL" if isinstance(node.value, str) and self.sql.search(node.value) else ""
        parts = _put_together(node)
        named = any(self._is_table(each) or self._is_stored(each) for part in parts for each in ast.walk(part))
        return "SQL" if named else ""

    def _held(self, node: ast.AST) -> Iterator[str]:
        """Yield the names a node gives to rows: annotated so, read from the database, or one after the other."""
        match node:
            case ast.arg(arg=name, annotation=ast.AST() as kind) if _says(kind, self.names):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind) if _says(kind, self.names):
                yield name
            case ast.NamedExpr(target=target, value=value) if self._is_row(value) or self._reads(value):
                yield from self._taken(target, value)
            case ast.Assign(targets=targets, value=value) if self._is_row(value) or self._reads(value):
                yield from (name for target in targets for name in self._taken(target, value))
            case ast.For(target=target, iter=rows) | ast.comprehension(target=target, iter=rows) if self._is_row(
                rows
            ) or self._reads(rows):
                yield from self._taken(target, rows)

    def _taken(self, target: ast.expr, rows: ast.expr) -> Iterator[str]:
        """Yield the names that take rows: of several those that stand where the SELECT names the table, or all."""
        names = _parts(target)
        chosen = [each.args for each in ast.walk(rows) if isinstance(each, ast.Call) and _called(each) == "select"]
        places = [[self._is_table(each) for each in args] for args in chosen if len(args) == len(names) > 1]
        for number, name in enumerate(names):
            if isinstance(name, ast.Name) and (not places or any(each[number] for each in places)):
                yield name.id
            elif isinstance(name, ast.Tuple | ast.Starred):
                yield from (each.id for each in ast.walk(name) if isinstance(each, ast.Name))

    def _is_table(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == self.name or (node.attr == "__table__" and self._is_table(node.value))
        if isinstance(node, ast.Call):
            return _called(node) == "aliased" and any(self._is_table(each) for each in node.args)
        return isinstance(node, ast.Name) and node.id in self.names

    def _is_stored(self, node: ast.AST) -> bool:
        """Tell whether an expression is the name the table is stored under."""
        if isinstance(node, ast.Attribute):
            return node.attr == "__tablename__" and self._is_table(node.value)
        return isinstance(node, ast.Constant) and node.value == self.stored

    def _is_row(self, node: ast.AST) -> bool:
        match node:
            case ast.Attribute(attr=name):
                return name in {self.name, self.name.lower()}
            case ast.Subscript(value=value):
                return self._is_row(value)
            case ast.Call():
                return self._reads(node)
        return isinstance(node, ast.Name) and node.id in self.rows

    def _reads(self, node: ast.AST) -> bool:
        """Tell whether an expression reads whole rows: `get(Delivery, 1)`, `exec(select(Delivery))`, by a helper."""
        for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
            if _called(call) in self.helpers:
                return True
            if _called(call) in _READS and any(self._is_table(argument) for argument in call.args):
                return True
        return False


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
