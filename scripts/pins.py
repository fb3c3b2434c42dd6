"""Write `constraints.txt`: the exact version of every package that this project, its tools and its build depend on.

The versions are those of the environment this runs in. What is not installed here keeps the pin it had.
"""

import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"], "pip"]
    wanted += [line for group in project["dependency-groups"].values() for line in group]
    pins = closure(Requirement(line) for line in wanted)
    kept = {name: pin for name, pin in present_pins().items() if name not in pins and name in map(canonical, wanted)}
    lines = sorted(f"{name}=={version}" for name, version in (pins | kept).items())
    CONSTRAINTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def closure(wanted: Iterable[Requirement]) -> dict[str, str]:
    """Versions of the installed packages among `wanted`, and of all they need in turn."""
    pins: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(requirement, extra) for requirement in wanted for extra in ("", *requirement.extras)]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        found = installed(name)
        if found is None or (name, extra) in seen:
            continue
        seen.add((name, extra))
        pins[name] = found.version
        waiting += [(need, part) for need in needs(found, extra) for part in ("", *need.extras)]
    return pins


def needs(package: Distribution, extra: str) -> list[Requirement]:
    requirements = [Requirement(line) for line in package.requires or []]
    return [need for need in requirements if need.marker is None or need.marker.evaluate({"extra": extra})]


def installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def present_pins() -> dict[str, str]:
    lines = CONSTRAINTS.read_text(encoding="utf-8").split() if CONSTRAINTS.exists() else []
    return {name: version for name, _, version in (line.partition("==") for line in lines)}


def canonical(line: str) -> str:
    return canonicalize_name(Requirement(line).name)


if __name__ == "__main__":
    main()
