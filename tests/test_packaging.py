"""The wheel holds the whole product and nothing else, and works where there is no checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"retention", "segments", "campaigns", "printables", "api"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory) -> Path:
    """The programs of a new environment with the wheel in it.

    The third-party packages are borrowed from ours by a path entry. Such an entry reads no `.pth` file there, so the
    checkout that is installed in ours is not borrowed with them.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", wheel)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin"


def run(*command, **environment) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "REGULARS_"))}
    done = subprocess.run(
        [str(part) for part in command], env=clean | environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_wheel_holds_the_five_packages_and_its_own_record(contents):
    tops = {name.split("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert len(tops) == len(PACKAGES) + 1


def test_wheel_holds_every_file_of_the_packages(contents):
    tracked = run("git", "-C", ROOT, "ls-files", *sorted(PACKAGES)).split("\n")
    assert {name for name in tracked if name and (ROOT / name).exists()} - contents == set()


def test_wheel_holds_the_migrations(contents):
    migrations = {f"retention/migrations/{path.relative_to(ROOT / 'alembic')}" for path in ROOT.glob("alembic/**/*.py")}
    assert migrations - contents == set()


def test_wheel_holds_what_the_pages_are_built_on(contents):
    names = {"tabler.min.css", "tabler.min.js", "htmx.min.js", "echarts.min.js", "icons.svg"}
    assert {f"api/console/static/vendor/{name}" for name in names} - contents == set(), "`make assets` fetches them"


def test_wheel_holds_nothing_made_by_running(contents):
    assert [name for name in contents if name.endswith((".pyc", ".mo", ".map", ".db"))] == []


def test_installed_command_says_what_it_can_do(elsewhere):
    help_text = run(elsewhere / "regulars", "--help")
    assert "demo" in help_text
    assert "serve" in help_text


def test_installed_packages_are_those_of_the_wheel(elsewhere):
    script = "import api, retention; print(api.__file__, retention.__file__)"
    for place in run(elsewhere / "python", "-c", script).split():
        assert Path(place).is_relative_to(elsewhere.parent)


def test_installed_command_makes_its_database(elsewhere, tmp_path):
    run(elsewhere / "regulars", "db", "upgrade", REGULARS_HOME=str(tmp_path))
    assert (tmp_path / "regulars.db").stat().st_size > 0
