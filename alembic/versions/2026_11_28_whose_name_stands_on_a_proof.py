"""whose name stands on a proof"""

import sqlalchemy as sa
from alembic import op

revision = "c3a34c7eaab8"
down_revision = "9f6226e7d433"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("named_buyer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    op.add_column("proofs", column)


def downgrade() -> None:
    op.drop_column("proofs", "named_buyer_id")
