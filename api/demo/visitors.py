"""Buyers with phones: real requests to the real web application over loopback, at the hours the sample says."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from typing import Literal
from urllib.parse import urljoin, urlsplit

import uvicorn

from api.app import create_app
from api.demo.stage import DemoStep, Stage
from retention.errors import Conflict

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


def replay(stage: Stage, visits: Sequence[Visit], step: DemoStep) -> None:
    """Make the visits in their order, each at its moment."""
    with _website(stage) as site, closing(HTTPConnection(urlsplit(site).netloc, timeout=_PATIENCE_S)) as phone:
        for visit in sorted(visits):
            stage.now = visit.at
            _make(phone, visit, site)
            step.advance()


def _make(phone: HTTPConnection, visit: Visit, site: str) -> None:
    if visit.kind == "open":
        _ask(phone, "GET", f"/Q/{visit.token}")
    elif leads_to := _ask(phone, "POST", f"/Q/{visit.token}/claim", Origin=site):
        _ask(phone, "GET", leads_to)


def _ask(phone: HTTPConnection, method: str, path: str, **headers: str) -> str:
    """Ask for a page and read it; return the path it leads on to, nothing as a rule."""
    phone.request(method, path, headers={"User-Agent": PHONE, "Accept": "*/*"} | headers)
    answer = phone.getresponse()
    answer.read()
    if answer.status >= 400:
        raise Conflict("{method} {path} returned {status}.", method=method, path=path, status=answer.status)
    return urlsplit(urljoin(path, answer.getheader("Location", ""))).path if answer.status >= 300 else ""


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
