"""Figures of large shops: whatever moves what a page shows, none that is kept is called the one of now."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import col, select

import api.worker  # noqa: F401 -- every figure
from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Run
from campaigns.campaign.policy import Cap
from campaigns.deliveries.campaign_moves import cancel
from campaigns.deliveries.claiming import expire_claims
from campaigns.deliveries.progress import PROGRESS
from campaigns.deliveries.stopping import skip_buyer
from campaigns.offers.links import Link
from campaigns.offers.scans import open_link
from campaigns.plans.caps import BUYERS_AT_CAP
from campaigns.results.results import RESULTS
from campaigns.runs.launch import launch
from campaigns.sending.sending import resend
from retention import clock, figures
from retention.database import reading
from retention.figures import count_figures, figure_of
from retention.shops import find_shop
from tests.campaigns.conftest import NOON, Stage, later

SOON = later(minutes=30)
DAY = Cap(messages=1, days=1, over="all", when_full="skip")
FIGURES = {"progress": (PROGRESS, "1"), "results": (RESULTS, "1"), "full": (BUYERS_AT_CAP, DAY.model_dump_json())}


@pytest.fixture(autouse=True)
def every_shop_is_large(monkeypatch: pytest.MonkeyPatch, home: Any) -> None:
    monkeypatch.setattr(figures, "LARGE", 0)


def put(stage: Stage, **values: Any) -> None:
    """Have the deliveries stand like this, as if long ago."""
    stage.session.execute(sa.update(Delivery).values(**values))


def open_by_nobody(stage: Stage) -> None:
    """A link on paper that belongs to no buyer."""
    link = Link(shop_id=1, host_shop_id=1, token="ANYBODYS2345", campaign_id=1, medium="parcel", created_at=NOON)
    stage.session.add(link)
    stage.session.flush()
    open_link(stage.session, link.token, at=SOON, user_agent="Mozilla/5.0 (iPhone)", address="203.0.113.9")


def stop(stage: Stage) -> None:
    cancel(stage.session, stage.session.exec(select(Campaign)).one(), at=SOON, actor="user:1")


def send_again(stage: Stage) -> None:
    ids = list(stage.session.exec(select(Delivery.id)))
    assert resend(stage.session, stage.shop, ids, at=SOON, actor="user:1")


def nothing(_stage: Stage) -> None:
    """Time alone goes by."""


Act = Callable[[Stage], Any]
CLAIMED = {"state": DeliveryState.CLAIMED, "claim_token": "a", "claim_expires_at": NOON}
SENT = {"state": DeliveryState.SENT, "sent_at": NOON}
MOVES: dict[str, tuple[dict[str, Any], Act, datetime, str]] = {
    "a campaign is cancelled": ({}, stop, SOON, "progress"),
    "a buyer says no": ({}, lambda stage: skip_buyer(stage.session, 1, buyer_id=1), SOON, "progress"),
    "a sender died": (
        CLAIMED | {"handed_at": NOON},
        lambda stage: expire_claims(stage.session, now=SOON),
        SOON,
        "progress",
    ),
    "failed ones are sent again": ({"state": DeliveryState.FAILED}, send_again, SOON, "progress"),
    "paper of nobody is scanned": ({}, open_by_nobody, SOON, "results"),
    "a run is read out": (SENT, nothing, later(hours=3), "results"),
    "a window rolls on": (SENT | {"sent_at": NOON - timedelta(hours=23)}, nothing, later(hours=2), "full"),
}


@pytest.mark.parametrize("move", MOVES)
def test_no_kept_figure_is_called_the_one_of_now_once_it_is_another(
    engine: Engine, on_stage: Callable[[Act], Any], move: str
) -> None:
    before, act, now, moved = MOVES[move]

    def prepare(stage: Stage) -> None:
        stage.buyer("anna")
        stage.buyer("ben")
        run = launch(stage.session, stage.shop, stage.push(control=0.5), at=NOON, actor="user:1")
        put(stage, state=DeliveryState.WAITING)  # both of them
        stage.session.execute(sa.update(Run).where(col(Run.id) == run.id).values(read_out_at=later(hours=2)))
        if before:
            put(stage, **before)

    on_stage(prepare)
    first = {name: seen(engine, name, NOON)[0].value for name in FIGURES}
    on_stage(act)
    differ = set()
    for name in FIGURES:
        kept, fresh = seen(engine, name, now)
        if fresh != first[name]:
            differ.add(name)
        assert not kept.current or kept.value == fresh, name
    assert moved in differ


def seen(engine: Engine, name: str, now: datetime) -> tuple[Any, Any]:
    """Return a figure as a page gets it once a worker has counted it, and as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: now)
        if read(engine, name, now)[0] is None:
            count_figures(engine)
    return read(engine, name, now)


def read(engine: Engine, name: str, now: datetime) -> tuple[Any, Any]:
    figure, key = FIGURES[name]
    with reading(engine) as session:
        shop = find_shop(session, "tea")
        return figure_of(session, shop, figure, key, now=now), figure.count(session, shop, key, now)
