"""Report unused code: vulture, with lists of names that templates use and values that are given by name.

What only tests call is unused too. Exceptions stand in `pyproject.toml`, each with its reason.
"""

import ast
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from vulture import Vulture
from vulture.config import make_config

ROOT = Path(__file__).resolve().parents[1]
_NAME = re.compile(r"[A-Za-z_]\w*")
_EXPRESSION = re.compile(r"\{[{%](.*?)[}%]\}", re.DOTALL)


def main() -> None:
    wanted = make_config(["--config", str(ROOT / "pyproject.toml")])
    found = [*unused(wanted, ["tests"], of_tests=False), *unused(wanted, [], of_tests=True)]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))


def unused(wanted: dict[str, object], left_out: list[str], *, of_tests: bool) -> list[str]:
    """What is called nowhere: of the product, by the product; of the tests, by anything."""
    paths = [ROOT / str(path) for path in wanted["paths"] if path not in left_out]  # type: ignore[attr-defined]
    search = Vulture(ignore_names=wanted["ignore_names"], ignore_decorators=wanted["ignore_decorators"])
    search.scavenge(map(str, paths))
    search.used_names |= in_pages() | given_by_name(paths)
    items = search.get_unused_code(min_confidence=wanted["min_confidence"])
    return [
        f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: nothing uses the {item.typ} {item.name}"
        for item in items
        if (item.filename.relative_to(ROOT).parts[0] == "tests") is of_tests
    ]


def in_pages() -> set[str]:
    """Every name in an expression of a template."""
    pages = [page for kind in ("html", "txt") for page in ROOT.glob(f"*/**/*.{kind}") if ".venv" not in page.parts]
    parts = (part for page in pages for part in _EXPRESSION.findall(page.read_text("utf-8")))
    return {name for part in parts for name in _NAME.findall(part)}


def given_by_name(paths: Iterable[Path]) -> set[str]:
    """Names of fields that values are made with: what is written out whole is read by whoever gets it."""
    files = (file for path in paths for file in path.rglob("*.py"))
    trees = (ast.parse(file.read_text("utf-8")) for file in files)
    return {node.arg for tree in trees for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}


if __name__ == "__main__":
    main()
