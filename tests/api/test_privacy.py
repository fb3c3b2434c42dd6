"""One person's request: all that is known of them in one file, then nothing of it anywhere; and time that forgets."""

import io
import json
import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session, select

import api.tables
from campaigns.campaign.campaigns import Delivery, DeliveryState, Recipe
from campaigns.campaign.posts import Post, PostState
from campaigns.offers.links import Link, Scan, TouchKind
from campaigns.optouts.bounces import Bounce, BounceKind
from campaigns.runs.launch import launch
from campaigns.webhooks.webhooks import WebhookCall, WebhookCallState, WebhookEvent, create_webhook
from retention import audit
from retention.access import ROLE_SCOPES, Member, Role
from retention.buyers import Buyer
from retention.consent import Answer, Channel, record_consent
from retention.database import reading, transaction
from retention.errors import Conflict, Forbidden, Invalid, NotFound
from retention.files import FileStore
from retention.idempotency import GivenAnswer
from retention.ingest import import_file
from retention.ingest.drafts import keep_upload
from retention.jobs import Job, JobState
from retention.metrics import repeat_report
from retention.privacy.personal import declared
from retention.privacy.requests import erase_buyer, export_buyer
from retention.privacy.retention_periods import DEFAULT_DAYS, KeptKind, forget, set_times, times_of
from retention.shops import find_shop
from retention.suppressions import OptOutSubject, lift, suppress
from tests.campaigns.conftest import NOON, Stage, later

OWNER = Member(shop_id=1, actor="user:1", scopes=ROLE_SCOPES[Role.OWNER])
ID, NAME, MAIL, PHONE, CITY = "旺旺-qx7", "林晓晓qx", "qx.lin@mail.example", "13855667788", "深圳qx"
AGENT = "Mozilla/5.0 (qx-device)"
ORDERS = f"""order_id,buyer_id,paid_at,sku,quantity,amount,name,email,phone,city,region
A1,{ID},2026-03-05,TEA,1,20.00,{NAME},{MAIL},{PHONE},{CITY},广东qx
A2,other,2026-03-06,TEA,1,30.00,Ada,ada@mail.example,13811112222,上海,上海
"""
Tea = Callable[[Callable[[Stage], Any]], Any]


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def lived(engine: Engine, tea: Tea, files: FileStore, tmp_path: Path) -> Engine:
    """A shop in which one buyer has left something in every place a buyer can."""
    tea(lambda _stage: None)
    imported(engine, ORDERS, tmp_path, files)
    tea(lambda stage: leave_traces(stage, files))
    return engine


def imported(engine: Engine, text: str, folder: Path, files: FileStore, kind: str = "orders") -> Any:
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8")
    return import_file(engine, "tea", kind, path, now=NOON, files=files)


def leave_traces(stage: Stage, files: FileStore) -> None:
    session, shop = stage.session, stage.shop
    buyer = session.exec(select(Buyer).where(Buyer.external_id == ID)).one()
    record_consent(
        session, shop.id, buyer_id=buyer.id, channel=Channel.EMAIL, answer=Answer.IN, source="phone", at=NOON,
        wording=f"{NAME} said yes", address=MAIL,
    )  # fmt: skip
    campaign = stage.draft("push", Recipe.COUPON_PUSH)
    run = launch(session, shop, campaign, at=NOON, actor="user:1")
    delivery = session.exec(select(Delivery).where(Delivery.buyer_id == buyer.id)).one()
    delivery.state, delivery.sent_at = DeliveryState.SENT, NOON
    delivery.address, delivery.detail, delivery.message_id = MAIL, f"250 {MAIL} ok", f"<{MAIL}>"
    link = session.exec(select(Link).where(Link.delivery_id == delivery.id)).one()
    scan = {"host_shop_id": shop.id, "kind": TouchKind.CLICK, "at": NOON, "address_digest": "qxdigest"}
    report = files.put(f"To: {MAIL}".encode())
    hook, _secret = create_webhook(
        session, shop, "crm", url="https://crm.example/in", events=[WebhookEvent.SENT], at=NOON, actor="user:1"
    )
    body = {"type": "message.sent", "data": {"buyer": ID}}
    upload = keep_upload(files, io.BytesIO(ORDERS.encode()), f"{NAME}.csv")
    session.add_all(
        [
            Scan(shop_id=shop.id, link_id=link.id, buyer_id=buyer.id, user_agent=AGENT, **scan),
            Scan(shop_id=shop.id, link_id=link.id, buyer_id=None, user_agent=AGENT, **scan),
            Bounce(shop_id=shop.id, channel=Channel.EMAIL, kind=BounceKind.SOFT, address=MAIL, buyer_id=buyer.id,
                   detail=f"{MAIL} is full", report=report, at=NOON),
            Post(shop_id=shop.id, campaign_id=campaign.id, run_id=run.id, buyer_id=buyer.id, state=PostState.SENT,
                 text=f"Dear {NAME}", note=NAME, proof=files.put(f"proof for {NAME}".encode()), due_at=NOON),
            WebhookCall(shop_id=shop.id, hook_id=hook.id, key="k1", event=WebhookEvent.SENT, body=body, due_at=NOON,
                     state=WebhookCallState.SENT, sent_at=NOON),
            Job(shop_id=shop.id, kind="import", input={"kind": "orders", "preset": "generic", "upload": upload,
                "name": "orders.csv"}, state=JobState.DONE, actor="user:1", created_at=NOON, finished_at=NOON),
        ]
    )  # fmt: skip


def traces(engine: Engine) -> list[str]:
    """Every place of the database that holds something of the person, as table.column."""
    said = [ID, json.dumps(ID)[1:-1], NAME, json.dumps(NAME)[1:-1], MAIL, PHONE, CITY, AGENT, "广东qx"]
    found = []
    with engine.connect() as connection:
        for name, table in sorted(api.tables.metadata.tables.items()):
            for row in connection.execute(sa.select(table)).mappings():
                texts = {column: str(value) for column, value in row.items() if value is not None}
                found += [f"{name}.{column}" for column, text in texts.items() if any(each in text for each in said)]
    return sorted(set(found))


def stored(files: FileStore) -> list[bytes]:
    return [path.read_bytes() for path in files.folder.rglob("*") if path.is_file()]


def test_every_table_about_a_buyer_says_what_of_it_is_personal() -> None:
    about = {name for name, table in api.tables.metadata.tables.items() if "buyer_id" in table.c}
    assert about - {each.name for each in declared()} == {"erased_buyers"}


def test_erasure_leaves_nothing_of_the_person_and_keeps_counts_and_money(
    lived: Engine, files: FileStore, tmp_path: Path
) -> None:
    assert {"buyers.external_id", "deliveries.address", "scans.user_agent", "posts.text"} <= set(traces(lived))
    with reading(lived) as session:
        before = repeat_report(session, find_shop(session, "tea"))
    with transaction(lived) as session:
        erased = erase_buyer(session, OWNER, ID, files=files, at=later(days=1))
    assert traces(lived) == []
    assert [content for content in stored(files) if b"qx" in content] == []
    with reading(lived) as session:
        assert repeat_report(session, find_shop(session, "tea")) == before
        with pytest.raises(NotFound):
            export_buyer(session, find_shop(session, "tea"), OWNER, ID, at=NOON)
    with pytest.raises(Conflict), transaction(lived) as session:
        erase_buyer(session, OWNER, erased.left, files=files, at=later(days=1))


def test_next_files_do_not_bring_an_erased_buyer_back(lived: Engine, files: FileStore, tmp_path: Path) -> None:
    with transaction(lived) as session:
        erase_buyer(session, OWNER, ID, files=files, at=later(days=1))
    again = imported(lived, ORDERS.replace("A1", "A9"), tmp_path, files)
    assert (again.accepted, again.rejected, again.totals["new_buyers"]) == (2, 0, 0)
    buyers = imported(
        lived, f"buyer_id,name,email\n{ID},{NAME},{MAIL}\nada,Ada,a@b.example\n", tmp_path, files, "buyers"
    )
    followers = imported(lived, f"buyer_id\n{ID}\nada\n", tmp_path, files, "followers")
    assert [(each.accepted, each.rejected) for each in (buyers, followers)] == [(1, 1), (1, 1)]
    assert "was erased on request" in buyers.rejects_path.read_text("utf-8-sig")
    assert traces(lived) == []
    with reading(lived) as session:
        tea = find_shop(session, "tea")
        assert repeat_report(session, tea).repeat_buyers == 1  # A1 and A9 are still one person's


@pytest.mark.parametrize(
    "written", [f" {ID} ", f"\u3000{ID}\u00a0", f"\u200b{ID}", f"\ufeff{ID}", f"'{ID}", f'="{ID}"', "旺旺－qx7"]
)
def test_no_spelling_of_the_id_brings_an_erased_buyer_back(
    lived: Engine, files: FileStore, tmp_path: Path, written: str
) -> None:
    with transaction(lived) as session:
        erase_buyer(session, OWNER, ID, files=files, at=later(days=1))
    quoted = written.replace('"', '""')
    again = imported(lived, ORDERS.replace("A1", "A9").replace(ID, f'"{quoted}"'), tmp_path, files)
    assert (again.accepted, again.totals["new_buyers"], traces(lived)) == (2, 0, [])


def test_words_about_a_no_and_the_audit_log_forget_the_person_too(lived: Engine, files: FileStore) -> None:
    with transaction(lived) as session:
        buyer = session.exec(select(Buyer).where(Buyer.external_id == ID)).one()
        record_consent(
            session, 1, buyer_id=buyer.id, channel=Channel.EMAIL, answer=Answer.OUT, source="phone", at=later(hours=1),
            wording=f"{NAME} said no", address=MAIL,
        )  # fmt: skip
        audit.record(session, 1, "user:1", action="segment.save", subject="segment:x", after={"ids": [ID]}, at=NOON)
        for about in (f"buyer:{ID}", f"address:{MAIL}"):
            audit.record(session, 1, "user:1", action="consent.record", subject=about, at=NOON)
        answer = {"recorded": [{"buyer": ID, "evidence": NAME}]}
        session.add(GivenAnswer(shop_id=1, actor="key:1", key="k", request="", answer=answer, created_at=NOON))
    with transaction(lived) as session:
        erase_buyer(session, OWNER, ID, files=files, at=later(days=1))
    assert traces(lived) == ["suppressions.address"]  # what keeps the address from being written to


def test_the_address_of_a_no_that_was_lifted_goes_with_the_person(lived: Engine, files: FileStore) -> None:
    with transaction(lived) as session:
        about = OptOutSubject(1, Channel.EMAIL)
        suppress(session, about, {MAIL}, source="page", at=later(hours=1))
        lift(session, about, {MAIL}, at=later(hours=2))
    with transaction(lived) as session:
        erase_buyer(session, OWNER, ID, files=files, at=later(days=1))
    assert traces(lived) == []


def test_an_import_under_way_does_not_bring_back_who_is_erased_meanwhile(
    lived: Engine, files: FileStore, tmp_path: Path
) -> None:
    path = tmp_path / "buyers.csv"
    path.write_text(f"buyer_id,name,email\n{ID},{NAME},{MAIL}\n", encoding="utf-8")
    with ThreadPoolExecutor(1) as aside:
        erasures: list[Future[None]] = []

        def erase() -> None:
            with transaction(lived) as session:
                erase_buyer(session, OWNER, ID, files=files, at=later(days=1))

        def begun(done: int, total: int | None) -> None:
            if not erasures:  # the rows are read, and who was erased has been asked
                erasures.append(aside.submit(erase))
                wait(erasures, timeout=0.5)

        import_file(lived, "tea", "buyers", path, now=NOON, files=files, progress=begun)
        erasures[0].result()
    assert traces(lived) == []


def test_orders_by_rest_do_not_bring_an_erased_buyer_back(lived: Engine, files: FileStore, backend: TestClient) -> None:
    with transaction(lived) as session:
        erase_buyer(session, OWNER, ID, files=files, at=later(days=1))
    line = {"sku": "TEA", "amount": "9.00"}
    order = {"order_id": "R1", "buyer_id": ID, "status": "paid", "name": NAME, "email": MAIL, "phone": PHONE}
    order |= {"city": CITY, "paid_at": "2026-05-20T04:00:00Z", "lines": [line]}
    assert backend.post("/api/v1/orders", json={"orders": [order]}).json()["changed"] == 1
    assert traces(lived) == []


def test_nothing_that_waits_for_an_erased_buyer_leaves(lived: Engine, files: FileStore) -> None:
    with transaction(lived) as session:
        erase_buyer(session, OWNER, ID, files=files, at=later(days=1))
    with reading(lived) as session:
        left = session.exec(select(Buyer).where(Buyer.external_id.startswith("erased-"))).one()  # type: ignore[attr-defined]
        rows = session.execute(
            sa.text("SELECT channel FROM consents WHERE buyer_id = :buyer AND answer = 'out'"), {"buyer": left.id}
        )
        assert {row[0] for row in rows} == {channel.value for channel in Channel}


def test_export_holds_every_row_and_is_written_down(lived: Engine) -> None:
    with reading(lived) as session:
        made = export_buyer(session, find_shop(session, "tea"), OWNER, ID, at=NOON)
    assert {name for name, rows in made.tables.items() if rows} >= {
        "buyers", "orders", "order_lines", "consents", "deliveries", "scans", "bounces", "posts", "hook_calls",
    }  # fmt: skip
    page = made.as_html()
    assert all(each in page for each in (NAME, MAIL, PHONE, CITY, AGENT, f"Dear {NAME}"))
    assert "ada@mail.example" not in page
    assert json.loads(json.dumps(made.as_json()))["tables"]["buyers"][0]["email"] == MAIL
    with reading(lived) as session:
        kept = session.exec(select(audit.AuditEntry).where(audit.AuditEntry.action == "buyer.export")).one()
        number = session.exec(select(Buyer.id).where(Buyer.external_id == ID)).one()
        assert (kept.actor, kept.subject) == ("user:1", f"buyer-row:{number}")


def test_export_says_money_and_days_as_people_write_them(lived: Engine) -> None:
    with transaction(lived) as session:
        tables = export_buyer(session, find_shop(session, "tea"), OWNER, ID, at=NOON).tables
    cells = {name: value for rows in tables.values() for row in rows for name, value in row.items()}
    money = {name: value for name, value in cells.items() if name in {"amount", "unit_price", "discount", "spend"}}
    days = {name: value for name, value in cells.items() if name.endswith("_day")}
    assert {"amount", "spend"} <= set(money)
    assert all(re.fullmatch(r"-?\d+\.\d\d", value) for value in money.values()), money
    assert {"order_day", "first_day"} <= set(days)
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", value) for value in days.values()), days


def test_only_who_may_exports_and_erases(lived: Engine, files: FileStore) -> None:
    marketer = Member(shop_id=1, actor="user:2", scopes=ROLE_SCOPES[Role.MARKETER])
    viewer = Member(shop_id=1, actor="user:3", scopes=ROLE_SCOPES[Role.VIEWER])
    for member in (marketer, viewer):
        with pytest.raises(Forbidden), transaction(lived) as session:
            erase_buyer(session, member, ID, files=files, at=NOON)
    with pytest.raises(Forbidden), reading(lived) as session:
        export_buyer(session, find_shop(session, "tea"), viewer, ID, at=NOON)
    stranger = Member(shop_id=2, actor="user:9", scopes=ROLE_SCOPES[Role.OWNER])
    with pytest.raises(NotFound), transaction(lived) as session:
        erase_buyer(session, stranger, ID, files=files, at=NOON)
    assert "buyers.external_id" in traces(lived)


def test_what_has_had_its_time_is_forgotten_and_nothing_earlier(lived: Engine, files: FileStore) -> None:
    def agents(session: Session) -> set[str]:
        return set(session.exec(select(Scan.user_agent)))

    def swept(days: int) -> int:
        return forget(lived, 1, files=files, now=NOON + timedelta(days=days, seconds=1))

    assert swept(29) == 0
    assert swept(30) == 2  # the upload, and what was noted to undo its import
    assert ORDERS.encode() not in stored(files)
    assert swept(89) == 0
    with reading(lived) as session:
        assert agents(session) == {AGENT}
    assert swept(90) == 2
    with reading(lived) as session:
        assert agents(session) == {""}
    swept(365)
    with reading(lived) as session:
        texts = [session.exec(select(column)).all() for column in (Delivery.address, Post.text, Bounce.address)]
        assert {each for found in texts for each in found} == {""}
        assert session.exec(select(WebhookCall)).all() == []
        assert session.exec(select(audit.AuditEntry)).all() != []
    swept(1095)
    with reading(lived) as session:
        assert session.exec(select(audit.AuditEntry)).all() == []
    assert swept(2000) == 0


def test_times_are_set_within_bounds_and_hold_for_one_shop(lived: Engine) -> None:
    with transaction(lived) as session:
        assert set_times(session, OWNER, {"agents": 7}, at=NOON)[KeptKind.AGENTS] == 7
    with reading(lived) as session:
        assert times_of(session, 1) == {**DEFAULT_DAYS, KeptKind.AGENTS: 7}
        assert times_of(session, 2) == DEFAULT_DAYS
    for wrong in ({"agents": 0}, {"agents": 3651}, {"names": 5}):
        refused = pytest.raises(Invalid, match=r"retention period of agents is 1 to 3650 days|'names' has no retention")
        with refused, transaction(lived) as session:
            set_times(session, OWNER, wrong, at=NOON)


def test_faces_export_erase_and_set_times(lived: Engine, backend: TestClient) -> None:
    assert backend.get("/api/v1/privacy/export", params={"buyer": ID}).json()["tables"]["buyers"][0]["email"] == MAIL
    assert backend.put("/api/v1/privacy", json={"uploads": 9}).json()["uploads"] == 9
    assert backend.get("/api/v1/privacy").json() == {"agents": 90, "uploads": 9, "texts": 365, "audit": 1095}
    assert backend.post("/api/v1/privacy/erase", params={"buyer": ID}).json()["left"].startswith("erased-")
    assert backend.get("/api/v1/privacy/export", params={"buyer": ID}).status_code == 404
    assert traces(lived) == []
