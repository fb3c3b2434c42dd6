"""know an erased buyer and the addresses they had"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "fe33225d4378"
down_revision = "af0e6d44489f"
branch_labels = None
depends_on = None


# Entries about an export or an erasure named the buyer's row as others name an id, which may be a number too.
BY_ROW = "action IN ('buyer.export', 'buyer.erase') AND subject LIKE '{}:%'"


def upgrade() -> None:
    op.create_table(
        "former_addresses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(length=254), nullable=False),
        sa.ForeignKeyConstraint(["buyer_id"], ["buyers.id"], name=op.f("fk_former_addresses_buyer_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_former_addresses_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_addresses")),
        sa.UniqueConstraint(
            "shop_id", "buyer_id", "address", name=op.f("uq_former_addresses_shop_id_buyer_id_address")
        ),
    )
    with op.batch_alter_table("erased_buyers", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_erased_buyers_shop_id_erased_buyers_buyer_id"), ["shop_id", "buyer_id"], unique=False
        )

    country = sa.Column(
        "phones_of", sqlmodel.sql.sqltypes.AutoString(length=2), server_default=sa.text("''"), nullable=False
    )
    op.add_column("shops", country)
    op.execute(f"UPDATE audit_entries SET subject = 'buyer-row' || substr(subject, 6) WHERE {BY_ROW.format('buyer')}")  # noqa: S608 - our own words


def downgrade() -> None:
    op.execute(f"UPDATE audit_entries SET subject = 'buyer' || substr(subject, 10) WHERE {BY_ROW.format('buyer-row')}")  # noqa: S608 - our own words
    op.drop_column("shops", "phones_of")
    with op.batch_alter_table("erased_buyers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_erased_buyers_shop_id_erased_buyers_buyer_id"))

    op.drop_table("former_addresses")
