"""A sample shop from a seed: buyers with their habits, two years of orders, followers, groups, today's parcels.

Buyers behave as BG/NBD has it: each has a buying rate of their own and, after each order, a chance of their own never
to come back; months are unequally busy. On the last day a pre-sale leaves the warehouse, which is why hundreds of
parcels wait. Times carry no zone: they are the shop's wall clock (Asia/Shanghai). Money is fen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from api.demo.goods import FIRST, GIVEN, HOURS, LAST, PLACES, SEASONS, SURNAMES, TEA, Catalogue, SampleProduct

Days = NDArray[np.float64]
FREE_POSTAGE_FROM, POSTAGE = 9900, 1000


@dataclass(frozen=True, slots=True)
class SampleBuyer:
    """A buyer; consents are "in", "out" or "" for never asked."""

    id: str
    name: str
    email: str
    phone: str
    language: str
    birthday: date | None
    region: str
    city: str
    email_consent: str
    sms_consent: str


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One line of an order: `amount` was paid for it, `refunded` went back."""

    product: SampleProduct
    quantity: int
    amount: int
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """An order; unpaid ones have no `paid_at`, no waybill and an amount that nobody paid."""

    id: str
    buyer: SampleBuyer
    placed_at: datetime
    paid_at: datetime | None
    status: str  # placed, paid, cancelled, returned
    lines: tuple[SampleLine, ...]
    postage: int
    waybill: str

    @property
    def amount(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def refunded(self) -> int:
        return sum(line.refunded for line in self.lines)


@dataclass(frozen=True, slots=True)
class SampleParcel:
    """What is shipped for an order; without `shipped_at` it leaves today, as number `pick_position` of the round."""

    order: SampleOrder
    shipped_at: datetime | None
    pick_position: int | None


@dataclass(frozen=True, slots=True)
class SampleShop:
    """Everything one sample shop has; `followers` and `members` are (buyer, since) and (group slug, buyer, since)."""

    catalogue: Catalogue
    end: date
    buyers: tuple[SampleBuyer, ...]
    orders: tuple[SampleOrder, ...]
    followers: tuple[tuple[SampleBuyer, datetime], ...]
    members: tuple[tuple[str, SampleBuyer, datetime], ...]
    parcels: tuple[SampleParcel, ...]


def make_shop(
    seed: int, *, end: date, catalogue: Catalogue = TEA, buyers: int | None = None, years: int = 2
) -> SampleShop:
    """Make the shop as it stands on the morning of `end`; the same arguments give the same shop."""
    rng = np.random.default_rng([seed, len(catalogue.slug), sum(catalogue.slug.encode())])
    people = _buyers(rng, catalogue, buyers or catalogue.buyers, end)
    fond = rng.random(len(people)) < 0.17  # the shop's friends: they follow it, chat in its groups, heed its pre-sales
    whose, when, presale = _order_times(rng, fond, days=years * 365, presale=catalogue.presale)
    orders = _orders(rng, catalogue, people, whose, _clock_times(rng, when, end, years * 365), presale, end=end)
    joined = {buyer.id: order.placed_at for order in reversed(orders) for buyer in (order.buyer,)}
    followers, members = _friends(rng, catalogue, people, fond, joined, datetime.combine(end, time(9)))
    return SampleShop(catalogue, end, people, orders, followers, members, _parcels(rng, orders, end))


def _buyers(rng: Generator, catalogue: Catalogue, count: int, end: date) -> tuple[SampleBuyer, ...]:
    places = rng.choice(len(PLACES), count, p=_shares([share for _, _, share in PLACES]))
    chances = rng.random((count, 6))
    picks = rng.integers(0, 1 << 30, (count, 4))
    people: list[SampleBuyer] = []
    for number in range(count):
        chinese = chances[number, 0] < 0.7
        name, mail = _name(picks[number], number, chinese=bool(chinese))
        if chances[number, 1] < 0.006 and people:
            mail = people[-1].email  # a household that shares one address
        region, city, _ = PLACES[places[number]]
        people.append(
            SampleBuyer(
                id=f"{catalogue.prefix}-B{number + 1:05d}",
                name=name,
                email="" if chances[number, 2] < 0.08 else mail,
                phone=f"{catalogue.phones}{number:04d}",
                language="zh" if chinese else "en",
                birthday=end - timedelta(days=int(picks[number, 2]) % 14600 + 7300)
                if chances[number, 3] < 0.4
                else None,
                region=region,
                city=city,
                email_consent=_answer(chances[number, 4], asked=0.86, refused=0.07),
                sms_consent=_answer(chances[number, 5], asked=0.52, refused=0.12),
            )
        )
    return tuple(people)


def _name(picks: Sequence[int], number: int, *, chinese: bool) -> tuple[str, str]:
    """A name and a mail address at a domain kept for examples (RFC 2606)."""
    if chinese:
        name = SURNAMES[picks[0] % len(SURNAMES)] + GIVEN[picks[1] % len(GIVEN)]
        return name, f"tea{number + 1:05d}@mail.example.com"
    first, last = FIRST[picks[0] % len(FIRST)], LAST[picks[1] % len(LAST)]
    return f"{first} {last}", f"{first}.{last}{number + 1}@example.org".lower()


def _answer(chance: float, *, asked: float, refused: float) -> str:
    return "out" if chance < refused else "in" if chance < asked else ""


def _order_times(
    rng: Generator, fond: NDArray[np.bool_], *, days: int, presale: float
) -> tuple[NDArray[np.int64], Days, NDArray[np.bool_]]:
    """Who orders, on which day counted from the start, and whether that is the pre-sale."""
    count, horizon = len(fond), days - 4.0
    # The sample's year always ends with its December, so that one seed gives one set of figures on any date.
    busy = np.array([SEASONS[-1 - (days - 1 - day) * 12 // 365 % 12] for day in range(days)])
    first = rng.choice(int(horizon), count, p=_shares(busy[: int(horizon)] * np.linspace(1, 1.8, int(horizon))))
    # Some meet the shop at the pre-sale itself; of the others friends are far likelier to order in it.
    newcomers = rng.permutation(count)[: int(count * presale * 0.3)]
    known = np.setdiff1d(np.arange(count), newcomers)
    returning = rng.choice(
        known, int(count * presale * 0.7), replace=False, p=_shares(np.where(fond[known], 30.0, 1.0))
    )
    whose, when = _purchases(rng, known, first[known].astype(float), fond, busy, horizon)
    late = np.concatenate([newcomers, returning])
    flags = np.concatenate([np.zeros(len(whose), bool), np.ones(len(late), bool)])
    moments = np.concatenate([when, days - 3.5 + 3.3 * rng.random(len(late))])
    return np.concatenate([whose, late]), moments, flags


def _purchases(
    rng: Generator, known: NDArray[np.int64], first: Days, fond: NDArray[np.bool_], busy: Days, horizon: float
) -> tuple[NDArray[np.int64], Days]:
    """BG/NBD: gamma rates, beta chances to drop out after an order, thinned by the season."""
    rate = rng.gamma(0.55, 1 / 150, len(known)) * np.where(fond[known], 1.8, 1.0)
    leaving = rng.beta(1.1, 1.5, len(known))
    who, at = [known], [first]
    alive, now = rng.random(len(known)) > leaving, first.copy()
    while alive.any():
        now = now + rng.exponential(1, len(known)) / np.maximum(rate, 1e-9)
        alive &= now < horizon
        season = busy[np.minimum(now, horizon - 1).astype(int)]
        buys = alive & (rng.random(len(known)) < season)
        who.append(known[buys])
        at.append(now[buys])
        alive &= ~buys | (rng.random(len(known)) > leaving)
    return np.concatenate(who), np.concatenate(at)


def _clock_times(rng: Generator, days: Days, end: date, span: int) -> list[datetime]:
    """Days from the start as moments with a believable hour, none after eight o'clock of the last morning."""
    start, latest = datetime.combine(end - timedelta(days=span), time()), datetime.combine(end, time(8))
    hours = rng.choice(24, len(days), p=_shares(HOURS))
    seconds = rng.integers(0, 3600, len(days))
    moments = (
        start + timedelta(days=int(day), hours=int(hour), seconds=int(second))
        for day, hour, second in zip(days, hours, seconds, strict=True)
    )
    return [min(moment, latest - timedelta(seconds=index % 3600)) for index, moment in enumerate(moments)]


def _orders(
    rng: Generator, catalogue: Catalogue, people: Sequence[SampleBuyer], whose: NDArray[np.int64],
    moments: list[datetime], presale: NDArray[np.bool_], *, end: date,
) -> tuple[SampleOrder, ...]:  # fmt: skip
    sequence = sorted(range(len(moments)), key=lambda index: (moments[index], index))
    on_sale = [product for product in catalogue.products if product.weight]
    always = min(range(len(on_sale)), key=lambda pick: on_sale[pick].arrives_in_days)
    chosen = rng.choice(len(on_sale), (len(moments), 3), p=_shares([product.weight for product in on_sale]))
    sizes = rng.choice([1, 2, 3], len(moments), p=[0.62, 0.27, 0.11])
    quantities = rng.choice([1, 2, 3], (len(moments), 3), p=[0.82, 0.14, 0.04])
    fates, waybills = rng.random(len(moments)), rng.integers(10**12, 10**13, len(moments))
    orders = []
    for number, index in enumerate(sequence, start=100_001):
        picks = [int(pick) for pick in chosen[index][: sizes[index]]]
        arrived = [pick if on_sale[pick].arrival_at(end) <= moments[index] else always for pick in picks]
        wanted = dict(zip(arrived, quantities[index].tolist(), strict=False))
        lines = [
            SampleLine(on_sale[pick], quantity, on_sale[pick].price * quantity) for pick, quantity in wanted.items()
        ]
        # What waits to be packed is paid and whole; returns come later.
        fate = 1.0 if presale[index] else float(fates[index])
        order_id, waybill = f"{catalogue.prefix}{number}", f"SF{waybills[index]}"
        orders.append(_order(order_id, people[whose[index]], moments[index], lines, fate=fate, waybill=waybill))
    return tuple(orders)


def _order(
    order_id: str, buyer: SampleBuyer, at: datetime, lines: list[SampleLine], *, fate: float, waybill: str
) -> SampleOrder:
    """One order as it ended: 3 % never paid, 2 % cancelled, 2 % returned whole, 2 % refunded in part, the rest kept."""
    postage = 0 if sum(line.amount for line in lines) >= FREE_POSTAGE_FROM else POSTAGE
    if fate < 0.05:
        status, paid_at, waybill = "placed" if fate < 0.03 else "cancelled", None, ""
    else:
        status, paid_at = "returned" if fate < 0.07 else "paid", at + timedelta(seconds=20 + int(fate * 600))
    if 0.05 <= fate < 0.07:
        lines = [SampleLine(line.product, line.quantity, line.amount, line.amount) for line in lines]
    elif 0.07 <= fate < 0.09:
        first = lines[0]
        lines = [SampleLine(first.product, first.quantity, first.amount, first.amount // 2), *lines[1:]]
    return SampleOrder(order_id, buyer, at, paid_at, status, tuple(lines), postage, waybill)


def _friends(
    rng: Generator, catalogue: Catalogue, people: Sequence[SampleBuyer], fond: NDArray[np.bool_],
    joined: dict[str, datetime], now: datetime,
) -> tuple[tuple[tuple[SampleBuyer, datetime], ...], tuple[tuple[str, SampleBuyer, datetime], ...]]:  # fmt: skip
    """Followers and group members, each since some time after their first order."""
    since = rng.random((len(people), 1 + len(catalogue.groups)))
    chances = rng.random((len(people), 1 + len(catalogue.groups)))
    followers, members = [], []
    for number, buyer in enumerate(people):
        met = joined.get(buyer.id, now)
        moments = [met + (now - met) * float(part) for part in since[number]]
        if chances[number, 0] < (0.92 if fond[number] else 0.04):
            followers.append((buyer, moments[0].replace(microsecond=0)))
        for index, group in enumerate(catalogue.groups, start=1):
            likely = buyer.language in group.languages and (3.5 if fond[number] else 0.4) / group.one_in
            if chances[number, index] < likely:
                members.append((group.slug, buyer, moments[index].replace(microsecond=0)))
    return tuple(followers), tuple(members)


def _parcels(rng: Generator, orders: Sequence[SampleOrder], end: date) -> tuple[SampleParcel, ...]:
    """Parcels of the last thirty days; orders of the last four days leave today, in the order of the shelves."""
    cutoff, oldest = (datetime.combine(end - timedelta(days=back), time()) for back in (4, 30))
    paid = [order for order in orders if order.status == "paid" and order.placed_at >= oldest]
    waiting = [order for order in paid if order.placed_at >= cutoff]
    shelf = rng.permutation(len(waiting))
    waiting = sorted((waiting[index] for index in shelf), key=lambda order: order.lines[0].product.sku)
    gone = [order for order in paid if order.placed_at < cutoff]
    shipped = [datetime.combine(order.placed_at.date() + timedelta(days=1), time(15, 30)) for order in gone]
    return (
        *(SampleParcel(order, at, None) for order, at in zip(gone, shipped, strict=True)),
        *(SampleParcel(order, None, place) for place, order in enumerate(waiting, start=1)),
    )


def _shares(weights: Sequence[float] | Days) -> Days:
    positive = np.asarray(weights, np.float64)
    return np.asarray(positive / positive.sum(), np.float64)
