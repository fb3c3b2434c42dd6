"""book redemptions to the campaign that brought them

A `redeemed` touch was booked to the campaign with the highest number. Now each names its coupon, and stands under the
last campaign that delivered this coupon to its buyer before the order. Touches are mended where they stand: they keep
their numbers, so that hooks are not called again. Those of redemptions that were taken back go.
"""

from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = "b887109ac74e"
down_revision = "a57c861d8412"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_coupons_shop_id_coupons_order_id"),
            ["shop_id", "order_id"],
            unique=False,
            postgresql_where=sa.text("order_id IS NOT NULL"),
            sqlite_where=sa.text("order_id IS NOT NULL"),
        )

    with op.batch_alter_table("touches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("coupon_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_touches_shop_id_touches_coupon_id"),
            ["shop_id", "coupon_id"],
            unique=False,
            postgresql_where=sa.text("coupon_id IS NOT NULL"),
            sqlite_where=sa.text("coupon_id IS NOT NULL"),
        )

    connection = op.get_bind()
    for event, state, moment in (("redeemed", "redeemed", "redeemed_at"), ("claimed", None, "claimed_at")):
        _name_coupons(connection, event, state, moment)
    _drop_left_over(connection)
    _book(connection)
    connection.execute(sa.text("UPDATE data_versions SET version = version + 1 WHERE family = 'touches'"))


def _name_coupons(connection: sa.Connection, event: str, state: str | None, moment: str) -> None:
    """Write into each touch its coupon: the one of this buyer with this moment; of several, one after the other."""
    coupon = sa.table("coupons", *(sa.column(name) for name in ("id", "shop_id", "buyer_id", "state", moment)))
    when = coupon.c[moment]
    with_moment = sa.select(coupon.c.shop_id, coupon.c.buyer_id, when, coupon.c.id).where(
        coupon.c.buyer_id.is_not(None), when.is_not(None), coupon.c.state == state if state else sa.true()
    )
    coupons = connection.execute(with_moment.order_by(coupon.c.shop_id, coupon.c.buyer_id, when, coupon.c.id))
    of_moment = {key: [row[3] for row in rows] for key, rows in groupby(coupons, key=lambda row: tuple(row[:3]))}
    touches = connection.execute(
        sa.text("SELECT shop_id, buyer_id, at, id FROM touches WHERE event = :event ORDER BY id"), {"event": event}
    ).all()
    named = []
    for shop, buyer, at, number in touches:
        waiting = of_moment.get((shop, buyer, at))
        if waiting:
            named.append({"touch": number, "coupon": waiting.pop(0)})
    if named:
        connection.execute(sa.text("UPDATE touches SET coupon_id = :coupon WHERE id = :touch"), named)


def _drop_left_over(connection: sa.Connection) -> None:
    connection.execute(sa.text("DELETE FROM touches WHERE event = 'redeemed' AND coupon_id IS NULL"))


def _book(connection: sa.Connection) -> None:
    """Set time and campaign of each redemption from its order and the deliveries of its coupon."""
    connection.execute(
        sa.text("""
            UPDATE touches SET at = COALESCE((
                SELECT orders.ordered_at FROM coupons JOIN orders ON orders.id = coupons.order_id
                WHERE coupons.id = touches.coupon_id
            ), at)
            WHERE event = 'redeemed'
        """)
    )
    connection.execute(
        sa.text("""
            UPDATE touches SET campaign = COALESCE((
                SELECT campaigns.slug FROM deliveries
                JOIN runs ON runs.id = deliveries.run_id
                JOIN campaigns ON campaigns.id = deliveries.campaign_id
                WHERE deliveries.shop_id = touches.shop_id AND deliveries.buyer_id = touches.buyer_id
                AND deliveries.coupon_id = touches.coupon_id AND runs.planned_at <= touches.at
                AND COALESCE(deliveries.sent_at, deliveries.handed_at, runs.planned_at) <= touches.at
                ORDER BY CASE WHEN deliveries.state IN ('sent', 'unknown') THEN 1 ELSE 0 END DESC,
                    COALESCE(deliveries.sent_at, deliveries.handed_at, runs.planned_at) DESC, deliveries.id DESC
                LIMIT 1
            ), '')
            WHERE event = 'redeemed' AND coupon_id IS NOT NULL
        """)
    )


def downgrade() -> None:
    with op.batch_alter_table("touches", schema=None) as batch_op:
        batch_op.drop_index(
            batch_op.f("ix_touches_shop_id_touches_coupon_id"),
            postgresql_where=sa.text("coupon_id IS NOT NULL"),
            sqlite_where=sa.text("coupon_id IS NOT NULL"),
        )
        batch_op.drop_column("coupon_id")

    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.drop_index(
            batch_op.f("ix_coupons_shop_id_coupons_order_id"),
            postgresql_where=sa.text("order_id IS NOT NULL"),
            sqlite_where=sa.text("order_id IS NOT NULL"),
        )
