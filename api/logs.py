"""How the processes of an installation log: one line per event on standard error, tracebacks without values.

Values of local variables stay out: among them are passwords, keys and buyers' addresses.
"""

import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog


def configure_logs() -> None:
    """Set up structlog for this process; again changes nothing."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=_standard_error,
        cache_logger_on_first_use=False,
    )


def _standard_error(*_: object) -> structlog.PrintLogger:
    """Return a logger to standard error as it is now; what it was at set-up may have been closed since."""
    return structlog.PrintLogger(cast("TextIO", _Lossy(sys.stderr)))


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
