"""Today, Results and Policies of a large shop, against the same pages of a shop of 5,000 buyers in the same run.

Each page is opened by the owner through the whole application; the figure is the median of OPENED visits. First as it
is after an import, when a worker has counted; then with a new order before each visit, as in a shop at work, whose
pages show the figures they have while a worker counts. The very first visit, which asks the worker to count, is told
too, and how long the worker counted. Targets: at 200,000 buyers at most 2 x; under 1 s at 1,000,000, the first too.

    python tests/benchmarks/bench_pages.py [BUYERS ...]
"""
# ruff: noqa: T201 - a benchmark prints

import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy.engine import Engine

from api import forms
from api.app import create_app
from campaigns.campaign.shop_policy import save_shop_policy
from retention import clock, tokens, users
from retention.access import Role
from retention.aggregates import refresh_aggregates
from retention.database import transaction
from retention.figures import count_figures
from retention.logins import Login
from retention.queue import app as queue
from retention.settings import Settings
from retention.shops import find_shop
from retention.versions import Family, raise_version
from segments.presets import save_presets
from tests.benchmarks.bench_plan import NOW, NUMBERS, database, fill, launch_it, settle

SIZES = [int(size) for size in sys.argv[1:]] or [200_000]
SMALL = 5_000
ORDERS_EACH = 5
OPENED = 15
PAGES = {"Today": "", "Results": "/results", "Policies": "/policies"}
LATER = NOW + timedelta(days=40)  # the campaign has been read out

ORDERS = """
INSERT INTO orders (shop_id, source, external_id, buyer_id, status, ordered_at, order_day, amount, refunded, postage,
  items, counts, is_return, country, region, city, channel, coupon_code)
SELECT 1, 'bench', 'o' || n, 1 + n % {size}, 'paid', {at}, {day} - (n % 900 * 431) % 900,
  500 + (n % 20000 * 37) % 20000, 0, 0, 1, {true}, {false}, '', '', '', '', '' FROM {numbers}
"""
SENT = "UPDATE deliveries SET state = 'sent', sent_at = due_at WHERE state = 'waiting'"
TOUCHES = """
INSERT INTO touches (shop_id, buyer_id, event, campaign, at)
SELECT shop_id, buyer_id, 'sent', 'spring', sent_at FROM deliveries WHERE state = 'sent'
"""


def furnish(engine: Engine, size: int) -> None:
    """Fill a shop: buyers, a campaign that went to all of them, orders before and after, presets, a cap."""
    fill(engine, size)
    launch_it(engine)
    today = (LATER - timedelta(hours=1)).isoformat(sep=" ")[:19]
    at = {
        "sqlite": f"datetime('{today}', '-' || ((n % 900 * 431) % 900) || ' days') || '.000000'",
        "postgresql": f"timestamptz '{today}Z' - ((n % 900 * 431) % 900) * interval '1 day'",
    }[engine.dialect.name]
    with transaction(engine) as session:
        shop = find_shop(session, "bench")
        true, false = ("true", "false") if engine.dialect.name == "postgresql" else ("1", "0")
        numbers = NUMBERS[engine.dialect.name].format(count=size * ORDERS_EACH)
        values = {"size": size, "at": at, "day": shop.day(LATER), "true": true, "false": false, "numbers": numbers}
        session.execute(sa.text(ORDERS.format(**values)))
        session.execute(sa.text(SENT))
        session.execute(sa.text(TOUCHES))
        refresh_aggregates(session, shop.id)
        save_presets(session, shop, at=LATER)
        caps = {"caps": [{"messages": 2, "days": 7, "over": "email"}, {"messages": 20, "per": "month", "over": "all"}]}
        save_shop_policy(session, shop, values=caps, at=LATER, actor="bench")
        for family in Family:
            raise_version(session, shop.id, family)
    settle(engine)


def opened(engine: Engine) -> Callable[[str], float]:
    """Return a function that opens a page as the owner and returns the seconds it took."""
    home = Path("/nowhere")
    app = create_app(
        Settings(home=home, public_url="http://testserver", secret="s" * 40), engine=engine, now=lambda: LATER
    )
    clock.now = lambda: LATER
    queue.conf.update(broker_url="memory://")
    secret = tokens.new_secret()
    with transaction(engine) as session:
        shop = find_shop(session, "bench")
        owner = users.add_user(session, "o@b.example", shop=shop, role=Role.OWNER, password="kettles 7 green", at=NOW)
        session.flush()
        digest, end = tokens.digest(secret), LATER + timedelta(days=9)
        session.add(Login(digest=digest, user_id=owner.id, created_at=LATER, expires_at=end))
    client = TestClient(app, cookies={forms.LOGIN_COOKIE: secret})

    def visit(path: str) -> float:
        begun = time.perf_counter()
        answer = client.get(f"/shops/bench{path}")
        assert answer.status_code == 200, answer.text[:300]
        return time.perf_counter() - begun

    return visit


def order_comes_in(engine: Engine) -> None:
    with transaction(engine) as session:
        raise_version(session, 1, Family.ORDERS)
        raise_version(session, 1, Family.TOUCHES)


def measured(engine: Engine, size: int) -> dict[tuple[str, str], float]:
    """Return the median seconds of each page, in peace and while orders come in."""
    furnish(engine, size)
    visit = opened(engine)
    found = {}
    for page, path in PAGES.items():
        first = visit(path)
        begun = time.perf_counter()
        count_figures(engine)
        counted = time.perf_counter() - begun
        found[page, "in peace"] = statistics.median(visit(path) for _ in range(OPENED))
        times = []
        for _ in range(OPENED):
            order_comes_in(engine)
            times.append(visit(path))
        found[page, "at work"] = statistics.median(times)
        print(f"    {size:>9,} buyers  {page:<9} first {first:6.3f} s, then counted in {counted:6.1f} s")
    return found


def main() -> None:
    """Measure the small shop and each large one on both databases, and print the ratios."""
    for name in ("sqlite", "postgresql"):
        print(f"== {name}")
        with database(name) as engine:
            small = measured(engine, SMALL)
        for size in SIZES:
            with database(name) as engine:
                large = measured(engine, size)
            for (page, when), seconds in large.items():
                base = small[page, when]
                print(
                    f"{size:>9,} buyers  {page:<9} {when:<9} {seconds:6.3f} s, {SMALL:,} buyers {base:6.3f} s"
                    f"   ratio {seconds / base:4.2f}   target {'1 s' if size >= 1_000_000 else '2'}"
                )


if __name__ == "__main__":
    main()
