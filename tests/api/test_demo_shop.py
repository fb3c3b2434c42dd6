"""The sample shops: the same seed gives the same shop, and it looks like a shop."""

import csv
import hashlib
import io
from collections import Counter
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pytest
from PIL import Image

from api.demo.behaviour import Habits, behave
from api.demo.files import write_files
from api.demo.goods import CERAMICS, TEA
from api.demo.pictures import PICTURES, draw
from api.demo.shop import make_shop
from retention.errors import Invalid

END = date(2026, 10, 18)


@pytest.fixture(scope="module")
def shop():
    return make_shop(7, end=END)


@pytest.fixture(scope="module")
def files(shop, tmp_path_factory):
    return write_files(shop, tmp_path_factory.mktemp("shop"))


def _rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _digests(directory):
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_same_seed_writes_the_same_files_byte_for_byte(tmp_path):
    for name in ("one", "two"):
        write_files(make_shop(3, end=END, catalogue=CERAMICS), tmp_path / name)
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")
    assert len(_digests(tmp_path / "one")) == 6 + 5


def parcels_of_today(shop):
    """Parcels still to be packed, in picking order."""
    return tuple(parcel for parcel in shop.parcels if parcel.shipped_at is None)


def test_another_seed_gives_another_shop():
    assert make_shop(1, end=END, catalogue=CERAMICS).orders != make_shop(2, end=END, catalogue=CERAMICS).orders


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_a_quarter_of_the_buyers_come_back(seed):
    shop = make_shop(seed, end=END)
    paid = Counter(order.buyer.id for order in shop.orders if order.status == "paid")
    repeat_rate = sum(orders > 1 for orders in paid.values()) / len(paid)
    assert 0.20 <= repeat_rate <= 0.30
    assert len(shop.buyers) == 5000
    assert 300 <= len(parcels_of_today(shop)) <= 450
    assert len(shop.followers) >= 800


def test_seven_in_ten_buyers_have_chinese_names(shop):
    chinese = sum(not buyer.name.isascii() for buyer in shop.buyers)
    assert chinese / len(shop.buyers) == pytest.approx(0.7, abs=0.03)
    assert Counter(buyer.language for buyer in shop.buyers)["zh"] == chinese


def test_addresses_can_reach_nobody(shop):
    domains = {buyer.email.rpartition("@")[2] for buyer in shop.buyers if buyer.email}
    assert domains == {"mail.example.com", "example.org"}


def test_orders_lie_in_two_years_and_end_on_the_last_morning(shop):
    placed = [order.placed_at for order in shop.orders]
    assert placed == sorted(placed)
    assert datetime(2024, 10, 18) <= placed[0]  # noqa: DTZ001 - the shop's wall clock
    assert placed[-1] <= datetime(2026, 10, 18, 8)  # noqa: DTZ001


def test_nothing_is_sold_before_it_arrives(shop):
    early = [line for order in shop.orders for line in order.lines if line.product.arrival_at(END) > order.placed_at]
    assert early == []


def test_every_fate_occurs_and_money_follows_it(shop):
    fates = Counter(order.status for order in shop.orders)
    assert set(fates) == {"paid", "placed", "cancelled", "returned"}
    assert fates["paid"] / len(shop.orders) > 0.9
    for order in shop.orders:
        assert (order.paid_at is None) == (order.status in {"placed", "cancelled"})
        assert order.refunded == order.amount if order.status == "returned" else order.refunded < order.amount
        assert order.amount == sum(line.product.price * line.quantity for line in order.lines)


def test_parcels_of_today_are_paid_and_numbered_for_picking(shop):
    today = parcels_of_today(shop)
    assert [parcel.pick_position for parcel in today] == list(range(1, len(today) + 1))
    assert {parcel.order.status for parcel in today} == {"paid"}
    assert len({parcel.order.waybill for parcel in shop.parcels}) == len(shop.parcels)


def test_many_of_todays_parcels_go_to_followers_and_group_members(shop):
    friends = {buyer.id for buyer, _ in shop.followers} | {buyer.id for _, buyer, _ in shop.members}
    today = {parcel.order.buyer.id for parcel in parcels_of_today(shop)}
    assert len(today & friends) >= 200


def test_followers_and_members_came_after_their_first_order(shop):
    first: dict[str, datetime] = {}
    for order in shop.orders:
        first.setdefault(order.buyer.id, order.placed_at)
    since = [*shop.followers, *((buyer, at) for _, buyer, at in shop.members)]
    assert all(first[buyer.id].replace(microsecond=0) <= at for buyer, at in since)
    assert {slug for slug, _, _ in shop.members} == {group.slug for group in TEA.groups}


def test_files_add_up_to_the_shop(shop, files):
    orders = _rows(files["orders"])
    assert len({row["order_id"] for row in orders}) == len(shop.orders)
    assert sum(Decimal(row["amount"]) for row in orders) * 100 == sum(order.amount for order in shop.orders)
    assert sum(Decimal(row["refunded"]) for row in orders) * 100 == sum(order.refunded for order in shop.orders)
    assert sum(Decimal(row["postage"]) for row in orders) * 100 == sum(order.postage for order in shop.orders)
    sizes = {kind: len(_rows(path)) for kind, path in files.items() if kind not in {"orders", "pictures"}}
    assert sizes == {
        "products": 12, "buyers": 5000, "followers": len(shop.followers), "members": len(shop.members),
        "parcels": len(shop.parcels),
    }  # fmt: skip


def test_files_name_only_buyers_orders_and_pictures_that_exist(files):
    buyers = {row["buyer_id"] for row in _rows(files["buyers"])}
    orders = {row["order_id"] for row in _rows(files["orders"])}
    for kind in ("orders", "followers", "members", "parcels"):
        assert {row["buyer_id"] for row in _rows(files[kind])} <= buyers
    assert {row["order_id"] for row in _rows(files["parcels"])} <= orders
    assert all((files["products"].parent / row["picture"]).is_file() for row in _rows(files["products"]))


def test_two_shops_share_no_buyer_and_no_number():
    tea, ceramics = make_shop(1, end=END, buyers=400), make_shop(1, end=END, catalogue=CERAMICS)
    assert len(tea.buyers) == 400
    assert {buyer.id for buyer in tea.buyers}.isdisjoint(buyer.id for buyer in ceramics.buyers)
    assert {buyer.phone for buyer in tea.buyers}.isdisjoint(buyer.phone for buyer in ceramics.buyers)
    assert {order.waybill for order in tea.orders if order.waybill}.isdisjoint(o.waybill for o in ceramics.orders)


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_a_full_size_jpeg_with_something_on_it(name):
    picture = Image.open(io.BytesIO(draw(name)))
    assert (picture.format, picture.size) == ("JPEG", (1200, 900))
    assert np.asarray(picture.convert("L"), float).std() > 12


def test_behaviour_has_the_effect_that_was_put_in():
    treated, control = [f"t{n}" for n in range(40_000)], [f"c{n}" for n in range(40_000)]
    deeds = behave(np.random.default_rng(5), treated, control, habits=Habits(base=0.04, uplift=0.05))
    ordered = [sum(deed.order is not None for deed in part) / 40_000 for part in (deeds[:40_000], deeds[40_000:])]
    assert ordered == pytest.approx([0.09, 0.04], abs=0.004)
    assert not any(deed.scans or deed.claim or deed.coupon for deed in deeds[40_000:])


def test_a_buyer_scans_before_claiming_and_claims_before_ordering_with_the_coupon():
    for deed in behave(np.random.default_rng(2), [f"t{n}" for n in range(3000)]):
        assert list(deed.scans) == sorted(deed.scans)
        if deed.claim is not None:
            assert deed.scans[0] <= deed.claim
        if deed.coupon:
            assert deed.claim <= deed.order


def test_an_effect_larger_than_its_claims_is_refused():
    with pytest.raises(Invalid, match=r"An uplift of 0\.5 is not possible if"):
        Habits(uplift=0.5)
