"""Refilling a refused form: its page is rendered again with the values that were entered, below the error.

Browsers say which page a form was sent from (Referer; our policy keeps that on our own site). That page is asked for
once more inside this application, as the same visitor, and its form takes what was typed. Passwords and files are
chosen again, as everywhere. What HTMX sends needs none of this: its page stays open.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from lxml import etree, html
from starlette.datastructures import FormData

from api import forms
from api.fallback_pages import pages_beside
from api.pages import static
from api.refused_fields import REFUSAL, choices_of, fields_of, fill, labels_of, mark, naming, printable, wrong_fields
from api.request_ids import same_request
from retention.field_names import labelled
from retention.i18n import current_language

MOST_HOPS = 2
KEPT_HEADERS = {b"host", b"cookie", b"accept-language", b"user-agent", b"x-csrf-token"}
NOT_PAGES = ("/api/", "/in/", "/static/")
CONSOLE = ("/shops/", "/account/")

Say = Callable[[], str]


async def form_again(
    request: Request, status: int, say: Say, *, fields: Iterable[str] = (), quoted: Iterable[object] = ()
) -> Response | None:
    """Return the page of a refused form, filled in as it was; None when there is no such page.

    The fields that are wrong are marked, say why, and the first has the focus: those that are named, else the one
    whose content is `quoted`. Where the page has that form no longer, it is shown as it stands, under the sentence.
    """
    known = _sent_from(request)
    if not known and request.headers.get("referer"):  # another site, or no page
        return None
    addresses = [known, *_pages_above(request)] if known else _pages_above(request)
    if not addresses:
        return None
    typed = await forms.read_fields(request)
    if not known:  # a browser that does not say
        addresses += pages_beside(request, typed)
    page, form = await _page_of(request, addresses, typed)
    if page is None:
        return None
    wrong = [] if form is None else wrong_fields(form, typed, fields, quoted)
    with labelled({}) if form is None else labelled(labels_of(form), choices_of(form)):
        sentence = naming(say(), wrong)
    line = _tell(page, sentence)
    if form is not None:  # else somebody else has settled what it was about
        for around in form.iterancestors("dialog", "details"):
            around.set("open", "")
            if around.tag == "dialog" and (heading := next(around.iter("h2"), None)) is not None:
                line = _line(sentence, "again notice bad")  # the line of the page lies behind it
                heading.addnext(line)
        mark(page, wrong)
    line.set("id", REFUSAL)
    text = etree.tostring(page, encoding="unicode", method="html", doctype="<!doctype html>")
    return HTMLResponse(text, status, {"Content-Language": current_language()})


async def _page_of(request: Request, addresses: list[str], typed: FormData) -> tuple[Any, Any]:
    """Return the first of these pages that has the form, and the form as it was typed; else the first page there is."""
    target, first = request.scope["path"], None
    for address in addresses:
        if opened := await _open(request, address):
            page = _read(opened)
            if (form := _form_of(page, address, target, typed)) is not None:
                return await _drawn(request, form, address, typed) or (page, _filled(form, typed))
            first = page if first is None else first
    return first, None


async def _drawn(request: Request, form: Any, address: str, typed: FormData) -> tuple[Any, Any] | None:
    """Return the page and the form as the form's own address for drawing it makes them of what was typed.

    A form has such an address when what is typed decides which fields it has.
    """
    if not (drawing := form.get("data-draw")):
        return None
    texts = [(name, printable(value)) for name, value in typed.multi_items() if isinstance(value, str)]
    status, _headers, body = await _ask(request, drawing, urlencode(texts).encode())
    page = _read(body) if status == 200 and body else None
    drawn = None if page is None else _form_of(page, address, request.scope["path"], typed)
    return None if drawn is None else (page, drawn)


def _filled(form: Any, typed: FormData) -> Any:
    fill(form, typed)
    return form


def _read(opened: bytes) -> Any:
    return html.document_fromstring(opened, parser=html.HTMLParser(encoding="utf-8"))


def _pages_above(request: Request) -> list[str]:
    """Return the addresses at and above that of a form of the console: one of them shows it."""
    path = request.url.path
    if request.method != "POST" or request.headers.get("HX-Request") or not path.startswith(CONSOLE):
        return []
    parts, least = path.split("/"), 3 if path.startswith("/shops/") else 1
    return ["/".join(parts[:count]) for count in range(len(parts), max(least, len(parts) - 4), -1)]


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


async def _ask(request: Request, address: str, form: bytes | None = None) -> tuple[int, dict[bytes, bytes], bytes]:
    """Ask for a page of ours as this visitor, or send it a form."""
    target, kept = urlsplit(address), request.scope
    scope = {name: kept[name] for name in ("http_version", "scheme", "server", "client") if name in kept}
    headers = [each for each in kept["headers"] if each[0] in KEPT_HEADERS]
    scope |= same_request(request)
    method = "GET" if form is None else "POST"
    if form is not None:
        length = str(len(form)).encode()
        headers += [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", length)]
    scope |= {"type": "http", "asgi": kept.get("asgi", {}), "method": method, "root_path": "", "headers": headers}
    scope |= {"path": unquote(target.path), "raw_path": target.path.encode(), "query_string": target.query.encode()}
    status, answered, body = 0, {}, bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": form or b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, answered
        if message["type"] == "http.response.start":
            status, answered = message["status"], dict(message["headers"])
        body.extend(message.get("body", b""))

    try:
        await request.app(scope, receive, send)
    except Exception:  # noqa: BLE001 - told and logged where it happened; the refusal is what this person waits for
        return 0, {}, b""
    return status, answered, bytes(body)


def _form_of(page: Any, address: str, target: str, typed: FormData) -> Any:
    """Return the form that goes to `target`; of several the one that has most of what was typed."""
    sent = [form for form in page.iter("form") if (form.get("method") or "").lower() == "post"]
    going = [form for form in sent if target in set(_targets(form, address))]
    going = [form for form in going if form.get("hidden") is None] or going  # those are sent by scripts alone
    return max(going, key=lambda form: _likeness(form, typed), default=None)


def _likeness(form: Any, typed: FormData) -> tuple[int, int]:
    """Return how many fields of a form were sent, and how many of its hidden values: one form a line has only those."""
    fields = fields_of(form)
    hidden = [each for each in fields if each.get("type") == "hidden"]
    same = sum(each.get("value") in typed.getlist(each.get("name")) for each in hidden)
    return len({each.get("name") for each in fields} & set(typed)), same


def _targets(form: Any, address: str) -> Iterator[str]:
    """Return where a form of the page at `address` goes: by itself and by each button with an address of its own."""
    buttons = [each.get("formaction") for each in form.iter("button", "input") if each.get("formaction")]
    for action in (form.get("action") or "", *buttons):
        yield unquote(urlsplit(urljoin(address, action)).path)


def _tell(page: Any, sentence: str) -> Any:
    """Put the sentence where the page says what happened, under the title or first of all, and return its line."""
    heading = next(page.iter("h1"), None)
    if heading is None:
        page.body.insert(0, line := _line(sentence, "problem"))
        return line
    top = next((each for each in heading.iterancestors("div") if each.get("class") == "top"), None)
    line = _line(sentence, "problem" if top is None else "notice bad")
    (heading if top is None else top).addnext(line)
    return line


def _line(sentence: str, kind: str) -> Any:
    """Return the line as the console's own notices are written; other pages have no icons."""
    line = html.Element("div", {"class": kind, "role": "alert"})
    if kind != "problem":
        icon = etree.SubElement(line, "svg", {"class": "icon", "aria-hidden": "true"})
        etree.SubElement(icon, "use", {"href": f"{static('vendor/icons.svg')}#alert-triangle"})
    etree.SubElement(line, "span").text = printable(sentence)
    return line
