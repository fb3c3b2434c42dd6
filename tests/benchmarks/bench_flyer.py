"""10,000 personal flyers of 100 x 150 mm, Chinese, one QR each: stamped against laid out whole, in the same run.

The baseline is WeasyPrint laying out whole pages with everything in its favour (typefaces cut down, pictures prepared,
all pages in one document), measured over 40 pages and scaled. Targets: 100 times; the same memory for 20,000 pieces as
for 1,000; a first preview within a second.
"""
# ruff: noqa: T201 - a benchmark prints

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from printables.drawing import render, stamp
from printables.drawing.profiles import OFFICE
from tests.printables import samples

COUNT, MEASURED = 10_000, 40
NAMES = "林王张李周吴郑陈黄赵徐孙马朱胡郭何高罗梁宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁沈姜范江傅钟"


def pieces(count: int) -> Iterator[stamp.PrintRecord]:
    return (samples.flyer(number, NAMES[number % len(NAMES)] + "女士，") for number in range(count))


def stamped(count: int) -> float:
    """Return the seconds from content to a file of `count` pages, layout included."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        stamp.write(stamp.Stamper(samples.layer(paper="label"), OFFICE), pieces(count), out)
    return time.perf_counter() - started


def whole_pages() -> float:
    """Return the seconds WeasyPrint takes for `COUNT` whole pages, laid out together in one document."""
    pages: list[str] = []
    lay_out = render._laid_out
    assets: dict[str, bytes] = {}

    def keep(html: str, given: dict[str, bytes]) -> Any:
        pages.append(html)
        assets.update(given)
        return lay_out(html, given)

    render._laid_out = keep
    for piece in pieces(MEASURED):
        samples.whole_page("flyer", piece.values, paper="label")
    render._laid_out = lay_out
    html = _one_document(pages)
    started = time.perf_counter()
    document = lay_out(html, assets)
    assert len(document.pages) == MEASURED
    document.write_pdf()
    return (time.perf_counter() - started) * COUNT / MEASURED


def _one_document(pages: list[str]) -> str:
    head = pages[0].partition("<body>")[0].replace("body{margin:0;", "body{margin:0}.page{break-after:page;")
    bodies = [page.partition("<body>")[2].partition("</body>")[0].replace(' id="', ' name="') for page in pages]
    return head + "<body>" + "".join(f'<div class="page">{body}</div>' for body in bodies) + "</body>"


def alone(what: str) -> str:
    """Return the last line a fresh process of this script prints."""
    run = subprocess.run([sys.executable, __file__, what], capture_output=True, text=True, check=True)
    return run.stdout.strip().splitlines()[-1]


def main() -> None:
    slow, fast = whole_pages(), stamped(COUNT)
    print(f"10,000 flyers: {fast:.2f} s, each QR decoded back; whole pages {slow:.0f} s (scaled from {MEASURED})")
    print(f"  ratio {slow / fast:.0f} x, target 100")
    small, large = (int(alone(count)) for count in ("1000", "20000"))
    print(f"  peak memory: 1,000 pieces {small} MB, 20,000 pieces {large} MB, target the same")
    print(f"  first preview of a process, {alone('preview')}; target 1 s after its start-up")


def _peak_mb() -> int:
    """Return this process's peak; getrusage would start from the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def measure(what: str) -> None:
    if what == "preview":
        started = time.perf_counter()
        render._engine()
        ready = time.perf_counter()
        stamp.preview(samples.layer(paper="label"), samples.flyer(), profile=OFFICE)
        done = time.perf_counter()
        print(f"loading the layout engine {ready - started:.2f} s, preview {done - ready:.2f} s")
    else:
        stamped(int(what))
        print(_peak_mb())


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
