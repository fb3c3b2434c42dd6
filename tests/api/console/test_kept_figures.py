"""Pages of a large shop show what those of a small one show, from figures that are kept."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from campaigns.campaign.campaigns import Campaign
from campaigns.deliveries.progress import PROGRESS
from campaigns.results.results import RESULTS
from campaigns.runs.launch import launch
from retention import clock, figures
from retention.database import reading, transaction
from retention.figures import KeptFigure, count_figures
from retention.orders import Order
from retention.shops import find_shop
from retention.versions import Family, raise_version
from tests.api.console.signed_in import DRAFT, Console

PAGES = ("", "/results", "/policies")


def shown(console: Console) -> list[str]:
    """The pages as the owner sees them, without what differs from login to login."""
    owner = console.enter("owner")
    return [re.sub(r'name="csrf" value="[0-9a-f]+"|X-CSRF-Token[^}]*', "", owner.page(path)) for path in PAGES]


@pytest.fixture
def running(console: Console) -> Console:
    """The shop with a cap, and a campaign that is on its way."""
    limit = {"cap_messages": "1", "cap_over": "email", "cap_window": "week", "cap_days": "7", "cap_when_full": "skip"}
    console.enter("owner").send("/policies", **limit)
    console.enter("marketer").send("/campaigns/new/coupon-push", **DRAFT)
    with transaction(console.engine) as session:
        campaign = session.exec(select(Campaign)).one()
        launch(session, find_shop(session, "camellia"), campaign, at=console.now, actor="user:1")
    return console


def test_pages_of_a_large_shop_say_what_those_of_a_small_one_say(
    running: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = shown(running)
    monkeypatch.setattr(figures, "LARGE", 0)
    monkeypatch.setattr(clock, "now", lambda: running.now)
    assert [page.count("being c") for page in shown(running)] == [2, 2, 1]  # calculated above, counted in its place
    count_figures(running.engine)
    assert shown(running) == small
    with reading(running.engine) as session:
        kept = {name.partition(":")[0] for name in session.exec(select(KeptFigure.name))}
    assert kept == {"repeat", "cohorts", "home", "late", "answers", "full", RESULTS.name, PROGRESS.name}
    assert shown(running) == small


def test_pages_say_of_when_their_figures_are_until_a_worker_has_counted_again(
    running: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "LARGE", 0)
    monkeypatch.setattr(clock, "now", lambda: running.now)
    shown(running)
    count_figures(running.engine)
    today, results, _ = shown(running)
    assert "igures of" not in today + results
    with transaction(running.engine) as session:
        session.delete(session.exec(select(Order).limit(1)).one())
        raise_version(session, 1, Family.ORDERS)
    running.now += timedelta(minutes=5)
    today, results, _ = shown(running)
    assert "figures of 21 Nov 2026, 10:00" in today
    assert "Figures as of 21 Nov 2026, 10:00; newer orders are being processed." in results
    count_figures(running.engine)
    today, results, _ = shown(running)
    assert "igures of" not in today + results
