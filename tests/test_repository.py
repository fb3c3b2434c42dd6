"""Rules of the house that a reader would otherwise have to remember."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("retention", "segments", "campaigns", "printables", "api")
BUILD_FILES = ("constraints.txt", "package.json", "package-lock.json", "Makefile", ".ci/run", ".npmrc", "scripts")


def tracked(*paths: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def modules(*folders: str) -> list[Path]:
    return [path for path in tracked(*folders) if path.suffix == ".py"]


def places(pattern: str, files: list[Path]) -> list[str]:
    """Each line that matches, as file:line."""
    found = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if found.search(line)
    ]


def test_transactions_are_committed_in_one_place_only():
    outside = [path for path in modules(*PACKAGES) if path != ROOT / "retention" / "database.py"]
    assert places(r"\.commit\(", outside) == []


def test_a_package_imports_only_packages_below_it():
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_module_says_what_it_is_for():
    silent = [path for path in modules(*PACKAGES, "scripts", "alembic") if not ast.get_docstring(parsed(path))]
    assert [str(path.relative_to(ROOT)) for path in silent] == []


def test_refusals_name_moments_on_the_shops_clock():
    """A sentence for people takes a moment from `retention.moments`, never as machines write it."""
    raw = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in modules(*PACKAGES)
        for call in ast.walk(parsed(path))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") in {"Invalid", "Conflict", "NotFound", "Forbidden"}
        if any("isoformat" in ast.unparse(each.value) for each in call.keywords)
    ]
    assert raw == []


def test_no_module_is_named_after_a_habit():
    vague = {"service", "services", "manager", "managers", "repository", "helpers", "utils", "common", "base"}
    assert [
        str(path.relative_to(ROOT)) for path in modules(*PACKAGES) if path.stem in vague or path.parent.name in vague
    ] == []


def test_no_public_class_name_of_the_product_stands_twice():
    found: dict[str, list[str]] = {}
    for path in modules(*PACKAGES):
        for each in ast.walk(parsed(path)):
            if isinstance(each, ast.ClassDef) and not each.name.startswith("_"):
                found.setdefault(each.name, []).append(f"{path.relative_to(ROOT)}:{each.lineno}")
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


def test_only_tests_are_named_like_tests():
    """pytest would take them for its own, and vulture would not see that nothing calls them."""
    assert places(r"^\s*(async )?def test_", modules(*PACKAGES, "scripts")) == []


def test_nothing_of_the_product_is_called_said_or_told():
    """A name says what a value is: a refusal, a sentence, a reply."""
    vague = {"said", "told"}
    found = [
        f"{path.relative_to(ROOT)}:{each.lineno}"
        for path in modules(*PACKAGES)
        for each in ast.walk(parsed(path))
        if (isinstance(each, ast.Name) and each.id.strip("_").lower() in vague)
        or (isinstance(each, ast.arg | ast.alias) and (getattr(each, "arg", "") or getattr(each, "name", "")) in vague)
        or (isinstance(each, ast.FunctionDef | ast.ClassDef) and each.name.strip("_").lower() in vague)
    ]
    assert found == []


def test_modules_with_tables_evaluate_their_annotations():
    tables = [path for path in modules(*PACKAGES) if "table=True" in path.read_text(encoding="utf-8")]
    assert tables
    assert places(r"^from __future__ import annotations", tables) == []


def test_migrations_do_not_hide_the_library_of_their_name():
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_test_folders_are_not_packages():
    assert [path for path in tracked("tests") if path.name == "__init__.py"] == []


def test_nothing_the_build_reads_names_an_address():
    name_of_a_format = r"www\.w3\.org/"
    assert places(rf"https?://(?!{name_of_a_format})", tracked(*BUILD_FILES)) == []


def test_the_lock_records_versions_and_sums_but_no_addresses():
    assert places(r'"resolved"', [ROOT / "package-lock.json"]) == []


def test_a_constraint_is_one_exact_version():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []


def test_every_dependency_is_pinned_to_a_version_it_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    wanted += [line for group in project["dependency-groups"].values() for line in group]
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split())
    for requirement in map(Requirement, wanted):
        pinned = pins.get(canonicalize_name(requirement.name))
        assert pinned is not None, f"{requirement.name}: run `make pins`"
        assert requirement.specifier.contains(pinned)


def test_no_file_knows_the_machine_it_was_written_on():
    texts = [path for path in tracked() if path.suffix not in {".png", ".jpg", ".pdf", ".csv"}]
    # Put together here, so that this line does not find itself.
    homes = "|".join("/" + place + "/" for place in ("root", "home/[a-z]+", "work/[a-z]+"))
    assert places(homes, texts) == []


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
