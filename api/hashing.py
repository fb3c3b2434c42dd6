"""Password hashing: a few at a time and outside transactions, since each takes a core and 64 MB for a moment.

Who waits holds no thread, so that a crowd at the login page does not stop the pages of those who are in.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from retention.i18n import gettext_noop

AT_A_TIME = 2
MOST_WAITING = 60

Result = TypeVar("Result")


def new_limiter() -> anyio.CapacityLimiter:
    """Return what one application counts its hashing with."""
    return anyio.CapacityLimiter(AT_A_TIME)


async def hashing(request: Request, work: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """Run `work`, which hashes, when it is its turn; 503 when more wait than a minute's worth."""
    limiter: anyio.CapacityLimiter = request.app.state.hashing
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        detail = gettext_noop("Too many sign-ins at the moment. Try again in a few seconds.")
        raise HTTPException(503, detail, {"Retry-After": "5"})
    return await to_thread.run_sync(partial(work, *arguments, **named), limiter=limiter)


async def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """Run `work`, which asks the database, in a thread of the requests."""
    return await run_in_threadpool(work, *arguments)
