"""An import from the upload over what was understood to its report, and mappings saved for the next file."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import Session, select

from retention.access import ROLE_SCOPES, Member, Role
from retention.database import reading, transaction
from retention.errors import Conflict, Invalid, NotFound
from retention.files import open_store
from retention.ingest import ImportOptions, drafts
from retention.ingest.drafts import (
    ImportState,
    ask_import,
    change_options,
    first_rejects,
    keep_upload,
    run_small,
    save_mapping_of,
    start_import,
    state_of,
    take_incoming,
    understanding_of,
)
from retention.ingest.jobs import run_import
from retention.jobs import Job
from retention.orders import Order
from retention.paging import Wanted
from retention.privacy.retention_periods import forget
from retention.saved_mappings import page_of_mappings, remove_mapping
from retention.settings import get_settings
from tests.factories import make_shop
from tests.retention.makers import NOW, TWO_LINES

OWNER = Member(shop_id=1, actor="user:1", scopes=ROLE_SCOPES[Role.OWNER])
STRANGER = Member(shop_id=2, actor="user:2", scopes=ROLE_SCOPES[Role.OWNER])
ODD = "number,who,day,paid,gift\nA1,ann,2026-03-05,20.00,9\nA2,bob,soon,5.00,8\n"
SAID = ImportOptions(
    mapping={"order_id": "number", "buyer_id": "who", "paid_at": "day", "amount": "paid"}, ignore=("gift",)
)

Upload = Callable[..., Job]


@pytest.fixture
def upload(shop_engine: Engine) -> Upload:
    """Upload a text, and have it understood when it is small."""

    def run(text: str, name: str = "orders.csv", **said: Any) -> Job:
        stored = keep_upload(open_store(get_settings()), io.BytesIO(text.encode()), name)
        with transaction(shop_engine) as session:
            asked = {"dry": True, "size": len(text), "kind": "orders", **said}
            job = ask_import(session, OWNER, upload=stored, at=NOW, **asked)
        run_small(shop_engine, job, open_store(get_settings()))
        return again(shop_engine, job)

    return run


def again(engine: Engine, job: Job) -> Job:
    with reading(engine) as session:
        return session.get_one(Job, job.id)


def ask_in(engine: Engine, work: Callable[[Session], Any]) -> Any:
    with transaction(engine) as session:
        return work(session)


def test_file_is_understood_then_told_more_then_imported(shop_engine: Engine, upload: Upload) -> None:
    job = upload(ODD)
    assert (state_of(job), understanding_of(job)["header"]) == (
        ImportState.UNDERSTOOD,
        ["number", "who", "day", "paid", "gift"],
    )
    assert understanding_of(job)["problem"].startswith("No column holds")
    with pytest.raises(Invalid, match="cannot be imported like this: No column holds"):
        ask_in(shop_engine, lambda session: start_import(session, OWNER, job.id, at=NOW))
    with pytest.raises(NotFound):
        ask_in(shop_engine, lambda session: change_options(session, STRANGER, job.id, SAID))
    ask_in(shop_engine, lambda session: change_options(session, OWNER, job.id, SAID))
    run_import(shop_engine, job.id, now=lambda: NOW)
    seen = understanding_of(again(shop_engine, job))
    assert (seen["problem"], seen["accepted"], seen["rejected"], seen["ignored_columns"]) == ("", 1, 1, ["gift"])
    with reading(shop_engine) as session:
        assert session.exec(select(Order)).all() == []
    ask_in(shop_engine, lambda session: start_import(session, OWNER, job.id, at=NOW))
    assert state_of(again(shop_engine, job)) is ImportState.WAITING
    with pytest.raises(Conflict, match="imported already"):
        ask_in(shop_engine, lambda session: start_import(session, OWNER, job.id, at=NOW))
    run_import(shop_engine, job.id, now=lambda: NOW)
    done = again(shop_engine, job)
    assert (state_of(done), done.result["accepted"], done.result["totals"]) == (
        ImportState.DONE,
        1,
        seen["totals"],
    )
    assert first_rejects(done, open_store(get_settings())) == seen["rejects"]


def test_large_file_waits_for_a_worker_and_cannot_be_changed_meanwhile(
    shop_engine: Engine, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "SMALL", 10)
    job = upload(TWO_LINES)
    assert state_of(job) is ImportState.READING
    with pytest.raises(Conflict, match="still being read"):
        ask_in(shop_engine, lambda session: change_options(session, OWNER, job.id, SAID))
    run_import(shop_engine, job.id, now=lambda: NOW)
    assert state_of(again(shop_engine, job)) is ImportState.UNDERSTOOD


def test_file_that_is_no_table_fails_with_the_reason(upload: Upload) -> None:
    job = upload("%PDF-1.7")
    assert (state_of(job), job.result["refused"]["message"].startswith("{file} is")) == (ImportState.FAILED, True)


def test_mapping_is_saved_and_read_by_when_the_same_header_comes_again(shop_engine: Engine, upload: Upload) -> None:
    first = upload(ODD, options=SAID)
    ask_in(shop_engine, lambda session: save_mapping_of(session, OWNER, first.id, " My till ", at=NOW))
    ask_in(shop_engine, lambda session: save_mapping_of(session, OWNER, first.id, "My till", at=NOW))
    moved = "Gift,day,WHO,number,paid\n9,2026-03-05,ann,A7,20.00\n"
    seen = upload(moved)
    assert "mapping" not in seen.input  # WHO is another column than who, to `--map`
    seen = upload("gift,day,who,number,paid\n9,2026-03-05,ann,A7,20.00\n")
    assert (seen.input["mapping"], understanding_of(seen)["columns"]) == ("My till", dict(SAID.mapping))
    ask_in(shop_engine, lambda session: change_options(session, OWNER, seen.id, ImportOptions()))
    run_import(shop_engine, seen.id, now=lambda: NOW)
    assert understanding_of(again(shop_engine, seen))["problem"].startswith("No column holds")  # it was said so
    assert upload("number,who\n1,2\n").input.get("mapping") is None
    with transaction(shop_engine) as session:
        saved = page_of_mappings(session, OWNER, Wanted()).rows
        assert [(each.name, each.kind) for each in saved] == [("My till", "orders")]
        assert page_of_mappings(session, STRANGER, Wanted()).rows == []
        with pytest.raises(NotFound):
            remove_mapping(session, STRANGER, saved[0].id, at=NOW)
        remove_mapping(session, OWNER, saved[0].id, at=NOW)
    assert understanding_of(upload(ODD))["problem"]


def test_mapping_that_was_found_is_saved_as_it_was_found(shop_engine: Engine, upload: Upload) -> None:
    job = upload(TWO_LINES)
    saved = ask_in(shop_engine, lambda session: save_mapping_of(session, OWNER, job.id, "Shop", at=NOW))
    assert saved.options["mapping"]["paid_at"] == "paid_at"
    with pytest.raises(Invalid, match="1 to 200 characters"):
        ask_in(shop_engine, lambda session: save_mapping_of(session, OWNER, job.id, " ", at=NOW))


def test_a_saved_mapping_keeps_all_columns_of_a_field(shop_engine: Engine, upload: Upload) -> None:
    head = "order_id,buyer_id,First Name,Last Name,Mobile,Phone,Date,Time,amount"
    orders = f"{head}\nA1,b1,Ann,Lee,,13800000001,2026-03-05,00:30,5\n"
    said = {"name": "First Name + Last Name", "phone": "Mobile | Phone", "paid_at": "Date + Time"}
    first = upload(orders, options=ImportOptions(mapping=said))
    assert understanding_of(first)["mapping"] | said == understanding_of(first)["mapping"]
    assert understanding_of(first)["columns"]["paid_at"] == "Date"
    ask_in(shop_engine, lambda session: save_mapping_of(session, OWNER, first.id, "Till", at=NOW))
    seen = upload(orders)
    assert seen.input["mapping"] == "Till"
    assert understanding_of(seen) == understanding_of(first)
    found = upload(orders.replace("First Name,Last Name", "Buyer Name,Note"))
    saved = ask_in(shop_engine, lambda session: save_mapping_of(session, OWNER, found.id, "Found", at=NOW))
    assert (saved.options["mapping"]["paid_at"], saved.options["ignore"]) == ("Date + Time", ["Note"])


def test_file_that_nobody_imported_is_deleted_after_its_time_with_what_was_shown_of_it(
    shop_engine: Engine, upload: Upload
) -> None:
    files, job = open_store(get_settings()), upload(TWO_LINES)
    with transaction(shop_engine) as session:
        session.execute(sa.update(Job).values(finished_at=NOW))
    forget(shop_engine, 1, files=files, now=NOW + timedelta(days=29))
    assert files.read(job.input["upload"]) == TWO_LINES.encode()
    forget(shop_engine, 1, files=files, now=NOW + timedelta(days=31))
    assert files.read(job.input["upload"]) is None
    left = again(shop_engine, job)
    assert "b1@example.com" not in str(left.result)
    assert understanding_of(left)["totals"]["orders"] == 2
    with pytest.raises(Conflict, match="no longer stored"):
        ask_in(shop_engine, lambda session: start_import(session, OWNER, job.id, at=NOW))


def test_file_of_the_store_is_taken_from_the_folder_of_its_shop_alone(shop_engine: Engine, upload: Upload) -> None:
    files = open_store(get_settings())
    files.write("incoming/tea/day/orders.csv", TWO_LINES.encode())
    stored = take_incoming(files, "tea", "day/orders.csv")
    assert (stored.endswith("/orders.csv"), files.read(stored)) == (True, TWO_LINES.encode())
    with transaction(shop_engine) as session:
        make_shop(session, "cup", at=NOW)
    for shop, name in [("cup", "day/orders.csv"), ("cup", "../tea/day/orders.csv"), ("tea", ""), ("tea", "day")]:
        with pytest.raises(NotFound):
            take_incoming(files, shop, name)
