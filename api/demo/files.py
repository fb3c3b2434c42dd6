"""A sample shop as the files a real shop would bring: CSV in the import formats, pictures as JPEG."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path

from api.demo.pictures import draw
from api.demo.shop import SampleShop


def write_files(shop: SampleShop, directory: Path) -> dict[str, Path]:
    """Write orders, products, buyers, followers, members and parcels as CSV beside `pictures/`; return paths by kind.

    In orders.csv each row is one line of an order: `amount` and `refunded` are that line's, `postage` stands on the
    first line only, so that every money column adds up over the file. Times are the shop's wall clock, money is yuan.
    """
    pictures = directory / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for name in sorted({product.picture for product in shop.catalogue.products}):
        (pictures / f"{name}.jpg").write_bytes(draw(name))
    tables = {
        "orders": _orders(shop),
        "products": _products(shop),
        "buyers": _buyers(shop),
        "followers": _followers(shop),
        "members": _members(shop),
        "parcels": _parcels(shop),
    }
    return {kind: _write(directory / f"{kind}.csv", rows) for kind, rows in tables.items()} | {"pictures": pictures}


def _write(path: Path, rows: Iterable[dict[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow({name: _text(value) for name, value in row.items()})
    return path


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _orders(shop: SampleShop) -> Iterator[dict[str, object]]:
    for order in shop.orders:
        for number, line in enumerate(order.lines):
            yield {
                "order_id": order.id,
                "buyer_id": order.buyer.id,
                "paid_at": order.paid_at,
                "placed_at": order.placed_at,
                "status": order.status,
                "sku": line.product.sku,
                "title": line.product.title,
                "category": line.product.category,
                "quantity": line.quantity,
                "unit_price": _yuan(line.product.price),
                "amount": _yuan(line.amount),
                "refunded": _yuan(line.refunded),
                "postage": _yuan(0 if number else order.postage),
                "region": order.buyer.region,
                "city": order.buyer.city,
                "phone": order.buyer.phone,
                "email": order.buyer.email,
                "waybill": order.waybill,
            }


def _products(shop: SampleShop) -> Iterator[dict[str, object]]:
    for product in shop.catalogue.products:
        yield {
            "sku": product.sku,
            "title": product.title,
            "category": product.category,
            "price": _yuan(product.price),
            "stock": product.stock,
            "arrival_at": product.arrival_at(shop.end),
            "picture": f"pictures/{product.picture}.jpg",
        }


def _buyers(shop: SampleShop) -> Iterator[dict[str, object]]:
    for buyer in shop.buyers:
        yield {
            "buyer_id": buyer.id,
            "name": buyer.name,
            "email": buyer.email,
            "phone": buyer.phone,
            "language": buyer.language,
            "birthday": buyer.birthday,
            "region": buyer.region,
            "city": buyer.city,
            "email_consent": buyer.email_consent,
            "sms_consent": buyer.sms_consent,
        }


def _followers(shop: SampleShop) -> Iterator[dict[str, object]]:
    for buyer, since in shop.followers:
        yield {"buyer_id": buyer.id, "followed_at": since}


def _members(shop: SampleShop) -> Iterator[dict[str, object]]:
    for group, buyer, since in shop.members:
        yield {"group": group, "buyer_id": buyer.id, "joined_at": since}


def _parcels(shop: SampleShop) -> Iterator[dict[str, object]]:
    for parcel in shop.parcels:
        yield {
            "order_id": parcel.order.id,
            "waybill": parcel.order.waybill,
            "buyer_id": parcel.order.buyer.id,
            "shipped_at": parcel.shipped_at,
            "pick_position": parcel.pick_position,
        }
