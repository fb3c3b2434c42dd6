"""The files the demonstration imports: the invented shops, or a real order file completed with what it lacks."""

import csv
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from sqlmodel import col, select

from api.demo.files import write_files
from api.demo.goods import CERAMICS, TEA, Catalogue
from api.demo.pictures import draw
from api.demo.shop import make_shop
from api.demo.stage import Stage
from retention.aggregates import BuyerAggregates
from retention.buyers import Buyer
from retention.database import reading
from retention.shops import Shop

MADE_UP_PARCELS, MADE_UP_FOLLOWERS, MADE_UP_MEMBERS = 420, 0.17, 0.08


@dataclass(frozen=True)
class Bag:
    """One shop and the files it brings, by kind, in the order they are imported."""

    catalogue: Catalogue
    slug: str
    name: str
    files: dict[str, Path]


def invent(stage: Stage, buyers: int | None) -> tuple[Bag, Bag]:
    """Write the files of both sample shops and keep the order file where the reader looks for it."""
    tea, ceramics = _write(stage, TEA, buyers), _write(stage, CERAMICS)
    shutil.copyfile(tea.files["orders"], stage.out / "orders.csv")
    return tea, ceramics


def invent_partner(stage: Stage) -> Bag:
    """Write the files of the partner shop only."""
    return _write(stage, CERAMICS)


def _write(stage: Stage, catalogue: Catalogue, buyers: int | None = None) -> Bag:
    folder = stage.out / "files" / catalogue.slug
    folder.mkdir(parents=True)
    files = write_files(make_shop(stage.seed, end=stage.day, catalogue=catalogue, buyers=buyers), folder)
    order = ("products", "buyers", "orders", "followers", "members", "parcels")
    return Bag(catalogue, catalogue.slug, catalogue.name_zh, {kind: files[kind] for kind in order})


def complete(stage: Stage, shop: Shop) -> Bag:
    """Write what a real order file lacks for its buyers: addresses, followers, a group, today's parcels, goods.

    All of it is made up from the seed. The parcels belong to the buyers who ordered last.
    """
    folder = stage.out / "files" / shop.slug
    (folder / "pictures").mkdir(parents=True)
    with reading(stage.engine) as session:
        query = (
            select(Buyer.external_id)
            .join(
                BuyerAggregates,
                (col(BuyerAggregates.shop_id) == Buyer.shop_id) & (col(BuyerAggregates.buyer_id) == Buyer.id),
            )
            .where(Buyer.shop_id == shop.id)
            .order_by(col(BuyerAggregates.last_at).desc(), Buyer.external_id)
        )
        buyers = list(session.exec(query))
    rng = np.random.default_rng([stage.seed, 99])
    chances = rng.random((len(buyers), 3))
    since = datetime.combine(stage.day, datetime.min.time()).isoformat(sep=" ")
    rows: dict[str, list[dict[str, object]]] = {
        "products": [_product(folder, stage)],
        "buyers": [
            {
                "buyer_id": buyer,
                "email": f"buyer{number}@mail.example.com",
                "email_consent": "in" if chance[0] < 0.8 else "",
            }
            for number, (buyer, chance) in enumerate(zip(buyers, chances, strict=True))
        ],
        "followers": [
            {"buyer_id": buyer, "followed_at": since}
            for buyer, chance in zip(buyers, chances, strict=True)
            if chance[1] < MADE_UP_FOLLOWERS
        ],
        "members": [
            {"group": "friends", "buyer_id": buyer, "joined_at": since}
            for buyer, chance in zip(buyers, chances, strict=True)
            if chance[2] < MADE_UP_MEMBERS
        ],
        "parcels": [
            {"waybill": f"DEMO{number:08d}", "buyer_id": buyer, "shipped_at": "", "pick_position": number}
            for number, buyer in enumerate(buyers[:MADE_UP_PARCELS], start=1)
        ],
    }
    return Bag(TEA, shop.slug, shop.name, {kind: _table(folder / f"{kind}.csv", table) for kind, table in rows.items()})


def _product(folder: Path, stage: Stage) -> dict[str, object]:
    product = TEA.products[0]
    (folder / "pictures" / f"{product.picture}.jpg").write_bytes(draw(product.picture))
    return {
        "sku": product.sku,
        "title": product.title,
        "category": product.category,
        "price": f"{product.price / 100:.2f}",
        "stock": product.stock,
        "arrival_at": product.arrival_at(stage.day).isoformat(sep=" "),
        "picture": f"pictures/{product.picture}.jpg",
    }


def _table(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
