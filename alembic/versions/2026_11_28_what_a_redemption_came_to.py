"""what a redemption came to"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "7648606fd806"
down_revision = "0001"
branch_labels = None
depends_on = None


# Coupons an order used before anybody had claimed them never got an end: given back they would have worked for ever.
STARTED = "claimed_at IS NOT NULL AND expires_at IS NULL"
FROM_CLAIM = {
    "postgresql": "coupons.claimed_at + make_interval(hours => 24 * o.days_from_claim)",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', coupons.claimed_at, '+' || o.days_from_claim || ' days') || '.000000'",
}


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    source = sa.Column(
        "order_source", sqlmodel.sql.sqltypes.AutoString(length=50), nullable=False, server_default=sa.text("''")
    )
    for column in (source, sa.Column("order_amount", big, nullable=True), sa.Column("discount", big, nullable=True)):
        op.add_column("coupons", column)
    ends = FROM_CLAIM[op.get_bind().dialect.name]
    op.execute(
        f"""UPDATE coupons SET expires_at = (
            SELECT CASE WHEN o.days_from_claim IS NULL THEN o.ends_at
                        WHEN o.ends_at IS NULL OR o.ends_at > {ends} THEN {ends} ELSE o.ends_at END
            FROM offers AS o WHERE o.id = coupons.offer_id)
        WHERE {STARTED}"""  # noqa: S608 - our own words
    )


def downgrade() -> None:
    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.drop_column("discount")
        batch_op.drop_column("order_amount")
        batch_op.drop_column("order_source")
