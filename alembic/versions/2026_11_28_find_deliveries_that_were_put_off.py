"""find deliveries that were put off"""

import sqlalchemy as sa
from alembic import op

revision = "9f6226e7d433"
down_revision = "fe33225d4378"
branch_labels = None
depends_on = None

PUT_OFF = sa.text("state = 'waiting' AND detail <> ''")


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_put_off", "deliveries", ["shop_id", "due_at"], postgresql_where=PUT_OFF, sqlite_where=PUT_OFF
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_put_off", table_name="deliveries")
