"""Results as page, command and REST tell them, held against a plain reading of the rows of a random shop."""

import json
import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.cli import main, terminal
from retention import clock, keys, users
from retention.access import Role, Scope
from retention.database import open_engine, reading, transaction
from retention.settings import Settings, get_settings
from tests.apps import create_app
from tests.campaigns.conftest import NOON, Stage
from tests.campaigns.random_weeks import END, Trading
from tests.campaigns.reference import Reader, Reading
from tests.factories import make_shop
from tests.sign_in import sign_in

SITE = "https://r.example.cn"


def trade(engine: Engine, seed: int) -> tuple[str, dict[str, Reading]]:
    """Play a shop's weeks; return a key to it and what a plain reading says of its campaigns."""
    with transaction(engine) as session:
        shop = make_shop(session, "tea", at=NOON)
        trading = Trading(Stage(session, shop), seed)
        trading.play(trading.orders(), order_of_import=seed)
        for campaign in trading.campaigns:
            campaign.state = "running"
            session.add(campaign)
        users.add_user(session, "may@tea.example", shop=shop, role=Role.OWNER, password="", at=NOON)
        key = keys.create_api_key(session, shop, name="all", scopes=frozenset(Scope), at=NOON)
    with reading(engine) as session:
        read = Reader(session, shop.id, at=END, checkouts=trading.checkouts)
        return key, {each.slug: read.read(session.merge(each, load=False), at=END) for each in trading.campaigns}


@pytest.mark.parametrize("seed", [3, 14, 15])
def test_page_rest_and_command_tell_what_a_plain_reading_says(
    sqlite_url: str, seed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    engine = open_engine(sqlite_url)
    key, expected = trade(engine, seed)
    app = create_app(Settings(home=tmp_path, public_url=SITE, secret="s" * 40), engine=engine, now=lambda: END)
    monkeypatch.setenv("REGULARS_DATABASE_URL", sqlite_url)
    monkeypatch.setattr(clock, "now", lambda: END)
    get_settings.cache_clear()
    terminal.engine.cache_clear()
    page = results_page(app)
    with TestClient(app, base_url=SITE, headers={"Authorization": f"Bearer {key}"}) as client:
        for slug, read in expected.items():
            orders = {"Orders with coupon": read.code_matched[0], "Orders, last touch": read.last_touch[0]}
            assert {name: int(page[slug][name]) for name in orders} == orders
            assert_difference(page[slug]["Incremental buyers"], read)
            rest = client.get(f"/api/v1/campaigns/{slug}/results").json()
            with pytest.raises(SystemExit):
                main(["campaigns", "show", slug, "--shop", "tea", "--json"])
            typed = json.loads(capsys.readouterr().out)
            for told in (rest, typed):
                assert told["redeemed"] == read.redeemed
                assert told["code_matched"] == in_money(read.code_matched)
                assert told["last_touch"] == in_money(read.last_touch)
                assert told["runs_read_out"] == read.runs_read_out
                for name, arm in (("treated", read.treated), ("control", read.control)):
                    assert told["lift"][name]["buyers"] == arm.buyers
                    assert told["lift"][name]["converted"] == len(arm.spent)
                    assert told["lift"][name]["value"] == f"{sum(arm.spent) / 100:.2f}"
    terminal.engine().dispose()
    terminal.engine.cache_clear()
    get_settings.cache_clear()
    engine.dispose()


def in_money(orders: tuple[int, int]) -> dict[str, object]:
    return {"orders": orders[0], "revenue": f"{orders[1] / 100:.2f}"}


def results_page(app: FastAPI) -> dict[str, dict[str, str]]:
    """Return the cells of the Results page by campaign, by the name of their column."""
    visitor = TestClient(app, base_url=SITE, headers={"Accept-Language": "en", "Sec-Fetch-Site": "same-origin"})
    sign_in(visitor, "may@tea.example")
    text = visitor.get("/shops/tea/results").text
    rows = re.findall(r'<tr><td><a href="[^"]*/campaigns/([^"]+)">(.*?)</tr>', text, re.DOTALL)
    cells = re.compile(r'<td class="n" data-name="([^"]+)">(.*?)</td>', re.DOTALL)
    return {
        slug: {name: re.sub(r"<[^>]+>", "", cell).strip() for name, cell in cells.findall(row)} for slug, row in rows
    }


def assert_difference(shown: str, read: Reading) -> None:
    """The page shows treated buyers times the difference of rates, or nothing where there is no control group."""
    treated, control = read.treated, read.control
    if shown == "—":
        return
    more = len(treated.spent) - treated.buyers * len(control.spent) / control.buyers
    assert shown.split(maxsplit=1)[0].replace("\N{MINUS SIGN}", "-").replace("+", "") == f"{more:.0f}"
