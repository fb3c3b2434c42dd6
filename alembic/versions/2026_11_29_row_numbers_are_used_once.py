"""row numbers are used once"""

from alembic import op

revision = "1259f35aa775"
down_revision = "1710eca40f0a"
branch_labels = None
depends_on = None

# Undoing an import deletes their rows. Sets of buyers, notes of later imports and the cursors of webhooks go on holding
# the numbers, which SQLite otherwise gives to the next rows; the sequences of PostgreSQL never go back.
_TABLES = ("buyers", "orders", "parcels", "consents")


def upgrade() -> None:
    _rebuild(sqlite_autoincrement=True)


def downgrade() -> None:
    _rebuild(sqlite_autoincrement=False)


def _rebuild(*, sqlite_autoincrement: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            options = {"sqlite_autoincrement": sqlite_autoincrement}
            with op.batch_alter_table(table, recreate="always", table_kwargs=options):
                pass
