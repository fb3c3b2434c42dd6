"""broken quantities, line ids and update times of orders

Each column has a default that is right for the rows there are: their quantities are whole, no line is refunded by
itself. Columns are added and dropped in place, because these are the largest tables of an installation.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "1710eca40f0a"
down_revision = "fd8f57b0d6bf"
branch_labels = None
depends_on = None

NUMBERS = (
    ("order_lines", "quantity_thousandths"),
    ("orders", "items_thousandths"),
    ("buyer_facts", "items_thousandths"),
    ("order_lines", "refunded"),
)


def upgrade() -> None:
    for table, column in NUMBERS:
        op.add_column(table, sa.Column(column, sa.Integer(), server_default="0", nullable=False))
    text = sqlmodel.sql.sqltypes.AutoString(length=100)
    op.add_column("order_lines", sa.Column("line_id", text, server_default=sa.text("''"), nullable=False))
    op.add_column("orders", sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("orders", "updated_at")
    op.drop_column("order_lines", "line_id")
    for table, column in reversed(NUMBERS):
        op.drop_column(table, column)
