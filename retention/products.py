"""Products and their arrival: the moment one becomes buyable."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from retention.database import ShopRow


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
