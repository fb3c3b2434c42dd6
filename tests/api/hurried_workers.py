"""The workers of `regulars serve`, in a hurry: a sweep several times a second, a task that hangs, short patience.

Run as `python -m tests.api.hurried_workers HOST PORT` it is all of `regulars serve` with these workers.
"""

import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import time_machine
from sqlalchemy import Engine
from sqlmodel import Session

from api import serve, supervisor, workers
from api.supervisor import Parent
from api.worker import app
from retention import clock, queue
from retention.idempotency import forget_answers

supervisor.FORK_START = 8.0
supervisor.FIRST_PAUSE = supervisor.LONGEST_PAUSE = 0.1
# A worker stopped while it is at work is replaced after its limit, in whichever queue it works.
queue.LIMITS.update(dict.fromkeys(queue.LIMITS, 8.0) | {queue.Lane.QUICK: 2.0})


def keep_the_clock() -> None:
    """Have this process believe that it is as many days later as the file says that HURRIED_CLOCK names."""
    days, moved = 0, None
    while True:
        said = int(Path(os.environ["HURRIED_CLOCK"]).read_text() or days)
        if said != days:
            if moved:
                moved.stop()
            days, moved = said, time_machine.travel(clock.now() + timedelta(days=said), tick=True)
            moved.start()
        time.sleep(0.25)


def with_its_clock() -> None:
    """Start that beside what this process does."""
    threading.Thread(target=keep_the_clock, daemon=True).start()


os.register_at_fork(after_in_child=with_its_clock)


@queue.task("tests.forget", every=timedelta(seconds=0.3))
def forget(session: Session) -> None:
    """Delete old answers: what the tests look at to see that work goes on."""
    forget_answers(session, clock.now())


@queue.engine_task("tests.hang")
def hang(_engine: Engine) -> None:
    """Never end."""
    while True:
        time.sleep(60)


if __name__ == "__main__":
    if sys.argv[1:]:
        queue.empty_embedded_queue(queue.get_settings())
        children = serve.children("127.0.0.1", 0, workers=["tests.api.hurried_workers"])
        Parent([[each] for each in children if each.name == "workers"]).watch()
    else:
        workers.run(app)
