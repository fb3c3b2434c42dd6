"""The shop's own policy: limits that hold over all its campaigns."""

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from retention.database import Json, ShopRow


class ShopPolicyRow(ShopRow, table=True):
    """The stored values of a shop's policy; a shop without a row has the defaults."""

    __tablename__ = "shop_policies"
    __table_args__ = (UniqueConstraint("shop_id"),)

    values: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
