"""Forecasting: a shop's forecast made and kept, once a day, by workers.

Apart from what rules ask (`segments.forecasts`), so that a process which only asks loads no optimiser.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pyroaring import BitMap
from sqlalchemy.engine import Engine
from sqlmodel import Session, col

from retention import clock, queue
from retention.aggregates import BuyerAggregates
from retention.bitmaps import read_columns
from retention.database import insert, insert_rows, reading, transaction
from retention.errors import Error
from retention.failures import Thing, each_alone
from retention.orders import Order
from retention.shops import Shop
from retention.versions import DataVersion, Family, raise_version, read_versions
from segments.conditions import within
from segments.forecasts import FEWEST_BACK, FEWEST_BUYERS, UNIT, BuyerForecast, Outcome, ShopForecast
from segments.prediction import Parameters, PurchaseHistory, expected_orders, fit, still_active, until_next
from segments.purchases import BUYER, counted_orders
from segments.rule_ast import HORIZONS, Window
from segments.view import View

LATEST = 3_650
"""Days ahead; a next order expected later than that is unknown."""

WRITTEN_AT_ONCE = 10_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Forecasts:
    """A forecast as made: the shop's row, and per buyer an array each; -1 stands for unknown."""

    shop: ShopForecast
    ids: Ints
    alive: Ints
    orders: dict[int, Ints]
    next_day: Ints

    @property
    def members(self) -> BitMap:
        """The buyers of whom something is predicted."""
        return BitMap(self.ids.astype(np.uint32))


def make_forecast(session: Session, shop: Shop, *, now: datetime, as_of: datetime | None = None) -> Forecasts:
    """Fit the model to a shop's orders and predict every buyer of them; as of a past moment from the orders before it.

    Nothing is stored. With too little data, or where the model does not settle, there are no buyers in it, and the
    shop's row says so.
    """
    session.flush()
    view = View(shop, now, as_of)
    version = read_versions(session, shop.id)[Family.ORDERS]
    ids, history = read_history(session, view)
    came_back = int(np.count_nonzero(history.repeats))
    enough = len(ids) >= FEWEST_BUYERS and came_back >= FEWEST_BACK
    fitted = fit(history) if enough else None
    outcome = Outcome.MADE if fitted else Outcome.UNSETTLED if enough else Outcome.TOO_LITTLE
    row = ShopForecast(
        shop_id=shop.id, outcome=outcome, day=view.day, made_at=now, orders_version=version,
        buyers=len(ids), came_back=came_back, **(vars(fitted) if fitted else {}),
    )  # fmt: skip
    return _predict(row, ids, history, fitted) if fitted else _nothing(row)


def keep_forecast(session: Session, forecasts: Forecasts) -> None:
    """Store a forecast in place of the shop's last one."""
    shop_id = forecasts.shop.shop_id
    values = forecasts.shop.model_dump()
    # The shop's row first: whoever else stores a forecast of this shop waits here.
    row = insert(session, ShopForecast).values(**values)
    session.execute(row.on_conflict_do_update(index_elements=["shop_id"], set_=values))
    session.execute(sa.delete(BuyerForecast).where(col(BuyerForecast.shop_id) == shop_id))
    columns = ("shop_id", "buyer_id", "alive", *(f"orders_{days}" for days in HORIZONS), "next_day")
    insert_rows(session, BuyerForecast, columns, _rows(forecasts))
    raise_version(session, shop_id, Family.FORECASTS)


def read_history(session: Session, view: View) -> tuple[Ints, PurchaseHistory]:
    """Return the buyers with a counted order, by id, and on which days they came, in days up to the view's day."""
    if view.as_of is None:
        days = sa.select(
            col(BuyerAggregates.buyer_id),
            col(BuyerAggregates.first_day),
            col(BuyerAggregates.last_day),
            col(BuyerAggregates.order_days),
        ).where(col(BuyerAggregates.shop_id) == view.shop.id, col(BuyerAggregates.orders) > 0)
    else:
        day = col(Order.order_day)
        measured = (sa.func.min(day), sa.func.max(day), sa.func.count(sa.distinct(day)))
        counted = (*counted_orders(view), *within(view, col(Order.ordered_at), Window()))
        days = sa.select(BUYER, *measured).where(*counted).group_by(BUYER)
    columns = read_columns(session, days)
    ids, first, last, visits = columns[:, np.argsort(columns[0])]
    until = np.maximum(last, view.day)
    return ids, PurchaseHistory(*(each.astype(float) for each in (visits - 1, last - first, until - first)))


@queue.task("segments.forecast", every=timedelta(hours=1))
def forecast_all(session: Session) -> None:
    """Wake a worker for every shop whose forecast is not of today, or said too little when there is more now."""
    now = clock.now()
    known = (
        sa.select(Shop, ShopForecast, sa.func.coalesce(col(DataVersion.version), 0))
        .outerjoin(DataVersion, sa.and_(col(DataVersion.shop_id) == Shop.id, col(DataVersion.family) == Family.ORDERS))
        .outerjoin(ShopForecast, col(ShopForecast.shop_id) == Shop.id)
        .order_by(col(Shop.id))
    )
    for shop, last, version in session.execute(known):
        if last is None or _knows_more(last, version) or _is_old(last, _day(shop, now)):
            queue.send(session, "segments.forecast_shop", shop.id)


def _day(shop: Shop, now: datetime) -> int:
    """Return the shop's day; where it has none, one that is no day, so that its forecast is tried and tells why."""
    try:
        return shop.day(now)
    except Error:
        return -1


def _is_old(last: ShopForecast, today: int) -> bool:
    """Tell whether a forecast is of another day; where there is too little to predict from, a day changes nothing."""
    return last.day != today and last.outcome is not Outcome.TOO_LITTLE


@queue.engine_task("segments.forecast_shop")
def forecast_shop(engine: Engine, shop_id: int) -> None:
    """Make and store the forecast of one shop. While the model is fitted, nobody waits for the database."""
    each_alone(engine, "forecast", [Thing(shop_id, "shop", shop_id)], partial(_forecast, engine), now=clock.now())


def _forecast(engine: Engine, thing: Thing) -> None:
    with reading(engine) as session:
        shop = session.get(Shop, thing.id)
        forecasts = make_forecast(session, shop, now=clock.now()) if shop else None
    if forecasts:
        with transaction(engine) as session:
            keep_forecast(session, forecasts)


def _knows_more(last: ShopForecast, version: int) -> bool:
    return last.outcome is not Outcome.MADE and version != last.orders_version


def _predict(row: ShopForecast, ids: Ints, history: PurchaseHistory, fitted: Parameters) -> Forecasts:
    alive = np.where(history.repeats > 0, _rounded(still_active(fitted, history) * UNIT), -1)
    orders = {days: _rounded(expected_orders(fitted, history, days) * UNIT) for days in HORIZONS}
    wait = np.ceil(np.minimum(until_next(fitted, history), LATEST + 1))
    next_day = np.where(wait > LATEST, -1, row.day + wait).astype(np.int64)
    return Forecasts(row, ids, alive, orders, next_day)


def _nothing(row: ShopForecast) -> Forecasts:
    none = np.empty(0, dtype=np.int64)
    return Forecasts(row, none, none, dict.fromkeys(HORIZONS, none), none)


def _rounded(values: npt.NDArray[np.float64]) -> Ints:
    return np.rint(values).astype(np.int64)


def _rows(forecasts: Forecasts) -> Iterator[tuple[int | None, ...]]:
    columns = (forecasts.ids, forecasts.alive, *(forecasts.orders[days] for days in HORIZONS), forecasts.next_day)
    for start in range(0, len(forecasts.ids), WRITTEN_AT_ONCE):
        part = (each[start : start + WRITTEN_AT_ONCE].tolist() for each in columns)
        for row in zip(*part, strict=True):
            yield forecasts.shop.shop_id, *(None if number < 0 else number for number in row)
