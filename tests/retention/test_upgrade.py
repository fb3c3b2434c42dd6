"""Upgrades of databases that hold rows: from the days before 0001 was frozen, and from 0001 to now."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import load_python_file
from sqlmodel import select

import api.tables
from campaigns.campaign.campaigns import Run
from campaigns.channels.memory import MemoryChannel
from campaigns.offers.links import Link
from campaigns.offers.offers import Offer
from campaigns.offers.redeem import claim_coupon, redeem
from campaigns.offers.scans import open_link
from campaigns.runs.drafting import find_campaign
from campaigns.runs.launch import launch
from campaigns.sending.sending import send_waiting
from campaigns.texts.mail import SenderIdentity
from printables.batches import PackingOutcome
from printables.flyers import Flyer
from retention import migrate, schema
from retention.database import open_engine, transaction
from retention.errors import Conflict
from retention.files import FileStore
from retention.parcels import Parcel
from retention.products import Product
from retention.shops import find_shop
from retention.touches import Touch
from tests.databases import new_database, on_server
from tests.printables import samples
from tests.printables.conftest import NOON, URL, Bench
from tests.retention import rows

unreleased: Any = load_python_file(str(migrate.folder()), "unreleased.py")
first: Callable[[], None] = (
    ScriptDirectory.from_config(migrate.configuration()).get_revision("0001").module.upgrade  # type: ignore[union-attr]
)


@pytest.fixture(scope="session")
def first_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file at revision 0001 to copy."""
    path = tmp_path_factory.mktemp("first") / "template.db"
    migrate.upgrade(f"sqlite:///{path}", "0001")
    return path


@pytest.fixture(scope="session")
def first_postgresql(postgresql_server: str) -> str:
    """The name of a database at revision 0001 to copy."""
    on_server(postgresql_server, "CREATE DATABASE template_first")
    migrate.upgrade(postgresql_server.format("template_first"), "0001")
    return "template_first"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def first_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database at revision 0001, empty."""
    template = request.getfixturevalue(f"first_{request.param}")
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(template, tmp_path / 'first.db')}"
        return
    with new_database(request.getfixturevalue("postgresql_server"), template) as url:
        yield url


def take_back(op: Operations) -> None:
    """Make of 0001 as it was frozen what it was a day before: the kinds of change it has seen, one of each at least."""
    op.drop_table("hook_calls")
    op.drop_table("hooks")
    op.drop_table("order_lines")
    op.create_table(
        "order_lines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("shop_id", "order_id")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("number", "quantity", "unit_price", "amount")),
        *(sa.Column(name, sa.String(length=100), nullable=False) for name in ("sku", "title", "category")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_lines_order_id"),
        sa.UniqueConstraint("shop_id", "order_id", "number", name="uq_order_lines_shop_id_order_id_number"),
    )
    op.drop_index("ix_deliveries_digest_id", table_name="deliveries")
    _change(op, "bounces", drop=["report"], add="lifted_at", unique="uq_bounces_shop_id_report_address")
    _change(op, "approvals", add="voided_at")
    _change(op, "campaigns", drop=["started_at", "topic", "trigger"])
    _change(op, "joint_flyers", drop=["closed_at"])
    with op.batch_alter_table("joint_flyers") as batch:
        batch.add_column(sa.Column("state", sa.String(length=24), nullable=False))
    op.drop_index("ix_posts_shop_id_posts_token", table_name="posts")
    _change(op, "posts", drop=["attempts", "token", "campaign_id"], foreign="fk_posts_campaign_id")
    _change(op, "segments", drop=["pinned_in", "pinned_out", "refreshed_from"])


def _change(op: Operations, table: str, *, drop: tuple[str, ...] | list[str] = (), **named: str) -> None:
    with op.batch_alter_table(table) as batch:
        if "unique" in named:
            batch.drop_constraint(named["unique"], type_="unique")
        if "foreign" in named:
            batch.drop_constraint(named["foreign"], type_="foreignkey")
        for column in drop:
            batch.drop_column(column)
        if "add" in named:
            batch.add_column(sa.Column(named["add"], sa.DateTime(timezone=True), nullable=True))


def test_database_from_before_the_first_revision_was_frozen_is_brought_up_to_date_with_its_rows(first_url: str) -> None:
    with migrate.connect(first_url) as connection, connection.begin():
        take_back(Operations(MigrationContext.configure(connection)))
        connection.exec_driver_sql("CREATE TABLE somebody_elses (id INTEGER)")
        before = rows.fill(connection)
        connection.exec_driver_sql("UPDATE bounces SET lifted_at = at WHERE id = 1")
        connection.exec_driver_sql("UPDATE approvals SET voided_at = approved_at WHERE id = 1")
        connection.exec_driver_sql("UPDATE joint_flyers SET state = 'closed' WHERE id = 1")
    migrate.upgrade(first_url)
    with migrate.connect(first_url) as connection:
        after = rows.count(connection)
        assert {name: number for name, number in before.items() if after[name] != number} == {"approvals": 2}
        assert schema.lacking(connection, api.tables.metadata) == schema.Lacking()

        def ask(statement: str) -> list[Any]:
            return list(connection.exec_driver_sql(statement).scalars())

        assert ask("SELECT id FROM approvals") == [2]
        assert ask("SELECT kind FROM bounces ORDER BY id") == ["lifted", "hard"]
        assert ask("SELECT count(closed_at) FROM joint_flyers WHERE id = 1") == [1]
        assert ask("SELECT p.campaign_id - r.campaign_id FROM posts p JOIN runs r ON r.id = p.run_id") == [0, 0]
        assert {bytes(each) for each in ask("SELECT manual_includes FROM segments")} == {
            bytes.fromhex("3a30000000000000")
        }
        assert ask("SELECT trigger FROM campaigns") in ([{}, {}], ["{}", "{}"])
        same = "shop_id, channel, kind, address, detail, at"  # numbers go on behind the rows that were carried over
        connection.exec_driver_sql(f"INSERT INTO bounces ({same}, report) SELECT {same}, 'new' FROM bounces")
        assert ask("SELECT id FROM bounces ORDER BY id") == [1, 2, 3, 4]


def test_repair_makes_exactly_the_first_revision_and_touches_none_that_is(first_url: str) -> None:
    with migrate.connect(first_url) as connection, connection.begin():
        connection.exec_driver_sql("CREATE INDEX their_own ON buyers (name)")
        right = unreleased.shape(connection)
        assert not unreleased.repair(connection, first)
        assert unreleased.shape(connection) == right
        take_back(Operations(MigrationContext.configure(connection)))
        rows.fill(connection)
        assert unreleased.repair(connection, first)
        connection.exec_driver_sql("CREATE INDEX their_own ON buyers (name)")
        assert unreleased.shape(connection) == right


def test_column_nobody_knows_is_not_thrown_away(first_url: str) -> None:
    with migrate.connect(first_url) as connection, connection.begin():
        take_back(Operations(MigrationContext.configure(connection)))
        connection.exec_driver_sql("ALTER TABLE buyers ADD COLUMN shoe_size INTEGER")
        before = rows.fill(connection)
        connection.exec_driver_sql("UPDATE buyers SET shoe_size = 43")
    with pytest.raises(Conflict, match=r"column buyers\.shoe_size holds values .* Nothing was changed"):
        migrate.upgrade(first_url)
    with migrate.connect(first_url) as connection:
        assert rows.count(connection) == before


def test_rows_of_every_table_survive_every_migration_since_the_first_and_back(first_url: str) -> None:
    with migrate.connect(first_url) as connection, connection.begin():
        before = rows.fill(connection)
    migrate.upgrade(first_url)
    with migrate.connect(first_url) as connection:
        after = rows.count(connection)
    assert {name: after.get(name) for name in before} == before
    migrate.downgrade(first_url, "0001")
    with migrate.connect(first_url) as connection:
        assert rows.count(connection) == before


ENDS_OF_OFFERS = [  # days from the claim, end of the offer, end of the coupon that was claimed at noon on March 10
    ("5", "NULL", "2026-03-15 04:00:00"),
    ("5", "2026-03-12 16:00:00", "2026-03-12 16:00:00"),
    ("5", "2026-04-01 16:00:00", "2026-03-15 04:00:00"),
    ("NULL", "2026-03-12 16:00:00", "2026-03-12 16:00:00"),
    ("NULL", "NULL", None),
]


def test_coupon_that_was_used_without_an_end_gets_the_one_of_its_offer(first_url: str) -> None:
    with migrate.connect(first_url) as connection, connection.begin():
        rows.fill(connection, each=len(ENDS_OF_OFFERS))
        offset = "+00" if connection.dialect.name == "postgresql" else ".000000"
        offers = connection.exec_driver_sql("SELECT offer_id FROM coupons ORDER BY id").scalars().all()
        for offer, (days, ends, _) in zip(offers, ENDS_OF_OFFERS, strict=True):
            ends_at = ends if ends == "NULL" else f"'{ends}{offset}'"
            terms = f"days_from_claim = {days}, ends_at = {ends_at}"
            connection.exec_driver_sql(f"UPDATE offers SET {terms} WHERE id = {offer}")
        claimed = f"claimed_at = '2026-03-10 04:00:00{offset}', expires_at = NULL"
        connection.exec_driver_sql(f"UPDATE coupons SET {claimed}")
    migrate.upgrade(first_url)
    with migrate.connect(first_url) as connection:
        coupons = sa.table("coupons", sa.column("id"), sa.column("expires_at", sa.DateTime(timezone=True)))
        found = connection.execute(sa.select(coupons.c.expires_at).order_by(coupons.c.id)).scalars().all()
    assert [each and f"{each:%Y-%m-%d %H:%M:%S}" for each in found] == [end for *_, end in ENDS_OF_OFFERS]


def test_shop_of_the_first_revision_plans_sends_prints_scans_and_redeems_after_the_upgrade(
    first_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with migrate.connect(first_url) as connection, connection.begin():
        rows.load(connection, Path(__file__).with_name("first_shop.json"))  # made by the code of that revision
        rows.fill(connection, each=1)
    migrate.upgrade(first_url)
    engine = open_engine(first_url)
    request.addfinalizer(engine.dispose)
    with transaction(engine) as session:
        shop = find_shop(session, "tea")
        offer, product = session.get_one(Offer, 1), session.get_one(Product, 1)
        run = launch(session, shop, find_campaign(session, shop.id, "draft"), at=NOON, actor="user:1")
        paper = session.get_one(Run, 1)
    assert run.audience == 4

    post = MemoryChannel()
    mail = SenderIdentity(URL, b"a key for these tests, and long enough", "Shop <shop@shop.example>")
    sent = send_waiting(engine, post, now=NOON + timedelta(minutes=1), identity=mail)
    assert (+sent, len(post.taken)) == (Counter(sent=8), 8)

    bench = Bench(engine, FileStore(tmp_path / "files"), shop, offer, product)
    with transaction(engine) as session:  # the fixture has rows, no files
        session.get_one(Product, 1).picture = bench.files.put(samples.picture())
    flyer = bench.rows(Flyer)[0]
    bench.prove(flyer)
    piece = bench.pieces(bench.print(flyer, paper))[0]
    waybill = next(each.waybill for each in bench.rows(Parcel) if each.buyer_id == 4)
    assert bench.scan(waybill, piece.code).outcome is PackingOutcome.PACKED

    with transaction(engine) as session:
        link = session.exec(select(Link).where(Link.delivery_id == piece.delivery_id)).one()
        open_link(session, link.token, user_agent="Mozilla/5.0 (iPhone)", address="203.0.113.9", at=NOON)
        claimed = claim_coupon(session, link, at=NOON)
        assert claimed.code == piece.code
        redeem(session, shop, piece.code, order_reference="A-1", amount=20_000, at=NOON + timedelta(days=1))
        events = session.exec(select(Touch.event).where(Touch.buyer_id == 4, Touch.campaign == "flyer"))
        assert sorted(events) == ["claimed", "redeemed", "scanned", "sent"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("ALTER TABLE coupons DROP COLUMN claimed_at", r"lacks coupons\.claimed_at"),
        ("DROP TABLE post_quotas", "lacks table post_quotas"),
        ("UPDATE alembic_version SET version_num = 'tomorrow'", "at revision tomorrow, which this release does not"),
        ("DELETE FROM alembic_version", "no revision number"),
    ],
)
def test_upgrade_says_what_a_database_lacks_instead_of_calling_it_current(
    database_url: str, damage: str, said: str
) -> None:
    with migrate.connect(database_url) as connection, connection.begin():
        connection.exec_driver_sql(damage)
    with pytest.raises(Conflict, match=said):
        migrate.upgrade(database_url)


def test_missing_index_is_reported_and_stops_nobody(database_url: str) -> None:
    index = "ix_products_shop_id_products_arrival_at"
    with migrate.connect(database_url) as connection, connection.begin():
        connection.exec_driver_sql(f"DROP INDEX {index}")
    migrate.upgrade(database_url)
    with migrate.connect(database_url) as connection:
        assert schema.lacking(connection, api.tables.metadata).others == (index,)
