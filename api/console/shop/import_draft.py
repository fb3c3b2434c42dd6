"""The page of a file that was understood: a choice for each column, the questions, and what is known of the file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from starlette.datastructures import FormData

from api.console.shop.import_fields import field_choices, field_name
from retention.errors import Invalid
from retention.i18n import gettext as _
from retention.i18n import gettext_noop
from retention.ingest.columns import columns_of, spelled
from retention.ingest.drafts import understanding_of
from retention.ingest.files.encodings import known_encodings
from retention.ingest.jobs import options_of
from retention.ingest.options import ImportOptions, parse_rates, parse_statuses
from retention.ingest.presets import AUTO, PRESETS
from retention.ingest.time_zones import zone_words
from retention.jobs import Job

PRESET_NAMES = {
    "generic": gettext_noop("Any other file"),
    "taobao": gettext_noop("Taobao"),
    "tmall": gettext_noop("Tmall report"),
    "jd": gettext_noop("JD"),
    "pinduoduo": gettext_noop("Pinduoduo"),
    "douyin": gettext_noop("Douyin"),
    "youzan": gettext_noop("Youzan"),
    "woocommerce": "WooCommerce",
    "prestashop": "PrestaShop",
    "ebay": "eBay",
}
DECIMALS = (
    ("", gettext_noop("Detect")),
    ("point", gettext_noop("Point: 1234.50")),
    ("comma", gettext_noop("Comma: 1234,50")),
)
DATES = (
    ("", gettext_noop("Detect")),
    ("dmy", gettext_noop("Day first: 31/12/2026")),
    ("mdy", gettext_noop("Month first: 12/31/2026")),
)
ANSWERS = {
    "comma": gettext_noop("The comma separates the cents"),
    "point": gettext_noop("The point separates the cents"),
    "dmy": gettext_noop("The day comes first"),
    "mdy": gettext_noop("The month comes first"),
}


MEANINGS = (
    ("paid", gettext_noop("Paid")),
    ("unpaid", gettext_noop("Not paid yet")),
    ("cancelled", gettext_noop("Cancelled")),
    ("refunded", gettext_noop("Refunded")),
    ("ignore", gettext_noop("No order of the shop")),
)


@dataclass(frozen=True)
class DraftColumn:
    """A column of the file: some of its cells, what it is taken for, and what it could be."""

    number: int
    name: str
    cells: list[str]
    field: str
    choices: list[tuple[str, str]]


@dataclass(frozen=True)
class DraftAnswer:
    """One answer to a question: what each example would be."""

    value: str
    label: str
    examples: list[tuple[str, str]]


@dataclass(frozen=True)
class DraftQuestion:
    """A question about a column, answered by an option."""

    option: str
    text: str
    answers: list[DraftAnswer]


def draft_context(job: Job) -> dict[str, Any]:
    """Return what the page shows of a file that was understood."""
    seen, options = understanding_of(job), options_of(job)
    return {
        "seen": seen,
        "options": options,
        "draft_columns": _columns(job.input["kind"], seen),
        "draft_questions": _questions(seen, options),
        "open_words": _open(seen, "statuses"),
        "open_currencies": _open(seen, "rates"),
        "draft_notes": [note for note in seen.get("notes", []) if note not in _asked_texts(seen)],
        "meanings": [("", _("Not said yet: rejected")), *((value, _(name)) for value, name in MEANINGS)],
        "presets": [("", _("Detect")), *((name, preset_name(name)) for name in PRESETS)],
        "preset_name": preset_name(seen.get("preset", "")),
        "encodings": [("", _("Detect")), *((name, name) for name in known_encodings().split(", "))],
        "decimals": [(value, _(name)) for value, name in DECIMALS],
        "date_orders": [(value, _(name)) for value, name in DATES],
        "statuses": "\n".join(f"{word}={meaning}" for word, meaning in options.statuses.items()),
        "rates": "\n".join(f"{currency}={rate}" for currency, rate in options.rates.items()),
        "zone_words": zone_words(seen),
        "field_name": field_name,
    }


def preset_name(name: str) -> str:
    """Return a preset as people read it."""
    return _(PRESET_NAMES.get(name, name.capitalize()))


def draft_options(job: Job, form: FormData) -> ImportOptions:
    """Return the options that the form says; Invalid when two columns are taken for one field.

    With another preset, header or encoding the columns are found again.
    """
    if form.get("reset"):
        return ImportOptions()
    given = _given(form)
    before = options_of(job)
    if any(getattr(given, name) != getattr(before, name) for name in ("preset", "header_row", "encoding")):
        return given
    mapping, ignore = _chosen(understanding_of(job), form)
    return replace(given, mapping=mapping, ignore=tuple(ignore))


def _given(form: FormData) -> ImportOptions:
    texts = {name: str(form.get(name, "")).strip() for name in ("preset", "dates", "decimal", "encoding", "source")}
    row = str(form.get("header_row", "")).strip()
    if row and not (row.isascii() and row.isdigit()):
        raise Invalid("The header row is a line of the file, from 1, not {row}.", row=repr(row), field="header_row")
    return ImportOptions(
        preset=texts["preset"] or AUTO,
        source=texts["source"] or None,
        dates=texts["dates"] or None,
        decimal=texts["decimal"] or None,
        encoding=texts["encoding"] or None,
        header_row=int(row) if row else None,
        statuses=parse_statuses([*_lines(form, "statuses"), *_answered(form, "word", "meaning")]),
        rates=parse_rates([*_lines(form, "rates"), *_answered(form, "currency", "rate")]),
        add_lines=bool(form.get("add_lines")),
    )


def _answered(form: FormData, asked: str, answer: str) -> list[str]:
    """Return the answers to open points as pairs, `word=paid`; one that is blank answers nothing."""
    names = [name.rpartition("-")[2] for name in form if name.startswith(f"{asked}-")]
    pairs = [(str(form.get(f"{asked}-{each}", "")), str(form.get(f"{answer}-{each}", "")).strip()) for each in names]
    return [f"{value}={given}" for value, given in pairs if given]


def _open(seen: Mapping[str, Any], option: str) -> list[str]:
    return [each["examples"][0] for each in seen.get("questions", []) if each["option"] == option]


def _asked_texts(seen: Mapping[str, Any]) -> set[str]:
    return {each["text"] for each in seen.get("questions", [])}


def _lines(form: FormData, name: str) -> list[str]:
    return [line.strip() for line in str(form.get(name, "")).splitlines() if line.strip()]


def _chosen(seen: Mapping[str, Any], form: FormData) -> tuple[dict[str, str], list[str]]:
    """Return the columns chosen for each field, and those for none."""
    chosen: dict[str, list[str]] = {}
    ignore = []
    for number, column in enumerate(seen.get("header", [])):
        fields = [each for each in str(form.get(f"column-{number}", "")).split(",") if each]
        if not fields:
            ignore.append(column)
        for field in fields:
            chosen.setdefault(field, []).append(column)
    return {field: _spelling(seen, field, columns) for field, columns in chosen.items()}, ignore


def _spelling(seen: Mapping[str, Any], field: str, columns: list[str]) -> str:
    """Return the columns of a field as an option says them; Invalid for several that were not read together before."""
    if len(columns) == 1:
        return columns[0]
    before = columns_of(seen.get("mapping", {}).get(field, ""), seen["header"])
    kept = [source for source in before if set(source) <= set(columns)]
    if set(chain(*kept)) == set(columns):
        return spelled(kept)
    raise Invalid(
        gettext_noop("Two columns are taken for {field}: {first} and {second}. Choose one of them."),
        field=field_name(field),
        first=repr(columns[0]),
        second=repr(columns[1]),
    )


def _columns(kind: str, seen: Mapping[str, Any]) -> list[DraftColumn]:
    fields: dict[str, list[str]] = {}
    for field, spelling in (seen.get("mapping") or seen.get("columns", {})).items():
        for column in dict.fromkeys(chain(*columns_of(spelling, seen["header"]))):
            fields.setdefault(column, []).append(field)
    found = []
    for number, name in enumerate(seen.get("header", [])):
        current = ",".join(sorted(fields.get(name, [])))
        found.append(DraftColumn(number, name, seen["cells"].get(name, []), current, field_choices(kind, current)))
    return found


def _questions(seen: Mapping[str, Any], options: ImportOptions) -> list[DraftQuestion]:
    """Return the questions that are open, one for each option: several columns may ask the same."""
    found: dict[str, DraftQuestion] = {}
    for each in seen.get("questions", []):
        if each["option"] not in {"decimal", "dates"} or each["option"] in found or getattr(options, each["option"]):
            continue
        answers = [
            DraftAnswer(value, _(ANSWERS.get(value, value)), list(zip(each["examples"], made, strict=False))[:2])
            for value, made in sorted(each["choices"].items())
        ]
        text = _("How is the column {column} to be read?").format(column=f"“{each['column']}”")
        found[each["option"]] = DraftQuestion(each["option"], text, answers)
    return list(found.values())
