"""The board of arrivals: three shelves, who was told, how soon the first one sold, and a product's dates and stock."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session, select

from campaigns.campaign.campaigns import Campaign
from retention.audit import AuditEntry
from retention.database import reading, transaction
from retention.files import FileStore
from retention.products import Product
from tests.api.console import post_shop
from tests.api.console.doors import doors_of
from tests.api.console.post_shop import HOME, post_campaign
from tests.api.console.test_tasks import heading, send

Enter = Callable[..., TestClient]


@pytest.fixture
def enter(engine: Engine, tmp_path: Path) -> Enter:
    post_shop.fill(engine, FileStore(tmp_path / "files"))
    return doors_of(engine, tmp_path)


def product(session: Session, sku: str) -> Product:
    return session.exec(select(Product).where(Product.sku == sku)).one()


def shelves(page: str) -> dict[str, list[str]]:
    parts = re.findall(r'aria-labelledby="shelf-(\w+)">(.*?)</section>', page, re.DOTALL)
    return {stage: re.findall(r"<h3>(.*?)</h3>", text) for stage, text in parts}


def test_products_stand_on_three_shelves_with_their_sales(enter: Enter) -> None:
    page = enter("viewer").get(f"{HOME}/arrivals").text
    assert shelves(page) == {
        "coming": ["大红袍 冬至限定礼盒"],
        "live": ["Oolong sampler", "凤凰单丛 秋茶 100 g"],
        "sold_out": ["Osmanthus oolong 50 g"],
    }
    assert heading(page) == "2 new arrivals not announced yet"
    assert re.search(r"3 orders <span class=\"tiny\">first sale after 4 hours", page)
    assert "Alert repeat buyers" not in page  # a viewer may not


def test_announced_product_shows_its_alert_and_the_others_lead_to_a_new_one(enter: Enter, engine: Engine) -> None:
    with transaction(engine) as session:
        row = post_campaign(session)
        row.policy_json = row.policy_json | {"stop_after_sales": 5}
        session.add(row)
    client = enter("marketer")
    page = client.get(f"{HOME}/arrivals").text
    assert heading(page) == "One new arrival not announced yet"
    assert "0 of 51 notified · stops after 5 sales" in page
    links = re.findall(r'href="(/shops/camellia/campaigns/new/arrival-alert\?product=[^"]+)"', page)
    assert links == [f"{HOME}/campaigns/new/arrival-alert?product={sku}" for sku in ("TEA-3", "TEA-2")]
    form = client.get(links[1]).text
    assert re.search(r'<option value="TEA-2" selected', form)


def test_arrival_and_stock_are_changed_on_the_shops_clock(enter: Enter, engine: Engine) -> None:
    with reading(engine) as session:
        number = product(session, "TEA-3").id
    page = send(enter("marketer"), f"/arrivals/{number}", arrival="2026-11-20T09:30", stock="")
    assert "Saved." in page
    assert shelves(page)["coming"] == []
    with reading(engine) as session:
        row = product(session, "TEA-3")
        assert (row.arrival_at, row.stock) == (datetime.fromisoformat("2026-11-20T09:30+08:00"), None)
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "product.edit")).one()
        assert (entry.subject, entry.before) == ("product:TEA-3", {"arrival_at": "2026-11-26T02:00:00Z", "stock": 60})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"arrival": "tomorrow", "stock": "5"}, "is not a date and time"),
        ({"arrival": "", "stock": "-1"}, "A stock is 0 or more"),
        ({"arrival": "", "stock": "many"}, "such as 40, not many"),
    ],
)
def test_wrong_value_is_named_kept_and_changes_nothing(
    enter: Enter, engine: Engine, fields: dict[str, Any], said: str
) -> None:
    with reading(engine) as session:
        before = product(session, "TEA-3").model_dump()
    page = send(enter("marketer"), f"/arrivals/{before['id']}", **fields)
    assert said in page
    assert f'value="{fields["stock"]}"' in page
    with reading(engine) as session:
        assert product(session, "TEA-3").model_dump() == before


def test_viewer_changes_nothing_and_another_shop_sees_nothing(enter: Enter, engine: Engine) -> None:
    with reading(engine) as session:
        before = product(session, "TEA-1").model_dump()
    number = before["id"]
    send(enter("viewer"), f"/arrivals/{number}", stock="0")
    other = enter("owner", shop="teahouse")
    assert other.get(f"/shops/teahouse/arrivals/{number}/picture").status_code == 404
    assert heading(other.get("/shops/teahouse/arrivals").text) == "No new arrivals yet"
    with reading(engine) as session:
        assert product(session, "TEA-1").model_dump() == before
        assert session.exec(select(Campaign)).all() == []


def test_picture_is_sent_small_and_missing_one_is_not_found(enter: Enter, engine: Engine) -> None:
    client = enter("viewer")
    with reading(engine) as session:
        with_one, without = product(session, "TEA-1").id, product(session, "TEA-2").id
    assert client.get(f"{HOME}/arrivals/{with_one}/picture").headers["content-type"] == "image/jpeg"
    assert client.get(f"{HOME}/arrivals/{without}/picture").status_code == 404
