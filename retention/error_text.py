"""Errors as sentences for people and as lines for the log, both without values of buyers, statements or secrets."""

import re
import sqlite3
import traceback
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from retention.column_limits import fitting
from retention.database_errors import SENTENCES, database_problem, driver_message
from retention.errors import Error
from retention.i18n import gettext, gettext_noop


def log_summary(error: BaseException) -> str:
    """Return what a log may say of an error: its class, and what the database says without values. No message."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
        return f"{type(error).__name__} ({state or type(error.orig).__name__}): {driver_message(error)}"
    if isinstance(error, Error):
        return f"{type(error).__name__}: {error.message}"
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    if isinstance(error, BaseExceptionGroup):
        return f"{type(error).__name__}: {', '.join(log_summary(each) for each in error.exceptions[:5])}"
    return type(error).__name__


def public_message(error: BaseException) -> str:
    """Return what went wrong as a sentence for the people of a shop, in the language spoken.

    A refusal of ours is told in its words. Of anything else no word of the message is told, which may quote values of
    a buyer, a statement or a secret: whoever runs the installation finds its kind in the log.
    """
    if isinstance(error, Error):
        return error.say(gettext)
    if isinstance(error, RemoteError):
        return str(error)
    problem = database_problem(error) if isinstance(error, (SQLAlchemyError, sqlite3.Error)) else None
    if problem:
        return gettext(SENTENCES[problem])
    if isinstance(error, OSError) and error.strerror:
        return gettext("System error: {why}. The administrator finds more in the log.").format(why=error.strerror)
    return gettext(UNEXPECTED).format(kind=type(error).__name__)


UNEXPECTED = gettext_noop("Internal error ({kind}). The administrator finds it in the log.")


class RemoteError(Exception):
    """What another side answered, in its words, but for what may be somebody's: addresses, numbers, secrets."""

    def __init__(self, detail: str) -> None:
        super().__init__(redacted(detail))


def redacted(text: str) -> str:
    """Return what another side said without mail addresses, telephone numbers, secrets, and what follows a host."""
    for pattern, instead in _SOMEBODYS:
        text = pattern.sub(instead, text)
    return fitting(text, _LONGEST_ANSWER)


_LONGEST_ANSWER = 500
_SOMEBODYS = (
    (re.compile(r"(https?://)(?:[^\s/@\"'<>]*@)?([^\s/?#\"'<>]+)[^\s\"'<>]*"), r"\1\2/…"),
    (re.compile(r"[^\s<>\"'=:;,()\[\]]+@[^\s<>\"'=:;,()\[\]]+"), "…"),
    (re.compile(r"(?<![\w.])\+?\d(?:[ -]?\d){8,}(?![\w.])"), "…"),
    (re.compile(r"(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{24,}"), "…"),
)


def log_trace(error: BaseException) -> str:
    """Return where an error and its causes came from, in one line and without values: the innermost place last."""
    causes = [f"{log_summary(each)} at {' > '.join(_places(each)) or 'no line'}" for each in _causes(error)]
    return " < ".join(causes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen and len(seen) < _MOST_CAUSES:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_PLACES:]
    return [f"{'/'.join(Path(each.filename).parts[-2:])}:{each.lineno} {each.name}" for each in frames]


_MOST_CAUSES, _MOST_PLACES = 5, 20
