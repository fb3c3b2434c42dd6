"""The documentation against the code: its paths and names exist, what can be chosen stands in its page."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from campaigns.campaign.campaigns import Recipe
from campaigns.campaign.media import Medium
from campaigns.campaign.reasons import Reason
from campaigns.campaign.triggers import EventKind
from retention.access import ROLE_SCOPES, SCOPE_WORDS, Role, Scope

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
HISTORY = {"docs/decisions"}
"""What was decided stays as it was written, under the names of its day."""

FOLDERS = ("alembic", "api", "campaigns", "docs", "printables", "retention", "scripts", "segments", "tests")
TRIGGERS = ("once", "recurring", "event", "waves")
CODE = ("api", "campaigns", "printables", "retention", "segments")


def text_of(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def living() -> list[Path]:
    return [page for page in PAGES if str(page.parent.relative_to(ROOT)) not in HISTORY]


def spans(page: Path) -> Iterable[str]:
    """What stands between single backticks outside blocks of code."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL))


def test_every_path_the_pages_name_is_in_the_repository() -> None:
    path = re.compile(rf"({'|'.join(FOLDERS)})/[\w./-]*")
    missing = [
        f"{page.relative_to(ROOT)}: {span}"
        for page in living()
        for span in spans(page)
        if path.fullmatch(span) and not (ROOT / span).exists()
    ]
    assert missing == []


def test_every_name_of_the_code_the_pages_use_is_there() -> None:
    name = re.compile(rf"(?:{'|'.join(CODE)})(?:\.\w+)+")
    missing = [
        f"{page.relative_to(ROOT)}: {span}"
        for page in living()
        for span in spans(page)
        if name.fullmatch(called := span.removesuffix("()")) and not is_there(called)
    ]
    assert missing == []


@cache
def is_there(dotted: str) -> bool:
    """Whether a package, a module, or a name at the top of a module is called so; below a class nothing is asked."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        if length == len(parts) and place.is_dir():
            return True
        module = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
        if module.exists():
            return length == len(parts) or parts[length] in names_of(module)
    return False


@cache
def names_of(module: Path) -> set[str]:
    tree = ast.parse(module.read_text("utf-8"))
    return {
        getattr(node, "name", None) or getattr(node, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Name | ast.alias)
    }


def test_every_link_between_pages_leads_somewhere() -> None:
    link = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in link.findall(page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_index_lists_every_page_once() -> None:
    listed = re.findall(r"\]\(([\w-]+\.md)\)", text_of("index.md"))
    assert sorted(listed) == sorted(page.name for page in DOCS.glob("*.md") if page.name != "index.md")


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("ledger.md", [*Reason]),
        ("campaigns.md", [*Recipe, *EventKind, *Medium, *TRIGGERS]),
        ("api.md", [*Role, *Scope]),
    ],
)
def test_what_can_be_chosen_stands_in_its_page(page: str, words: list[str]) -> None:
    said = text_of(page)
    assert [word for word in words if not re.search(rf"(?<![\w:-]){re.escape(word)}(?![\w:-])", said)] == []


def test_the_table_of_scopes_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `([a-z:]+)` \| ([^|`]+) \| ([a-z, ]+) \|$", text_of("api.md"), re.MULTILINE)
    assert rows == [
        (scope.value, SCOPE_WORDS[scope], ", ".join(role.value for role in Role if scope in ROLE_SCOPES[role]))
        for scope in Scope
    ]


def test_the_glossary_explains_each_word_once_in_rows_of_four_cells() -> None:
    rows = re.findall(r"^\|(?! term \|| --- \|)[^\n]*$", text_of("glossary.md"), re.MULTILINE)
    assert [row for row in rows if not re.fullmatch(r"\| [^|]+ \| [^|]+ \| [^|]+ \| `[^`|]+` \|", row)] == []
    each = [word for row in rows for word in row.split(" | ")[0].removeprefix("| ").split(", ")]
    assert len(each) == len(set(each)) > 60


@pytest.mark.parametrize("script", ["scripts/tables.py", "scripts/presets.py"])
def test_pages_written_from_the_code_are_up_to_date(script: str) -> None:
    done = subprocess.run([sys.executable, script, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
