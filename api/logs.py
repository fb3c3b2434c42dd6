"""Logging: one event a line on standard error, without personal data of buyers.

Everything goes one way: our own events, those of libraries (uvicorn, Celery, Alembic), warnings of Python, and what
nobody caught. Of an error its class and the places it passed are told, and never its message, for it may quote a token,
a code, an address or a parameter of SQL; of a library's message the numbers and names of errors in it.
"""

import logging
import re
import sys
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from retention.error_text import log_summary, log_trace

log = structlog.get_logger()

UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
PLAIN = {"name", "id", "hostname", "description"}
"""What Celery says of a task that names nobody."""

_ENDS_A_LINE = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")


def configure_logs() -> None:
    """Set up the logs of this process; again changes nothing."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            tell_error,
            keep_to_one_line,
            _renderer(),
        ],
        logger_factory=_standard_error,
        cache_logger_on_first_use=False,
    )
    take_over_libraries()
    _take_over_the_interpreter()


def tell_error(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its class, and by where it came from."""
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.setdefault("error", log_summary(error))
        event["traceback"] = log_trace(error)
    return {name: log_summary(value) if isinstance(value, BaseException) else value for name, value in event.items()}


def keep_to_one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Put a blank for whatever ends a line."""
    return {
        name: _ENDS_A_LINE.sub(" ", value).strip() if isinstance(value, str) else value for name, value in event.items()
    }


def take_over_libraries() -> None:
    """Have the loggers of libraries log as ours do, from warnings on."""
    logging.raiseExceptions = False
    root = logging.getLogger()
    if not any(isinstance(each, _Foreign) for each in root.handlers):
        root.addHandler(_Foreign())
    root.setLevel(logging.WARNING)
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it warns of every rule of CSS that paper does not know
    for name in UVICORN:  # it has set up its own before it loads the application
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.WARNING)
        logger.propagate = name != "uvicorn.access"  # whose paths hold tokens
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether it was not logged already: the application has logged a request that fails, with its route."""
    return not str(record.msg).startswith("Exception in ASGI application")


class _Foreign(logging.Handler):
    """Takes what a library logs."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            error = record.exc_info[1] if record.exc_info else None
            where = f"{record.module}:{record.lineno}"
            log.log(record.levelno, _safe_message(record), logger=record.name, where=where, exc_info=error)


def _safe_message(record: logging.LogRecord) -> str:
    """Return a message with only the harmless of its values; one that was put together already is not told."""
    if isinstance(record.args, Mapping):
        return str(record.msg) % {name: _harmless(value, name) for name, value in record.args.items()}
    if not record.args:
        return str(record.msg) if record.name in UVICORN else "a message that may hold values"
    return str(record.msg) % tuple(_harmless(each) for each in record.args)


def _harmless(value: object, name: str = "") -> object:
    if isinstance(value, BaseException):
        return log_summary(value)
    return value if isinstance(value, int | float) or name in PLAIN else "..."


def _take_over_the_interpreter() -> None:
    """Have what nobody caught logged; what another program has set (a test runner) stays."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _end
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda caught: log.error("a thread ends", exc_info=caught.exc_value)
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = lambda caught: log.warning("an error was ignored", exc_info=caught.exc_value)
    warnings.showwarning = _warn


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("the process ends", exc_info=error)


def _warn(
    message: Warning | str,  # noqa: ARG001 - it may quote a value
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001 - of code
) -> None:
    log.warning(
        "a warning of Python", category=category.__name__, where=f"{'/'.join(Path(filename).parts[-2:])}:{lineno}"
    )


def _renderer() -> Processor:
    """Return JSON for programs, words with colours for somebody at a terminal."""
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)


def _standard_error(*_: object) -> structlog.WriteLogger:
    """Return a logger to standard error as it is now; what it was at set-up may have been closed since."""
    return structlog.WriteLogger(cast("TextIO", _Lossy(sys.stderr)))


class _Lossy:
    """A stream that loses what cannot be written: a full disk under the log must not stop the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()
