"""The form of an error on its page: the values entered, the wrong fields marked, the message that names them.

A refusal names its field, or quotes what was typed into it; either is enough, so no form says anything of this itself.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.datastructures import FormData

from retention.i18n import gettext

REFUSAL = "refusal"
"""The id of the line that says what is wrong."""
CHOSEN_AGAIN = {"password", "file", "submit", "button", "image"}
GROUPED = {"radio", "checkbox"}
UNPRINTABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
PREFIXES = re.compile("^(set|secret|cap)_")
"""Of the fields whose page and use case call them differently: those of a sender, the lines of caps."""
QUOTED_IN_PART = 40
"""From so many characters on a refusal may quote the beginning alone."""


def fields_of(form: Any) -> list[Any]:
    """Return the fields of a form that have a name, with those that stand elsewhere on the page."""
    inside = list(form.iter("input", "select", "textarea"))
    if not form.get("id"):
        return [each for each in inside if each.get("name")]
    elsewhere = [
        each
        for each in form.getroottree().iter("input", "select", "textarea")
        if each.get("form") == form.get("id") and each not in inside
    ]
    return [each for each in inside + elsewhere if each.get("name")]


def labels_of(form: Any) -> dict[str, str]:
    """Return by the name of each field of a form what the page calls it."""
    found: dict[str, str] = {}
    for each in fields_of(form):
        if text := _label_text(each):
            name = each.get("name")
            found.setdefault(name, text)
            found.setdefault(PREFIXES.sub("", name), text)
    return found


def fill(form: Any, typed: FormData) -> None:
    """Put what was typed back into a form."""
    left: dict[str, list[str]] = {}
    for name, value in typed.multi_items():
        if isinstance(value, str):
            left.setdefault(name, []).append(printable(value))
    for each in fields_of(form):
        values = left.get(each.get("name"), [])
        if each.get("type") in GROUPED:
            _set(each, "checked", is_on=(each.get("value") or "on") in values)
        elif each.get("name") not in left:
            continue
        elif each.tag == "select":
            _choose(each, values)
        elif each.tag == "textarea":
            each.text = _next(values)
        elif _is_filled(each):
            each.set("value", _next(values))


def wrong_fields(form: Any, typed: FormData, names: Iterable[str], quoted: Iterable[object]) -> list[Any]:
    """Return the one field whose content a refusal quotes, or else those that it names."""
    found = [each for name in names if name and (each := _field_called(form, name)) is not None]
    texts = {_bare(value) for value in quoted if isinstance(value, str)} - {""}
    holding = [each for each in _shown(form) if any(_is_quoted(_typed_into(typed, each), text) for text in texts)]
    if len({each.get("name") for each in holding}) != 1 or holding[0].get("name") in {
        each.get("name") for each in found
    }:
        return found
    return holding[:1]


def mark(page: Any, wrong: list[Any]) -> None:
    """Mark wrong fields and their labels, let them point to the sentence, and give the first the focus."""
    if not wrong:
        return
    for each in page.xpath("//*[@autofocus]"):
        each.attrib.pop("autofocus")
    wrong[0].set("autofocus", "")
    for each in wrong:
        each.set("aria-invalid", "true")
        each.set("aria-describedby", f"{each.get('aria-describedby', '')} {REFUSAL}".strip())
        for label in _labels(each):
            label.set("class", f"{label.get('class', '')} wrong".strip())
        for around in each.iterancestors("details"):
            around.set("open", "")


def naming(sentence: str, wrong: list[Any]) -> str:
    """Return a sentence that says which field it is about: with the label before it where it names none."""
    label = _label_text(wrong[0]) if len(wrong) == 1 else ""
    core = re.split("[,(:\uff0c\uff08\uff1a]", label)[0].strip().casefold()
    return sentence if not core or core in sentence.casefold() else gettext(": ").join((label, sentence))


def printable(text: str) -> str:
    """Return a text without what no page can hold."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _is_filled(field: Any) -> bool:
    """Tell whether a field takes what was typed; a hidden one is the page's, unless a script fills it in."""
    kind = field.get("type")
    return kind not in CHOSEN_AGAIN and (kind != "hidden" or not field.get("value"))


def _next(values: list[str]) -> str:
    """Return what was typed into the next field of a name; fewer than the page has are all there are."""
    return values.pop(0) if values else ""


def _choose(select: Any, values: list[str]) -> None:
    chosen = values if select.get("multiple") is not None else [_next(values)]
    for option in select.iter("option"):
        _set(option, "selected", is_on=option.get("value", option.text_content()) in chosen)


def _set(element: Any, name: str, *, is_on: bool) -> None:
    if is_on:
        element.set(name, "")
    else:
        element.attrib.pop(name, None)


def _shown(form: Any) -> list[Any]:
    return [each for each in fields_of(form) if each.get("type") != "hidden"]


def _field_called(form: Any, field: str) -> Any:
    """Return the field of a form that is called like a value: quiet.from is quiet_from, control_share is control."""
    parts = [part for part in field.split(".") if not part.isdecimal()]
    names = ["_".join(parts), *reversed(parts), *(["short_name"] if "slug" in parts else [])]
    called = {PREFIXES.sub("", each.get("name")): each for each in reversed(_shown(form))}
    called |= {each.get("name"): each for each in reversed(_shown(form))}
    for name in names:
        if name in called:
            return called[name]
    return next((called[name] for name in called if any(f"{each}_".startswith(f"{name}_") for each in names)), None)


def _typed_into(typed: FormData, field: Any) -> list[str]:
    return [_bare(each) for each in typed.getlist(field.get("name")) if isinstance(each, str)]


def _bare(text: str) -> str:
    """Return a text without the marks of a quotation."""
    plain = text.strip()
    return plain[1:-1].strip() if len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "'\"" else plain


def _is_quoted(typed: list[str], text: str) -> bool:
    return any(each and (each == text or (len(text) >= QUOTED_IN_PART and each.startswith(text))) for each in typed)


def _labels(field: Any) -> Iterator[Any]:
    """Return what names a field on its page: its own labels, or of one choice among several the legend of them all."""
    if _is_choice(field):
        if (legend := _legend(field)) is not None:
            yield legend
        return
    if (around := next(field.iterancestors("label"), None)) is not None:
        yield around
    if field.get("id"):
        yield from field.getroottree().xpath("//label[@for=$id]", id=field.get("id"))


def _is_choice(field: Any) -> bool:
    """Tell whether a field is one of several choices, so that its own label is that of the choice."""
    if field.get("type") not in GROUPED:
        return False
    return len(field.getroottree().xpath("//input[@name=$name]", name=field.get("name"))) > 1


def _legend(field: Any) -> Any:
    around = next(field.iterancestors("fieldset"), None)
    return None if around is None else next(around.iter("legend"), None)


def _label_text(field: Any) -> str:
    label = next(_labels(field), None)
    return ("" if label is None else _text(label)) or field.get("aria-label") or ""


def _text(label: Any) -> str:
    """Return the words of a label without those of the field, the counter or the hint inside it."""
    return next((" ".join(part.split()) for part in label.itertext() if part.strip()), "")


def choices_of(form: Any) -> dict[str, str]:
    """Return by its value what a form calls each choice of its lists, and of its radio buttons and boxes."""
    found: dict[str, str] = {}
    for field in fields_of(form):
        for option in field.iter("option"):
            found.setdefault(option.get("value", option.text_content()), " ".join(option.text_content().split()))
        if _is_choice(field) and (around := next(field.iterancestors("label"), None)) is not None:
            found.setdefault(field.get("value") or "on", _text(around))
    return found
