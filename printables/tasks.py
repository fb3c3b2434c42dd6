"""What workers do for paper: render the batches that were reserved, also those whose maker stopped half-way."""

from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from printables.batches import Batch, BatchState
from printables.make_batch import RENDER, render_batch, void_batch
from retention import clock
from retention.database import after_commit, transaction
from retention.errors import Error
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
    """Find the batches that have been reserved for longer than a minute, and send for each."""
    overdue = select(Batch.id).where(Batch.state == BatchState.RESERVED, Batch.made_at <= clock.now() - PATIENCE)
    for batch_id in session.exec(overdue.order_by(col(Batch.id))).all():
        send(session, RENDER, batch_id)


def render_or_void(engine: Engine, batch_id: int) -> None:
    """Render a batch; one that cannot be printed as it was proved is given up, and its deliveries wait again."""
    settings = get_settings()
    try:
        render_batch(engine, batch_id, files=open_store(settings), public_url=settings.public_url)
    except Error as error:
        log.warning("batch given up", batch=batch_id, error=str(error))
        with transaction(engine) as session:
            void_batch(session, batch_id, at=clock.now(), by="system", why=str(error))
