"""Buyers, products, followers, group members and parcels in: what lands, what is refused, and that twice is once."""

import io
from datetime import UTC, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from sqlalchemy import Engine

from retention.consent import Answer, Channel, record_consent
from retention.database import transaction
from retention.errors import Invalid
from retention.files import FileStore
from retention.ingest import ImportReport
from retention.ingest.people.followers_and_groups import slug_of_group
from retention.ingest.products import reencode
from tests.retention.makers import NOW, Ask, Load


@pytest.fixture
def load(load: Load) -> Load:
    """Import a text as a file of a kind."""
    return lambda kind, content, **options: load(content, name=f"{kind}.csv", kind=kind, **options)


def reasons(report: ImportReport) -> str:
    return report.rejects_path.read_text(encoding="utf-8-sig") if report.rejects_path else ""


BUYERS = """buyer_id,name,email,phone,birthday,email_consent,sms_consent,timezone
b1,林小雨,lin@example.com,13800001111,1958-02-28,yes,0,Asia/Shanghai
b2,Bob,,,,,in,
"""


def test_buyers_land_with_their_consents_and_twice_is_once(load: Load, ask: Ask) -> None:
    report = load("buyers", BUYERS)
    assert (report.accepted, report.changed, report.totals["new_consents"]) == (2, 5, 3)
    assert [(row[0], str(row[1])) for row in ask("SELECT name, birthday FROM buyers ORDER BY id")] == [
        ("林小雨", "1958-02-28"),
        ("Bob", "None"),
    ]
    consents = "SELECT channel, answer, source, address FROM consents ORDER BY channel, buyer_id"
    assert ask(consents) == [
        ("email", "in", "import:buyers.csv", "lin@example.com"),
        ("sms", "out", "import:buyers.csv", "13800001111"),
        ("sms", "in", "import:buyers.csv", ""),
    ]
    assert ask("SELECT count(*) FROM buyer_facts") == [(2,)]
    again = load("buyers", BUYERS)
    assert (again.changed, again.unchanged, len(ask(consents))) == (0, 2, 3)
    assert dict(ask("SELECT family, version FROM data_versions")) == {"buyers": 1, "consents": 1}


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ([("file", "in")], "in"),
        ([("file", "out"), ("file", "in")], "out"),
        ([("file", "in"), ("file", "out"), ("file", "in")], "out"),
        ([("dated file", "out"), ("file", "in")], "out"),
        ([("buyer", "out"), ("file", "in")], "out"),
        ([("buyer", "in"), ("buyer", "out"), ("file", "in")], "out"),
        ([("file", "in"), ("buyer", "out"), ("file", "in"), ("file", "in")], "out"),
        ([("buyer", "out"), ("file", "in"), ("dated file", "in")], "in"),
        ([("buyer", "out"), ("file", "in"), ("buyer", "in")], "in"),
    ],
)
def test_yes_without_a_date_never_overrules_a_no(
    load: Load, ask: Ask, shop_engine: Engine, said: list[tuple[str, str]], counts: str
) -> None:
    load("buyers", "buyer_id,email,phone\nb1,lin@example.com,13800001111\n")
    ((buyer, shop),) = ask("SELECT id, shop_id FROM buyers")
    for day, (way, answer) in enumerate(said, start=1):
        at = NOW + timedelta(days=day)
        moment = at.isoformat() if way == "dated file" else ""
        if way != "buyer":
            row = f"b1,{answer},{answer},{moment}"
            load("buyers", f"buyer_id,email_consent,sms_consent,consent_at\n{row}\n", now=at)
            continue
        with transaction(shop_engine) as session:
            for channel in (Channel.EMAIL, Channel.SMS):
                told = {"channel": channel, "answer": Answer(answer), "source": "a page"}
                record_consent(session, shop, buyer_id=buyer, at=at, **told)
    for channel in ("email", "sms"):
        last = ask(f"SELECT answer FROM consents WHERE channel = '{channel}' AND counts ORDER BY id DESC LIMIT 1")
        stands = ask(f"SELECT count(*) FROM suppressions WHERE channel = '{channel}' AND lifted_at IS NULL")
        assert (last, stands) == ([(counts,)], [(int(counts == "out"),)])


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Asia/Shanghai")])
def test_answers_to_come_are_refused_whatever_zone_the_caller_thinks_in(load: Load, ask: Ask, zone: tzinfo) -> None:
    told = [(NOW + timedelta(minutes=more)).isoformat() for more in (-1, 1)]
    rows = "\n".join(f"b{number},in,{at}" for number, at in enumerate(told))
    report = load("buyers", f"buyer_id,email_consent,consent_at\n{rows}\n", now=NOW.astimezone(zone))
    assert (report.accepted, report.rejected) == (1, 1)
    assert "is in the future" in reasons(report)
    assert ask("SELECT external_id FROM buyers") == [("b0",)]


def test_changed_answer_is_added_to_the_ledger_and_an_empty_one_is_not(load: Load, ask: Ask) -> None:
    load("buyers", BUYERS)
    changed = load("buyers", "buyer_id,name,email_consent,sms_consent\nb1,,out,\nb2,,,in\n")
    assert changed.totals["new_consents"] == 1
    assert ask("SELECT answer FROM consents WHERE channel = 'email' ORDER BY id") == [("in",), ("out",)]
    assert ask("SELECT name FROM buyers ORDER BY id") == [("林小雨",), ("Bob",)]


@pytest.mark.parametrize(
    ("rows", "stands"),
    [
        ("b1,out,\nb1,,", "out"),
        ("b1,out,2026-03-01\nb1,in,2026-01-01", "out"),
        ("b1,in,2026-01-01\nb1,out,2026-03-01", "out"),
        ("b1,in,2026-03-01\nb1,out,2026-01-01", "in"),
        ("b1,out,2026-03-01\nb1,in,2026-03-01", "out"),
        ("b1,out,\nb1,in,", "out"),
        ("b1,out,\nb1,in,2026-03-01", "out"),
        ("b1,in,\nb1,in,2026-03-01\nb1,,", "in"),
    ],
)
def test_a_no_stands_in_whatever_order_a_file_tells_of_a_buyer(load: Load, ask: Ask, rows: str, stands: str) -> None:
    for lines in (rows.split("\n"), rows.split("\n")[::-1]):
        load("buyers", "buyer_id,email_consent,consent_at\n" + "\n".join(lines))
        assert ask("SELECT answer FROM consents WHERE counts") == [(stands,)]


@pytest.mark.parametrize("told_at", ["", "2026-03-01"])
def test_a_repeated_opt_out_applies_to_the_buyers_current_address(load: Load, ask: Ask, told_at: str) -> None:
    for address in ("old@example.com", "new@example.com", "new@example.com"):
        load("buyers", f"buyer_id,email,email_consent,consent_at\nb1,{address},out,{told_at}\n")
    held = "SELECT address FROM suppressions WHERE lifted_at IS NULL ORDER BY id"
    assert ask(held) == [("old@example.com",), ("new@example.com",)]
    assert ask("SELECT count(*) FROM consents") == [(1,)]


def test_buyers_with_wrong_cells_are_rejected(load: Load, ask: Ask) -> None:
    report = load(
        "buyers",
        "buyer_id,email,birthday,email_consent,timezone\n"
        "b1,no address,1980-02-30,maybe,Mars/X\n,,1980-01-01,,\nb3,b3@example.com,19800229,1,\n",
    )
    assert (report.accepted, report.rejected) == (1, 2)
    for reason in ("'no address' is not an address", "email_consent 'maybe' is unknown", "buyer_id is missing"):
        assert reason in reasons(report)
    assert ask("SELECT external_id FROM buyers") == [("b3",)]


def test_buyers_are_imported_without_details_that_cannot_be_read(load: Load, ask: Ask) -> None:
    """Mailchimp has birthdays without a year; an opt-out beside one counts."""
    report = load(
        "buyers",
        "buyer_id,email,birthday,language,timezone,city,email_consent\n"
        f"b1,b1@example.com,01/31,en,Europe/Berlin,{'x' * 101},out\n"
        "b2,b2@example.com,1980-02-30,English (United States),Eastern Time,Boston,in\n"
        "b3,b3@example.com,1980-02-29,,Mars/X,,\n",
    )
    assert (report.accepted, report.rejected) == (3, 0)
    assert sorted(map(str, report.notes)) == [
        "1 language in 'language' was left out, such as 'English (United States)': it needs a code, as en or zh-CN.",
        "2 birthdays in 'birthday' were left out, such as '01/31': they need a whole date, as 1990-03-05.",
        "2 time zones in 'timezone' were left out, such as 'Eastern Time': they need a name, as Europe/Berlin.",
    ]
    shown = ask("SELECT external_id, birthday IS NULL, language, timezone, length(city) FROM buyers ORDER BY 1")
    assert [tuple(row) for row in shown] == [
        ("b1", 1, "en", "Europe/Berlin", 100), ("b2", 1, "", "", 6), ("b3", 0, "", "", 0)
    ]  # fmt: skip
    assert ask("SELECT answer FROM consents ORDER BY id") == [("out",), ("in",)]


def test_followers_come_go_and_come_again(load: Load, ask: Ask) -> None:
    spans = """SELECT external_id, followed_at IS NULL, ended_at IS NULL
        FROM follows JOIN buyers ON buyers.id = buyer_id ORDER BY 1"""
    load("followers", "buyer_id,followed_at,ended_at\nb1,2026-01-02 10:00,\nb2,,\nb1,2026-01-02 10:00,\n")
    assert ask(spans) == [("b1", 0, 1), ("b2", 0, 1)]
    load("followers", "buyer_id,followed_at,ended_at\nb1,2026-01-02 10:00,2026-02-01\n")
    assert ask(spans) == [("b1", 0, 0), ("b2", 0, 1)]
    assert load("followers", "buyer_id,followed_at\nb1,2026-01-02 10:00\n").changed == 0
    assert load("followers", "buyer_id,followed_at\nb1,2026-03-01\n").changed == 1
    assert ask(spans) == [("b1", 0, 1), ("b2", 0, 1)]
    backwards = load("followers", "buyer_id,followed_at,ended_at\nb1,2026-03-01,2026-01-01\n")
    assert "ended_at '2026-01-01' is before the start" in reasons(backwards)
    assert ask("SELECT version FROM data_versions WHERE family = 'relations'") == [(3,)]


def test_members_make_their_groups(load: Load, ask: Ask) -> None:
    content = "buyer_id,group,joined_at\nb1,tea-friends,2026-01-02\nb1,茶友一群,2026-01-03\nb2,茶友一群,\n"
    report = load("members", content)
    assert (report.changed, report.totals["new_groups"]) == (3, 2)
    assert sorted(ask("SELECT slug, name FROM groups")) == sorted(
        [("tea-friends", "tea-friends"), (slug_of_group("茶友一群"), "茶友一群")]
    )
    assert load("members", content).changed == 0
    assert load("members", "buyer_id,group,left_at\nb1,tea-friends,2026-05-01\n").changed == 1
    assert ask("SELECT count(*) FROM group_members WHERE left_at IS NULL") == [(2,)]


def test_parcels_wait_for_today_unless_they_say_otherwise(load: Load, ask: Ask) -> None:
    load("orders", "order_id,buyer_id,paid_at,amount\nA1,b1,2026-11-20,5\n")
    content = (
        "waybill,order_id,buyer_id,pick_position,ship_date,shipped_at\n"
        "W1,A1,,3,,\nW2,,b9,1,2026-11-25,\nW3,A1,,,,2026-11-20 23:00\n"
    )
    report = load("parcels", content + "W4,A9,,,,\nW5,,,,,\n,A1,,,,\n")
    assert (report.accepted, report.rejected) == (3, 3)
    assert "there is no order 'A9'" in reasons(report)
    query = """SELECT waybill, external_id, order_id IS NULL, ship_day, pick_position, shipped_at IS NULL
        FROM parcels JOIN buyers ON buyers.id = buyer_id ORDER BY 1"""
    assert ask(query) == [("W1", "b1", 0, 20778, 3, 1), ("W2", "b9", 1, 20782, 1, 1), ("W3", "b1", 0, 20777, 0, 0)]
    assert load("parcels", content).changed == 0
    assert load("parcels", "waybill,order_id,delivered_at\nW3,A1,2026-11-21\n").changed == 1


def picture(mode: str = "RGB", size: tuple[int, int] = (30, 20), form: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new(mode, size, "red").save(made, form)
    return made.getvalue()


def test_products_are_imported_with_reencoded_pictures(load: Load, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").write_bytes(picture(form="JPEG") + b"<script>behind the picture</script>")
    content = (
        "sku,title,category,price,stock,arrival_at,picture,品牌\n"
        "T1,龙井,茶,¥88.00,5,2026-11-21 10:00,pictures/a.jpg,Lakeside\nT2,碧螺春,茶,60,,,,\n"
    )
    assert load("products", content).changed == 2
    rows = ask("SELECT sku, price, stock, arrival_at IS NULL, picture FROM products ORDER BY sku")
    assert [row[:4] for row in rows] == [("T1", 8800, 5, 0), ("T2", 6000, None, 1)]
    assert ask("SELECT brand FROM products ORDER BY sku") == [("Lakeside",), ("",)]
    stored = FileStore(tmp_path / "files").get(rows[0][4])
    assert b"script" not in stored
    with Image.open(io.BytesIO(stored)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (30, 20))
    assert load("products", content).changed == 0
    assert load("products", "sku,title,price,stock\nT1,龙井,80,\n").changed == 1
    assert ask("SELECT price, stock FROM products WHERE sku = 'T1'") == [(8000, 5)]


@pytest.mark.parametrize(
    "named", ["missing.png", "list.txt", "../secret.png", "/etc/hostname", "https://example.com/a.png"]
)
def test_what_is_no_picture_beside_the_list_is_rejected(load: Load, ask: Ask, tmp_path: Path, named: str) -> None:
    (tmp_path / "list.txt").write_text("no picture")
    (tmp_path.parent / "secret.png").write_bytes(picture())
    report = load("products", f"sku,title,price,picture\nT1,龙井,1,{named}\n")
    assert (report.rejected, report.exit_code) == (1, 2)
    assert f"picture '{named}' is not a picture file in the folder of the list" in reasons(report)
    assert ask("SELECT count(*) FROM products") == [(0,)]


def test_pictures_are_turned_upright_and_made_small_and_see_through_ones_stay_so() -> None:
    with Image.open(io.BytesIO(reencode(picture("RGBA", (4800, 1200))))) as opened:
        assert (opened.format, opened.mode, opened.size) == ("PNG", "RGBA", (2400, 600))
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side
    Image.new("RGB", (30, 20), "red").save(turned, "JPEG", exif=exif)
    with Image.open(io.BytesIO(reencode(turned.getvalue()))) as opened:
        assert (opened.size, dict(opened.getexif())) == ((20, 30), {})
    for content in (b"", b"GIF89a", b"<svg/>", b"%PDF-1.7"):
        with pytest.raises(Invalid):
            reencode(content)


def test_missing_columns_are_named(load: Load) -> None:
    with pytest.raises(Invalid, match="No column holds group"):
        load("members", "buyer_id,since\nb1,2026-01-01\n")
    with pytest.raises(Invalid, match="No column holds waybill"):
        load("parcels", "order_id\nA1\n")
