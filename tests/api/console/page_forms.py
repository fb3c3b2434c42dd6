"""What the pages of the console let people send: each form with its fields and labels, and what scripts send of it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import html

from api.refused_fields import labels_of

Pairs = list[tuple[str, str]]


@dataclass
class PageForm:
    """One form as a browser would send it from `page`. `typed` are the names of fields a person types into."""

    page: str
    address: str
    pairs: Pairs
    labels: dict[str, str]
    typed: set[str]
    files: set[str]
    is_htmx: bool = False
    route: str = ""

    @property
    def names(self) -> list[str]:
        return sorted({name for name, _value in self.pairs} | self.files)


def forms_in(page: str, text: str) -> list[PageForm]:
    """Return each form of a page once for each address it can be sent to, with buttons, by HTMX or by our scripts."""
    read = html.document_fromstring(text or "<p>")
    found = []
    for form in read.iter("form"):
        inside = _fields(read, form)
        if (form.get("method") or "").lower() == "post" or form.get("hx-post"):
            found.append(_form(page, form, form.get("hx-post") or form.get("action") or "", inside))
        for each in form.iter():
            for name, value in each.attrib.items():
                posts = name in {"formaction", "hx-post"} or (name.startswith("data-") and value.startswith("/shops/"))
                if posts and (each is not form or name.startswith("data-")):
                    found.append(_form(page, form, value, [*inside, each], is_htmx=name != "formaction"))
    outside = (each for each in read.iter() if each.get("hx-post") and not _has_form(each))
    found += [_form(page, each, each.get("hx-post"), [], is_htmx=True) for each in outside]
    return found


def _has_form(element: Any) -> bool:
    return element.tag == "form" or any(True for _ in element.iterancestors("form"))


def _fields(read: Any, form: Any) -> list[Any]:
    inside = list(form.iter("input", "select", "textarea", "button"))
    if form.get("id"):
        inside += [each for each in read.iter("input", "select", "textarea") if each.get("form") == form.get("id")]
    return [each for each in inside if each.get("name") and each.get("name") != "csrf"]


def _form(page: str, form: Any, action: str, fields: list[Any], *, is_htmx: bool = False) -> PageForm:
    address = urlsplit(urljoin(page, action)).path
    pairs = [pair for each in fields if each.get("type") != "file" for pair in _sent(each)]
    files = {each.get("name") for each in fields if each.get("type") == "file"}
    typed = {each.get("name") for each in fields if each.tag == "textarea" or _is_line(each)}
    return PageForm(page, address, pairs, labels_of(form), typed, files, is_htmx=is_htmx)


def _is_line(element: Any) -> bool:
    return element.tag == "input" and element.get("type") not in _NOT_TYPED


_NOT_TYPED = {"color", "hidden", "password", "file", "submit", "button", "image", "radio", "checkbox"}


def _sent(element: Any) -> Pairs:
    """Return what a browser sends of a field; of choices that nothing is chosen from, one, so that it is tried too."""
    name, value = element.get("name") or "", element.get("value")
    if element.tag == "textarea":
        return [(name, element.text or "")]
    if element.tag == "select":
        options = list(element.iter("option"))
        chosen = [each for each in options if each.get("selected") is not None] or options[:1]
        return [(name, each.get("value", each.text_content())) for each in chosen]
    if not name:
        return []
    return [(name, value if value is not None else "on" if element.get("type") in {"radio", "checkbox"} else "")]


def pattern_of(path: str) -> re.Pattern[str]:
    """Return what addresses of a route look like."""
    parts = re.split(r"{(\w+)(?::(\w+))?}", path)
    kinds = {"int": r"-?\d+", "path": ".+", None: "[^/]+"}
    return re.compile("".join(re.escape(part) if turn % 3 == 0 else kinds[part] if turn % 3 == 2 else ""
                              for turn, part in enumerate(parts)))  # fmt: skip
