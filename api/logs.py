"""How the processes of an installation log: one line per event on standard error, tracebacks without values.

Values of local variables stay out: among them are passwords, keys and buyers' addresses.
"""

import sys

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
    return structlog.PrintLogger(sys.stderr)
