"""Manual posts on the phone: a task is viewed, taken, copied, sent with proof, declined, taken back."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import Engine
from sqlmodel import col, func, select

from campaigns.campaign.campaigns import Campaign, CampaignState, Delivery, DeliveryState
from campaigns.campaign.posts import PostState
from campaigns.posts.posts import PostQuota
from retention.database import reading, transaction
from retention.files import FileStore
from retention.queue import app as queue
from retention.settings import Settings
from retention.users import User
from tests.api.console import post_shop, sample
from tests.api.console.doors import doors_of
from tests.api.console.post_shop import HOME, picture, post_campaign, posts_of
from tests.apps import create_app
from tests.sign_in import login_cookies

Enter = Callable[..., TestClient]


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def enter(engine: Engine, tmp_path: Path, files: FileStore) -> Enter:
    """The shop with one campaign posted to two groups; `enter("marketer")` signs in."""
    post_shop.fill(engine, files)
    with transaction(engine) as session:
        post_campaign(session)
    return doors_of(engine, tmp_path)


def send(client: TestClient, path: str, **fields: object) -> str:
    """Send a form as its page would, files among it, and return the page it leads to."""
    files = {name: ("chat.jpg", value) for name, value in fields.items() if isinstance(value, bytes)}
    data = {name: str(value) for name, value in fields.items() if not isinstance(value, bytes)}
    answer = client.post(HOME + path, data=data, files=files or None)
    assert answer.status_code < 500
    return answer.text


def numbers(engine: Engine) -> list[int]:
    with reading(engine) as session:
        return [post.id for post in posts_of(session)]


def state(engine: Engine, number: int) -> PostState:
    with reading(engine) as session:
        return next(post.state for post in posts_of(session) if post.id == number)


def sent(engine: Engine) -> int:
    with reading(engine) as session:
        return session.exec(select(func.count()).where(Delivery.state == DeliveryState.SENT)).one()


def heading(text: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)
    assert found
    return found[1]


def test_task_is_looked_at_without_being_taken(enter: Enter, engine: Engine) -> None:
    page = enter("marketer").get(f"{HOME}/tasks").text
    assert heading(page) == "2 posts to send"
    assert "茶友群" in page
    assert "48 buyers in this group" in page
    assert "十月新采，100 克 ¥128，群友先得。" in page
    assert [state(engine, number) for number in numbers(engine)] == [PostState.WAITING] * 2


def test_task_is_taken_and_sent_with_a_reencoded_picture(enter: Enter, engine: Engine, files: FileStore) -> None:
    client, number = enter("marketer"), numbers(engine)[0]
    assert "Copy the text" in send(client, f"/tasks/{number}/take")
    page = send(client, f"/tasks/{number}/sent", picture=picture("#0a7"))
    assert "茶友群: marked as sent." in page
    assert heading(page) == "One post to send"
    assert (state(engine, number), sent(engine)) == (PostState.SENT, 48)
    with reading(engine) as session:
        proof = posts_of(session)[0].proof
    stored = files.get(proof)
    assert b"taken at home" not in stored
    assert Image.open(io.BytesIO(stored)).format == "JPEG"
    shown = client.get(f"{HOME}/tasks/{number}/proof")
    assert shown.headers["content-type"] == "image/jpeg"


def test_proof_that_is_no_picture_is_refused_and_the_note_is_kept(enter: Enter, engine: Engine) -> None:
    client, number = enter("marketer"), numbers(engine)[0]
    send(client, f"/tasks/{number}/take")
    page = send(client, f"/tasks/{number}/sent", picture=b"%PDF-1.7 no picture", note="at ten")
    assert "The picture cannot be read" in page
    assert 'value="at ten"' in page
    assert (state(engine, number), sent(engine)) == (PostState.TAKEN, 0)
    assert "a screenshot of the chat, or a note" in send(client, f"/tasks/{number}/sent")


def test_second_user_sees_who_has_it(enter: Enter, engine: Engine) -> None:
    number = numbers(engine)[0]
    send(enter("marketer"), f"/tasks/{number}/take")
    page = send(enter("owner"), f"/tasks/{number}/take")
    assert "This task is assigned to marketer." in page
    assert heading(page) == "One post to send"


def test_declined_task_asks_for_a_reason_and_can_be_taken_back(enter: Enter, engine: Engine) -> None:
    client, number = enter("marketer"), numbers(engine)[0]
    send(client, f"/tasks/{number}/take")
    assert "Enter a short reason for not sending" in send(client, f"/tasks/{number}/decline", note=" ")
    page = send(client, f"/tasks/{number}/decline", note="muted today")
    assert "茶友群: marked as not sent." in page
    assert "muted today" in page
    assert "It is assigned to you again" in send(client, f"/tasks/{number}/undo")
    assert state(engine, number) is PostState.TAKEN
    assert "Returned to the task list" in send(client, f"/tasks/{number}/back")
    assert state(engine, number) is PostState.WAITING


def test_picture_to_post_is_shown_and_saved_under_a_name(enter: Enter, engine: Engine) -> None:
    client, number = enter("marketer"), numbers(engine)[0]
    assert "content-disposition" not in client.get(f"{HOME}/tasks/{number}/picture").headers
    saved = client.get(f"{HOME}/tasks/{number}/picture?save=true")
    assert saved.headers["content-disposition"] == f'attachment; filename="post-{number}.jpg"'
    assert Image.open(io.BytesIO(saved.content)).size == (640, 480)


def test_limits_are_set_for_everybody_and_for_one_person(enter: Enter, engine: Engine) -> None:
    client = enter("owner")
    with reading(engine) as session:
        marketer = session.exec(select(User.id).where(User.email == "marketer@camellia.example")).one()
    assert "Saved." in send(client, "/tasks/limits", assignee="", per_day="5", per_month="")
    assert "Saved." in send(client, "/tasks/limits", assignee=f"user:{marketer}", per_day="1", per_month="9")
    assert "not a lot" in send(client, "/tasks/limits", assignee="", per_day="a lot")
    assert "No user of this shop has this address" in send(client, "/tasks/limits", assignee="user:999", per_day="1")
    hers = enter("marketer")
    assert "One more today · 9 more this month" in hers.get(f"{HOME}/tasks").text
    send(hers, f"/tasks/{numbers(engine)[0]}/take")
    send(hers, f"/tasks/{numbers(engine)[0]}/sent", note="done")
    page = hers.get(f"{HOME}/tasks").text
    assert "You have reached your posting limit" in page
    assert "Take this task" not in page
    send(client, "/tasks/limits", assignee=f"user:{marketer}", per_day="", per_month="")
    assert "4 more today" in hers.get(f"{HOME}/tasks").text
    with reading(engine) as session:
        rows = session.exec(select(PostQuota.assignee, PostQuota.per_day).order_by(col(PostQuota.assignee))).all()
    assert rows == [("", 5)]


def test_group_gets_an_owner_whose_name_stands_on_its_tasks(enter: Enter, engine: Engine) -> None:
    client = enter("owner")
    assert "No user of this shop has the address" in send(
        client, "/tasks/groups/vips/owner", email="who@elsewhere.example"
    )
    assert "owned by" not in client.get(f"{HOME}/tasks").text
    with transaction(engine) as session:
        marketer = session.exec(select(User).where(User.email == "marketer@camellia.example")).one()
        name = marketer.name or marketer.email
    for group in ("vips", "tea-friends"):
        assert "Saved." in send(client, f"/tasks/groups/{group}/owner", email="marketer@camellia.example")
    assert '<option value="marketer@camellia.example" selected>' in client.get(f"{HOME}/tasks/limits").text
    assert f"owned by {name}" in client.get(f"{HOME}/tasks").text
    assert client.get(f"{HOME}/tasks/limits").text.count(" selected>") >= 2


def test_only_those_who_post_see_the_tasks(enter: Enter, engine: Engine) -> None:
    number = numbers(engine)[0]
    for role in ("warehouse", "viewer"):
        client = enter(role)
        assert client.get(f"{HOME}/tasks").status_code == 403
        assert "/tasks" not in client.get(HOME).text
    assert enter("owner", shop="teahouse").get(f"{HOME}/tasks").status_code == 404
    assert enter("owner", shop="teahouse").get(f"/shops/teahouse/tasks/{number}/picture").status_code == 404


def test_empty_list_says_what_will_come(engine: Engine, tmp_path: Path, files: FileStore) -> None:
    post_shop.fill(engine, files)
    page = doors_of(engine, tmp_path)("marketer").get(f"{HOME}/tasks").text
    assert heading(page) == "No posts to send now"
    assert "Manual posts of campaigns to chat groups or single buyers appear here, ready to copy" in page


@pytest.fixture
def on_phone(
    sqlite_engine: Engine, tmp_path: Path, served: Callable[..., str], browse: Callable[..., Page]
) -> Callable[[str], Page]:
    """Open the tasks on a phone: `on_phone("zh-CN")`."""
    engine = sqlite_engine
    app = create_app(Settings(home=tmp_path, secret=sample.SIGNING_KEY), engine=engine, now=lambda: sample.NOW)
    queue.conf.update(broker_url="memory://")
    post_shop.fill(engine, app.state.files)
    with transaction(engine) as session:
        post_campaign(session)
        post_campaign(session, "care", to="buyers", name="老客问候", audience=_THREE)
    address = served(app)

    def open_tasks(locale: str) -> Page:
        cookies = login_cookies(app, "marketer@camellia.example", language=locale)
        return browse(f"{address}{HOME}/tasks", locale=locale, width=390, height=844, cookies=cookies)

    return open_tasks


_THREE = {"buyer": {"field": "external_id", "is": ["B0001", "B0002", "B0004"]}}


@pytest.mark.browser
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_thumb_takes_copies_sends_and_undoes(on_phone: Callable[[str], Page], locale: str) -> None:
    page = on_phone(locale)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("form[action$='/take'] button")
    page.click("[data-copy]")
    expect(page.locator("[data-copy] span")).not_to_have_text(re.compile("Copy the text"))
    assert "十月新采" in page.evaluate("navigator.clipboard.readText()")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    low = page.evaluate(
        "[...document.querySelectorAll('.task .btn')].filter((each) => each.offsetParent)"
        ".filter((each) => each.getBoundingClientRect().height < 44).length"
    )
    assert (wide, low) == (0, 0)
    page.fill("#note", "群里发了")
    page.click("form[action$='/sent'] button")
    expect(page.locator("#to")).to_have_text("单丛品鉴群")
    page.click(".undo button")
    expect(page.locator("#to")).to_have_text("茶友群")
    expect(page.locator("#say")).to_be_visible()


def test_editor_lets_a_person_post_in_groups_or_to_each_buyer(enter: Enter, engine: Engine) -> None:
    client = enter("marketer")
    with transaction(engine) as session:
        row = session.exec(select(Campaign)).one()
        row.slug, row.state = "by-hand", CampaignState.DRAFT
        session.add(row)
    page = client.get(f"{HOME}/campaigns/by-hand/edit/what").text
    assert re.search(r'<option value="groups" selected', page)
    words = {"subject_zh-CN": "新茶", "body_zh-CN": "到店了", "medium": "assisted"}
    send(client, "/campaigns/by-hand/edit/what", posts_to="buyers", **words)
    with reading(engine) as session:
        policy = session.exec(select(Campaign.policy_json)).one()
    assert policy["posts_to"] == "buyers"
    assert "one message per buyer" in client.get(f"{HOME}/campaigns/by-hand/edit/what").text
