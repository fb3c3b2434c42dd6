"""Translation into English and 简体中文: the current language, and the text of a message in it.

English texts are the keys. The catalogue is read from its .po file once per process, so nothing has to be compiled.
"""

import gettext as gettext_module
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("en", "zh-CN")
"""Language tags as pages and rows carry them."""

LOCALE_FOLDER = Path(__file__).parent / "locale"

_language: ContextVar[str] = ContextVar("language", default="en")


def current_language() -> str:
    """Return the tag of the language being spoken."""
    return _language.get()


def current_locale() -> str:
    """Return the Babel locale of the language being spoken: en or zh_CN."""
    return current_language().replace("-", "_")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak `language` in the body; an unknown tag means English."""
    token = _language.set(nearest_language(language))
    try:
        yield
    finally:
        _language.reset(token)


def nearest_language(tags: str) -> str:
    """Return the language to speak for a tag or an Accept-Language header: the first Chinese or English one named."""
    for part in tags.replace("_", "-").lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return "en"


def gettext(message: str) -> str:
    """Return `message` in the language being spoken."""
    return _catalogue(current_language()).gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """Return the form for `count` in the language being spoken."""
    return _catalogue(current_language()).ngettext(singular, plural, count)


def gettext_noop(message: str) -> str:
    """Mark `message` for translation where it is written; it is translated where it is shown."""
    return message


def ngettext_noop(singular: str, plural: str) -> tuple[str, str]:
    """Mark both forms for translation where they are written; `ngettext` says them where they are shown."""
    return singular, plural


@cache
def _catalogue(language: str) -> gettext_module.NullTranslations:
    path = LOCALE_FOLDER / language.replace("-", "_") / "LC_MESSAGES" / "regulars.po"
    if not path.exists():
        return gettext_module.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language.replace("-", "_")))
    compiled.seek(0)
    return gettext_module.GNUTranslations(compiled)


@cache
def own_words() -> frozenset[str]:
    """Return the English words that our sentences are made of, as they are written in them."""
    path = LOCALE_FOLDER / "zh_CN" / "LC_MESSAGES" / "regulars.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale="zh_CN")
    texts = (text for message in catalogue for text in ([message.id] if isinstance(message.id, str) else message.id))
    return frozenset(word for text in texts for word in re.findall(r"[A-Za-z]+", re.sub(r"\{\w+\}", "", text)))
