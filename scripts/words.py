"""Collect the translatable sentences of the code and the pages, and update the Chinese catalogue.

New sentences arrive untranslated, sentences nobody says any more leave, translations stay. Prints what is missing.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po
from sqlalchemy import Enum

from api.tables import metadata
from campaigns.campaign.lifecycle import CampaignMove
from retention.errors import in_words

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("retention", "segments", "campaigns", "printables", "api")
CHINESE = ROOT / "retention" / "locale" / "zh_CN" / "LC_MESSAGES" / "regulars.po"
METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
# The extensions the pages are read with, and the silence about a page that cannot be read turned off.
OPTIONS = {"**.html": {"extensions": "jinja2.ext.do,jinja2.ext.loopcontrols", "silent": "false"}}
# An error's message is a template that is translated where it is shown.
_MARKS = ("gettext_noop", "n_", "Invalid", "NotFound", "Conflict", "Forbidden")
KEYWORDS = {**DEFAULT_KEYWORDS, **dict.fromkeys(_MARKS), "ngettext_noop": (1, 2)}


def main() -> None:
    sentences, chinese = collect(), read_chinese()
    chinese.update(sentences, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    CHINESE.parent.mkdir(parents=True, exist_ok=True)
    with CHINESE.open("wb") as file:
        write_po(file, chinese, width=120, include_lineno=False, ignore_obsolete=True, sort_by_file=True)
    missing = untranslated(chinese)
    print(f"{len(chinese)} sentences, {len(missing)} without Chinese")
    for sentence in missing:
        print(f"  {sentence}")


def collect() -> Catalog:
    """Every sentence marked for translation, as a catalogue without translations."""
    catalogue = Catalog(domain="regulars", project="Regulars", charset="utf-8")
    for place, sentence, comments, context in _found():
        catalogue.add(sentence, None, [(place, 1)], auto_comments=comments, context=context)
    return catalogue


def read_chinese() -> Catalog:
    if CHINESE.exists():
        with CHINESE.open("rb") as file:
            return read_po(file, locale="zh_CN", domain="regulars")
    day = datetime(2026, 1, 1, tzinfo=UTC)
    return Catalog(
        "zh_CN", "regulars", project="Regulars", charset="utf-8", creation_date=day, revision_date=day, fuzzy=False
    )


def untranslated(catalogue: Catalog) -> list[str]:
    """The sentences of which a form is missing or only guessed."""
    return [
        str(message.id if isinstance(message.id, str) else message.id[0])
        for message in catalogue
        if message.id and (message.fuzzy or not message.string or not all(message.string))
    ]


def _members() -> Iterator[tuple[str, str, list[str], None]]:
    """The members of enumerations kept in rows, and the moves of campaigns: refusals name them."""
    columns = (column for table in metadata.tables.values() for column in table.columns)
    named = [column.type.enum_class for column in columns if isinstance(column.type, Enum)]
    kinds = {kind for kind in (*named, CampaignMove) if kind and issubclass(kind, StrEnum)}
    for kind in sorted(kinds, key=lambda kind: kind.__name__):
        for member in kind:
            yield f"{kind.__module__.replace('.', '/')}.py", in_words(member), [], None


def _found() -> Iterator[tuple[str, str | tuple[str, ...], list[str], str | None]]:
    yield "retention/errors.py", ", ", [], None
    yield from _members()
    for package in PACKAGES:
        found = extract_from_dir(ROOT / package, METHODS, OPTIONS, KEYWORDS, comment_tags=("Translators:",))
        for file, _line, sentence, comments, context in found:
            yield f"{package}/{file}", sentence, comments, context


if __name__ == "__main__":
    main()
