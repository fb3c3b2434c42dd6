"""packing events by outcome"""

from alembic import op

revision = "ea8318a45a8c"
down_revision = "20d0cac60d22"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_packing_events_outcome", "packing_events", ["shop_id", "outcome", "at"])
    op.drop_index("ix_packing_events_shop_id_packing_events_at", table_name="packing_events")


def downgrade() -> None:
    op.create_index("ix_packing_events_shop_id_packing_events_at", "packing_events", ["shop_id", "at"])
    op.drop_index("ix_packing_events_outcome", table_name="packing_events")
