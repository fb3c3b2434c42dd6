"""The command `regulars`: one module per group of commands, each a thin layer over use cases.

A refusal is one line on standard error. Exit codes: 0 done, 1 not possible (unknown thing, wrong state), 2 wrong input.
Results go to standard output, as words or with `--json` as one JSON document; progress goes to standard error.
"""

import sys
from typing import NoReturn

import structlog
import typer
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from api.cli import (
    answers,
    batches,
    calendar,
    campaign_moves,
    campaigns,
    campaigns_content,
    consent,
    db,
    demo,
    failures,
    flyers,
    hooks,
    imports,
    joint,
    key,
    lift,
    policy,
    posts,
    privacy,
    reports,
    segment_tools,
    segments,
    senders,
    serve,
    shop,
    user,
)
from api.logs import configure_logs
from retention.errors import Error
from retention.home import keep_private
from retention.trouble import SENTENCES, first_line, trouble_of

log = structlog.get_logger()

app = typer.Typer(
    name="regulars",
    help="Regulars (回头客): turns buyers into regulars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
GROUPS = (
    demo,
    serve,
    db,
    shop,
    user,
    key,
    imports,
    segments,
    segment_tools,
    campaigns,
    senders,
    hooks,
    failures,
    campaigns_content,
    answers,
    consent,
    campaign_moves,
    calendar,
    policy,
    posts,
    privacy,
    flyers,
    batches,
    joint,
    reports,
    lift,
)
for group in GROUPS:
    group.add_to(app)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    keep_private()
    configure_logs()
    try:
        code = app(args=arguments, standalone_mode=False)
    except Error as error:
        _refuse(str(error), error.exit_code)
    except typer.TyperException as error:
        _refuse(error.format_message(), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _refuse("Stopped.", 130)
    except (DataError, OverflowError, UnicodeEncodeError):
        _refuse("A value holds characters or a size that cannot be kept.", 2)
    except (DBAPIError, PoolTimeoutError) as error:
        trouble = trouble_of(error)
        sentence = SENTENCES[trouble] if trouble else "The database refused."
        _refuse(f"{sentence} ({first_line(error)})", 1)
    except FileNotFoundError as error:
        _refuse(f"There is no file {error.filename}.", 1)
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}." if error.filename else str(error), 1)
    except Exception as error:
        log.critical("the command failed", exc_info=error)
        raise SystemExit(1) from None
    raise SystemExit(code or 0)


def _refuse(text: str, code: int) -> NoReturn:
    # A group without a command answers with its help, the one refusal of many lines.
    is_help = text.lstrip().startswith("Usage:")
    sys.stderr.write(f"{text}\n" if is_help else f"regulars: {' '.join(text.split())}\n")
    raise SystemExit(code)
