"""mappings saved for files with the same header"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from retention.database import Json

revision = "96a7d2930aad"
down_revision = "307f78eaef7e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_mappings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("header_key", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("options", Json, nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("saved_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_saved_mappings_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_mappings")),
        sa.UniqueConstraint("shop_id", "kind", "name", name=op.f("uq_saved_mappings_shop_id_kind_name")),
    )
    op.create_index("ix_saved_mappings_header", "saved_mappings", ["shop_id", "kind", "header_key"])


def downgrade() -> None:
    op.drop_index("ix_saved_mappings_header", "saved_mappings")
    op.drop_table("saved_mappings")
