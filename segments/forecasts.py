"""Forecasts: the predictions of the model for each buyer, kept as rows that rules query.

A visit is a calendar day of the shop with a counted order. A forecast is of the day it was made; it has no history. Of
a buyer who came on one day only the model cannot tell whether they are still active, so that stays unknown.
"""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col

from retention.database import BigId, choice
from retention.errors import Invalid
from retention.i18n import gettext
from retention.privacy.personal import personal
from segments.conditions import Query, whole
from segments.rule_ast import Forecast, Predicted
from segments.view import View

FEWEST_BUYERS = 100
FEWEST_BACK = 30
"""Buyers with an order, and buyers who came back on another day, below which nothing is predicted."""

UNIT = 10_000
"""Probabilities and expected orders are kept in ten-thousandths."""


class Outcome(StrEnum):
    """What became of a forecast."""

    MADE = "made"
    TOO_LITTLE = "too_little"
    UNSETTLED = "unsettled"


class ShopForecast(SQLModel, table=True):
    """The last forecast of a shop: from how many buyers, and the parameters of the model when they could be fitted.

    `day` is the shop's day it is of, `alpha` in days; `orders_version` tells which orders it knew.
    """

    __tablename__ = "shop_forecasts"

    shop_id: int = Field(primary_key=True, foreign_key="shops.id", sa_type=BigId)
    outcome: Outcome = Field(sa_type=choice(Outcome))
    day: int
    made_at: datetime
    orders_version: int
    buyers: int
    came_back: int
    r: float | None = None
    alpha: float | None = None
    a: float | None = None
    b: float | None = None


class BuyerForecast(SQLModel, table=True):
    """Predictions for one buyer: `alive` and expected orders per period in ten-thousandths, and days to the next."""

    __tablename__ = "buyer_forecasts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    shop_id: int = Field(primary_key=True, foreign_key="shops.id", sa_type=BigId)
    buyer_id: int = Field(primary_key=True, foreign_key="buyers.id", sa_type=BigId, ondelete="CASCADE")
    alive: int | None = None
    orders_30: int
    orders_90: int
    orders_365: int
    next_day: int | None = None


def find_forecast(session: Session, shop_id: int) -> ShopForecast | None:
    """Return what is known of a shop's last forecast."""
    return session.get(ShopForecast, shop_id)


def why_nothing(forecast: ShopForecast | None) -> str:
    """Say why nobody is predicted, in the language being spoken; nothing when buyers are."""
    if forecast is None:
        return gettext("No predictions yet; they are calculated once a day.")
    if forecast.outcome is Outcome.MADE:
        return ""
    if forecast.outcome is Outcome.UNSETTLED:
        return gettext("The model does not fit this shop's orders, so there are no predictions.")
    return gettext(
        "Not enough data for predictions: {buyers} buyers have ordered (at least {fewest} are needed) and {back} of "
        "them on more than one day (at least {fewest_back})."
    ).format(buyers=forecast.buyers, fewest=FEWEST_BUYERS, back=forecast.came_back, fewest_back=FEWEST_BACK)


def measure_forecasts(view: View, condition: Predicted) -> Query:
    """Return what is predicted of every buyer it is known for: buyer, number, and what to divide it by.

    Invalid as of a past moment: how the model saw a buyer then is not kept.
    """
    if view.as_of is not None:
        raise Invalid("Predictions have no history: omit the as-of date, or remove the prediction from the rule.")
    buyer, unit = col(BuyerForecast.buyer_id), whole(UNIT)
    of_shop = col(BuyerForecast.shop_id) == view.shop.id
    match condition.forecast:
        case Forecast.ALIVE:
            return sa.select(buyer, col(BuyerForecast.alive), unit).where(
                of_shop, col(BuyerForecast.alive).is_not(None)
            )
        case Forecast.ORDERS:
            return sa.select(buyer, col(getattr(BuyerForecast, f"orders_{condition.days}")), unit).where(of_shop)
        case Forecast.DAYS_TO_NEXT:
            next_day = col(BuyerForecast.next_day)
            return sa.select(buyer, next_day - whole(view.day)).where(of_shop, next_day.is_not(None))


personal(BuyerForecast, delete=True)
