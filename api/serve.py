"""The parent process of an installation: web, workers, scheduler.

Each child has a process group of its own, so that the terminal's Ctrl-C reaches the parent alone and the children are
stopped in order: first what hands out work and does it, then the pages. A child that dies or hangs is started again.
"""

import os
import socket
import sys
from collections.abc import Sequence

import structlog

from api.supervisor import Child, Parent, Program
from retention import migrate
from retention.errors import Invalid
from retention.home import close_home
from retention.queue import empty_embedded_queue
from retention.settings import get_settings

log = structlog.get_logger()


def run(host: str, port: int) -> None:
    """Upgrade the database, then run everything until SIGTERM or SIGINT. OSError when the port is taken."""
    settings = get_settings()
    try:
        family = socket.getaddrinfo(host, port)[0][0]
    except socket.gaierror:
        raise Invalid("{host} is not an address of this machine. Use 127.0.0.1 or 0.0.0.0.", host=host) from None
    with socket.create_server((host, port), family=family):
        pass  # a taken port is said once, here, and not by a child that dies again and again
    close_home(settings.home)
    settings.signing_key()
    migrate.upgrade(settings.database)
    empty_embedded_queue(settings)
    if "public_url" not in settings.model_fields_set:
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - asked for by --host
        os.environ["REGULARS_PUBLIC_URL"] = f"http://{shown}:{port}"
    log.info("serving", address=f"http://{host}:{port}", home=str(settings.home))
    Parent([[each] for each in children(host, port)]).watch()


def children(host: str, port: int, *, workers: Sequence[str] = ("api.workers",)) -> list[Child]:
    """Return the children in the order they are stopped. `workers` is the module that runs them, with arguments."""
    web = ["uvicorn", "--factory", "api.app:create_app", "--host", host, "--port", str(port)]
    # The access log would keep every buyer's token.
    web += ["--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "10", "--log-level", "warning"]
    return [
        Program("workers", [sys.executable, "-m", *workers]),
        Program("web", [sys.executable, "-m", *web]),
    ]
