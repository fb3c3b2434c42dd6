"""What sweeps cost where nothing moved: 1,000 idle shops against 1,000 trivial selects in the same run.

Each shop has orders that were matched, a hook that was told, a segment that is up to date and a forecast of the day;
every tenth has a campaign that waits for an event. Target: each sweep at most twice the selects.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("REGULARS_HOME", tempfile.mkdtemp())

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import col

import api.worker  # noqa: F401 - every table and task
from campaigns import tasks
from campaigns.campaign.campaigns import Campaign, CampaignState, Recipe
from campaigns.campaign.media import Medium
from campaigns.webhooks.webhooks import create_webhook
from printables.tasks import render_waiting
from retention import clock, migrate, queue
from retention.database import open_engine, reading, transaction
from retention.ingest.jobs import run_imports
from retention.settings import Settings
from retention.shops import Shop, create_shop
from retention.versions import Family, all_versions, raise_version
from segments.condition_cache import fingerprint_of
from segments.forecasting import forecast_all
from segments.forecasts import Outcome, ShopForecast
from segments.rules import parse
from segments.segments import Segment, save_segment
from segments.snapshots import REFRESHED_EVERY, refresh_all
from segments.view import hour_of

SHOPS, TARGET = 1_000, 2.0


def main() -> int:
    url = os.environ.get("REGULARS_DATABASE_URL", "")
    settings = Settings(home=Path(os.environ["REGULARS_HOME"]), database_url=url)
    migrate.upgrade(settings.database)
    engine = open_engine(settings.database)
    _fill(engine)
    queue.send = lambda *_: None  # type: ignore[assignment]  # what would be woken has nothing to do here
    trivial = _seconds(lambda: _selects(engine))
    sys.stdout.write(f"{SHOPS} trivial selects: {trivial * 1000:.0f} ms ({engine.dialect.name})" + "\n")
    worst = 0.0
    for name, sweep in _sweeps(engine).items():
        sweep()  # whatever was left to do
        ratio = _seconds(sweep) / trivial
        worst = max(worst, ratio)
        sys.stdout.write(f"{name:24} {ratio:6.2f} x" + "\n")
    sys.stdout.write(f"worst {worst:.2f} x, target {TARGET} x" + "\n")
    return 0 if worst <= TARGET else 1


def _fill(engine: Engine) -> None:
    now = clock.now()
    with transaction(engine) as session:
        for number in range(SHOPS):
            shop = create_shop(session, f"shop-{number}", name="Shop", timezone="UTC", currency="EUR", at=now)
            raise_version(session, shop.id, Family.ORDERS)
            create_webhook(
                session, shop, "crm", url="https://hook.example/", events=["message.sent"], at=now, actor="b"
            )
            save_segment(
                session, shop.id, "some", rule=parse({"bucket": {"of": 2, "from": 0, "to": 0}}), actor="b", at=now
            )
            if number % 10 == 0:
                session.add(_waiting(shop))
    with transaction(engine) as session:
        for shop_id, versions in all_versions(session).items():
            mark = fingerprint_of(versions, hour_of(now))
            session.execute(
                sa.update(Segment)
                .where(col(Segment.shop_id) == shop_id)
                .values(refreshed_at=now - 2 * REFRESHED_EVERY, refreshed_from=mark)
            )
            known = {"outcome": Outcome.TOO_LITTLE, "orders_version": versions[Family.ORDERS]}
            session.add(ShopForecast(shop_id=shop_id, day=0, made_at=now, buyers=0, came_back=0, **known))


def _waiting(shop: Shop) -> Campaign:
    at = clock.now() - timedelta(minutes=1)
    return Campaign(
        shop_id=shop.id, slug="welcome", name="Welcome", recipe=Recipe.FOLLOW_GIFT, medium=Medium.EMAIL,
        state=CampaignState.SCHEDULED, audience={"bucket": {"of": 1, "from": 0, "to": 0}},
        trigger={"event": {"kind": "followed"}}, secret="s", looked_until=at, started_at=at, created_by="b",
        created_at=at,
    )  # fmt: skip


def _sweeps(engine: Engine) -> dict[str, Callable[[], None]]:
    def in_one(do: Callable[..., None]) -> Callable[[], None]:
        def run() -> None:
            with transaction(engine) as session:
                do(session)

        return run

    return {
        "match orders": lambda: tasks.match_all_orders(engine),
        "send messages": lambda: tasks.send_messages(engine),
        "call hooks": lambda: tasks.call_hooks(engine),
        "keep posts": lambda: tasks.keep_posts(engine),
        "launch what is due": lambda: tasks.launch_due(engine),
        "sweep events": lambda: tasks.sweep_all_events(engine),
        "settle arrivals": lambda: tasks.settle_arrivals(engine),
        "refresh segments": in_one(refresh_all),
        "forecast": in_one(forecast_all),
        "render batches": in_one(render_waiting),
        "run imports": lambda: run_imports(engine),
    }


def _selects(engine: Engine) -> None:
    for number in range(SHOPS):
        with reading(engine) as session:
            session.execute(sa.select(Shop.id).where(Shop.id == number + 1)).scalar()


def _seconds(work: Callable[[], None]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


if __name__ == "__main__":
    sys.exit(main())
