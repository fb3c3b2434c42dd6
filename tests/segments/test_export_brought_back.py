"""A segment's own export imported again changes nothing, and as a list names everybody, however their ids look."""

import itertools
from pathlib import Path

import pytest
from pyroaring import BitMap
from sqlalchemy import Engine, text
from sqlmodel import select

from retention.access import ROLE_SCOPES, Member, Role, Scope
from retention.buyers import Buyer
from retention.database import transaction
from retention.files import FileStore
from retention.ingest import import_file
from retention.shops import find_shop
from segments.export import upload_list, write_csv
from segments.lists import list_members
from tests.factories import make_shop
from tests.retention.makers import NOW

BEFORE = ("", "=", "+", "-", "@", "'", "''", "'=", "＝", "＋", "－", "＠", "No:", "#", '="', "'-", "=+", "-@")
BODIES = ("tea", "小鱼-", "1", "5.0", "1,2", '"b"', "a  b", "a@B.example", "13800000000", "=王=", "13*8", "0x1")
IDS = sorted({before + body for before, body in itertools.product(BEFORE, BODIES)})
NAMES = ("=HYPERLINK(1)", "'tis", "+86", "-", "A**", "林*", "N/A", "Ann", "")


@pytest.fixture
def shop_engine(engine: Engine) -> Engine:
    with transaction(engine) as session:
        shop = make_shop(session, "tea", at=NOW)
        for number, external_id in enumerate(IDS):
            name = NAMES[number % len(NAMES)]
            session.add(
                Buyer(
                    shop_id=shop.id,
                    external_id=external_id,
                    name=name,
                    email=f"b{number}@example.com" if number % 3 else "",
                    phone=f"+8613800000{number:03}" if number % 2 else "",
                    region=name,
                    city="'=x" if number % 5 else "",
                    created_at=NOW,
                )
            )
    return engine


@pytest.mark.parametrize("personal", [True, False])
def test_export_imported_again_changes_nothing_and_lists_everybody(
    shop_engine: Engine, tmp_path: Path, *, personal: bool
) -> None:
    export = tmp_path / "all.csv"
    with transaction(shop_engine) as session, export.open("w", encoding="utf-8-sig", newline="") as target:
        shop = session.exec(select(Buyer.shop_id)).first() or 0
        scopes = ROLE_SCOPES[Role.OWNER] - (set() if personal else {Scope.BUYERS_PERSONAL})
        member = Member(shop_id=shop, actor="user:1", scopes=frozenset(scopes))
        everybody = BitMap(session.exec(select(Buyer.id)))
        write_csv(session, find_shop(session, "tea"), member, buyers=everybody, target=target)
    before = _rows(shop_engine)
    report = import_file(shop_engine, "tea", "buyers", export, now=NOW, files=FileStore(tmp_path / "files"))
    assert (report.accepted, report.rejected, report.changed) == (len(IDS), 0, 0)
    assert _rows(shop_engine) == before
    with transaction(shop_engine) as session, export.open(encoding="utf-8") as lines:
        _, unknown = upload_list(session, find_shop(session, "tea"), "back", lines=lines, actor="user:1", at=NOW)
        assert unknown == []
        assert list_members(session, shop, "back") == everybody


def test_list_of_one_id_a_line_names_ids_as_they_are(shop_engine: Engine) -> None:
    with transaction(shop_engine) as session:
        lines = iter(["'=tea\n", "=tea\n", "nobody\n"])
        _, unknown = upload_list(session, find_shop(session, "tea"), "some", lines=lines, actor="user:1", at=NOW)
        assert unknown == ["nobody"]


def _rows(engine: Engine) -> list[tuple[object, ...]]:
    with transaction(engine) as session:
        return [tuple(row) for row in session.connection().execute(text("SELECT * FROM buyers ORDER BY id"))]
