"""Random shops and random rules: what the engine and the plain reading are both given."""

import random
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlmodel import Session

from retention.aggregates import refresh_aggregates
from retention.buyers import Buyer
from retention.consent import Consent
from retention.followers_and_groups import Follow, Group, GroupMember
from retention.orders import Order, OrderLine, OrderStatus
from retention.shops import Shop, create_shop
from retention.touches import Touch
from segments.forecasting import Forecasts, keep_forecast
from segments.forecasts import Outcome, ShopForecast
from segments.lists import save_list
from segments.rules import parse
from segments.segments import save_segment
from tests.retention.counting import order_counts
from tests.segments.plain import PlainBuyer, PlainLine, PlainOrder, PlainShop

NOW = datetime(2026, 3, 29, 10, 25, tzinfo=UTC)
HOUR = NOW.replace(minute=0)
PLACES = ["", "Zürich", "O'Hare", "北京", 'a"b']
SKUS = ["", "A1", "a1", "茶-9", "x'); DROP"]
TITLES = ["", "Green Tea", "green cup", "茉莉花茶 🍵", "50% off_\\'"]
CATEGORIES = ["", "tea", "cups"]
CHANNELS = ["", "web", "app"]
GROUPS = ["tea-friends", "cup-friends"]
CAMPAIGNS = ["spring", "autumn"]
EVENTS = ["sent", "scanned", "clicked", "claimed", "redeemed"]
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo"]
SEGMENTS = {
    "repeat": {"orders": {"at_least": 2}},
    "fans": {"any": [{"segment": "repeat"}, {"follows": {}}]},
}


def make_shop(session: Session, slug: str, chance: random.Random) -> tuple[Shop, PlainShop]:
    """Make a shop of up to 12 buyers in the database and in memory, with moments that like to sit on a bound."""
    shop = create_shop(
        session, slug, name=slug, timezone=chance.choice(ZONES), currency="CNY", at=NOW - timedelta(days=400)
    )
    groups = [Group(shop_id=shop.id, slug=each, name=each, created_at=NOW) for each in GROUPS]
    session.add_all(groups)
    session.flush()
    buyers = [_make_buyer(session, shop, number, chance, groups) for number in range(chance.randrange(13))]
    plain = PlainShop(shop.id, shop.timezone, buyers, segments=SEGMENTS)
    plain.lists["by-hand"] = {buyer.id for buyer in buyers if chance.random() < 0.3}
    save_list(session, shop.id, "by-hand", members=BitMap(plain.lists["by-hand"]), actor="system", at=NOW)
    for name, rule in SEGMENTS.items():
        save_segment(session, shop.id, name, rule=parse(rule), actor="system", at=NOW)
    session.flush()
    refresh_aggregates(session, shop.id)
    _predict(session, shop, plain, chance)
    return shop, plain


def _predict(session: Session, shop: Shop, plain: PlainShop, chance: random.Random) -> None:
    """Say something of some buyers; what the model would say is tested elsewhere."""
    known = [buyer for buyer in plain.buyers if chance.random() < 0.7]
    numbers = {name: [chance.choice([0, 4_999, 5_000, 8_000, 10_000]) for _ in known] for name in ("30", "90", "365")}
    alive = [chance.choice([-1, 0, 4_999, 5_000, 8_000, 10_000]) for _ in known]
    next_day = [chance.choice([-1, shop.day(NOW) + chance.choice([-2, 0, 1, 7, 30])]) for _ in known]
    for place, buyer in enumerate(known):
        buyer.predicted = {f"orders_{days}": Fraction(numbers[days][place], 10_000) for days in numbers}
        if alive[place] >= 0:
            buyer.predicted["alive"] = Fraction(alive[place], 10_000)
        if next_day[place] >= 0:
            buyer.predicted["days_to_next"] = date.fromordinal(next_day[place] + date(1970, 1, 1).toordinal())
    row = ShopForecast(
        shop_id=shop.id, outcome=Outcome.MADE, day=shop.day(NOW), made_at=NOW, orders_version=0,
        buyers=len(known), came_back=0,
    )  # fmt: skip
    ids, alive_of, next_of = (np.array(each, dtype=np.int64) for each in ([b.id for b in known], alive, next_day))
    orders = {int(days): np.array(values, dtype=np.int64) for days, values in numbers.items()}
    keep_forecast(session, Forecasts(row, ids, alive_of, orders, next_of))


def a_moment(chance: random.Random) -> datetime:
    bound = chance.choice([NOW, HOUR, HOUR, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 2, 28, 16, tzinfo=UTC)])
    step = chance.choice([timedelta(), timedelta(), timedelta(microseconds=1), timedelta(hours=7), timedelta(days=40)])
    return bound - timedelta(days=chance.choice([0, 1, 2, 7, 30, 365])) - step * chance.choice([1, -1])


def _make_buyer(session: Session, shop: Shop, number: int, chance: random.Random, groups: list[Group]) -> PlainBuyer:
    fields: dict[str, Any] = {
        "external_id": f"b{number}",
        "name": chance.choice(["", "Ana O'Neil", "林小美", "🦊"]),
        "country": chance.choice(PLACES),
        "region": chance.choice(PLACES),
        "city": chance.choice(PLACES),
        "birthday": chance.choice([None, date(1990, 3, 29), date(1988, 2, 29), date(2001, 11, 1)]),
        "created_at": a_moment(chance),
    }
    person = Buyer(shop_id=shop.id, **fields)
    session.add(person)
    session.flush()
    buyer = PlainBuyer(person.id, fields)
    rows = [
        _make_order(shop, f"{number}-{count}", buyer, chance) for count in range(chance.choice([0, 0, 1, 1, 2, 3, 6]))
    ]
    session.add_all(rows)
    session.flush()
    for row, order in zip(rows, buyer.orders, strict=True):
        for place, line in enumerate(order.lines, 1):
            session.add(OrderLine(shop_id=shop.id, order_id=row.id, number=place, **vars(line)))
    if chance.random() < 0.5:
        buyer.follow = _spell(chance)
        session.add(Follow(shop_id=shop.id, buyer_id=person.id, followed_at=buyer.follow[0], ended_at=buyer.follow[1]))
    for group in groups:
        if chance.random() < 0.4:
            begun, ended = buyer.groups[group.slug] = _spell(chance)
            session.add(
                GroupMember(shop_id=shop.id, group_id=group.id, buyer_id=person.id, joined_at=begun, left_at=ended)
            )
    for _ in range(chance.randrange(4)):
        channel, answer, at = chance.choice(["email", "sms"]), chance.choice(["in", "out"]), a_moment(chance)
        buyer.consents.append((channel, answer, at))
        session.add(Consent(shop_id=shop.id, buyer_id=person.id, channel=channel, answer=answer, source="test", at=at))
    for _ in range(chance.randrange(4)):
        event, campaign, at = chance.choice(EVENTS[:2]), chance.choice(CAMPAIGNS), a_moment(chance)
        buyer.touches.append((event, campaign, at))
        session.add(Touch(shop_id=shop.id, buyer_id=person.id, event=event, campaign=campaign, at=at))
    return buyer


def _spell(chance: random.Random) -> tuple[datetime, datetime | None]:
    begun = a_moment(chance)
    return begun, chance.choice([None, None, begun + timedelta(days=chance.randrange(60)), HOUR])


def _make_order(shop: Shop, name: str, buyer: PlainBuyer, chance: random.Random) -> Order:
    lines = [_a_line(chance) for _ in range(chance.choice([0, 1, 1, 2, 3]))]
    amount = chance.choice([0, 1000, 1999, 10000])
    order = PlainOrder(
        status=chance.choice(["paid", "paid", "paid", "placed", "cancelled", "returned"]),
        at=a_moment(chance),
        amount=amount,
        refunded=chance.choice([0, 0, 0, amount, amount // 2]),
        country=chance.choice(PLACES),
        region=chance.choice(PLACES),
        city=chance.choice(PLACES),
        channel=chance.choice(CHANNELS),
        coupon_code=chance.choice(["", "", "TEA10"]),
        lines=lines,
    )
    counts = order_counts(OrderStatus(order.status), amount=amount, refunded=order.refunded, is_return=order.is_return)
    buyer.orders.append(order)
    return Order(
        shop_id=shop.id,
        source="test",
        external_id=name,
        buyer_id=buyer.id,
        status=OrderStatus(order.status),
        ordered_at=order.at,
        order_day=shop.day(order.at),
        amount=amount,
        refunded=order.refunded,
        items=order.items,
        counts=counts,
        is_return=order.is_return,
        country=order.country,
        region=order.region,
        city=order.city,
        channel=order.channel,
        coupon_code=order.coupon_code,
    )


def _a_line(chance: random.Random) -> PlainLine:
    return PlainLine(
        sku=chance.choice(SKUS),
        title=chance.choice(TITLES),
        category=chance.choice(CATEGORIES),
        quantity=chance.choice([1, 1, 2, 5, -1]),
        unit_price=chance.choice([0, 999, 1000, 5000]),
        amount=chance.choice([0, 1000, 1999, 10000]),
    )


def _some(values: list[str]) -> st.SearchStrategy[Any]:
    filled = [value for value in values if value]
    return st.sampled_from(filled) | st.lists(st.sampled_from([*filled, "nowhere"]), min_size=1, max_size=4)


def _comparing(value: st.SearchStrategy[Any], operators: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    one = st.tuples(st.sampled_from(operators), value).map(lambda pair: {pair[0]: pair[1]})
    pair = st.tuples(value, value).map(lambda both: {"between": sorted(both, key=_amount)})
    two = st.tuples(value, value).map(lambda both: {operators[0]: both[0], operators[1]: both[1]})
    return one | pair | two


def _amount(value: Any) -> Any:
    try:
        return float(value)
    except ValueError:
        return value


NUMBERS = ("at_least", "less_than", "at_most", "more_than", "is")
MOMENTS = ("after", "before", "is", "at_least", "at_most")
WHOLE = _comparing(st.sampled_from([0, 1, 2, 3, 7, 30, 365]), NUMBERS)
MONEY = _comparing(st.sampled_from(["0", "10.00", "19.99", "29.99", "-1", "100", "5.005"[:4]]), NUMBERS)
RATIO = _comparing(st.sampled_from([0, 1, 1.5, "2.25", 30, 44.5]), NUMBERS)
DAYS = st.sampled_from(["2026-03-01", "2026-02-28", "2026-03-29", "2025-03-29"])
TIMES = DAYS | st.sampled_from(["2026-03-01T00:00:00", "2026-03-28T10:00:00+00:00", "2026-03-01T08:00:00+08:00"])
WINDOWS = st.fixed_dictionaries({"last_days": st.sampled_from([1, 2, 7, 30, 365, 36_500])}) | st.fixed_dictionaries(
    {},
    optional={
        "from": st.sampled_from(["2025-03-29", "2026-02-28"]),
        "to": st.sampled_from(["2026-03-01", "2026-03-29"]),
    },
)
OF = st.fixed_dictionaries(
    {},
    optional={
        "sku": _some(SKUS),
        "category": _some(CATEGORIES),
        "title_contains": _some(["green", "TEA", "茶", "%", "_\\'", "🍵"]),
        "price_at_least": st.sampled_from(["0", "9.99", "10", "50.00"]),
        "coupon_used": st.booleans(),
        "country": _some(PLACES),
        "region": _some(PLACES),
        "city": _some(PLACES),
        "channel": _some(CHANNELS),
    },
)


def _with(fixed: st.SearchStrategy[dict[str, Any]], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(fixed, st.fixed_dictionaries({}, optional=optional)).map(lambda parts: parts[0] | parts[1])


def _measuring(measures: list[str], tests: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.tuples(st.sampled_from(measures), tests).map(lambda pair: {"measure": pair[0], **pair[1]})
    return _with(named, window=WINDOWS, of=OF).map(lambda body: {"orders": body})


ORDERS = st.one_of(
    _measuring(["count", "items", "products", "returns"], WHOLE),
    _measuring(["days_since_first", "days_since_last", "days_to_second"], WHOLE),
    _measuring(["spend", "average", "largest"], MONEY),
    _measuring(["median_gap", "lateness"], RATIO),
    _measuring(
        ["first", "last"],
        _comparing(DAYS, MOMENTS) | _comparing(TIMES, MOMENTS[:2]).filter(lambda t: "between" not in t),
    ),
)
_TEXT_FIELD = st.sampled_from(["external_id", "name", "country", "region", "city"])
_TEXTS = _some([*PLACES, "b1", "b2", "Ana", "林"])
BUYERS = st.one_of(
    st.tuples(_TEXT_FIELD, st.sampled_from(["is", "is_not", "contains"]), _TEXTS).map(
        lambda t: {"field": t[0], t[1]: t[2]}
    ),
    st.tuples(_TEXT_FIELD | st.just("birthday"), st.booleans()).map(lambda t: {"field": t[0], "exists": t[1]}),
    st.tuples(st.sampled_from(["before", "after"]), TIMES).map(lambda t: {"field": "created_at", t[0]: t[1]}),
    st.tuples(st.sampled_from(["before", "after"]), st.sampled_from(["1990-03-29", "1988-02-29"])).map(
        lambda t: {"field": "birthday", t[0]: t[1]}
    ),
    st.sampled_from(["this", 2, 3, 11]).map(lambda month: {"field": "birthday", "month": month}),
).map(lambda body: {"buyer": body})
SCORE = _comparing(st.integers(1, 5), NUMBERS)
RFM_GROUPS = [
    "champions", "loyal", "active", "new", "promising", "needs-attention",
    "at-risk", "previously-loyal", "almost-lost", "dormant", "prospects",
]  # fmt: skip
RFM = (
    st.fixed_dictionaries(
        {},
        optional={
            "recency": SCORE,
            "frequency": SCORE,
            "monetary": SCORE,
            "group": st.sampled_from(RFM_GROUPS) | st.lists(st.sampled_from(RFM_GROUPS), min_size=1, max_size=4),
            "scale": st.sampled_from(["quintiles", "steps"]),
        },
    )
    .filter(lambda body: body.keys() - {"scale"})
    .map(lambda body: {"rfm": body})
)
TOUCHES = _with(
    st.sampled_from(EVENTS[:3]).map(lambda event: {"event": event}),
    campaign=_some(CAMPAIGNS),
    window=WINDOWS,
)
CHANCE = _comparing(st.sampled_from([0, 0.5, "0.8", 1]), NUMBERS)
PREDICTIONS = st.one_of(
    CHANCE.map(lambda tests: {"measure": "alive", **tests}),
    _with(CHANCE.map(lambda tests: {"measure": "orders", **tests}), days=st.sampled_from([30, 90, 365])),
    WHOLE.map(lambda tests: {"measure": "days_to_next", **tests}),
).map(lambda body: {"prediction": body})
CONDITIONS = st.one_of(
    ORDERS,
    ORDERS,
    BUYERS,
    RFM,
    PREDICTIONS,
    _with(st.just({}), window=WINDOWS).map(lambda body: {"follows": body}),
    _with(st.just({}), slug=st.sampled_from(GROUPS), window=WINDOWS).map(lambda body: {"group": body}),
    st.tuples(st.sampled_from(["email", "sms", "parcel"]), st.sampled_from(["in", "out", "never"])).map(
        lambda pair: {"consent": {"channel": pair[0], "is": pair[1]}}
    ),
    st.tuples(TOUCHES, st.just({}) | WHOLE).map(lambda pair: {"touch": pair[0] | pair[1]}),
    st.sampled_from([{"segment": "repeat"}, {"segment": "fans"}, {"list": "by-hand"}]),
    _with(
        st.tuples(st.integers(0, 11), st.integers(0, 11)).map(
            lambda pair: {"from": min(pair), "to": max(pair), "of": 12}
        ),
        seed=st.just("spring"),
    ).map(lambda body: {"bucket": body}),
)
RULES = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda nodes: {"all": nodes})
        | st.lists(inner, max_size=3).map(lambda nodes: {"any": nodes})
        | inner.map(lambda node: {"not": node})
    ),
    max_leaves=6,
)
