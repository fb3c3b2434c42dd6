"""Erasure of people who are hard to tell apart: by ids, by addresses they once had, by imports that wait or run."""

import hashlib
import hmac
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, col, select

from api.cli import main
from campaigns.optouts.bounces import Bounce, BounceKind
from campaigns.optouts.recording import ConsentStatement, record_address, record_answer
from retention import audit
from retention.access import ROLE_SCOPES, Member, Role
from retention.buyers import Buyer, FormerAddress
from retention.consent import Answer, Channel
from retention.database import is_postgresql, reading, transaction
from retention.files import FileStore, open_store
from retention.idempotency import GivenAnswer
from retention.ingest import ImportOptions, ImportReport, import_file
from retention.ingest.drafts import ask_import, keep_upload
from retention.ingest.jobs import run_import
from retention.ingest.orders.status_words import StatusWord
from retention.jobs import Job, JobState
from retention.privacy import requests
from retention.privacy.erased import ErasedBuyer, is_erased
from retention.privacy.requests import erase_buyer
from retention.saved_mappings import SavedMapping, save_mapping
from retention.settings import get_settings
from retention.staging import take_turn
from retention.suppressions import OptOutSubject, lift, suppress
from tests.campaigns.conftest import NOON, Stage, later

OWNER = Member(shop_id=1, actor="user:1", scopes=ROLE_SCOPES[Role.OWNER])
Tea = Callable[[Callable[[Stage], Any]], Any]


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def erase(engine: Engine, files: FileStore) -> Callable[[str], str]:
    """Erase a buyer, and return the id of what is left."""

    def run(external_id: str) -> str:
        with transaction(engine) as session:
            return erase_buyer(session, OWNER, external_id, files=files, at=later(days=1)).left

    return run


@pytest.fixture
def take(engine: Engine, files: FileStore, tea: Tea, tmp_path: Path) -> Callable[..., ImportReport]:
    """Import a file of buyers, or of another kind, as it is written here."""
    tea(lambda _stage: None)

    def run(text: str, kind: str = "buyers", *, days: int = 2) -> ImportReport:
        path = tmp_path / "file.csv"
        path.write_text(text, encoding="utf-8")
        return import_file(engine, "tea", kind, path, now=later(days=days), files=files)

    return run


def names(engine: Engine) -> dict[str, str]:
    with reading(engine) as session:
        return dict(session.exec(select(Buyer.external_id, Buyer.name)).all())


def test_a_mail_address_for_an_id_is_known_in_any_case_and_other_ids_are_not(
    engine: Engine, take: Callable[..., ImportReport], erase: Callable[[str], str]
) -> None:
    take("buyer_id,name\nAda@Mail.Example,A\nada@mail.example,B\nbo-x,C\nBO-X,D\n")
    with transaction(engine) as session:
        for each in ("bo-x", "BO-X", "ADA@mail.example"):
            audit.record(session, 1, "user:1", action="list.save", subject="list:x", after={"ids": [each]}, at=NOON)
    left, other = erase("Ada@Mail.Example"), erase("bo-x")
    again = take("buyer_id,name\nADA@mail.example,A\nＡda@mail.example,A\nbo-x,C\nBO-X,E\n")
    assert (again.accepted, again.rejected) == (1, 3)
    found = names(engine)
    with reading(engine) as session:
        kept = session.exec(select(audit.AuditEntry.after).where(audit.AuditEntry.action == "list.save")).all()
    assert [each for each in kept if each] == [{"ids": ["BO-X"]}]
    # The same address in other letters was the same person; an id of other letters is somebody else.
    assert sorted(found.values()) == ["", "", "E"]
    assert {left, other, "BO-X"} == set(found)
    orders = "order_id,buyer_id,paid_at,amount,name\n1,aDa@mail.example,2026-03-05,5,A\n"
    assert take(orders, "orders").totals["new_buyers"] == 0


def test_hashes_of_before_go_on_keeping_people_out(
    engine: Engine, take: Callable[..., ImportReport], erase: Callable[[str], str]
) -> None:
    take("buyer_id,name\nAda@Mail.Example,A\n")
    erase("Ada@Mail.Example")
    # As the first release wrote it: of the address as it was written.
    old = hmac.new(get_settings().signing_key(), b"erased:1:Ada@Mail.Example", hashlib.sha256).hexdigest()
    with transaction(engine) as session:
        session.execute(sa.update(ErasedBuyer).values(digest=old))
    assert take("buyer_id,name\nAda@Mail.Example,A\n").rejected == 1


def test_who_is_erased_says_the_table_and_never_how_an_id_begins(
    engine: Engine, take: Callable[..., ImportReport], erase: Callable[[str], str]
) -> None:
    take("buyer_id,name\nerased-7,A\nada,B\n")
    with reading(engine) as session:
        real = session.exec(select(Buyer).where(Buyer.external_id == "erased-7")).one()
        assert not is_erased(session, real)
    lefts = {erase("erased-7"), erase("ada")}
    assert "erased-7" not in lefts
    assert set(names(engine)) == lefts
    # What is left takes no name again, not even under its own id; its orders go on counting.
    one = min(lefts)
    assert take(f"buyer_id,name\n{one},A\n").rejected == 1
    assert take(f"order_id,buyer_id,paid_at,amount,name\n1,{one},2026-03-05,5,A\n", "orders").accepted == 1
    assert names(engine) == dict.fromkeys(lefts, "")
    with pytest.raises(requests.Conflict, match="has already been erased"):
        erase(one)


def test_an_erasure_takes_no_entry_about_somebody_whose_id_is_the_rows_number(
    engine: Engine, take: Callable[..., ImportReport], erase: Callable[[str], str]
) -> None:
    take("buyer_id,name\nada,A\n")
    with reading(engine) as session:
        number = session.exec(select(Buyer.id)).one()
    long = "x" * 199
    take(f"buyer_id,name\n{number},B\n{long}1,C\n{long}2,D\n")
    statement = ConsentStatement(Answer.OUT, "said no", "phone", channel=Channel.EMAIL)
    with transaction(engine) as session:
        for buyer in session.exec(select(Buyer).where(Buyer.name != "A").order_by(Buyer.name)).all():
            record_answer(session, OWNER, buyer, statement, now=later(days=2))
    erase("ada")
    erase(f"{long}1")
    with reading(engine) as session:
        entries = session.exec(select(audit.AuditEntry).order_by(col(audit.AuditEntry.id))).all()
    said = [(each.action, each.subject, each.after is None) for each in entries]
    assert said[0] == ("consent.record", f"buyer:{number}", False)
    assert said[1] == ("consent.record", "buyer", True)
    assert said[2] == ("consent.record", audit.of_buyer(f"{long}2"), False)
    assert said[3] == ("buyer.erase", f"buyer-row:{number}", True)


OLD, OLD_PHONE = "Old.Qx@Mail.Example", "13855667788"


def test_addresses_the_buyer_had_before_are_looked_for_too(
    engine: Engine, take: Callable[..., ImportReport], erase: Callable[[str], str]
) -> None:
    """By a later file and by an edit; what was said about them has no other tie to the buyer."""
    take(f"buyer_id,email,phone\nada,{OLD},{OLD_PHONE}\n")
    take("buyer_id,email\nada,between.qx@mail.example\n")
    with transaction(engine) as session:
        buyer = session.exec(select(Buyer)).one()
        buyer.email, buyer.phone = "new@mail.example", "13811112222"
        session.add(buyer)
    statement = ConsentStatement(Answer.OUT, f"{OLD} said no", "phone", channel=Channel.EMAIL)
    with transaction(engine) as session:
        record_address(session, OWNER, OLD, statement, now=later(days=2))
        for channel, key in ((Channel.EMAIL, "between.qx@mail.example"), (Channel.SMS, f"+86{OLD_PHONE}")):
            suppress(session, OptOutSubject(1, channel), {key}, source="reply", wording="td qx", at=NOON)
            lift(session, OptOutSubject(1, channel), {key}, at=later(days=1))
        audit.record(session, 1, "user:1", action="bounce.lift", subject=f"address:{OLD.lower()}", at=NOON)
        answer = {"suppressions": [{"address": f"+86{OLD_PHONE}"}]}
        session.add(GivenAnswer(shop_id=1, actor="key:1", key="k", request="", answer=answer, created_at=NOON))
        detail = f"hard; {OLD}; 550 no such user"
        lost = {"channel": Channel.EMAIL, "kind": BounceKind.UNMATCHED, "at": NOON, "shop_id": 1}
        session.add(Bounce(report="r1", detail=detail, **lost))
        session.add(Bounce(report="r2", detail="hard; other@mail.example", **lost))
    erase("ada")
    with engine.connect() as connection:
        tables = ("audit_entries", "suppressions", "given_answers", "bounces", "former_addresses", "consents")
        rows = {name: str(connection.execute(sa.text(f"SELECT * FROM {name}")).all()) for name in tables}
    held = {name for name, text in rows.items() if any(e in text.lower() for e in ("qx", OLD_PHONE))}
    assert held == {"suppressions"}  # the no that holds still needs its address, and nothing else
    assert (rows["suppressions"].lower().count("qx"), OLD_PHONE in rows["suppressions"]) == (1, False)
    assert "other@mail.example" in rows["bounces"]
    assert rows["former_addresses"] == "[]"


def test_former_addresses_are_kept_once_and_only_where_they_changed(
    engine: Engine, take: Callable[..., ImportReport]
) -> None:
    for mail in ("a@b.example", "A@b.example", "c@b.example", "a@b.example", "c@b.example", ""):
        take(f"buyer_id,email\nada,{mail}\nbo,bo@b.example\n")
    with reading(engine) as session:
        assert sorted(session.exec(select(FormerAddress.address))) == ["a@b.example", "c@b.example"]


@pytest.mark.parametrize("runs", [False, True])
def test_the_file_of_an_import_that_waits_or_runs_goes_when_it_ends(
    engine: Engine, tea: Tea, erase: Callable[[str], str], take: Callable[..., ImportReport], *, runs: bool
) -> None:
    take("buyer_id,name\nada,A\n")
    store = open_store(get_settings())

    def ask(stage: Stage) -> int:
        text = io.BytesIO(b"buyer_id,name\nada,Ada Qx\n,Nobody Qx\nbo,Bo\n")
        member = Member(shop_id=1, actor="user:1", scopes=ROLE_SCOPES[Role.OWNER])
        return ask_import(stage.session, member, kind="buyers", upload=keep_upload(store, text, "b.csv"), at=NOON).id

    number = tea(ask)
    folder = store.folder / "uploads"
    if runs:  # its worker died once, and another begins again
        with transaction(engine) as session:
            session.execute(sa.update(Job).values(state=JobState.RUNNING, claim_expires_at=NOON))
    erase("ada")
    assert list(folder.rglob("*.csv"))  # it is still to be read
    run_import(engine, number, now=lambda: later(days=3))
    assert list(folder.rglob("*.csv")) == []
    with reading(engine) as session:
        job = session.get_one(Job, number)
        assert (job.state, job.input["upload"]) == (JobState.DONE, "")
    assert sorted(names(engine).values()) == ["", "Bo"]


WHO = {"旺旺-qx7": "林晓晓qx", "ann.qx@mail.example": "Ann Qx", "4711": "Bo", "qx o'hara": "Qx"}


def said_of(engine: Engine, texts: list[str]) -> list[str]:
    """Return where something of a person stands, as table.column: what it says."""
    found = []
    with engine.connect() as connection:
        for name, table in sorted(SQLModel.metadata.tables.items()):
            for row in connection.execute(sa.select(table)).mappings():
                values = ((column, json.dumps(value, ensure_ascii=False, default=str)) for column, value in row.items())
                found += [f"{name}.{column}: {text}" for column, text in values if any(each in text for each in texts)]
    return found


def test_what_imports_say_of_a_person_goes_with_them(
    engine: Engine, tea: Tea, erase: Callable[[str], str], files: FileStore, tmp_path: Path
) -> None:
    """Reports, refusals, previews and names of files: of imports by command, of uploads, and of what REST answered."""
    tea(lambda _stage: None)
    reports, texts = {}, {}
    for place, (who, name) in enumerate(WHO.items()):
        mail = f"of.qx{place}@mail.example"
        texts[who] = [f'"{who}"', f"'{who}'", mail, mail.replace("@", "_"), *([name] if len(name) > 2 else [])]
        rows = [f"{place}A{n},{who if n < 9 else n},2026-03-05,5,{name},{mail if n < 9 else ''}" for n in range(30)]
        path = tmp_path / f"of {mail}.csv"
        path.write_text("\n".join(["order_id,buyer_id,paid_at,amount,name,email", *rows]), encoding="utf-8")
        reports[who] = import_file(engine, "tea", "orders", path, now=NOON, files=files)
        people = f"buyer_id,name,email,email_consent\n8888,B,b{place}@mail.example,no\n{who},{name},{mail},no\n"
        path.write_text(people, encoding="utf-8")
        import_file(engine, "tea", "buyers", path, now=NOON, files=files)
        uploads = {path.name: people, "2.csv": f"{who},{name},{mail}\nb,b,b@mail.example\n"}

        def ask(stage: Stage, uploads: dict[str, str] = uploads) -> list[int]:
            kept = [keep_upload(files, io.BytesIO(content.encode()), each) for each, content in uploads.items()]
            asked = zip(kept, (True, False), strict=True)  # one is understood and waits, the other is refused
            return [ask_import(stage.session, OWNER, kind="buyers", upload=u, at=NOON, dry=dry).id for u, dry in asked]

        for number in tea(ask):
            run_import(engine, number, now=lambda: NOON, files=files)
        with transaction(engine) as session:
            answer = {"rejects": None, "understanding": {"cells": {"name": [name, mail]}, "notes": []}}
            row = {"actor": "key:1", "key": str(place), "request": "", "answer": answer}
            session.add(GivenAnswer(shop_id=1, created_at=NOON, **row))
    stands = [{each.partition(".")[0] for each in said_of(engine, texts[who])} for who in WHO]
    tables = {"jobs", "landed_imports", "audit_entries", "consents", "suppressions", "given_answers"}
    assert all(tables <= each for each in stands)
    for who, report in reports.items():
        assert f"Buyer {who!r} has 30 %" in report.notes[-1]
        erase(who)
        said = said_of(engine, texts[who])
        assert [each for each in said if "suppressions.address" not in each] == []  # the no of an address holds
        with reading(engine) as session:
            kept = session.get_one(Job, report.number).result or {}
        assert kept["totals"] == report.totals
        assert re.search("Buyer .…. has 30 % of all orders of the file .9 of 30.", kept["notes"][-1])
    # An import that ran meanwhile names nobody, since its report was not there yet to be looked through.
    orders = ["order_id,buyer_id,paid_at,amount", *(f"L{n},{'b' if n < 9 else n},2026-03-05,5" for n in range(30))]

    def ask_late(stage: Stage) -> int:
        upload = keep_upload(files, io.BytesIO("\n".join(orders).encode()), "late.csv")
        return ask_import(stage.session, OWNER, kind="orders", upload=upload, at=NOON).id

    late = tea(ask_late)
    run_import(engine, late, now=lambda: NOON, files=files)
    with reading(engine) as session:
        kept = session.get_one(Job, late).result or {}
    assert (kept["totals"]["orders"], kept["notes"]) == (30, [])
    assert not list(files.folder.rglob("*.csv"))


def test_a_bare_name_of_one_word_goes_from_reports_mappings_and_status_words(
    engine: Engine, tea: Tea, erase: Callable[[str], str], files: FileStore, tmp_path: Path
) -> None:
    tea(lambda _stage: None)
    path = tmp_path / "orders.csv"
    head = "Orders packed by Annqx on Monday,,,,,\norder_id,buyer_id,paid_at,amount,status,Box of Annqx"
    rows = "1,Annqx,2026-03-05,5,with Annqx,x\n2,order,2026-03-05,5,paid,x\n3,paid,2026-03-05,5,paid,x\n"
    path.write_text(f"{head}\n{rows}", encoding="utf-8")
    statuses = {"with Annqx": "paid", "held": "ignore"}
    options = ImportOptions(statuses=statuses, mapping={"title": "Box of Annqx"})
    report = import_file(engine, "tea", "orders", path, options=options, now=NOON, files=files)
    with transaction(engine) as session:
        for name, mapping in {"theirs": {"title": "Box of Annqx"}, "ours": {"title": "order"}}.items():
            said = {"mapping": mapping, "statuses": statuses, "ignore": ["status"]}
            save_mapping(session, OWNER, kind="orders", name=name, header=["order"], options=said, at=NOON)
    before = {each.partition(":")[0] for each in said_of(engine, ["Annqx"])}
    assert {"jobs.result", "saved_mappings.options", "status_words.written"} <= before
    for who in ("Annqx", "order", "paid"):
        erase(who)
    assert said_of(engine, ["Annqx", "annqx"]) == []
    with reading(engine) as session:
        kept = session.get_one(Job, report.number).result or {}
        words = [each.written for each in session.exec(select(StatusWord))]
        saved = {each.name: each.options for each in session.exec(select(SavedMapping))}
    assert (kept["totals"], kept["kind"], kept["notes"][0]) == (
        report.totals,
        "orders",
        "The header is row 2. The rows above it are not read: Orders packed by … on Monday.",
    )
    assert kept["columns"]["title"] == "Box of …"
    assert (words, saved["ours"]["statuses"], list(saved)) == (["held"], {"held": "ignore"}, ["ours"])


def test_an_erasure_says_that_an_import_runs_instead_of_waiting_for_it(
    engine: Engine,
    take: Callable[..., ImportReport],
    backend: TestClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take("buyer_id,name\nada,A\n")
    monkeypatch.setattr(requests, "PATIENCE", 0.2)
    with Session(engine) as importing:
        if not is_postgresql(importing):
            pytest.skip("SQLite has one writer, and says that it is busy")
        take_turn(importing, 1)
        answer = backend.post("/api/v1/privacy/erase", params={"buyer": "ada"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "60")
    assert "An import into this shop is running. Nothing was erased" in answer.json()["detail"]
    assert names(engine) == {"ada": "A"}
    assert backend.post("/api/v1/privacy/erase", params={"buyer": "ada"}).status_code == 200


def test_command_looks_whether_there_is_anybody_before_it_asks(
    engine: Engine,
    database_url: str,
    take: Callable[..., ImportReport],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    take("buyer_id,name\nada,A\n")
    monkeypatch.setattr("api.cli.terminal.engine", lambda: engine)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    def run(*arguments: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            main(["buyer", "erase", *arguments, "--shop", "tea"])
        return ended.value.code, "".join(capsys.readouterr())

    assert run("nobody") == (1, "regulars: No buyer has the id nobody.\n")
    code, said = run("ada")
    assert (code, "Erase ada permanently?" in said, names(engine)) == (130, True, {"ada": "A"})
    code, said = run("ada", "--yes")
    left = next(iter(names(engine)))
    assert code == 0
    assert run(left) == (1, f"regulars: {left} has already been erased.\n")


def test_lines_that_wait_with_their_order_tell_nothing_of_the_erased(
    take: Callable[..., ImportReport], erase: Callable[[str], str]
) -> None:
    take("buyer_id,name\nada,Ada Lovelace\n")
    erase("ada")
    lines = "".join(f"1,ada,2026-03-05,{sku},{amount},Ada Lovelace\n" for sku, amount in (("CUP", "5"), ("POT", "x")))
    report = take(f"order_id,buyer_id,paid_at,sku,amount,buyer_name\n{lines}", "orders")
    assert (report.rejected, report.rejects_path is not None) == (2, True)
    assert report.rejects_path is not None
    assert "Lovelace" not in report.rejects_path.read_text(encoding="utf-8-sig")
