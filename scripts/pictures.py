"""Make the documentation's pictures from a finished demonstration: pages of the console, a flyer.

make demo && make pictures

The demonstration itself stays as it is: what a picture needs besides, a draft, launches to come and a run that leaves,
is made in a copy.
"""

import shutil
import sys
import tempfile
from datetime import datetime, time, timedelta
from pathlib import Path

import pypdfium2
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import Engine
from sqlmodel import Session, select

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from api.app import create_app  # noqa: E402 - a script, not a module of the packages
from api.demo.shops import PASSWORD  # noqa: E402
from campaigns.campaign.campaigns import Campaign, Delivery, Recipe  # noqa: E402
from campaigns.campaign.draft import Draft  # noqa: E402
from campaigns.campaign.local_time import local_moment  # noqa: E402
from campaigns.channels.channel import Refused  # noqa: E402
from campaigns.channels.memory import MemoryChannel  # noqa: E402
from campaigns.offers.offers import find_offer  # noqa: E402
from campaigns.runs.drafting import create_campaign  # noqa: E402
from campaigns.runs.launch import launch  # noqa: E402
from campaigns.runs.scheduling import schedule  # noqa: E402
from campaigns.sending.sending import send_waiting  # noqa: E402
from campaigns.texts.mail import SenderIdentity  # noqa: E402
from retention import clock  # noqa: E402
from retention.database import open_engine, transaction  # noqa: E402
from retention.products import Product  # noqa: E402
from retention.queue import app as queue  # noqa: E402
from retention.settings import Settings  # noqa: E402
from retention.shops import Shop, find_shop  # noqa: E402
from tests.servers import chromium_program, web_server  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
BY = "user:1"
SENT, AT_ONCE, REFUSED = 960, 80, 4
"""So many messages of the run in the picture have left, so many every ten seconds; so many were refused."""


def main(demo: Path) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    _flyer(demo / "flyers-a4.pdf")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(shutil.copytree(demo / "var", Path(folder) / "var"))
        settings = Settings(home=home, database_url="", broker_url="")
        engine, now = open_engine(settings.database), clock.now()
        _shoot_all(settings, engine, now=now)
        engine.dispose()


def _shoot_all(settings: Settings, engine: Engine, *, now: datetime) -> None:
    app = create_app(settings, engine=engine, now=lambda: now)
    queue.conf.update(broker_url="memory://")  # nobody works what a launch asks for
    with web_server(app) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 860}, locale="en").new_page()
        _sign_in(page, site)
        home = f"{site}/shops/camellia"
        _shoot(page, f"{home}?lang=en", "console.png")
        _plan_a_month(engine, now=now)
        _shoot(page, f"{home}/calendar", "calendar.png")
        _shoot(page, f"{home}/campaigns/longjing/edit/when", "editor.png")
        _send_some(settings, engine, now=now)
        _shoot(page, f"{home}/campaigns/second-cup", "run.png")
        browser.close()


def _plan_a_month(engine: Engine, *, now: datetime) -> None:
    """Draft an alert in waves, and schedule two campaigns."""
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        tea = session.exec(select(Product).where(Product.shop_id == shop.id, Product.sku == "LJ-050")).one()
        tea.arrival_at = _morning(shop, now + timedelta(days=4))
        create_campaign(
            session,
            shop,
            Draft("longjing", recipe=Recipe.ARRIVAL_ALERT, name="明前龙井", product_id=tea.id),
            at=now,
            actor=BY,
        )
        for slug, name, days in (("winter", "冬至茶礼", 2), ("letter", "茶事信札", 6)):
            push = _coupon_push(session, shop, slug, name, "repeat-customers", at=now)
            schedule(session, push, launch_at=_morning(shop, now + timedelta(days=days)), at=now, actor=BY)


def _morning(shop: Shop, moment: datetime) -> datetime:
    return local_moment(clock.day_of(shop.day(moment)), time(10), shop.timezone)


def _send_some(settings: Settings, engine: Engine, *, now: datetime) -> None:
    """Launch a campaign and let part of it leave, into memory; some addresses refuse."""
    begin = now - timedelta(seconds=10 * SENT // AT_ONCE)
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        push = _coupon_push(session, shop, "second-cup", "第二杯半价", "one-time-buyers", at=begin)
        run = launch(session, shop, push, at=begin, actor=BY)
        to = select(Delivery.address).where(Delivery.run_id == run.id, Delivery.address != "").limit(AT_ONCE)
        refusing: list[str] = list(session.exec(to))[:: AT_ONCE // REFUSED]
    channel = MemoryChannel(errors={address: [Refused("550 5.1.1 mailbox unavailable")] for address in refusing})
    sender = SenderIdentity(settings.public_url, settings.signing_key(), settings.mail_from)
    for turn in range(SENT // AT_ONCE):
        at = begin + timedelta(seconds=10 * (turn + 1))
        send_waiting(engine, channel, now=at, limit=AT_ONCE, identity=sender)


def _coupon_push(session: Session, shop: Shop, slug: str, name: str, segment: str, *, at: datetime) -> Campaign:
    offer = find_offer(session, shop.id, "welcome-back")
    return create_campaign(
        session,
        shop,
        Draft(slug, recipe=Recipe.COUPON_PUSH, name=name, audience={"segment": segment}, offer_id=offer.id),
        at=at,
        actor=BY,
    )


def _sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/login")
    page.fill("input[name=email]", "owner@camellia.example")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/shops/**")


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
