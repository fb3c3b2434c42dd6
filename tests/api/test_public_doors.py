"""Buyers' pages under load and with a database that takes nothing: a kind page, and the offer all the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from sqlmodel import select

from api.public import visits
from api.public.limits import MOST, SHARED, Act, TooOften, VisitLimits
from campaigns.offers.coupons import Coupon, CouponState
from campaigns.offers.links import Scan
from campaigns.optouts.unsubscribe_links import unsubscribe_token
from retention.consent import Channel, Consent
from retention.database import reading
from tests.api.conftest import SECRET, SITE
from tests.api.test_public import flyer_link
from tests.campaigns.conftest import NOON, Stage

Tea = Callable[[Callable[[Stage], Any]], Any]


def _rows(engine: Engine, table: type[Any]) -> list[Any]:
    with reading(engine) as session:
        return list(session.exec(select(table).order_by(table.id)))


def _is_kind(answer: Any) -> None:
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "text/html" in answer.headers["content-type"]
    assert "Please wait" in answer.text
    assert "Wait 60 seconds and try again." in answer.text


def _scan(phone: TestClient, token: str) -> Any:
    return phone.get(f"/Q/{token}")


def _claim(phone: TestClient, token: str) -> Any:
    return phone.post(f"/q/{token.lower()}/claim")


def _answer(phone: TestClient, _token: str) -> Any:
    way_out = unsubscribe_token(SECRET.encode(), shop_id=1, buyer_id=1, channel=Channel.PARCEL)
    return phone.post(f"/u/{way_out}", data={"choice": "channel"})


@pytest.mark.parametrize(
    ("act", "do", "good"), [(Act.SCAN, _scan, 200), (Act.CLAIM, _claim, 303), (Act.ANSWER, _answer, 200)]
)
def test_one_address_uses_one_link_so_often_a_minute_and_learns_when_to_retry(
    tea: Tea, phone: TestClient, tea_app: FastAPI, engine: Engine, act: Act, do: Callable[..., Any], good: int
) -> None:
    token = tea(flyer_link)
    assert {do(phone, token).status_code for _ in range(MOST[act])} == {good}
    for _ in range(3):
        _is_kind(do(phone, token))
    before = len(_rows(engine, Scan)), len(_rows(engine, Consent))
    _is_kind(do(phone, token))
    assert (len(_rows(engine, Scan)), len(_rows(engine, Consent))) == before
    if act is Act.SCAN:
        assert [scan.repeat for scan in _rows(engine, Scan)] == [False] + [True] * (MOST[act] - 1)
    if act is Act.CLAIM:
        assert _rows(engine, Coupon)[0].state is CouponState.CLAIMED
    with TestClient(tea_app, base_url=SITE, client=("198.51.100.7", 1), follow_redirects=False) as another:
        assert do(another, token).status_code == good
    tea_app.state.moment = NOON + timedelta(minutes=1)
    assert do(phone, token).status_code == good


def test_whoever_tries_links_that_are_not_there_is_slowed_down(phone: TestClient) -> None:
    said = [phone.get(f"/Q/N0SUCH{number:06}").status_code for number in range(MOST[Act.MISS] + 3)]
    assert said == [404] * MOST[Act.MISS] + [429] * 3


def test_the_link_of_a_groups_post_is_opened_by_many_behind_one_address() -> None:
    limits, moment = VisitLimits(), NOON

    def used(is_shared: bool, link: str) -> int:  # noqa: FBT001
        count = 0
        try:
            while True:
                limits.use(Act.SCAN, "203.0.113.9", link, at=moment, is_shared=lambda: is_shared)
                count += 1
        except TooOften:
            return count

    assert used(is_shared=False, link="own") == MOST[Act.SCAN]
    assert used(is_shared=True, link="shared") == MOST[Act.SCAN] * SHARED
    moment = NOON + timedelta(seconds=60)
    assert used(is_shared=True, link="shared") == MOST[Act.SCAN] * SHARED


@contextmanager
def _locked(engine: Engine) -> Iterator[None]:
    with engine.connect() as other, other.begin():
        if engine.dialect.name == "postgresql":
            other.execute(sa.text("LOCK TABLE scans IN ACCESS EXCLUSIVE MODE"))
        yield


@contextmanager
def _every_connection(engine: Engine, statement: str) -> Iterator[None]:
    def set_up(connection: Any, _record: object) -> None:
        connection.execute(statement)
        if engine.dialect.name == "postgresql":
            connection.commit()

    engine.dispose()
    event.listen(engine, "connect", set_up)
    yield
    event.remove(engine, "connect", set_up)
    engine.dispose()


@contextmanager
def _read_only(engine: Engine) -> Iterator[None]:
    postgresql = engine.dialect.name == "postgresql"
    statement = "SET default_transaction_read_only = on" if postgresql else "PRAGMA query_only = ON"
    with _every_connection(engine, statement):
        yield


@contextmanager
def _full(engine: Engine) -> Iterator[None]:
    if engine.dialect.name == "postgresql":
        pytest.skip("a full disk cannot be had for one database of a server")
    with _every_connection(engine, "PRAGMA max_page_count = 1"):  # as many as there are
        yield


@pytest.mark.parametrize("trouble", [_locked, _read_only, _full])
@pytest.mark.parametrize("leads_on", [False, True])
def test_a_scan_that_cannot_be_written_shows_the_offer_and_is_written_later(
    tea: Tea,
    phone: TestClient,
    tea_app: FastAPI,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Any,
    *,
    leads_on: bool,
) -> None:
    monkeypatch.setattr(visits, "PATIENCE", timedelta(milliseconds=20))
    token = tea(flyer_link)
    if leads_on:
        tea(lambda stage: stage.session.execute(sa.text("UPDATE links SET offer_id = NULL")))
    visits_made = 60 if trouble is _full else 3
    with trouble(engine):
        for number in range(visits_made):
            tea_app.state.moment = NOON + timedelta(minutes=number)
            answer = phone.get(f"/Q/{token}", headers={"User-Agent": "Mozilla/5.0 " + "x" * 280})
            if leads_on:
                assert (answer.status_code, answer.headers["location"]) == (302, "https://tea.example/autumn")
            else:
                assert (answer.status_code, "¥20" in answer.text) == (200, True)
    waiting = len(tea_app.state.unwritten)
    assert waiting > 0
    assert len(_rows(engine, Scan)) == visits_made - waiting
    tea_app.state.moment = NOON + timedelta(hours=2)
    for _ in range(2):
        phone.get(f"/Q/{token}")
    assert len(_rows(engine, Scan)) == visits_made + 2
    assert sorted({scan.at for scan in _rows(engine, Scan)})[:2] == [NOON, NOON + timedelta(minutes=1)]


def test_a_claim_that_cannot_be_written_is_explained_on_a_page_and_can_be_made_later(
    tea: Tea, phone: TestClient, engine: Engine
) -> None:
    token = tea(flyer_link)
    with _read_only(engine):
        refused = _claim(phone, token)
    assert (refused.status_code, "text/html" in refused.headers["content-type"]) == (503, True)
    assert _rows(engine, Coupon)[0].state is CouponState.ISSUED
    assert _claim(phone, token).status_code == 303
