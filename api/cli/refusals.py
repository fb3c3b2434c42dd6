"""Errors of commands: one line and the exit code. Loaded with the first command, for its imports."""

import errno

import structlog
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from retention.database_errors import SENTENCES, database_problem, driver_message
from retention.errors import Error

log = structlog.get_logger()


def refusal_of(error: Exception) -> tuple[str, int]:
    """Return the line and the exit code for an error; of one nobody foresaw the log has more."""
    match error:
        case Error():
            return str(error), error.exit_code
        case DataError() | OverflowError() | UnicodeEncodeError():
            return "A value is too long or contains characters that cannot be stored.", 2
        case DBAPIError() | PoolTimeoutError():
            problem = database_problem(error)
            sentence = SENTENCES[problem] if problem else "The database refused."
            return f"{sentence} ({driver_message(error)})", 1
        case FileNotFoundError():
            return f"There is no file {error.filename}.", 1
        case OSError():
            return _of_the_machine(error), 1
    log.critical("the command failed", exc_info=error)
    return "", 1


def _of_the_machine(error: OSError) -> str:
    reason = error.strerror or str(error)
    wording = f"{error.filename}: {reason}." if error.filename else f"{reason}."
    return (
        f"{wording} Make room on the disk, then try again." if error.errno in {errno.ENOSPC, errno.EDQUOT} else wording
    )
