"""The shop's own policy: limits that hold over all its campaigns, kept in one row."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, select

from campaigns.campaign.policy import ShopPolicy, read_shop_policy
from retention import audit
from retention.database import Json, ShopRow
from retention.shops import Shop
from retention.stored import Stored


class ShopPolicyRow(ShopRow, table=True):
    """The stored values of a shop's policy; a shop without a row has the defaults."""

    __tablename__ = "shop_policies"
    __table_args__ = (UniqueConstraint("shop_id"),)

    values: dict[str, Any] = Field(default_factory=dict, sa_type=Json)

    policy: ClassVar[Stored[ShopPolicy]] = Stored("values", read_shop_policy)


def shop_policy(session: Session, shop: Shop) -> ShopPolicy:
    """Return the policy of a shop; the defaults when it never set one."""
    return shop_policy_of(session, shop.id)


def shop_policy_of(session: Session, shop_id: int) -> ShopPolicy:
    """Return the policy of a shop by its row number."""
    row = _row(session, shop_id)
    return row.policy if row else ShopPolicy()


def save_shop_policy(session: Session, shop: Shop, *, values: dict[str, Any], at: datetime, actor: str) -> ShopPolicy:
    """Change single values of a shop's policy; what is left out stays. Invalid names a wrong one, nothing changed."""
    row = _row(session, shop.id, lock=True)
    before = row.policy if row else ShopPolicy()
    after = read_shop_policy(before.model_dump(mode="json") | values)
    row = row or ShopPolicyRow(shop_id=shop.id)
    row.values = after.model_dump(mode="json")
    session.add(row)
    session.flush()
    shown = {"before": before.model_dump(mode="json"), "after": row.values}
    audit.record(session, shop.id, actor, action="policy.change", subject=f"shop:{shop.slug}", at=at, **shown)
    return after


def _row(session: Session, shop_id: int, *, lock: bool = False) -> ShopPolicyRow | None:
    found = select(ShopPolicyRow).where(ShopPolicyRow.shop_id == shop_id)
    return session.exec(found.with_for_update() if lock else found).first()
