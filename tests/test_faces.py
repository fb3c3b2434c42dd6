"""Faces hold no query: pages, endpoints and commands ask the packages below, each of which asks for one shop."""

import ast
from collections.abc import Iterator
from pathlib import Path

API = Path(__file__).parent.parent / "api"

KINDS = {"Session", "SQLModel", "Engine", "SQLAlchemyError"}
"""What a face may name of the database: whom it hands on, and how it fails (`sqlalchemy.exc`)."""

ASKS = {"exec", "execute", "get", "get_one", "scalar", "scalars", "stream", "merge", "add", "add_all", "delete"}
"""What a session is asked by. Transactions, `refresh` and `connection` ask for nobody's rows."""

EXCEPTIONS = {
    "demo": "the demo stands beside the product and looks into the database as its author does",
}


def _faces() -> Iterator[Path]:
    return (path for path in sorted(API.rglob("*.py")) if path.relative_to(API).parts[0] not in EXCEPTIONS)


def _queries(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names if each.name.split(".")[0] in _LIBRARIES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _LIBRARIES:
            if node.module != "sqlalchemy.exc":
                yield from ((node.lineno, each.name) for each in node.names if each.name not in KINDS)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKS:
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if name in {"session", "own", "connection"}:
                yield node.lineno, f"{name}.{node.func.attr}"


_LIBRARIES = {"sqlmodel", "sqlalchemy"}


def test_no_face_asks_the_database_itself() -> None:
    found = [
        f"{path.relative_to(API)}:{line} {what}"
        for path in _faces()
        for line, what in _queries(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_the_reading_of_the_source_finds_a_query() -> None:
    sources = [
        "from sqlmodel import Session, select",
        "import sqlalchemy as sa",
        "def page(session): return session.get(Offer, 1)",
        "def page(self): return self.session.exec(query)",
    ]
    assert [[what for _line, what in _queries(ast.parse(source))] for source in sources] == [
        ["select"], ["sqlalchemy"], ["session.get"], ["session.exec"],
    ]  # fmt: skip
