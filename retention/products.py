"""Products and their arrival: the moment one becomes buyable."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, col, select

from retention import audit
from retention.access import Member
from retention.database import ShopRow, lock
from retention.errors import Invalid, NotFound


class Product(ShopRow, table=True):
    """A product as the shop sells it. Prices in minor units; `picture` is the SHA-256 of a stored file."""

    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("shop_id", "sku"), Index(None, "shop_id", "arrival_at"))

    sku: str = Field(max_length=100)
    title: str = Field(max_length=500)
    category: str = Field(default="", max_length=200)
    brand: str = Field(default="", max_length=200)
    price: int = 0
    stock: int | None = None
    arrival_at: datetime | None = None
    picture: str = Field(default="", max_length=64)
    url: str = Field(default="", max_length=1000)


def product_for(session: Session, member: Member, number: int) -> Product:
    """Return a product of the member's shop by its row number; NotFound otherwise."""
    found = session.exec(select(Product).where(Product.shop_id == member.shop_id, Product.id == number)).first()
    if found is None:
        raise NotFound("No product has the number {number}.", number=number)
    return found


def find_product(session: Session, shop_id: int, sku: str) -> Product:
    """Return a shop's product by its SKU; NotFound otherwise."""
    found = session.exec(select(Product).where(Product.shop_id == shop_id, Product.sku == sku)).first()
    if found is None:
        raise NotFound("No product has the SKU {sku}.", sku=sku)
    return found


def newest_products(session: Session, shop_id: int, *, most: int) -> list[Product]:
    """Return the products a shop added last."""
    newest = select(Product).where(Product.shop_id == shop_id).order_by(col(Product.id).desc())
    return list(session.exec(newest.limit(most)))


def products_by_arrival(session: Session, shop_id: int, *, most: int) -> list[Product]:
    """Return a shop's products, the latest to arrive first."""
    found = select(Product).where(Product.shop_id == shop_id).order_by(col(Product.arrival_at).desc(), Product.sku)
    return list(session.exec(found.limit(most)))


def edit_product(
    session: Session, member: Member, product: Product, *, arrival_at: datetime | None, stock: int | None, at: datetime
) -> None:
    """Say when a product arrives and how many there are (None: not counted). Invalid for a stock below nothing."""
    if stock is not None and stock < 0:
        raise Invalid("A stock is 0 or more; leave it empty when it is not counted.")
    lock(session, product)
    before = product.model_dump(mode="json", include={"arrival_at", "stock"})
    product.arrival_at, product.stock = arrival_at, stock
    session.add(product)
    session.flush()
    after = product.model_dump(mode="json", include={"arrival_at", "stock"})
    subject = f"product:{product.sku}"
    audit.record(
        session, member.shop_id, member.actor, action="product.edit", subject=subject, before=before, after=after, at=at
    )
