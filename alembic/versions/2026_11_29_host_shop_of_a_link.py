"""host shop of a link"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "5d1f0c9be2a7"
down_revision = "4cc9fa08c029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("links", "scans"):
        _rename(table, "carrier_shop_id", "host_shop_id")
    # Who filled a slot is in the audit log; nothing read it here.
    op.drop_column("partners", "filled_by")


def downgrade() -> None:
    op.add_column(
        "partners",
        sa.Column("filled_by", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False, server_default=""),
    )
    for table in ("links", "scans"):
        _rename(table, "host_shop_id", "carrier_shop_id")


def _rename(table: str, old: str, new: str) -> None:
    # The same statement on both databases; the foreign key's name follows, for which SQLite writes the table again.
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT fk_{table}_{old} TO fk_{table}_{new}")
        return
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(f"fk_{table}_{old}", type_="foreignkey")
        batch.create_foreign_key(f"fk_{table}_{new}", "shops", [new], ["id"])
