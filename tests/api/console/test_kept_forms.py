"""A form that is refused keeps what was typed into it, and a dialog it stands in is open again."""

from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from campaigns.campaign.campaigns import Recipe
from campaigns.campaign.draft import Draft
from campaigns.offers.offers import find_offer
from campaigns.runs.drafting import create_campaign
from campaigns.runs.scheduling import schedule
from retention.database import open_engine, transaction
from retention.files import open_store
from retention.settings import Settings
from retention.shops import find_shop
from tests.api.console import post_shop
from tests.api.console.doors import HOME, doors_of
from tests.api.console.paper_shop import EVERYBODY
from tests.api.console.sample import NOW

REFUSED = [
    ("/people/invite", {"email": "no address", "name": "Han Mei", "role": "viewer"}),
    ("/people/keys", {"name": "till", "scopes": "orders:write", "last_day": "2020-01-01"}),
    ("/policies/topics", {"is_new": "yes", "topic": "Not short", "en": "News", "zh": "上新"}),
    ("/tasks/limits", {"assignee": "", "per_day": "many", "per_month": "300"}),
    ("/buyers/B0001/answers", {"answer": "in", "source": "chat", "channel": "sms", "at": "2027-05-05T10:00"}),
    ("/buyers/B0001/pause", {"last_day": "2020-01-01"}),
    ("/arrivals/1", {"arrival": "2026-12-01T10:00", "stock": "a few"}),
    ("/calendar/moves", {"campaign": "coming", "day": "2020-01-01", "time": "10:15"}),
    ("/hooks", {"name": "Our stock", "url": "http://[::1"}),
]


class Filled(HTMLParser):
    """The forms of a page by their address, each with what its fields hold and whether a closed dialog hides it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, bool, set[tuple[str, str]]]] = []
        self._is_hidden, self._select = False, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        name, value = has.get("name") or "", has.get("value") or ""
        if tag == "dialog":
            self._is_hidden = "open" not in has
        elif tag == "form":
            self.found.append((has.get("action") or "", self._is_hidden or "hidden" in has, set()))
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in has and self.found:
            self.found[-1][2].add((self._select, value))
        elif tag == "input" and self.found and (has.get("type") not in {"checkbox", "radio"} or "checked" in has):
            self.found[-1][2].add((name, value))

    def handle_endtag(self, tag: str) -> None:
        if tag == "dialog":
            self._is_hidden = False


@pytest.fixture
def client(sqlite_url: str, home: Path) -> Iterator[TestClient]:
    engine = open_engine(sqlite_url)
    post_shop.fill(engine, open_store(Settings(home=home)))
    with transaction(engine) as session:
        tea = find_shop(session, "camellia")
        offer = find_offer(session, tea.id, "autumn-20").id
        push = create_campaign(
            session,
            tea,
            Draft("coming", name="Coming", recipe=Recipe.COUPON_PUSH, audience=EVERYBODY, offer_id=offer),
            at=NOW,
            actor="user:1",
        )
        schedule(session, push, launch_at=NOW + timedelta(days=2), at=NOW, actor="user:1")
    yield doors_of(engine, home)("owner")
    engine.dispose()


def test_refused_form_keeps_what_was_typed(client: TestClient) -> None:
    lost = {}
    for path, typed in REFUSED:
        referer = f"http://testserver{HOME}{path.rpartition('/')[0] or path}"
        answer = client.post(HOME + path, data=typed, headers={"Referer": referer})
        page = Filled()
        page.feed(answer.text)
        shown = [fields for action, is_hidden, fields in page.found if action == HOME + path and not is_hidden]
        if answer.status_code not in {409, 422} or not any(set(typed.items()) <= fields for fields in shown):
            lost[path] = (answer.status_code, shown)
    assert lost == {}
