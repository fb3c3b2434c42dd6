"""Addresses that said no, the one spelling of every address, and which answers count.

What stands is brought to the new rules: addresses of buyers and bounces get their one spelling, a yes that a file told
after a no no longer counts, and every no that stands holds for the address of its buyer.
"""

from collections.abc import Callable, Iterator, Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

# The spelling is the code's own: a key that differs from what imports write would be found by nobody.
from retention.addresses import country_of, email_key, phone_key

revision = "98a3033444c6"
down_revision = "bc6cbb206b33"
branch_labels = None
depends_on = None

AT_ONCE = 5_000
CHANNELS = ("email", "sms", "parcel", "group", "personal", "webhook")
STILL = {"sqlite_where": sa.text("lifted_at IS NULL"), "postgresql_where": sa.text("lifted_at IS NULL")}
SAME = "o.shop_id = {0}.shop_id AND o.channel = {0}.channel AND o.buyer_id = {0}.buyer_id AND o.topic = {0}.topic"
KEY = "CASE c.channel WHEN 'email' THEN b.email_key ELSE b.phone_key END"


def upgrade() -> None:
    _make_suppressions()
    text = sqlmodel.sql.sqltypes.AutoString
    for name, length in (("email_key", 254), ("phone_key", 32)):
        op.add_column("buyers", sa.Column(name, text(length=length), server_default="", nullable=False))
    for name, default in (("undated", sa.false()), ("counts", sa.true())):
        op.add_column("consents", sa.Column(name, sa.Boolean(), server_default=default, nullable=False))
    op.add_column("consents", sa.Column("recorded_by", text(length=64), server_default="", nullable=False))
    _spell_buyers()
    _spell_bounces()
    op.drop_index("ix_buyers_shop_id_buyers_email", "buyers")
    op.create_index("ix_buyers_shop_id_buyers_email_key", "buyers", ["shop_id", "email_key"])
    op.create_index("ix_buyers_shop_id_buyers_phone_key", "buyers", ["shop_id", "phone_key"])
    op.execute("UPDATE consents SET undated = true WHERE source LIKE 'import:%'")
    op.execute(
        f"""UPDATE consents SET counts = false WHERE undated AND answer = 'in' AND (
            SELECT o.answer FROM consents AS o WHERE {SAME.format("consents")} AND o.id < consents.id
              AND NOT (o.undated AND o.answer = 'in') ORDER BY o.id DESC LIMIT 1) = 'out'"""  # noqa: S608 - our own words
    )
    op.execute(
        f"""INSERT INTO suppressions (shop_id, channel, topic, address, source, wording, at)
        SELECT c.shop_id, c.channel, c.topic, {KEY}, max(c.source), '', max(c.at)
        FROM consents AS c JOIN buyers AS b ON b.id = c.buyer_id
        WHERE c.answer = 'out' AND c.channel IN ('email', 'sms') AND {KEY} <> ''
          AND c.id = (SELECT max(o.id) FROM consents AS o WHERE {SAME.format("c")} AND o.counts)
        GROUP BY c.shop_id, c.channel, c.topic, {KEY}"""  # noqa: S608 - our own words
    )


def downgrade() -> None:
    with op.batch_alter_table("consents", schema=None) as batch_op:
        for name in ("recorded_by", "counts", "undated"):
            batch_op.drop_column(name)
    op.drop_index("ix_buyers_shop_id_buyers_phone_key", "buyers")
    op.drop_index("ix_buyers_shop_id_buyers_email_key", "buyers")
    with op.batch_alter_table("buyers", schema=None) as batch_op:
        batch_op.drop_column("phone_key")
        batch_op.drop_column("email_key")
    op.create_index("ix_buyers_shop_id_buyers_email", "buyers", ["shop_id", "email"])
    op.drop_index("uq_suppressions_holding", "suppressions", **STILL)
    op.drop_table("suppressions")


def _make_suppressions() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    text, moment = sqlmodel.sql.sqltypes.AutoString, sqlmodel.sql.sqltypes.UTCDateTime
    channel = sa.Enum(*CHANNELS, name="channel", native_enum=False, create_constraint=True, length=24)
    op.create_table(
        "suppressions",
        sa.Column("id", number, nullable=False),
        sa.Column("shop_id", number, nullable=False),
        sa.Column("channel", channel, nullable=False),
        sa.Column("topic", text(length=64), nullable=False),
        sa.Column("address", text(length=254), nullable=False),
        sa.Column("source", text(length=100), nullable=False),
        sa.Column("wording", text(length=1000), nullable=False),
        sa.Column("at", moment(), nullable=False),
        sa.Column("lifted_at", moment(), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name="fk_suppressions_shop_id"),
        sa.PrimaryKeyConstraint("id", name="pk_suppressions"),
    )
    columns = ["shop_id", "channel", "topic", "address"]
    op.create_index("uq_suppressions_holding", "suppressions", columns, unique=True, **STILL)


def _spell_buyers() -> None:
    def spelt(row: sa.Row[tuple[object, ...]]) -> dict[str, str]:
        return {"email_key": email_key(row.email), "phone_key": phone_key(row.phone, country_of(row.timezone))}

    _rewrite("buyers", ("email", "phone"), "r.email <> '' OR r.phone <> ''", spelt)


def _spell_bounces() -> None:
    def spelt(row: sa.Row[tuple[object, ...]]) -> dict[str, str]:
        is_phone = row.channel == "sms"
        return {"address": phone_key(row.address, country_of(row.timezone)) if is_phone else email_key(row.address)}

    _rewrite("bounces", ("channel", "address"), "r.address <> ''", spelt)


def _rewrite(
    table: str, columns: Sequence[str], where: str, spelt: Callable[[sa.Row[tuple[object, ...]]], dict[str, str]]
) -> None:
    """Give rows new values, thousands at a time."""
    connection = op.get_bind()
    for rows in _parts(connection, table, columns, where):
        values = [{"row_id": row.id, **spelt(row)} for row in rows]
        names = ", ".join(f"{name} = :{name}" for name in values[0] if name != "row_id")
        connection.execute(sa.text(f"UPDATE {table} SET {names} WHERE id = :row_id"), values)  # noqa: S608


def _parts(
    connection: sa.Connection, table: str, columns: Sequence[str], where: str
) -> Iterator[Sequence[sa.Row[tuple[object, ...]]]]:
    names = ", ".join(f"r.{name}" for name in columns)
    query = sa.text(
        f"""SELECT r.id, {names}, s.timezone FROM {table} AS r JOIN shops AS s ON s.id = r.shop_id
        WHERE r.id > :last AND ({where}) ORDER BY r.id LIMIT {AT_ONCE}"""  # noqa: S608 - our own names
    )
    last = 0
    while rows := connection.execute(query, {"last": last}).all():
        yield rows
        last = int(rows[-1].id)
