"""Make the README's pictures from a finished demonstration: the console's first page, a flyer, the packing station.

make demo && make pictures
"""

import sys
from pathlib import Path

import pypdfium2
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from api.app import create_app  # noqa: E402 - a script, not a module of the packages
from api.demo.shops import PASSWORD  # noqa: E402
from retention.settings import Settings  # noqa: E402
from tests.servers import chromium_program, web_server  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def main(demo: Path) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    _flyer(demo / "flyers-a4.pdf")
    app = create_app(Settings(home=demo / "var", database_url="", broker_url=""))
    with web_server(app) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 860}, locale="en").new_page()
        _sign_in(page, site)
        _shoot(page, f"{site}/shops/camellia?lang=en", "console.png")
        browser.close()


def _sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/login")
    page.fill("input[name=email]", "owner@camellia.example")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle")


def _shoot(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)  # charts move into place
    page.screenshot(path=PICTURES / name)


def _flyer(sheet: Path) -> None:
    """Cut the first piece out of the first sheet; A6 lies four up on A4."""
    page = pypdfium2.PdfDocument(sheet)[0].render(scale=2).to_pil()
    page.crop((0, 0, page.width // 2, page.height // 2)).save(PICTURES / "flyer.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo").resolve())
