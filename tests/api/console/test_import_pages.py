"""The pages of an import: sent, understood, told more, imported, with what comes next."""

import re
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Engine
from sqlmodel import func, select

from api.console.shell import add_done
from api.console.shop.import_words import OPTION_NAMES, in_console
from retention.database import reading
from retention.ingest.jobs import run_import
from retention.jobs import Job, JobState
from retention.orders import Order
from tests.api.console import sample
from tests.api.console.doors import HOME
from tests.api.console.signed_in import Console, Person
from tests.sign_in import token_of

ORDERS = """order_id,member,paid_at,amount,refunded,title,note
N1,小林,2026-03-05 14:30:00,"1,234.50",0,Tea,x
N2,小王,2026-03-06 14:30:00,20.00,0,Tea,
N3,小林,yesterday,30.00,5,Tea,
"""


@pytest.fixture
def console(camellia: Engine, tmp_path: Path) -> Console:
    return Console(camellia, tmp_path)


@pytest.fixture
def owner(console: Console) -> Person:
    return console.enter("owner")


def post_file(person: Person, content: str, name: str = "orders.csv", kind: str = "orders") -> Response:
    data, files = {"csrf": token_of(person.client), "kind": kind}, {"file": (name, content.encode())}
    answer = person.client.post(f"{HOME}/imports", data=data, files=files)
    assert answer.status_code == 200, answer.text
    return answer


def number_of(answer: Response) -> int:
    return int(str(answer.url).rsplit("/", 1)[1])


def work(console: Console) -> None:
    with reading(console.engine) as session:
        waiting = list(session.exec(select(Job.id).where(Job.state == JobState.WAITING)))
    for number in waiting:
        run_import(console.engine, number, now=lambda: sample.NOW, files=console.app.state.files)


def selected(page: str) -> dict[str, str]:
    """Return the choice of each column of the page, by the column's name."""
    parts = re.findall(r'<label for="column-\d+">(.*?)</label>.*?<select(.*?)</select>', page, re.DOTALL)
    return {name: re.findall(r'value="([^"]*)" selected', choices)[0] for name, choices in parts}


def choices_of(page: str, **changed: str) -> dict[str, Any]:
    found = {f"column-{number}": field for number, field in enumerate(selected(page).values())}
    return found | changed


def orders_in(console: Console) -> int:
    with reading(console.engine) as session:
        return session.exec(select(func.count()).select_from(Order).where(Order.external_id.like("N%"))).one()


def test_file_is_understood_mapped_imported_and_says_what_comes_next(console: Console, owner: Person) -> None:
    answer = post_file(owner, ORDERS)
    page, path = answer.text, f"/imports/{number_of(answer)}"
    assert "2 rows can be imported." in page
    assert "One row will be rejected." in page
    assert selected(page)["paid_at"] == "paid_at"
    assert selected(page)["member"] == ""
    assert "¥1,254.50" in page
    assert (orders_in(console), "yesterday" in page) == (0, True)
    page = owner.send(f"{path}/options", **choices_of(page, **{"column-1": "buyer_id"})).text
    assert selected(page)["member"] == "buyer_id"
    assert "2 new" in page
    answer = owner.send(f"{path}/start")
    assert "Waiting for a worker" in answer.text
    work(console)
    page = owner.page(path)
    assert (orders_in(console), "One row was rejected." in page, "yesterday" in page) == (2, True, True)
    assert "Repeat customers" in owner.page(f"{path}/next")
    assert f'action="{HOME}{path}/undo"' in page
    page = owner.send(f"{path}/undo").text
    said = "Undone. What the import had added is gone"
    assert (said in page, "This import was undone on" in page, orders_in(console)) == (True, True, 0)
    assert ("undone" in owner.page("/imports"), owner.send(f"{path}/undo").status_code) == (True, 409)


def test_page_of_a_large_import_follows_its_undoing(
    console: Console, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retention.ingest.journals.undo_jobs.SMALL", 1)
    answer = post_file(owner, ORDERS)
    path = f"/imports/{number_of(answer)}"
    owner.send(f"{path}/options", **choices_of(answer.text, **{"column-1": "buyer_id"}))
    owner.send(f"{path}/start")
    work(console)
    page = owner.send(f"{path}/undo").text
    assert ("Waiting for a worker" in page, "Undone." in page, "being undone" in owner.page("/imports")) == (
        True,
        False,
        True,
    )
    work(console)
    page = owner.page(path)
    assert ("This import was undone on" in page, "Removed: order lines (2), orders (2)" in page) == (True, True)


def test_another_source_finds_the_columns_again_and_two_columns_cannot_be_one_field(owner: Person) -> None:
    answer = post_file(owner, ORDERS)
    path = f"/imports/{number_of(answer)}"
    twice = owner.send(f"{path}/options", **choices_of(answer.text, **{"column-0": "buyer_id", "column-1": "buyer_id"}))
    assert (twice.status_code, "Two columns are taken for Buyer number" in twice.text) == (422, True)
    live = owner.client.post(
        HOME + f"{path}/options",
        data={"csrf": token_of(owner.client), "column-0": "buyer_id", "column-1": "buyer_id"},
        headers={"HX-Request": "true"},
    )
    assert (live.status_code, "Two columns are taken for" in live.text, "<html" in live.text) == (422, True, False)
    assert selected(owner.page(path))["order_id"] == "order_id"  # as before
    none = {f"column-{number}": "" for number in range(7)}
    page = owner.send(f"{path}/options", **none).text
    assert "This cannot be imported yet." in page
    assert "disabled>" in page
    assert owner.send(f"{path}/start").status_code == 422
    page = owner.send(f"{path}/options", preset="shopify", **none).text
    assert selected(page)["paid_at"] == "paid_at"
    page = owner.send(f"{path}/options", preset="shopify", header_row="x").text
    assert "The header row is a line of the file" in page


def test_columns_that_are_one_field_together_stay_so_when_something_else_is_chosen(owner: Person) -> None:
    answer = post_file(owner, "order_id,buyer,date,time,amount,note\n1,ann,2026-03-05,00:30,5,x\n")
    page, path = answer.text, f"/imports/{number_of(answer)}"
    assert [selected(page)[name] for name in ("date", "time")] == ["paid_at", "paid_at"]
    page = owner.send(f"{path}/options", **choices_of(page, **{"column-5": "title"})).text
    assert ([selected(page)[name] for name in ("date", "time", "note")], "2026-03-05 00:30:00" in page) == (
        ["paid_at", "paid_at", "title"],
        True,
    )
    page = owner.send(f"{path}/options", **choices_of(page, **{"column-3": ""})).text
    assert ([selected(page)[name] for name in ("date", "time")], "2026-03-05 00:00:00" in page) == (
        ["paid_at", ""],
        True,
    )


def test_question_of_a_column_is_answered_on_the_page(owner: Person) -> None:
    rows = "".join(f'N{n},b{n},2026-03-05,"{n},250"\n' for n in range(1, 5))
    answer = post_file(owner, "order_id,buyer_id,paid_at,amount\n" + rows)
    page, path = answer.text, f"/imports/{number_of(answer)}"
    assert "One question before this can be imported." in page
    assert page.count('type="radio" name="decimal"') == 2
    page = owner.send(f"{path}/options", **choices_of(page), decimal="comma").text
    assert ("4 rows can be imported." in page, "¥11" in page) == (True, True)


def test_settings_are_saved_used_for_the_next_file_and_removed(owner: Person) -> None:
    answer = post_file(owner, ORDERS)
    path = f"/imports/{number_of(answer)}"
    owner.send(f"{path}/options", **choices_of(answer.text, **{"column-1": "buyer_id"}))
    assert "Saved." in owner.send(f"{path}/mapping", name="Till").text
    page = post_file(owner, ORDERS).text
    assert (selected(page)["member"], "Read by the saved mapping “Till”" in page) == ("buyer_id", True)
    number = re.findall(r"/imports/(\d+)/options", page)[0]
    page = owner.send(f"/imports/{number}/options", reset="yes").text
    assert (selected(page)["member"], "saved mapping" in page) == ("", False)
    page = owner.page("/imports")
    saved = re.findall(r"/imports/mappings/(\d+)/remove", page)
    assert (len(saved), "Till" in page) == (1, True)
    assert "Till" not in owner.send(f"/imports/mappings/{saved[0]}/remove").text


def test_page_asks_all_at_once_and_says_in_which_zone_times_are_read(owner: Person) -> None:
    page = post_file(owner, "order_id,paid_at,amount\n1,1/2/2026,1.234\n2,3/4/2026,5.678\n").text
    assert ("2 questions before" in page, 'name="decimal" value="comma"' in page) == (True, True)
    assert 'name="dates" value="dmy"' in page
    page = post_file(owner, ORDERS.replace("note", "timezone").replace(",x", ",Asia/Tokyo")).text
    assert "Times are read in the zone that the column “timezone” names" in page


def test_status_words_are_said_listed_and_removed(owner: Person) -> None:
    page = owner.send("/imports/statuses", word="寄存", meaning="ignore").text
    assert ("寄存" in page, "No order of the shop ·" in page) == (True, True)
    assert owner.send("/imports/statuses", word="寄存", meaning="lost").status_code == 422
    (number,) = re.findall(r"/imports/statuses/(\d+)/remove", page)
    assert "寄存" not in owner.send(f"/imports/statuses/{number}/remove").text
    assert owner.send(f"/imports/statuses/{number}/remove").status_code == 404


def test_file_that_is_large_is_read_by_a_worker_and_shown_in_both_languages(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retention.ingest.drafts.SMALL", 10)
    person = console.enter("owner", language="zh-CN")
    answer = post_file(person, ORDERS)
    path = f"/imports/{number_of(answer)}"
    assert ("等待" in answer.text, "读取中" in person.page("/imports")) == (True, True)
    assert person.send(f"{path}/start").status_code == 409
    work(console)
    page = person.page(path)
    assert ("2 行可以导入。" in page, "尚未导入" in person.page("/imports")) == (True, True)


@pytest.mark.parametrize("kind", ["buyers", "products", "followers", "members", "parcels"])
def test_every_kind_of_file_has_its_page(owner: Person, kind: str) -> None:
    content = "buyer_id,group,sku,title,waybill,name\nb1,Tea friends,T1,Tea,W1,Ann\n"
    page = post_file(owner, content, f"{kind}.csv", kind).text
    assert "One row can be imported." in page
    assert 'value="buyer_id" selected' in page or 'value="sku" selected' in page


def test_status_words_and_currencies_nobody_knows_are_asked_about(owner: Person) -> None:
    answer = post_file(
        owner,
        "order_id,buyer_id,paid_at,amount,status,currency\nN1,b1,2026-03-05,10.00,paid,\n"
        "N2,b2,2026-03-05,10.00,on the way,\nN3,b3,2026-03-05,10.00,paid,EUR\n",
    )
    page, path = answer.text, f"/imports/{number_of(answer)}"
    assert "One row can be imported." in page
    assert re.findall("--[a-z]+", re.sub("(?s)<(style|script).*?</.*?>", "", page)) == []
    assert "say what it means with “Status words” &#39;on the way&#39;=paid" in page
    assert 'name="word-0" value="on the way"' in page
    assert 'name="currency-0" value="EUR"' in page
    told = choices_of(page) | {"word-0": "on the way", "meaning-0": "paid", "currency-0": "EUR", "rate-0": "7.8"}
    page = owner.send(f"{path}/options", **told).text
    assert ("3 rows can be imported." in page, "¥98" in page, "word-0" in page) == (True, True, False)
    assert "on the way=paid" in page


def test_file_that_could_not_be_read_is_read_in_another_way(owner: Person) -> None:
    answer = post_file(owner, ORDERS)
    path = f"/imports/{number_of(answer)}"
    for wrong in ({"encoding": "UTF-16"}, {"header_row": "400"}):
        page = owner.send(f"{path}/options", **wrong).text
        assert ("Nothing was imported." in page, "Read it again" in page) == (True, True)
        assert owner.send(f"{path}/start").status_code == 409
    assert 'name="header_row" inputmode="numeric" value="400"' in page
    page = owner.send(f"{path}/options", encoding="UTF-8").text
    assert "2 rows can be imported." in page


def test_option_of_the_command_line_is_called_as_its_field_on_the_page(owner: Person) -> None:
    page = post_file(owner, ORDERS).text + owner.page("/imports")
    for option, label in OPTION_NAMES.items():
        assert in_console(f"say so: {option} x") == f"say so: “{label}” x"
        assert label in page
    page = post_file(owner, "one,two\n1,2\n").text
    assert "or say which one it is with “Columns” paid_at=Column" in page


def test_two_columns_that_make_a_name_are_two_columns_of_it_and_answers_are_words(owner: Person) -> None:
    content = "First Name,Last Name,Email,Accepts Email Marketing,Total Spent\nAnn,Lee,ann@example.com,yes,5\n"
    page = post_file(owner, content, "customers.csv", "buyers").text
    assert selected(page) == {
        "First Name": "name", "Last Name": "name", "Email": "buyer_id,email",
        "Accepts Email Marketing": "email_consent", "Total Spent": "",
    }  # fmt: skip
    assert "<td>Opted in</td>" in page


def test_what_was_done_has_one_sentence_for_each_word() -> None:
    with pytest.raises(ValueError, match="saved"):
        add_done({"saved": "Something else."})
