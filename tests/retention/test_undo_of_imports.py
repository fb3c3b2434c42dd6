"""An import taken back leaves what was there before it, on both databases, unless something was built on it."""

import ast
import random
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Engine, event, text
from sqlmodel import Session, select

from retention import built_on, ingest
from retention.access import ROLE_SCOPES, Member, Role
from retention.buyers import Buyer
from retention.consent import Answer, Channel, record_consent
from retention.database import transaction
from retention.errors import Conflict, NotFound
from retention.files import FileStore
from retention.ingest import ImportReport, import_file
from retention.ingest.journals.journal import KEYS, ImportJournal, KeptNotes
from retention.ingest.journals.undo import UndoneImport, undo_import, why_not
from retention.orders import Order
from retention.privacy.requests import erase_buyer
from retention.settings import Settings
from retention.shops import find_shop
from retention.staging import keep_journal, stage
from segments.export import upload_list
from segments.rules import parse
from segments.segments import save_segment
from segments.snapshots import refresh_segment
from tests.factories import make_shop
from tests.retention.makers import NOW, in_small_pieces

Take = Callable[..., ImportReport]
Undo = Callable[..., UndoneImport]


def orders(draw: random.Random) -> str:
    lines = ["order_id,buyer_id,paid_at,status,sku,quantity,unit_price,amount,country,city,coupon,email,phone,waybill"]
    for number in draw.sample(range(12), 8):
        buyer = draw.choice(["", *(f"b{n}" for n in range(6))])
        day, status = draw.randint(1, 28), draw.choice(["paid", "paid", "cancelled"])
        email = draw.choice(["", f"{buyer}@example.com"]) if buyer else ""
        waybill = draw.choice(["", f"SF{number}"])
        for sku in range(draw.randint(1, 3)):
            price = draw.randint(1, 9)
            order = f"A{number},{buyer},2026-03-{day:02},{status}"
            lines.append(f"{order},TEA-{sku},1,{price}.00,{price}.00,China,City {day % 3},,{email},,{waybill}")
    return "\n".join(lines)


def buyers(draw: random.Random) -> str:
    lines = ["buyer_id,name,email,phone,birthday,email_consent,consent_at"]
    for number in draw.sample(range(8), 5):
        email, answer = draw.choice(["", f"b{number}.{draw.randint(1, 2)}@example.com"]), draw.choice(["", "in"])
        at = draw.choice(["", _day(draw)]) if answer else ""
        name, born = f"Name {draw.randint(1, 3)}", f"1990-01-0{number + 1}"
        lines.append(f"b{number},{name},{email},1380000000{number},{born},{answer},{at}")
    return "\n".join(lines)


def followers(draw: random.Random) -> str:
    rows = [f"b{n},{_day(draw)}" for n in draw.sample(range(9), 5)]
    return "\n".join(["buyer_id,followed_at", *rows])


def members(draw: random.Random) -> str:
    rows = [f"b{n},{draw.choice(['tea', '茶友'])},{_day(draw)}" for n in draw.sample(range(9), 6)]
    return "\n".join(["buyer_id,group,joined_at", *rows])


def products(draw: random.Random) -> str:
    rows = [f"TEA-{n},Tea {draw.randint(1, 2)},{draw.randint(1, 9)}.00" for n in draw.sample(range(9), 6)]
    return "\n".join(["sku,title,price", *rows])


def parcels(draw: random.Random) -> str:
    rows = [f"YT{n},b{draw.randint(1, 9)},{_day(draw)},{draw.randint(1, 9)}" for n in draw.sample(range(9), 6)]
    return "\n".join(["waybill,buyer_id,ship_date,pick_position", *rows])


def _day(draw: random.Random) -> str:
    return f"2026-02-{draw.randint(1, 28):02}"


FILES = {each.__name__: each for each in (orders, buyers, followers, members, products, parcels)}
LINE = {"sku": ["X"], "title": [""], "category": [""], "quantity": [1], "unit_price": [1], "amount": [1]}
TABLES = (
    *("orders", "order_lines", "parcels", "buyers", "buyer_facts", "consents", "suppressions", "former_addresses"),
    *("groups", "group_members", "follows", "products"),
)
CALLED = {"buyer_id": "SELECT id, external_id FROM buyers", "group_id": "SELECT id, slug FROM groups"}
CALLED["order_id"] = "SELECT id, external_id FROM orders"


def owner(session: Session, slug: str) -> Member:
    number = session.connection().execute(text("SELECT id FROM shops WHERE slug = :slug"), {"slug": slug}).scalar_one()
    return Member(shop_id=number, actor="user:1", scopes=ROLE_SCOPES[Role.OWNER])


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def shops(engine: Engine) -> Engine:
    with transaction(engine) as session:
        for slug in ("one", "two"):
            make_shop(session, slug, at=NOW)
    return engine


@pytest.fixture
def take(shops: Engine, files: FileStore, tmp_path: Path) -> Take:
    def run(kind: str, content: str, *, shop: str = "two", now: datetime = NOW) -> ImportReport:
        path = tmp_path / f"{kind}.csv"
        path.write_text(content, "utf-8")
        return import_file(shops, shop, kind, path, now=now, files=files)

    return run


@pytest.fixture
def undo(shops: Engine, files: FileStore) -> Undo:
    def run(number: int | None, *, shop: str = "two") -> UndoneImport:
        assert number
        with transaction(shops) as session:
            return undo_import(session, owner(session, shop), number, files=files, at=NOW)

    return run


def state(engine: Engine, slug: str) -> dict[str, list[str]]:
    """Return all rows of a shop, with what they are called by in place of row numbers."""
    with transaction(engine) as session:
        shop, ask = owner(session, slug).shop_id, session.connection().execute
        names = {column: dict(iter(ask(text(query)))) for column, query in CALLED.items()}  # type: ignore[arg-type]
        found = {}
        for table in TABLES:
            rows = ask(text(f"SELECT * FROM {table} WHERE shop_id = {shop}")).mappings()
            plain = ({name: row[name] for name in row if name not in {"id", "shop_id"}} for row in rows)
            found[table] = sorted(str({k: names.get(k, {}).get(v, v) for k, v in row.items()}) for row in plain)
        return found


@pytest.mark.parametrize("kind", FILES)
def test_undone_import_leaves_what_was_there_before_it(
    kind: str, shops: Engine, take: Take, undo: Undo, files: FileStore
) -> None:
    draw = random.Random(kind)
    first, second, later = (FILES[kind](draw) for _ in range(3))
    for shop in ("one", "two"):
        take("orders", orders(random.Random(1)), shop=shop)
        take(kind, first, shop=shop)
    before = state(shops, "two")
    number = take(kind, second, now=NOW + timedelta(hours=1)).number
    assert state(shops, "two") != before
    undone = undo(number)
    assert undone.removed or undone.restored
    assert state(shops, "two") == before == state(shops, "one")
    with pytest.raises(Conflict, match="already been undone"):
        undo(number)
    for shop in ("one", "two"):
        take(kind, later, shop=shop)
    assert state(shops, "two") == state(shops, "one")
    assert not list(files.folder.rglob(f"{number}.zip"))


def refusal(engine: Engine, number: int | None) -> str:
    """Return what a page would say of undoing."""
    with transaction(engine) as session:
        return str(why_not(session, owner(session, "two"), number or 0) or "")


def test_import_is_kept_once_its_rows_changed_or_others_name_its_buyers(shops: Engine, take: Take, undo: Undo) -> None:
    head = "order_id,buyer_id,paid_at,sku,amount\n"
    first = take("orders", head + "A1,b1,2026-03-01,TEA,5.00\nA2,b2,2026-03-02,TEA,6.00")
    assert take("orders", head + "A1,b1,2026-03-01,TEA,5.00").number != first.number
    second = take("orders", head + "A2,b2,2026-03-02,COFFEE,6.00\nA3,b1,2026-03-02,TEA,7.00")
    assert refusal(shops, first.number) == ""
    before = state(shops, "two")
    with pytest.raises(Conflict, match=r"rows it wrote have changed since \(order lines \(1\)\)"):
        undo(first.number)
    assert state(shops, "two") == before
    undo(second.number)
    third = take("orders", head + "A9,b1,2026-03-02,TEA,7.00")
    assert undo(first.number).kept_buyers == 1
    left = state(shops, "two")
    assert [len(left[table]) for table in ("orders", "order_lines", "buyers", "buyer_facts")] == [1, 1, 1, 1]
    undo(third.number)
    assert not any(state(shops, "two")["orders"])


def test_no_row_number_is_given_again_after_an_import_was_undone(shops: Engine, take: Take, undo: Undo) -> None:
    """Sets of buyers and cursors hold numbers: they must not take somebody new for who is gone."""

    def bring(*names: str) -> list[int | None]:
        orders = "".join(f"\nA{n},{n},2026-03-01,5.00,SF{n}" for n in names)
        answers = "".join(f"\n{n},{n}@example.com,in,2026-02-01" for n in names)
        files = {"orders": f"order_id,buyer_id,paid_at,amount,waybill{orders}"}
        files["buyers"] = f"buyer_id,email,email_consent,consent_at{answers}"
        return [take(kind, content).number for kind, content in files.items()]

    def refreshed() -> tuple[int, int, int]:
        with transaction(shops) as session:
            found = refresh_segment(session, find_shop(session, "two"), "all", now=NOW)
        return found.size, found.entered, found.left

    def numbers() -> dict[str, set[int]]:
        with transaction(shops) as session:
            tables = ("buyers", "orders", "parcels", "consents")
            return {
                table: set(session.connection().execute(text(f"SELECT id FROM {table}")).scalars()) for table in tables
            }

    with transaction(shops) as session:
        rule = parse({"orders": {"measure": "count", "at_least": 1}})
        save_segment(session, owner(session, "two").shop_id, "all", rule=rule, actor="user:1", at=NOW)
    bring("stays")
    assert refreshed() == (1, 1, 0)
    kept, undone = numbers(), bring("b1", "b2")
    assert refreshed() == (3, 2, 0)
    gone = {table: found - kept[table] for table, found in numbers().items()}
    assert {table: len(found) for table, found in gone.items()} == dict.fromkeys(gone, 2)
    for number in reversed(undone):
        undo(number)
    assert numbers() == kept
    bring("b3", "b4")
    with transaction(shops) as session:  # added by hand too, not only by the statements of an import
        session.add(Buyer(shop_id=owner(session, "two").shop_id, external_id="b5", created_at=NOW))
    assert {table: found & numbers()[table] for table, found in gone.items()} == {table: set() for table in gone}
    assert refreshed() == (3, 2, 2)


def test_opt_outs_of_an_undone_file_stay_and_opt_ins_do_not(shops: Engine, take: Take, undo: Undo) -> None:
    take("buyers", "buyer_id,email\nknown,known@example.com")
    head = "buyer_id,email,email_consent,consent_at\n"
    told = ("known,,out,", "new,new@example.com,out,", "plain,,out,", "yes,y@example.com,in,")
    undone = undo(take("buyers", head + "".join(f"{each}2026-01-01\n" for each in told)).number)
    left = state(shops, "two")
    assert (undone.kept_optouts, undone.kept_buyers) == (3, 1)
    assert [len(left[table]) for table in ("buyers", "consents", "suppressions")] == [2, 2, 2]
    assert "new@example.com" in str(left["suppressions"])
    assert "'in'" not in str(left["consents"])


def test_import_cannot_be_undone_once_its_buyers_have_answered(shops: Engine, take: Take, undo: Undo) -> None:
    number = take("buyers", "buyer_id,email\nb1,b1@example.com").number
    with transaction(shops) as session:
        shop_id = owner(session, "two").shop_id
        buyer_id = session.exec(select(Buyer.id).where(Buyer.shop_id == shop_id)).one()
        answer = {"channel": Channel.EMAIL, "answer": Answer.IN, "source": "page", "at": NOW}
        record_consent(session, shop_id, buyer_id=buyer_id, **answer)  # type: ignore[arg-type]
    assert "since then its buyers or orders have got new answers about consent (1)." in refusal(shops, number)
    with pytest.raises(Conflict):
        undo(number)


def test_import_that_changed_nothing_or_is_unknown_says_so(shops: Engine, take: Take) -> None:
    take("buyers", "buyer_id\nb1")
    assert "changed nothing" in refusal(shops, take("buyers", "buyer_id\nb1").number)
    with pytest.raises(NotFound):
        refusal(shops, 4711)
    with pytest.raises(NotFound):
        refusal(shops, take("buyers", "buyer_id\nb1", shop="one").number)


def test_scattered_file_is_noted_once(shops: Engine, take: Take, undo: Undo, monkeypatch: pytest.MonkeyPatch) -> None:
    in_small_pieces(monkeypatch)
    rows = [f"S{n % 9},c{n % 9},2026-02-03,TEA-{n},1.00" for n in range(60)]
    number = take("orders", "\n".join(["order_id,buyer_id,paid_at,sku,amount", *rows])).number
    assert undo(number).removed == {"orders": 9, "order_lines": 9, "buyers": 9}
    assert not any(state(shops, "two").values())


def test_erasure_gives_up_the_notes_and_undoing_says_so(
    shops: Engine, take: Take, files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retention.privacy.erased.get_settings", lambda: Settings(home=files.folder, secret="s" * 32))
    number = take("buyers", "buyer_id,email\nb1,secret@example.com\nb2,").number
    other = take("buyers", "buyer_id\nb1", shop="one").number
    assert len(list(files.folder.rglob("landed/**/*.zip"))) == 2
    with transaction(shops) as session:
        erase_buyer(session, owner(session, "two"), "b1", files=files, at=NOW)
    assert [path.name for path in files.folder.rglob("landed/**/*.zip")] == [f"{other}.zip"]
    assert "because a buyer was erased" in refusal(shops, number)


def test_whatever_an_import_changes_by_a_statement_is_noted_before() -> None:
    changes = rf"UPDATE (?:{'|'.join(KEYS)}|{{table}})\b|(?:DELETE FROM|INSERT INTO) (?:{'|'.join(KEYS)}|{{table}})\b"
    unnoted = {
        f"{path.stem}.{part.name}"
        for path in Path(ingest.__file__).parent.rglob("*.py")
        for part in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(part, ast.FunctionDef)
        and re.search(changes, source := ast.unparse(part))
        and not re.search("keep_before|insert_new", source)
    }
    assert unnoted == {"consents._suppress"}  # a no stays


def test_import_that_fails_after_all_leaves_no_notes(shops: Engine, take: Take, files: FileStore) -> None:
    def fail(_session: Session) -> None:
        raise RuntimeError

    event.listen(Session, "before_commit", fail)
    try:
        with pytest.raises(RuntimeError):
            take("buyers", "buyer_id\nb1")
    finally:
        event.remove(Session, "before_commit", fail)
    assert not list(files.folder.rglob("landed/**/*.zip"))
    assert not any(state(shops, "two").values())


def test_lines_added_to_a_known_order_have_its_lines_noted_first(shops: Engine, take: Take, tmp_path: Path) -> None:
    take("orders", "order_id,buyer_id,paid_at,sku,amount\nA1,b1,2026-03-01,TEA,5.00")
    (tmp_path / "more").mkdir()
    with transaction(shops) as session:
        shop_id = owner(session, "two").shop_id
        number = session.exec(select(Order.id).where(Order.shop_id == shop_id)).one()
        journal = ImportJournal(session, shop_id, tmp_path / "more")
        keep_journal(session, journal)
        stage(session, "order_lines", pl.DataFrame({"shop_id": [shop_id], "order_id": [number], "number": [2]} | LINE))
        keep_journal(session, None)
        journal.finish(tmp_path / "more.zip")
        kept = KeptNotes(tmp_path / "more.zip")
        heights = {
            what: [rows.height for rows in kept.rows("order_lines", what)] for what in ("before", "added", "after")
        }
        assert heights == {"before": [1], "added": [], "after": [2]}


def test_command_knows_everything_that_can_be_built_on_an_import() -> None:
    asked = (
        "import api.cli.import_undo, retention.built_on; print(sorted(each[0] for each in retention.built_on._checks))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == sorted(what for what, _check in built_on._checks)
    assert "lists with them" in done.stdout


def test_import_cannot_be_undone_once_its_buyers_are_on_a_list(shops: Engine, take: Take, undo: Undo) -> None:
    number = take("buyers", "buyer_id\nb1").number
    with transaction(shops) as session:
        shop = find_shop(session, "two")
        upload_list(session, shop, "back", lines=iter(["b1"]), actor="user:1", at=NOW)
    with pytest.raises(Conflict, match=r"lists with them \(1\)"):
        undo(number)
