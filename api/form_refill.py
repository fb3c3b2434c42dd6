"""A refused form comes back as it was typed: its page is opened again and filled in, under the sentence.

Browsers say which page a form was sent from (Referer; our policy keeps that on our own site). That page is asked for
once more inside this application, as the same visitor, and its form takes what was typed. Passwords and files are
chosen again, as everywhere. What HTMX sends needs none of this: its page stays open.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from lxml import etree, html
from starlette.datastructures import FormData

from api import forms
from api.request_ids import same_request
from retention.field_names import labelled
from retention.i18n import current_language

MOST_HOPS = 2
CHOSEN_AGAIN = {"hidden", "password", "file", "submit", "button", "image"}
KEPT_HEADERS = {b"host", b"cookie", b"accept-language", b"user-agent"}
UNPRINTABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NOT_PAGES = ("/api/", "/in/", "/static/")

Say = Callable[[], str]


async def form_again(request: Request, status: int, say: Say, *, field: str = "") -> Response | None:
    """Return the page of a refused form, filled in as it was; None when there is no such page.

    The field that is wrong is marked, says why and has the focus. Where the page has that form no longer, it is shown
    as it stands now, under the sentence.
    """
    known = _sent_from(request)
    if not known and request.headers.get("referer"):  # another site, or no page
        return None
    addresses = [*([known] if known else ()), *_pages_above(request)]
    if not addresses:
        return None
    typed = await forms.read_fields(request)
    page, form = await _page_of(request, addresses, typed)
    if page is None or (form is None and not known):
        return None
    with labelled({} if form is None else labels_of(page, form)):
        sentence = say()
    line = _tell(page, sentence)
    if form is not None:  # else somebody else has settled what it was about
        _fill(form, typed)
        for around in form.iterancestors("dialog", "details"):
            around.set("open", "")
            if around.tag == "dialog" and (heading := next(around.iter("h2"), None)) is not None:
                line = _line(sentence)  # the line of the page lies behind it
                heading.addnext(line)
        _mark_wrong(page, form, field, line)
    text = etree.tostring(page, encoding="unicode", method="html", doctype="<!doctype html>")
    return HTMLResponse(text, status, {"Content-Language": current_language()})


async def _page_of(request: Request, addresses: list[str], typed: FormData) -> tuple[Any, Any]:
    """Return the first of these pages that has the form, and the form; else the first page there is."""
    first = None
    for address in addresses:
        if opened := await _open(request, address):
            page = html.document_fromstring(opened, parser=html.HTMLParser(encoding="utf-8"))
            if (form := _form_of(page, address, request.scope["path"], typed)) is not None:
                return page, form
            first = page if first is None else first
    return first, None


def _pages_above(request: Request) -> list[str]:
    """Return the addresses at and above that of a form of the console: one of them shows it."""
    path = request.url.path
    if request.method != "POST" or request.headers.get("HX-Request") or not path.startswith("/shops/"):
        return []
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), max(3, len(parts) - 4), -1)]


def labels_of(page: Any, form: Any) -> dict[str, str]:
    """Return by the name of each field of a form what the page calls it."""
    by_id = {each.get("for"): each for each in page.iter("label") if each.get("for")}
    found: dict[str, str] = {}
    for each in _fields(form):
        around = by_id.get(each.get("id"), next(each.iterancestors("label"), None))
        many = each.get("type") in {"radio", "checkbox"}  # there the label is that of a choice
        text = "" if many or around is None else _text(around)
        if text := text or each.get("aria-label") or "":
            name = each.get("name")
            found.setdefault(name, text)
            found.setdefault(re.sub("^(set|secret)_", "", name), text)  # a sender's fields, which it calls so itself
    return found


def _text(label: Any) -> str:
    """Return the words of a label without those of the field or the counter inside it."""
    return " ".join((label.text or "").split()) or " ".join(label.text_content().split())[:60]


def _sent_from(request: Request) -> str:
    """Return path and query of our own page that a form was sent from, or nothing."""
    try:
        page = urlsplit(request.headers.get("referer", ""))
    except ValueError:  # such as http://[
        return ""
    ours = page.netloc == request.headers.get("host") and not page.path.startswith(NOT_PAGES)
    if request.method != "POST" or request.headers.get("HX-Request") or not ours:
        return ""
    if request.url.path.startswith(NOT_PAGES):
        return ""
    query = urlencode([(name, value) for name, value in parse_qsl(page.query) if name != "done"])
    return page.path + (f"?{query}" if query else "")


async def _open(request: Request, address: str) -> bytes | None:
    """Return what this visitor sees at an address of ours; None when that is no page."""
    for _hop in range(MOST_HOPS):
        status, headers, body = await _ask(request, address)
        if status == 303 and headers.get(b"location", b"").startswith(b"/"):
            address = headers[b"location"].decode()
        elif status == 200 and headers.get(b"content-type", b"").startswith(b"text/html"):
            return body or None
        else:
            break
    return None


async def _ask(request: Request, address: str) -> tuple[int, dict[bytes, bytes], bytes]:
    target, kept = urlsplit(address), request.scope
    scope = {name: kept[name] for name in ("http_version", "scheme", "server", "client") if name in kept}
    headers = [each for each in kept["headers"] if each[0] in KEPT_HEADERS]
    scope |= same_request(request)
    scope |= {"type": "http", "asgi": kept.get("asgi", {}), "method": "GET", "root_path": "", "headers": headers}
    scope |= {"path": unquote(target.path), "raw_path": target.path.encode(), "query_string": target.query.encode()}
    status, answered, body = 0, {}, bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, answered
        if message["type"] == "http.response.start":
            status, answered = message["status"], dict(message["headers"])
        body.extend(message.get("body", b""))

    await request.app(scope, receive, send)
    return status, answered, bytes(body)


def _form_of(page: Any, address: str, target: str, typed: FormData) -> Any:
    """Return the form that goes to `target`; of several the one that has most of what was typed."""
    going = [form for form in page.iter("form") if target in set(_targets(form, address))]
    return max(going, key=lambda form: _likeness(form, typed), default=None)


def _likeness(form: Any, typed: FormData) -> tuple[int, int]:
    """Return how many fields of a form were sent, and how many of its hidden values: one form a line has only those."""
    fields = _fields(form)
    hidden = [each for each in fields if each.get("type") == "hidden"]
    same = sum(each.get("value") in typed.getlist(each.get("name")) for each in hidden)
    return len({each.get("name") for each in fields} & set(typed)), same


def _targets(form: Any, address: str) -> Iterator[str]:
    for each in (form, *form.iter("button", "input")):
        for name in ("action", "formaction"):
            if each is form or each.get(name):
                yield unquote(urlsplit(urljoin(address, each.get(name) or "")).path)


def _fields(form: Any) -> list[Any]:
    inside = list(form.iter("input", "select", "textarea"))
    if not form.get("id"):
        return [each for each in inside if each.get("name")]
    elsewhere = [
        each
        for each in form.getroottree().iter("input", "select", "textarea")
        if each.get("form") == form.get("id") and each not in inside
    ]
    return [each for each in inside + elsewhere if each.get("name")]


def _fill(form: Any, typed: FormData) -> None:
    left: dict[str, list[str]] = {}
    for name, value in typed.multi_items():
        if isinstance(value, str):
            left.setdefault(name, []).append(UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value))
    for each in _fields(form):
        values = left.get(each.get("name"), [])
        if each.tag == "select":
            _choose(each, values)
        elif each.tag == "textarea":
            each.text = values.pop(0) if values else each.text
        elif each.get("type") in {"radio", "checkbox"}:
            _mark(each, "checked", is_on=(each.get("value") or "on") in values)
        elif each.get("type") not in CHOSEN_AGAIN and values:
            each.set("value", values.pop(0))


def _choose(select: Any, values: list[str]) -> None:
    options = list(select.iter("option"))
    known = {option.get("value", option.text_content()) for option in options}
    chosen = values if select.get("multiple") is not None else values[:1]
    if select.get("multiple") is None and (not values or values.pop(0) not in known):
        return
    for option in options:
        _mark(option, "selected", is_on=option.get("value", option.text_content()) in chosen)


def _mark(element: Any, name: str, *, is_on: bool) -> None:
    if is_on:
        element.set(name, "")
    else:
        element.attrib.pop(name, None)


def _mark_wrong(page: Any, form: Any, field: str, line: Any) -> None:
    """Mark the field a refusal names and its label, let the field say the sentence, and give it the focus."""
    wrong = _field_called(form, field) if field else None
    if wrong is None:
        return
    line.set("id", "refusal")
    wrong.set("aria-invalid", "true")
    wrong.set("aria-describedby", f"{wrong.get('aria-describedby', '')} refusal".strip())
    for each in page.xpath("//*[@autofocus]"):
        each.attrib.pop("autofocus")
    wrong.set("autofocus", "")
    around = next(wrong.iterancestors("label"), None)
    for label in (around, *page.xpath("//label[@for=$id]", id=wrong.get("id", ""))):
        if label is not None:
            label.set("class", f"{label.get('class', '')} wrong".strip())


def _field_called(form: Any, field: str) -> Any:
    """Return the field of a form that is called like a value: quiet.from is quiet_from, control_share is control."""
    parts = [part for part in field.split(".") if not part.isdecimal()]
    names = ["_".join(parts), *reversed(parts)]
    shown = [each for each in _fields(form) if each.get("type") != "hidden"]
    called = {re.sub("^(set|secret|cap)_", "", each.get("name")): each for each in reversed(shown)}
    called |= {each.get("name"): each for each in reversed(shown)}
    for name in names:
        if name in called:
            return called[name]
    return next((called[name] for name in called if any(f"{each}_".startswith(f"{name}_") for each in names)), None)


def _tell(page: Any, sentence: str) -> Any:
    """Put the sentence where the page says what happened, under the title or first of all, and return its line."""
    line = _line(sentence)
    heading = next(page.iter("h1"), None)
    if heading is None:
        page.body.insert(0, line)
        return line
    top = next((each for each in heading.iterancestors("div") if each.get("class") == "top"), heading)
    top.addnext(line)
    return line


def _line(sentence: str) -> Any:
    line = html.Element("div", {"class": "notice bad problem", "role": "alert"})
    line.text = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", sentence)
    return line
