"""Buyers with phones: real requests to the real web application over loopback, at the hours the sample says."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import httpx
import uvicorn

from api.app import create_app
from api.demo.stage import Stage, Step

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50"
)
_PATIENCE_S = 20


@dataclass(frozen=True, order=True)
class Visit:
    """One moment at which a buyer opens a link or claims what is behind it."""

    at: datetime
    token: str
    kind: Literal["open", "claim"] = "open"


def replay(stage: Stage, visits: Sequence[Visit], step: Step) -> None:
    """Make the visits in their order, each at its moment."""
    with _website(stage) as site, httpx.Client(base_url=site, headers={"User-Agent": PHONE}) as phone:
        for visit in sorted(visits):
            stage.now = visit.at
            answer = _make(phone, visit, site)
            answer.raise_for_status()
            step.advance()


def _make(phone: httpx.Client, visit: Visit, site: str) -> httpx.Response:
    if visit.kind == "open":
        return phone.get(f"/Q/{visit.token}")
    return phone.post(f"/Q/{visit.token}/claim", headers={"Origin": site}, follow_redirects=True)


@contextmanager
def _website(stage: Stage) -> Iterator[str]:
    """Serve the application on a free port with the stage's clock; yield its address."""
    app = create_app(stage.settings, engine=stage.engine, now=lambda: stage.now)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + _PATIENCE_S
    while not server.started and time.monotonic() < deadline and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=_PATIENCE_S)
