"""All workers of one machine and the scheduler, forked from one process that has loaded everything once.

`regulars serve` runs this. Each worker works for one queue, one task at a time, and is replaced when it dies or hangs.
On several machines run `celery -A api.worker worker` instead, and let what supervises the machine watch it.
"""

import gc
import warnings
from collections.abc import Callable
from functools import partial
from threading import Event, Thread

from celery import Celery
from celery.apps.beat import Beat
from celery.exceptions import SecurityWarning

from api.supervisor import Child, Fork, Parent
from api.worker import app
from retention import watchdog
from retention.queue import Lane

WORKERS = {Lane.QUICK: 2, Lane.SENDING: 2, Lane.CALLS: 1, Lane.PREPARING: 1, Lane.LONG: 1}
"""How many processes work for each queue."""


def run(celery: Celery) -> None:
    """Run scheduler and workers until SIGTERM."""
    gc.collect()
    gc.freeze()  # what the forks share stays shared
    warnings.filterwarnings("ignore", category=SecurityWarning)  # as root too: messages are JSON, and carry no code
    workers = [
        Fork(f"{lane.value}-{number}", partial(_work, celery, lane, number))
        for lane, many in WORKERS.items()
        for number in range(1, many + 1)
    ]
    scheduler = Fork("scheduler", partial(_schedule, celery))
    # Ended before whoever started this loses patience.
    Parent([[scheduler], _as_children(workers)], patience=15.0).watch()


def _as_children(forks: list[Fork]) -> list[Child]:
    return list(forks)


def _work(celery: Celery, lane: Lane, number: int) -> None:
    name = f"{lane.value}-{number}@%h"
    _beat_beside(celery)
    quiet = ["--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    celery.start(["--quiet", "worker", "--pool", "solo", "--queues", lane.value, "--hostname", name, *quiet])


def _schedule(celery: Celery) -> None:
    Beat(app=celery, loglevel="WARNING", quiet=True).run()


def _beat_beside(celery: Celery) -> None:
    """Have a thread report to the watchdog where the queue is not ours, whose own looks into the queue are beats."""
    if str(celery.conf.broker_url).startswith("files:"):
        return
    Thread(target=_keep_beating, args=(Event().wait,), daemon=True).start()


def _keep_beating(wait: Callable[[float], bool]) -> None:
    while not wait(watchdog.idle() / 4):
        watchdog.beat()


if __name__ == "__main__":
    run(app)
