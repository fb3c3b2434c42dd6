"""One parent for everything an installation runs: web, worker, scheduler.

Each child has a process group of its own, so that the terminal's Ctrl-C reaches the parent alone and the children are
stopped in order: first what hands out work, then what does it, then the pages. A child that dies is started again.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from retention import migrate
from retention.settings import Settings, get_settings

log = structlog.get_logger()

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0
PATIENCE = 20.0
_LOOK_EVERY = 0.1
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A process to keep running. `pause` is how long the next restart waits, in seconds."""

    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    due: float = 0.0

    def start(self, at: float) -> None:
        tied = partial(_die_with, os.getpid())
        self.process = subprocess.Popen(self.command, start_new_session=True, preexec_fn=tied)  # noqa: PLW1509, S603
        self.started = at

    def tend(self, at: float) -> None:
        """Start the child again when it has died and its pause is over."""
        if self.process is None:
            if at >= self.due:
                self.start(at)
            return
        code = self.process.poll()
        if code is None:
            return
        self.sweep()
        self.pause = FIRST_PAUSE if at - self.started > STEADY_AFTER else self.pause
        log.warning("child died, starting it again", child=self.name, code=code, pause=self.pause)
        self.process, self.due = None, at + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)

    def stop(self) -> None:
        """Ask the child to end what it is doing; after PATIENCE seconds end it."""
        if self.process is None:
            return
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        self.sweep()
        self.process.wait()
        self.process = None

    def sweep(self) -> None:
        """End whatever is left of the child's group: a killed worker leaves its own children behind."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


@dataclass
class Parent:
    """Keeps children running until told to stop; `children` in the order they are stopped."""

    children: list[Child]
    stopping: bool = field(default=False)

    def ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def watch(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask_to_stop)
        try:
            while not self.stopping:
                for child in self.children:
                    child.tend(time.monotonic())
                time.sleep(_LOOK_EVERY)
        finally:
            for child in self.children:
                child.stop()


def run(host: str, port: int) -> None:
    """Upgrade the database, then run everything until SIGTERM or SIGINT. OSError when the port is taken."""
    settings = get_settings()
    with socket.create_server((host, port)):
        pass  # a taken port is said once, here, and not by a child that dies again and again
    settings.home.mkdir(parents=True, exist_ok=True)
    migrate.upgrade(settings.database)
    settings.signing_key()
    if "public_url" not in settings.model_fields_set:
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - asked for by --host
        os.environ["REGULARS_PUBLIC_URL"] = f"http://{shown}:{port}"
    log.info("serving", address=f"http://{host}:{port}", home=str(settings.home))
    Parent(commands(settings, host, port)).watch()


def commands(settings: Settings, host: str, port: int) -> list[Child]:
    """Return the three children in the order they are stopped."""
    web = ["uvicorn", "--factory", "api.app:create_app", "--host", host, "--port", str(port)]
    # The access log would keep every buyer's token.
    web += ["--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "10", "--log-level", "warning"]
    celery = ["celery", "-A", "api.worker"]
    quiet = ["--loglevel", "WARNING"]
    # One machine, one worker: nobody to gossip with, and on the filesystem each message would be a file.
    worker = [*celery, "worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    beat = [*celery, "beat", "--schedule", str(settings.home / "beat-schedule"), "--pidfile", ""]
    parts = {"scheduler": [*beat, *quiet], "worker": [*worker, *quiet], "web": web}
    return [Child(name, [sys.executable, "-m", *command]) for name, command in parts.items()]


def _die_with(parent: int) -> None:
    """In the child: be told to end when the parent dies, even by SIGKILL. Linux only; elsewhere the group remains."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
