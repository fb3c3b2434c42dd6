"""No value breaks a form of the console: the forms are those of its pages, each field is sent once with each value."""

import os
import re
from collections import deque
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import cast
from urllib.parse import quote_from_bytes, urljoin, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from retention.database import open_engine, transaction
from retention.files import open_store
from retention.settings import Settings
from tests.api.console import post_shop
from tests.api.console.doors import HOME, doors_of
from tests.api.test_rights import routes_of

VALUES = {
    "2^63": str(2**63),
    "-1": "-1",
    "10^30": str(10**30),
    "long": "x" * 10_000,
    "NUL": "a\0b",
    "surrogate": "a\ud800b",
    "empty": "",
    "year 9999": "9999-12-31",
    "moment of 9999": "9999-12-31T23:59",
}
EACH = 9 if "FUZZ_EXAMPLES" in os.environ else 2
MOST_PAGES = 400

Form = tuple[str, dict[str, str]]


class Forms(HTMLParser):
    """The forms of a page with their fields, and its links."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._is_open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a":
            self.links.append(found.get("href") or "")
        elif tag == "form":
            self._is_open = (found.get("method") or "").lower() == "post" or "hx-post" in found
            if self._is_open:
                self.forms.append((found.get("action") or found.get("hx-post") or "", {}))
        elif self._is_open and found.get("name") and tag in {"input", "select", "textarea", "button"}:
            if found.get("type") in {"radio", "checkbox"} and "checked" not in found:
                self.forms[-1][1].setdefault(found["name"] or "", found.get("value") or "on")
            else:
                self.forms[-1][1][found["name"] or ""] = found.get("value") or ""
        for other in ("formaction", "hx-post"):
            if self._is_open and tag != "form" and found.get(other):
                self.forms.append((found[other] or "", self.forms[-1][1]))

    def handle_endtag(self, tag: str) -> None:
        self._is_open = self._is_open and tag != "form"


def address_of(path: str, part: str) -> str:
    return re.sub(r"{\w+(:\w+)?}", part, path.replace("{slug}", "camellia"))


def pattern_of(path: str, posts: list[tuple[str, re.Pattern[str]]]) -> str:
    return next((name for name, pattern in posts if pattern.fullmatch(path)), "")


def forms_of(client: TestClient, posts: list[tuple[str, re.Pattern[str]]]) -> dict[str, Form]:
    """Walk the pages by their links; return a form of each route that takes one."""
    waiting, seen, found = deque([HOME]), {HOME}, {}
    kinds: dict[str, int] = {}
    while waiting and len(seen) < MOST_PAGES:
        page = waiting.popleft()
        answer = client.get(page)
        if "html" not in answer.headers.get("content-type", ""):
            continue
        read = Forms()
        read.feed(answer.text)
        for action, fields in read.forms:
            address = urljoin(page, action)
            name = pattern_of(urlsplit(address).path, posts)
            if name and len(fields) >= len(found.get(name, ("", {}))[1]):
                found[name] = (address, fields)
        for link in read.links:
            address = urljoin(page, link).split("#")[0]
            kind = re.sub(r"=[^&]*|B\d+|\d+", "", address)
            kinds[kind] = kinds.get(kind, 0) + 1
            if address.startswith(HOME) and address not in seen and kinds[kind] < 4:
                seen.add(address)
                waiting.append(address)
    return found


@pytest.fixture
def client(sqlite_url: str, home: Path) -> Iterator[TestClient]:
    """The owner of the sample shop, which has tasks, a draft and a run."""
    engine = open_engine(sqlite_url)
    settings = Settings(home=home)
    post_shop.fill(engine, open_store(settings))
    with transaction(engine) as session:
        post_shop.post_campaign(session)
    entered = doors_of(engine, home)("owner")
    entered._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    yield entered
    engine.dispose()


def test_no_value_in_a_field_breaks_a_form(client: TestClient) -> None:
    app = cast("FastAPI", client.app)
    routes = [each for each in routes_of(app) if each.method == "POST" and each.path.startswith("/shops/")]
    routes.sort(key=lambda each: len(each.params))
    forms = forms_of(client, [(each.path, re.compile(address_of(each.path, "[^/]+"))) for each in routes])
    for route in routes:
        fields = forms.setdefault(route.path, (address_of(route.path, "1"), {}))[1]
        for each in route.body:
            fields.setdefault(each.alias, "1")
    broken, sent = [], 0
    for name, (address, fields) in sorted(forms.items()):
        for place, field in enumerate(sorted(set(fields) - {"csrf"})):
            for turn in range(EACH):
                label = list(VALUES)[(place * EACH + turn + len(name)) % len(VALUES)]
                body = "&".join(quoted(key, VALUES[label] if key == field else value) for key, value in fields.items())
                kind = {"Content-Type": "application/x-www-form-urlencoded"}
                answer = client.post(address, content=body, headers=kind, follow_redirects=False)
                sent += 1
                if answer.status_code >= 500:
                    broken.append((name, field, label))
    assert broken == []
    assert sent > 300


def quoted(name: str, value: str) -> str:
    return f"{quote_from_bytes(name.encode())}={quote_from_bytes(value.encode(errors='surrogatepass'))}"
