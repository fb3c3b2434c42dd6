"""Print constraints for pip: the lowest version of each package that `pyproject.toml` admits.

The tools of the suite keep their pins. What these and the lowest versions need in turn comes as pip finds it.
"""

import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pins import ROOT, canonical, present_pins


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [Requirement(line) for line in project["project"]["dependencies"]]
    tools = {canonical(line) for line in project["dependency-groups"]["dev"]}
    pins = {name: version for name, version in present_pins().items() if name in tools}
    pins |= {canonicalize_name(each.name): lower_bound(each) for each in wanted}
    print("\n".join(f"{name}=={version}" for name, version in sorted(pins.items())))


def lower_bound(wanted: Requirement) -> str:
    bounds = [each.version for each in wanted.specifier if each.operator == ">="]
    if len(bounds) != 1:
        raise SystemExit(f"pyproject.toml gives {wanted.name} no lower bound: write {wanted.name}>=VERSION.")
    return bounds[0]


if __name__ == "__main__":
    main()
