"""Every form of the console shows a refusal the same way: in its language, beside its field, with what was typed.

Each field that is typed into is sent once as something it cannot be, in Chinese; each list and each box in English.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from lxml import html
from sqlalchemy import Engine

from api.refused_fields import REFUSAL, fields_of
from tests.api.console.page_forms import PageForm
from tests.api.console.test_hostile_forms import ENDING, SITE, Sending, body_of, forms_of, keep, put_back
from tests.api.console.whole_shop import open_whole_shop
from tests.sign_in import sign_in, token_of

BAD = "none of these"
PROPER = re.compile(
    r"name@shop\.example|FREQ=[A-Z0-9;=]+|EUR=7\.8|WORD=paid|"
    r"\b(none of these|JSON|SKU|RFC|RRULE|https?|UTF-8|SMS|SMTP|RFM|Liquid|CNY|IP|ID)\b",
    re.IGNORECASE,
)
"""What a Chinese sentence may hold in Latin letters: what was typed, and the names of things that have no other."""
DRAWN = {"json"}
"""What the page writes: the rule as JSON follows the conditions until its own button reads it."""
IDENTIFIER = re.compile(r"(?<![\w@./-])[a-z]+_[a-z_]+")


class Refused(NamedTuple):
    """A refusal as its page shows it."""

    form: PageForm
    place: str
    sentence: str
    page: Any


@pytest.fixture
def owner(sqlite_engine: Engine, home: Path) -> TestClient:
    return open_whole_shop(sqlite_engine, home)[1]


def refusals(owner: TestClient, engine: Engine) -> Iterator[Refused]:
    """Send each form once for each of its fields, with that field wrong."""
    file = Path(engine.url.database or "")
    forms, seen = forms_of(owner), set()
    for language in ("en", "zh-CN"):
        sign_in(owner, "owner@camellia.example", language=language)
        owner.headers["X-CSRF-Token"] = token_of(owner)
        whole = keep(file)
        for form in forms:
            if form.route in ENDING or form.is_htmx:
                continue
            fields = form.typed if language != "en" else set(form.names) - form.typed - form.files
            is_changed = False
            for place in sorted(fields - {name for route, name in seen if route == (language, form.route)}):
                seen.add(((language, form.route), place))
                answer = send(owner, form, place)
                is_changed |= answer.status_code in {200, 303}
                if answer.status_code in {409, 404, 422}:
                    page = html.document_fromstring(answer.text)
                    line = page.get_element_by_id(REFUSAL, None)
                    sentence = "" if line is None else line.text_content().strip()
                    yield Refused(form, place, sentence, page)
            if is_changed:
                put_back(engine, whole, file)


def send(owner: TestClient, form: PageForm, place: str) -> Any:
    pairs = [pair for pair in form.pairs if pair[0] != place]
    body = body_of(Sending(form, "", place, [*pairs, (place, BAD)], dict.fromkeys(form.files, ("", b""))))
    body["headers"] |= {"Referer": SITE + form.page}
    return owner.post(form.address, **body)


def wrong_with(refused: Refused) -> Iterator[str]:
    """Return what is wrong with a refusal."""
    if not refused.sentence:
        yield "says nothing"
    elif refused.page.get("lang") == "zh-CN" and re.search("[A-Za-z]{2,}", PROPER.sub("", refused.sentence)):
        yield "mixes languages"
    elif refused.page.get("lang") == "en" and IDENTIFIER.search(refused.sentence):
        yield "names a field as programs do"
    marked = refused.page.xpath("//*[@aria-invalid='true']")
    fields = [each for form in refused.page.iter("form") for each in fields_of(form)]
    shown = [each for each in fields if each.get("name") == refused.place and each.get("type") != "hidden"]
    is_named = refused.place in refused.form.labels  # else it is hidden in this form
    if BAD in refused.sentence and is_named and refused.place not in {each.get("name") for each in marked}:
        yield "does not mark the field it quotes"
    if marked and any(REFUSAL not in (each.get("aria-describedby") or "") for each in marked):
        yield "does not say what is wrong beside the field"
    if any(not each.get("aria-label") and not refused.page.xpath("//*[contains(@class, 'wrong')]") for each in marked):
        yield "does not mark the label"
    if marked and refused.place in refused.form.typed - DRAWN and not any(holds(each) for each in shown):
        yield "loses what was typed"


def holds(field: Any) -> bool:
    return BAD in ((field.text or "") if field.tag == "textarea" else field.get("value") or "")


def test_a_refused_field_is_marked_named_and_kept_in_one_language(owner: TestClient, sqlite_engine: Engine) -> None:
    found = list(refusals(owner, sqlite_engine))
    wrong = [(each.form.route, each.place, what, each.sentence) for each in found for what in wrong_with(each)]
    assert len(found) > 100
    assert not wrong, "\n".join(map(str, wrong))


PARTS = {
    "campaigns/reading.py": "a message that cannot be rendered is a line beside those that can",
    "campaigns/tasks.py": "a task whose text cannot be rendered is shown with the reason",
    "campaigns/who.py": "a count while somebody chooses; nothing is counted yet",
    "paper/packing.py": "the station answers a scan in one of its own signs, and without a parcel it is ready",
    "segments/builder.py": "JSON that is no rule stays in the box of JSON while the rest is drawn; a name that is free",
    "segments/rule_answer.py": "each condition has an answer of its own while the rule is written",
    "segments/rule_tree.py": "a rule that cannot be read is drawn as JSON",
}
"""Where a page catches a refusal because it is one part of it, not its answer."""


def test_no_form_of_the_console_shows_its_refusals_itself() -> None:
    console = Path(__file__).parents[3] / "api" / "console"
    kinds = {"Error", "Invalid", "NotFound", "Conflict", "Forbidden"}
    caught = {
        path.relative_to(console).as_posix()
        for path in console.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and node.type is not None
        for name in ast.walk(node.type)
        if isinstance(name, ast.Name) and name.id in kinds
    }
    assert caught == set(PARTS)
