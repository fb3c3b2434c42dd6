"""Who writes deliveries, coupons, links and touches: their homes alone, as the source and the erasure say."""

import ast
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from campaigns.campaign.campaigns import Delivery
from campaigns.campaign.campaigns import DeliveryState as State
from campaigns.deliveries import touches, transitions
from campaigns.deliveries.transitions import MOVES, SentTouch
from campaigns.offers import coupons, links
from campaigns.offers.coupons import Coupon
from campaigns.offers.links import Link
from retention.privacy import retention_periods
from retention.privacy.personal import declared
from retention.touches import Touch
from tests.campaigns.writers import returning, unnamed, writes
from tests.test_repository import PACKAGES, ROOT, modules, parsed

MOVING, TOUCHING = Path(transitions.__file__), Path(touches.__file__)
OFFERS = Path(coupons.__file__).parent
HOMES: dict[type[SQLModel], set[Path]] = {
    Delivery: {MOVING},
    Coupon: set(OFFERS.glob("*.py")),
    Link: set(OFFERS.glob("*.py")),
    Touch: {TOUCHING, OFFERS / "credit.py", OFFERS / "scans.py"},
}


def test_deliveries_coupons_links_and_touches_are_written_in_their_homes_alone() -> None:
    assert Path(links.__file__).parent == OFFERS
    sources = {path: path.read_text(encoding="utf-8") for path in modules(*PACKAGES)}
    helpers = {table: {name for source in sources.values() for name in returning(source, table)} for table in HOMES}
    assert {"find_coupon", "claim_coupon"} <= helpers[Coupon]
    strangers = {
        f"{path.relative_to(ROOT)}:{found}"
        for table in HOMES
        for path, source in sources.items()
        if path not in HOMES[table]
        for found in writes(source, table, helpers[table])
    }
    assert strangers == set()
    for table, homes in HOMES.items():  # and the reader of the source sees what is written there
        assert any(writes(path.read_text(encoding="utf-8"), table) for path in homes), table


def test_the_erasure_and_the_retention_periods_take_words_from_deliveries_and_leave_every_row_and_its_state() -> None:
    names = {table.__tablename__ for table in HOMES}
    erased = {each.name: each for each in declared() if each.name in names}
    forgotten = [each for each in retention_periods.forgetting() if each.rows.name in names]
    assert [each.name for each in erased.values() if each.delete] == []
    assert {name: set(each.blank) for name, each in erased.items()} == {
        "coupons": set(),
        "deliveries": {"address", "detail", "message_id"},
        "links": set(),
        "touches": set(),
    }
    assert [(each.rows.name, set(each.blank)) for each in forgotten] == [("deliveries", {"address", "detail"})]
    assert all(value == "" for each in (*erased.values(), *forgotten) for value in each.blank.values())


def test_no_sql_of_campaigns_has_the_table_it_writes_put_in() -> None:
    found = {str(path.relative_to(ROOT)) for path in modules(*PACKAGES) if unnamed(path.read_text(encoding="utf-8"))}
    assert found == {
        "retention/database.py",  # COPY and INSERT of rows, called by `insert_rows`
        "retention/ingest/people/answers.py",  # the staging table of the answers
        "retention/ingest/people/followers_and_groups.py",
        "retention/ingest/people/consents.py",
        "retention/ingest/journals/undo.py",  # the tables an import writes
        "retention/row_writing.py",
        "retention/staging.py",
    }
    for line in (
        "f'UPDATE {table} SET a = 1'",
        "'DELETE FROM ' + table",
        "'INSERT INTO %s' % t",
        "'COPY {}'.format(t)",
    ):
        assert unnamed(f"run({line})") == ["1"], line
    assert unnamed("run(f'SELECT 1 FROM {table} FOR UPDATE')") == []


def test_only_moves_write_the_touch_of_being_sent() -> None:
    own = {"write_sent_touches", "remove_sent_touches"}
    users = {
        path
        for path in modules(*PACKAGES)
        if "sent_touches" in path.read_text(encoding="utf-8")
        and own & {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(parsed(path))}
    }
    assert users == {MOVING}
    for path in HOMES[Touch] - {TOUCHING}:
        assert "TouchEvent.SENT" not in path.read_text(encoding="utf-8"), path
    assert {step.touch for step in MOVES.values() if State.SENT is step.target} == {SentTouch.WRITTEN}
    assert {step.touch for step in MOVES.values() if State.SENT in step.sources} == {SentTouch.REMOVED}


@pytest.mark.parametrize(
    "line",
    [
        "session.execute(sa.update(Delivery).values(state='sent'))",
        "session.execute(sa.insert(Delivery).from_select([], source))",
        "session.execute(delete(campaigns.Delivery))",
        "session.execute(Delivery.__table__.update())",
        "insert_rows(session, Delivery, columns, rows)",
        "session.execute(sa.update(Delivery), rows)",
        "rows = Delivery",
        "session.add(Delivery(shop_id=1))",
        "session.query(Delivery).where(True).update({})",
        "row = session.get_one(Delivery, 1)\nrow.state = 'sent'",
        "for row in session.exec(select(Delivery)):\n    row.claim_token = None",
        "rows = session.exec(select(Delivery)).all()\nfor row in rows:\n    row.due_at = at",
        "if row := session.get(Delivery, 1):\n    row.attempts += 1",
        "def late(row: Delivery) -> None:\n    row.reason = 'late'",
        "def late(rows: list[Delivery]) -> None:\n    for row in rows:\n        row.sent_at = None",
        "context.delivery.state = 'sent'",
        "setattr(delivery, name, value)",
        "row = session.get(Delivery, 1)\nsession.delete(row)",
        "session.execute(sa.text('UPDATE deliveries SET state = 1'))",
        "cursor.execute(f'insert  into deliveries ({names}) VALUES (1)')",
        "from campaigns.campaigns import Delivery as Row\nsession.execute(sa.update(Row))",
        "row = session.get(Delivery, 1)\nsession.merge(row)",
        "session.merge(Delivery(id=1, state='sent'))",
        "rows = session.exec(select(Delivery)).all()\nsession.bulk_save_objects(rows)",
        "session.bulk_save_objects([delivery])",
        "session.add(Delivery.model_validate({'state': 'sent'}))",
        "session.add(campaigns.Delivery.model_construct(state='sent'))",
        "row = session.get(Delivery, 1)\nrow.sqlmodel_update({'state': 'sent'})",
        "other = aliased(Delivery)\ndef late() -> None:\n    session.execute(sa.update(other))",
        "host, its = aliased(Delivery), aliased(Campaign)\nsession.execute(sa.insert(host))",
        "session.execute(sa.update(aliased(Delivery)))",
        "mine = aliased(Delivery)\nfor row in session.exec(select(mine)):\n    row.state = 'sent'",
        "session.execute(sa.table('deliveries', sa.column('state')).update())",
        "session.execute(SQLModel.metadata.tables['deliveries'].delete())",
        "session.execute(sa.inspect(Delivery).local_table.delete())",
        "for row, buyer in session.exec(select(Delivery, Buyer)):\n    row.state = 'sent'",
        "row, buyer = session.exec(select(Delivery, Buyer)).one()\nrow.state = 'sent'",
        "found = session.exec(select(Delivery, Buyer)).all()\nfor row, buyer in found:\n    row.state = 'sent'",
        "for number, row in enumerate(session.exec(select(Delivery))):\n    row.attempts = number",
        "for number, (row, buyer) in enumerate(session.exec(select(Delivery, Buyer))):\n    row.attempts = number",
        "for found in session.exec(select(Delivery, Buyer)):\n    found[0].state = 'sent'",
        "for found in session.execute(select(Delivery, Buyer)):\n    found.Delivery.state = 'sent'",
        "session.exec(select(Delivery)).one().state = 'sent'",
        "def late() -> 'list[Delivery]': ...\ndef mark() -> None:\n    for row in late():\n        row.state = 'sent'",
        "from campaigns.deliveries import due\ndue.first_due(session).state = 'sent'",
        "row = first_due(session)\nrow.state = 'sent'",
        "cursor.execute(f'UPDATE {Delivery.__tablename__} SET state = 1')",
        "cursor.execute('DELETE FROM ' + Delivery.__tablename__)",
        "cursor.execute('UPDATE %s SET state = %s' % ('deliveries', 1))",
        "cursor.execute('UPDATE {} SET state = 1'.format('deliveries'))",
    ],
)
def test_whoever_writes_a_delivery_beside_the_moves_is_found(line: str) -> None:
    assert writes(line, Delivery, {"first_due"}), line


@pytest.mark.parametrize(
    "line",
    [
        "ids = session.execute(sa.select(Delivery.id).where(Delivery.state == 'sent')).scalars()",
        "row = session.get_one(Delivery, 1)\nprint(row.state)",
        "post.state = 'sent'",
        "found.update(session.exec(sa.select(Delivery.id)))",
        "sample = Delivery(id=0, shop_id=1)",
        "'''Update deliverieswhatever, or say what an update does to deliveries.'''",
        "session.execute(sa.select(Delivery).with_for_update())",
        "mine = aliased(Delivery)\nsession.execute(sa.select(mine.id).where(mine.state == 'sent'))",
        "for row, post in session.exec(select(Delivery, Post)):\n    post.state = row.state",
        "post = find_post(session)\npost.state = first_due(session).state",
        "cursor.execute(f'SELECT state FROM {Delivery.__tablename__}')",
        "schema = DeliveryOut.model_validate(delivery)",
    ],
)
def test_whoever_reads_deliveries_is_not_accused(line: str) -> None:
    assert writes(line, Delivery, {"first_due"}) == []
