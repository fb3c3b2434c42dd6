"""names of the field"""

from alembic import op

revision = "ccbcbb4a0c28"
down_revision = "c3a34c7eaab8"
branch_labels = None
depends_on = None

_RENAMED = (
    ("hooks", "sealed", "encrypted_secret"),
    ("senders", "sealed", "encrypted_secrets"),
    ("segments", "pinned_in", "manual_includes"),
    ("segments", "pinned_out", "manual_excludes"),
    ("pieces", "generation", "copy_number"),
)
_UNIQUE = "uq_pieces_shop_id_batch_id_number_"


def upgrade() -> None:
    for table, old, new in _RENAMED:
        _rename(table, old, new)
    _rename_constraint("generation", "copy_number")


def downgrade() -> None:
    for table, old, new in reversed(_RENAMED):
        _rename(table, new, old)
    _rename_constraint("copy_number", "generation")


def _rename(table: str, old: str, new: str) -> None:
    # The same statement on both databases: no row is written again, unique keys follow.
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")


def _rename_constraint(old: str, new: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE pieces RENAME CONSTRAINT {_UNIQUE}{old} TO {_UNIQUE}{new}")
        return
    with op.batch_alter_table("pieces") as batch:
        batch.drop_constraint(f"{_UNIQUE}{old}", type_="unique")
        batch.create_unique_constraint(f"{_UNIQUE}{new}", ["shop_id", "batch_id", "number", new])
