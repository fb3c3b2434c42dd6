"""Worker tasks of print: rendering batches that are reserved, also those that were interrupted."""

from datetime import timedelta
from functools import partial

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from printables.batches import Batch, BatchState
from printables.make_batch import RENDER, render_batch, void_batch
from retention import clock
from retention.database import after_commit, reading, transaction
from retention.errors import Error
from retention.failures import Thing, each_alone, failures_of, forget_failure, is_given_up
from retention.files import open_store
from retention.queue import send, task, worker_engine
from retention.settings import get_settings

log = structlog.get_logger()

PATIENCE = timedelta(minutes=1)
"""How long whoever reserved a batch has for rendering it before a worker does."""


@task(RENDER)
def render(session: Session, batch_id: int) -> None:
    """Render one reserved batch."""
    # Laying out and stamping take seconds: they run after this transaction, which would keep other writers out.
    after_commit(session, partial(render_or_void, worker_engine(), batch_id))


@task("printables.render_waiting", every=PATIENCE)
def render_waiting(session: Session) -> None:
    """Find the batches that have waited for their files for longer than a minute, and send for each."""
    now = clock.now()
    # Also what was ordered while the clock was ahead.
    due = sa.or_(col(Batch.made_at) <= now - PATIENCE, col(Batch.made_at) > now + PATIENCE)
    unmade = sa.and_(col(Batch.state) == BatchState.RENDERED, sa.cast(col(Batch.files), sa.Text) == "[]")
    waiting = sa.or_(col(Batch.state) == BatchState.RESERVED, unmade)
    overdue = select(Batch.id).where(waiting, due)
    for batch_id in session.exec(overdue.order_by(col(Batch.id))).all():
        send(session, RENDER, batch_id)


def render_or_void(engine: Engine, batch_id: int) -> None:
    """Render a batch; one that cannot be printed as it was proved is given up, and its deliveries wait again.

    So is one that fails for a reason nobody foresaw, after several tries.
    """
    with reading(engine) as session:
        batch = session.get_one(Batch, batch_id)
    thing = Thing(batch.shop_id, "batch", batch_id, str(batch.number), daily=False)
    each_alone(engine, "batch", [thing], partial(_render, engine), now=clock.now())
    with transaction(engine) as session:
        for trouble in filter(is_given_up, failures_of(session, thing.shop_id, kind="batch", thing_id=batch_id)):
            void_batch(session, batch_id, at=clock.now(), by="system", why=trouble.why)
            forget_failure(session, thing.shop_id, "batch", batch_id)


def _render(engine: Engine, thing: Thing) -> None:
    settings, batch_id = get_settings(), thing.id
    try:
        render_batch(engine, batch_id, files=open_store(settings), public_url=settings.public_url, demo=settings.demo)
    except Error as error:
        log.warning("batch given up", batch=batch_id, error=error)
        with transaction(engine) as session:
            void_batch(session, batch_id, at=clock.now(), by="system", why=str(error))
