"""Forecasts as rows: made, kept, refused, asked by rules."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from pyroaring import BitMap
from sqlmodel import col, select

from retention import clock, queue
from retention.aggregates import refresh_aggregates
from retention.database import reading, transaction
from retention.errors import Invalid
from retention.ingest import import_file
from retention.orders import Order
from retention.versions import Family, raise_version
from segments.descriptions import describe
from segments.forecasting import forecast_all, forecast_shop, keep_forecast, make_forecast
from segments.forecasts import BuyerForecast, Outcome, ShopForecast, find_forecast, why_nothing
from segments.matching import match
from segments.preview import preview
from segments.rules import parse
from tests.factories import NOW, add_order, add_visits, make_shop

ALIVE = {"prediction": {"measure": "alive", "at_least": 0.5}}
EXPECTED = {"prediction": {"measure": "orders", "more_than": 0}}
SOON = {"prediction": {"measure": "days_to_next", "at_most": 60}}


def a_shop_to_predict(session):
    """60 who came once, 60 who came back; the first of them is faithful, the second long gone."""
    shop, chance = make_shop(session), random.Random(5)
    visits = [[300, 250, 200, 150, 100, 50, 2], [390, 388, 386, 384, 382, 380]]
    visits += [sorted(chance.sample(range(5, 400), chance.choice([2, 2, 3, 5])), reverse=True) for _ in range(58)]
    visits += [[chance.randrange(1, 400)] for _ in range(60)]
    return shop, add_visits(session, shop, visits)


def forecast(session, shop, *, now=NOW):
    keep_forecast(session, make_forecast(session, shop, now=now))
    return find_forecast(session, shop.id)


def test_a_forecast_tells_the_faithful_from_the_gone_and_is_asked_by_rules(session):
    shop, (faithful, gone, *_, once) = a_shop_to_predict(session)
    made = forecast(session, shop)
    assert (made.outcome, made.buyers, made.came_back, why_nothing(made)) == (Outcome.MADE, 120, 60, "")
    alive = match(session, shop, parse(ALIVE), now=NOW)
    assert (faithful in alive, gone in alive, once in alive) == (True, False, False)
    unlikely = match(session, shop, parse({"prediction": {"measure": "alive", "less_than": "0.5"}}), now=NOW)
    assert (gone in unlikely, once in unlikely, len(alive | unlikely)) == (True, False, 60)
    expected = [
        len(match(session, shop, parse({"prediction": {"measure": "orders", "more_than": 0.9, "days": days}}), now=NOW))
        for days in (30, 90, 365)
    ]
    assert 0 <= expected[0] < expected[1] < expected[2]
    soon = match(session, shop, parse(SOON), now=NOW)
    assert (faithful in soon, once in soon) == (True, False)


def test_a_forecast_counts_days_not_orders_and_is_the_same_as_of_then(session):
    shop, (faithful, *_) = a_shop_to_predict(session)
    add_order(session, shop, faithful, at=NOW - timedelta(days=2, minutes=1))
    live, then = make_forecast(session, shop, now=NOW), make_forecast(session, shop, now=NOW, as_of=NOW)
    assert (live.ids.tolist(), live.alive.tolist(), live.orders[90].tolist(), live.next_day.tolist()) == (
        then.ids.tolist(), then.alive.tolist(), then.orders[90].tolist(), then.next_day.tolist(),
    )  # fmt: skip
    assert len(make_forecast(session, shop, now=NOW, as_of=NOW - timedelta(days=300)).ids) == 0


def test_too_little_data_is_said_and_matches_nobody(session):
    shop = make_shop(session)
    assert why_nothing(find_forecast(session, shop.id)).startswith("No predictions yet")
    assert list(match(session, shop, parse({"any": [ALIVE, EXPECTED, SOON]}), now=NOW)) == []
    add_visits(session, shop, [[9, 1], *[[5]] * 98])
    made = forecast(session, shop)
    assert (made.outcome, made.r) == (Outcome.TOO_LITTLE, None)
    assert why_nothing(made) == (
        "Not enough data for predictions: 99 buyers have ordered (at least 100 are needed) and 1 of them on more "
        "than one day (at least 30)."
    )
    seen = preview(session, shop, parse({"not": EXPECTED}), now=NOW)
    assert (len(seen.buyers), seen.notes) == (99, (why_nothing(made),))
    assert preview(session, shop, parse({"orders": {}}), now=NOW).notes == ()


def test_predictions_that_no_longer_stand_are_taken_away(session):
    shop, buyers = a_shop_to_predict(session)
    forecast(session, shop)
    assert len(match(session, shop, parse(EXPECTED), now=NOW)) > 100
    session.exec(Order.__table__.delete().where(col(Order.buyer_id).in_(buyers[40:])))
    refresh_aggregates(session, shop.id)
    assert forecast(session, shop).outcome is Outcome.TOO_LITTLE
    assert list(match(session, shop, parse(EXPECTED), now=NOW)) == []
    assert session.exec(select(BuyerForecast)).all() == []


def test_a_prediction_as_of_a_past_moment_is_refused(session):
    shop, _ = a_shop_to_predict(session)
    forecast(session, shop)
    for rule in (ALIVE, {"all": [{"not": SOON}, {"follows": {}}]}):
        with pytest.raises(Invalid, match=r"Predictions have no history: omit the as-of date"):
            match(session, shop, parse(rule), now=NOW, as_of=NOW - timedelta(days=1))


def test_the_next_order_draws_nearer_from_day_to_day(session):
    shop, (faithful, *_) = a_shop_to_predict(session)
    forecast(session, shop)
    row = session.get(BuyerForecast, (shop.id, faithful))
    days = row.next_day - shop.day(NOW)
    assert 1 < days < 60
    for passed, left in ((0, days), (1, days - 1), (days, 0)):
        rule = {"prediction": {"measure": "days_to_next", "is": left}}
        assert faithful in match(session, shop, parse(rule), now=NOW + timedelta(days=passed))


def test_a_new_forecast_counts_at_once(engine):
    with transaction(engine) as session:
        shop, _ = a_shop_to_predict(session)
    with reading(engine) as session:
        assert len(match(session, shop, parse(EXPECTED), now=NOW)) == 0
    with transaction(engine) as session:
        forecast(session, shop)
    with reading(engine) as session:
        assert len(match(session, shop, parse(EXPECTED), now=NOW)) > 100


def test_another_shops_predictions_are_not_ours(session):
    shop, _ = a_shop_to_predict(session)
    forecast(session, shop)
    other = make_shop(session, "coffee")
    assert match(session, other, parse(EXPECTED), now=NOW) == BitMap()
    forecast(session, other)
    assert len(match(session, shop, parse(EXPECTED), now=NOW)) > 100


def test_the_sweep_finds_shops_without_todays_forecast_or_with_more_to_predict_from(engine, monkeypatch):
    at, sent = [NOW], []
    monkeypatch.setattr(clock, "now", lambda: at[0])
    monkeypatch.setattr(queue, "send", lambda _session, *call: sent.append(call))

    def due():
        sent.clear()
        with transaction(engine) as session:
            forecast_all(session)
        return [shop_id for _, shop_id in sent]

    with transaction(engine) as session:
        shop, _ = a_shop_to_predict(session)
        empty = make_shop(session, "empty")
    assert due() == [shop.id, empty.id]
    for shop_id in (shop.id, empty.id, 999):
        forecast_shop(engine, shop_id)
    assert due() == []
    with transaction(engine) as session:
        assert {row.shop_id: row.outcome for row in session.exec(select(ShopForecast))} == {
            shop.id: Outcome.MADE,
            empty.id: Outcome.TOO_LITTLE,
        }
        for each in (shop, empty):
            raise_version(session, each.id, Family.ORDERS)
    assert due() == [empty.id]
    at[0] = NOW + timedelta(days=1)
    assert due() == [shop.id, empty.id]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"measure": "alive", "at_least": 0.8}, "are still active with a probability of at least 80 %"),
        ({"measure": "orders", "at_least": 1.5}, "are expected to order at least 1.5 times in the next 90 days"),
        ({"measure": "orders", "is": 1, "days": 30}, "are expected to order exactly 1 time in the next 30 days"),
        ({"measure": "days_to_next", "between": [1, 7]}, "are expected to order again in 1 day to 7 days"),
    ],
)
def test_a_prediction_says_itself(body, sentence):
    assert describe(parse({"prediction": body})) == f"Buyers who {sentence}"


@pytest.mark.data
def test_the_published_figures_are_found_from_the_order_file(engine, data_folder, tmp_path):
    rows = (data_folder / "cdnow_sample.csv").read_text().splitlines()[1:]
    lines = ["order_id,buyer_id,paid_at,amount,quantity,status"]
    for number, row in enumerate(rows):
        _, buyer, day, quantity, amount = row.split(",")
        lines.append(f"{number},{buyer},{day[:4]}-{day[4:6]}-{day[6:]},{amount},{quantity},paid")
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(lines))
    with transaction(engine) as session:
        shop = make_shop(session, "cd", name="CD", timezone="UTC", currency="USD", at=NOW)
    report = import_file(engine, "cd", "orders", path, now=NOW)
    assert report.accepted == len(rows)
    with reading(engine) as session:
        made = make_forecast(session, shop, now=NOW, as_of=datetime(1997, 9, 30, 23, 59, 59, tzinfo=UTC))
    assert made.shop.buyers == 2_357
    assert date(1997, 9, 30) == clock.day_of(made.shop.day)
    found = (made.shop.r, made.shop.alpha / 7, made.shop.a, made.shop.b)
    assert [round(value, 2) for value in found] == [0.24, 4.41, 0.79, 2.43]
