"""A tea shop with parcels to pack today, and a campaign whose flyers go into them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import col, select

from campaigns.campaign.campaigns import Campaign, Delivery, DeliveryState, Recipe, Run
from campaigns.campaign.draft import Draft
from campaigns.offers.offers import Offer, OfferKind, create_offer
from campaigns.runs.drafting import create_campaign
from campaigns.runs.launch import launch
from printables import make_batch, packing
from printables.batches import Batch, Piece
from printables.flyers import Flyer, copy_of, create_flyer
from printables.proofs import Proof, make_proof
from retention.access import ROLE_SCOPES, Member, Role
from retention.buyers import Buyer
from retention.database import reading, transaction
from retention.files import FileStore
from retention.parcels import Parcel
from retention.products import Product
from retention.shops import Shop
from tests.factories import make_shop
from tests.printables import samples

NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)  # noon in Shanghai
URL = "https://r.example.cn"
EVERYBODY = {"buyer": {"field": "external_id", "exists": True}}
NAMES = ("林晚", "Alice Moore", "欧阳清秋", "", "王小满", "陈一", "周末", "Bob", "吴用")


@dataclass
class Bench:
    """A shop in a database of its own, its files, and the few things a test does with both. Everything is committed."""

    engine: Engine
    files: FileStore
    shop: Shop
    offer: Offer
    product: Product

    @property
    def packer(self) -> Member:
        return self.person(7, Role.WAREHOUSE)

    def person(self, number: int, role: Role = Role.MARKETER) -> Member:
        return Member(self.shop.id, f"user:{number}", ROLE_SCOPES[role], user_id=number, role=role)

    def parcels(self, count: int, *, prefix: str = "SF") -> list[str]:
        """Add buyers with a parcel each; the picking order is the reverse of the order in which they were added."""
        with transaction(self.engine) as session:
            day = self.shop.day(NOON)
            for number in range(1, count + 1):
                name = NAMES[number % len(NAMES)]
                buyer = Buyer(shop_id=self.shop.id, external_id=f"{prefix}{number:03}", name=name, created_at=NOON)
                session.add(buyer)
                session.flush()
                parcel = Parcel(shop_id=self.shop.id, waybill=f"{prefix}{number:08}", buyer_id=buyer.id, ship_day=day)
                parcel.pick_position = count + 1 - number
                session.add(parcel)
        return [f"{prefix}{number:08}" for number in range(count, 0, -1)]

    def launched(self, slug: str = "spring", *, control: float = 0.0, recipe: Recipe = Recipe.PARCEL_FLYER) -> Run:
        with transaction(self.engine) as session:
            campaign = create_campaign(
                session,
                self.shop,
                Draft(
                    slug,
                    recipe=recipe,
                    audience=EVERYBODY,
                    offer_id=self.offer.id,
                    product_id=self.product.id,
                    policy={"control_share": control, "caps": []},
                ),
                at=NOON,
                actor="user:1",
            )
            campaign.secret = "00" * 16
            return launch(session, self.shop, campaign, at=NOON, actor="user:1")

    def flyer(self, run: Run, slug: str = "tea", **values: Any) -> Flyer:
        with transaction(self.engine) as session:
            campaign = session.get_one(Campaign, run.campaign_id)
            return create_flyer(session, self.shop, campaign, slug=slug, name="秋茶券", at=NOON, by="user:1", **values)

    def prove(self, flyer: Flyer, profile: str = "office", *, by: str = "user:1") -> Proof:
        with transaction(self.engine) as session:
            copy = copy_of(session, self.shop, session.get_one(Flyer, flyer.id))
            return make_proof(
                session,
                self.shop,
                flyer,
                copy,
                profile=profile,
                public_url=URL,
                files=self.files,
                at=NOON,
                by=by,
            )

    def print(self, flyer: Flyer, run: Run, profile: str = "office") -> Batch:
        return make_batch.make_batch(
            self.engine, flyer.id, run.id, profile=profile, files=self.files, public_url=URL, at=NOON, by="user:1"
        )

    def printed(self, count: int = 3, *, control: float = 0.0, profile: str = "office") -> Batch:
        """Parcels, a launched campaign, a proved flyer and its batch, all at once."""
        self.parcels(count)
        run = self.launched(control=control)
        flyer = self.flyer(run)
        self.prove(flyer, profile)
        return self.print(flyer, run, profile)

    def pieces(self, batch: Batch) -> list[Piece]:
        with reading(self.engine) as session:
            return list(session.exec(select(Piece).where(Piece.batch_id == batch.id).order_by(col(Piece.number))))

    def rows(self, kind: Any) -> list[Any]:
        with reading(self.engine) as session:
            return list(session.exec(select(kind).order_by(kind.id)))

    def states(self) -> list[DeliveryState]:
        return [delivery.state for delivery in self.rows(Delivery)]

    def scan(self, waybill: str, scanned: str, *, member: Member | None = None) -> packing.ScanResult:
        with transaction(self.engine) as session:
            return packing.scan(session, member or self.packer, waybill, scanned, at=NOON)


def open_shop(engine: Engine, files: FileStore, slug: str, *, name: str, title: str, value: int = 2000) -> Bench:
    """Return a bench in a new shop with an offer and a product that has a picture."""
    with transaction(engine) as session:
        shop = make_shop(session, slug, name=name, at=NOON)
        offer = create_offer(
            session,
            shop.id,
            "autumn",
            name="20 off",
            kind=OfferKind.AMOUNT,
            value=value,
            minimum=9900,
            days_from_claim=14,
            at=NOON,
            actor="user:1",
        )
        picture = files.put(samples.picture())
        product = Product(shop_id=shop.id, sku="TEA-1", title=title, price=6800, stock=50, picture=picture)
        session.add(product)
        session.flush()
        return Bench(engine, files, shop, offer, product)


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def bench(engine: Engine, files: FileStore) -> Bench:
    return open_shop(engine, files, "tea", name="山茶小铺", title="凤凰单丛 秋茶 50 g")
