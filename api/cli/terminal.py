"""What commands share: session, shop, moment and actor, opened in one way; how a file is read, a result written."""

import getpass
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Engine
from sqlmodel import Session

from campaigns.campaign.reasons import step_name
from retention import clock, database
from retention.access import Member, terminal_actor, terminal_member
from retention.column_limits import LARGEST
from retention.errors import Invalid
from retention.home import open_home
from retention.paging import Page
from retention.queue import configure
from retention.settings import get_settings
from retention.shops import Shop, find_shop

ShopOption = Annotated[str, typer.Option("--shop", help="The shop's slug.", metavar="SLUG")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write the result as one JSON document.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=LARGEST, help="Maximum number of rows.")]

USUAL_ROWS = 1000
"""Rows of a list when nobody says how many."""


@cache
def engine() -> Engine:
    """Return the installation's database."""
    settings = get_settings()
    if not settings.database_url:
        open_home(settings.home)
    configure(settings)
    return database.open_engine(settings.database)


@dataclass(frozen=True)
class Here:
    """What a command works with: the session, the moment it began, and who sits at the terminal."""

    session: Session
    now: datetime
    actor: str


@dataclass(frozen=True)
class InShop(Here):
    """The same in one shop; who runs the installation may do everything there."""

    shop: Shop
    member: Member


@contextmanager
def reading(shop: str) -> Iterator[InShop]:
    """Open the shop of a command that writes nothing."""
    with database.reading(engine()) as session:
        yield _in_shop(session, shop)


@contextmanager
def writing(shop: str) -> Iterator[InShop]:
    """Open the shop of a command in one transaction: committed at the end, rolled back on any refusal."""
    with database.transaction(engine()) as session:
        yield _in_shop(session, shop)


@contextmanager
def writing_everywhere() -> Iterator[Here]:
    """Open a transaction of a command that is about no one shop."""
    with database.transaction(engine()) as session:
        yield Here(session, clock.now(), terminal_actor(_user()))


def _in_shop(session: Session, slug: str) -> InShop:
    shop = find_shop(session, slug)
    member = terminal_member(shop.id, _user())
    return InShop(session, clock.now(), member.actor, shop, member)


def _user() -> str:
    """Return the name the machine knows the person by; a container may have none for its number."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def read_json(source: str | Path) -> Any:
    """Return what a file of JSON says; `-` is standard input. Invalid when it is none."""
    if str(source) == "-":
        return parse_json(sys.stdin.read(), "standard input")
    name = Path(source).name
    try:
        return parse_json(Path(source).read_text("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise Invalid("{file} is not UTF-8 text.", file=name) from error


def parse_json(text: str, name: str) -> Any:
    """Return what JSON says that was given as `name`; Invalid when it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Invalid(
            "{file} is not JSON: {problem} in line {line}.", file=name, problem=error.msg, line=error.lineno
        ) from error
    except RecursionError as error:
        raise Invalid("{file} is nested too deeply.", file=name) from error


def show(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Write a result: a line per value, those of a group below it, or one JSON document."""
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, default=str))
        return
    for line in lines_of(result):
        typer.echo(line)


def lines_of(values: Mapping[str, Any], *, within: str = "", indent: str = "") -> Iterator[str]:
    """Yield values as a person reads them: reasons and steps of a funnel by their words, groups indented."""
    for name, value in values.items():
        label = step_name(name) if within in _BY_REASON else name if within in _AS_WRITTEN else name.replace("_", " ")
        if name in _SENTENCES and isinstance(value, list) and value:
            yield f"{indent}{label}:"
            yield from (f"{indent}  - {each}" for each in value)
        elif isinstance(value, Mapping) and value and name not in _TO_COPY:
            yield f"{indent}{label}:"
            yield from lines_of(value, within=name, indent=f"{indent}  ")
        elif name in _CHANCES and value is not None:
            yield f"{indent}{_chance(value)}{_CHANCES[name]}"
        else:
            yield f"{indent}{label}: {_plain(value)}"


_BY_REASON = {"skipped", "funnel"}
"""Groups that count buyers by why they get nothing."""

_AS_WRITTEN = {"columns"}
"""Groups whose names stand so in a file."""

_SENTENCES = {"notes"}
"""What is read one by one."""

_TO_COPY = {"rule"}
"""What is written as JSON, since commands read it so."""

_CHANCES = {"p": "", "p_holm": " corrected for several arms (Holm)"}


def _chance(value: float) -> str:
    from campaigns.statistics.sentences import chance  # SciPy stands behind it

    return chance(value)


def _plain(value: Any) -> str:
    if value is None or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple) and not any(isinstance(each, list | tuple | dict) for each in value):
        return ", ".join(map(_plain, value)) or "none"
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list | tuple) else str(value)


def show_rows(name: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Write rows: a line each with these columns between tabs, or one JSON document with all of them under `name`."""
    if as_json:
        show({name: rows}, as_json=True)
        return
    for row in rows:
        typer.echo(_tabbed(row[column] for column in columns))


def show_page(
    name: str, rows: Sequence[Mapping[str, Any]], page: Page[Any], columns: Sequence[str], *, as_json: bool
) -> None:
    """Write the rows of a page likewise; say so when the list goes on after them."""
    if as_json:
        show({name: rows} | more_of(page), as_json=True)
    else:
        show_rows(name, rows, columns, as_json=False)
    if page.next:
        typer.echo(f"Rows shown: {len(rows)}. There are more; use --limit to see them.", err=True)


def more_of(page: Page[Any]) -> dict[str, bool]:
    """Return what a JSON document says beside the rows of a page that is not the whole list."""
    return {"more": True} if page.next else {}


def _tabbed(values: Iterable[Any]) -> str:
    return "\t".join("" if value is None else str(value) for value in values).rstrip()
