"""The sample shop with a campaign by parcel that runs: of its twelve parcels, some take an insert, some are control."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from playwright.sync_api import Page
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from api.demo.pictures import draw
from campaigns.campaign.campaigns import Campaign, Recipe, Run
from campaigns.campaign.draft import Draft
from campaigns.offers.offers import OfferKind, create_offer, find_offer
from campaigns.runs.drafting import create_campaign
from campaigns.runs.launch import launch
from printables.batches import Batch, Piece
from printables.flyers import Flyer, copy_of, create_flyer
from printables.make_batch import make_batch
from printables.piece_ledger import PrintResult, mark_printed
from printables.proofs import make_proof
from retention.access import terminal_member
from retention.database import reading, transaction
from retention.files import FileStore, open_store
from retention.parcels import Parcel
from retention.products import Product
from retention.queue import app as queue
from retention.settings import Settings
from retention.shops import Shop, find_shop
from tests.api.console import sample
from tests.api.console.sample import NOW
from tests.apps import create_app
from tests.sign_in import login_cookies

EVERYBODY = {"buyer": {"field": "external_id", "exists": True}}


@dataclass(frozen=True)
class PaperShop:
    """A served shop, and what a test asks of its rows."""

    engine: Engine
    settings: Settings
    address: str
    app: FastAPI

    @property
    def files(self) -> FileStore:
        return open_store(self.settings)

    @property
    def home(self) -> str:
        return f"{self.address}/shops/camellia"

    def make_batch(self, profile: str = "label-203", *, printed: bool = True) -> int:
        """Make the batch of everything that waits for paper and return its number."""
        with reading(self.engine) as session:
            flyer, run = session.exec(select(Flyer)).one(), session.exec(select(Run)).one()
        self.prove(profile)
        batch = make_batch(
            self.engine, flyer.id, run.id, profile=profile, files=self.files, public_url=self.settings.public_url,
            at=NOW, by="user:1",
        )  # fmt: skip
        if printed:
            with transaction(self.engine) as session:
                mark_printed(session, terminal_member(batch.shop_id, "tests"), batch.number, PrintResult.GOOD, at=NOW)
        return batch.number

    def prove(self, profile: str) -> None:
        with transaction(self.engine) as session:
            shop, flyer = find_shop(session, "camellia"), session.exec(select(Flyer)).one()
            make_proof(
                session, shop, flyer, copy_of(session, shop, flyer), profile=profile, files=self.files,
                public_url=self.settings.public_url, at=NOW, by="user:1",
            )  # fmt: skip

    def pieces(self) -> list[tuple[str, str]]:
        """Return (waybill, code) of every insert in picking order."""
        with reading(self.engine) as session:
            asked = select(Parcel.waybill, Piece.code).join(Piece, col(Piece.parcel_id) == Parcel.id)
            return [
                (row[0], row[1]) for row in session.exec(asked.order_by(col(Parcel.pick_position), Piece.copy_number))
            ]

    def waybills_without(self) -> list[str]:
        """Return the waybills of the parcels that take no insert."""
        taking = {waybill for waybill, _code in self.pieces()}
        with reading(self.engine) as session:
            return [
                each for each in session.exec(select(Parcel.waybill).order_by(Parcel.waybill)) if each not in taking
            ]

    def batch(self, number: int) -> Batch:
        with reading(self.engine) as session:
            return session.exec(select(Batch).where(Batch.number == number)).one()


def open_paper_shop(engine: Engine, home: Path, served: Callable[..., str], *, flyer: bool = True) -> PaperShop:
    """Fill the shop, launch its campaign by parcel, give it a flyer, and serve it with nobody working the queue."""
    settings = Settings(home=home, secret=sample.SIGNING_KEY, public_url="https://r.example.cn")
    sample.fill(engine)
    with transaction(engine) as session:
        shop = find_shop(session, "camellia")
        product = session.exec(select(Product).where(Product.shop_id == shop.id, Product.sku == "TEA-1")).one()
        product.picture = open_store(settings).put(draw("dancong"))
        session.add(product)
        campaign = _launched(session, shop, product)
        if flyer:
            create_flyer(session, shop, campaign, slug="autumn", name="秋茶券", at=NOW, by="user:1")
    app = create_app(settings, engine=engine, now=lambda: NOW)
    address = served(app)
    queue.conf.update(broker_url="memory://")
    return PaperShop(engine, settings, address, app)


def walk_in(
    browse: Callable[..., Page], shop: PaperShop, address: str, *, role: str = "warehouse", at: str = "camellia",
    locale: str = "en", **window: Any,
) -> Page:  # fmt: skip
    """Open a page as somebody of this role."""
    cookies = login_cookies(shop.app, f"{role}@{at}.example", language=locale)
    return browse(address, locale=locale, cookies=cookies, **window)


def _launched(session: Session, shop: Shop, product: Product) -> Campaign:
    campaign = create_campaign(
        session,
        shop,
        Draft(
            "parcel-autumn",
            name="随包裹 · 秋茶券",
            recipe=Recipe.PARCEL_FLYER,
            audience=EVERYBODY,
            offer_id=find_offer(session, shop.id, "autumn-20").id,
            product_id=product.id,
            policy={"control_share": 0.2, "caps": []},
        ),
        at=NOW,
        actor="user:1",
    )
    campaign.secret = "5eed" * 8  # the same people are in the control group of every test
    session.add(campaign)
    session.flush()
    launch(session, shop, campaign, at=NOW, actor="user:1")
    return campaign


def open_neighbour(shop: PaperShop) -> None:
    """Give the other shop of the sample, the teahouse, an offer and a product with a picture."""
    with transaction(shop.engine) as session:
        other = find_shop(session, "teahouse")
        create_offer(
            session, other.id, "cup-10", name="Ten percent", kind=OfferKind.PERCENT, value=10, at=NOW, actor="user:6"
        )
        session.add(
            Product(
                shop_id=other.id,
                sku="CUP-1",
                title="Gaiwan",
                price=3900,
                stock=20,
                picture=shop.files.put(draw("gaiwan")),
            )
        )


def launch_joint(shop: PaperShop) -> None:
    """Launch a campaign of the first shop that goes on a joint flyer, for the parcels without an insert."""
    with transaction(shop.engine) as session:
        home = find_shop(session, "camellia")
        campaign = create_campaign(
            session,
            home,
            Draft(
                "joint-autumn",
                name="联合传单",
                recipe=Recipe.JOINT_FLYER,
                audience=EVERYBODY,
                offer_id=find_offer(session, home.id, "autumn-20").id,
                policy={"control_share": 0.0, "caps": []},
            ),
            at=NOW,
            actor="user:1",
        )
        launch(session, home, campaign, at=NOW, actor="user:1")
