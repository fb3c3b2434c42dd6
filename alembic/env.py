"""How Alembic reaches the database and learns which tables there should be.

The address comes from `retention.migrate`, from `alembic -x url=...`, or from the settings, in this order.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.util import load_python_file
from sqlmodel import SQLModel

import api.tables  # noqa: F401 -- registers every table; one that is missing here would be drafted as a removal
from retention import migrate
from retention.settings import settings_or_exit

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from sqlalchemy import Connection

unreleased: Any = load_python_file(str(Path(__file__).parent), "unreleased.py")


def address() -> str:
    given = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    return given or settings_or_exit().database


def render_type(kind: str, item: Any, autogen_context: "AutogenContext") -> str | Literal[False]:
    """Write what Alembic gets wrong: the JSON type of two databases, and the import a column type of ours needs."""
    if kind == "type" and isinstance(item, sa.JSON):
        autogen_context.imports.add("from retention.database import Json")
        return "Json"
    module = type(item).__module__
    if module.partition(".")[0] in {"retention", "segments", "campaigns", "printables", "api"}:
        autogen_context.imports.add(f"import {module}")
    return False


def moves() -> bool:
    """Whether this command moves the database to another revision, and does not only look at it."""
    try:
        return bool(context.get_revision_argument())
    except KeyError:
        return False


def run(connection: "Connection") -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        compare_server_default=True,
        transactional_ddl=True,
        render_item=render_type,
    )
    with context.begin_transaction():
        migrate.take_turn(connection)
        if moves():
            unreleased.repair(connection, context.script.get_revision(unreleased.FIRST).module.upgrade)
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations look at the database they change; run them connected, without --sql.")

if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    with migrate.connect(address()) as opened:
        run(opened)
