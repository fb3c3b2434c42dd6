"""Supervision of child processes: one that died is restarted, one that hangs is ended first.

A child says by when it will say something again (`retention.watchdog`); one that lets that moment pass hangs. Children
are processes of a command, or forks that share what their parent has loaded.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from retention import watchdog
from retention.watchdog import Watchdog

log = structlog.get_logger()

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0
PATIENCE = 20.0
START, FORK_START = 120.0, 60.0
"""Seconds a program, or a fork, has for starting, before it says anything."""

_LOOK_EVERY = 0.1
_PR_SET_PDEATHSIG = 1


class ChildProcess(Protocol):
    """What of `subprocess.Popen` is needed of a process."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def terminate(self) -> None: ...


@dataclass
class Child(ABC):
    """A process to keep running. `pause` is how long the next restart waits, in seconds."""

    name: str
    process: ChildProcess | None = field(default=None, init=False)
    watchdog: Watchdog | None = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    pause: float = field(default=FIRST_PAUSE, init=False)
    due: float = field(default=0.0, init=False)

    @abstractmethod
    def launch(self, write: int) -> ChildProcess:
        """Start the process; `write` is the end of the pipe to its watchdog."""

    @abstractmethod
    def kill(self, process: ChildProcess) -> None:
        """End the process and whatever is left of it at once."""

    def start(self, at: float) -> None:
        self.watchdog = Watchdog(FORK_START if isinstance(self, Fork) else START)
        self.process, self.started = self.launch(self.watchdog.write), at

    def tend(self, at: float) -> None:
        """Start the child again when it has died and its pause is over; end it when it hangs."""
        if self.process is None:
            if at >= self.due:
                self.start(at)
            return
        code = self.process.poll()
        if code is None:
            if self.watchdog and self.watchdog.is_late(at):
                log.warning("child hangs, ending it", child=self.name, pid=self.process.pid)
                self.kill(self.process)
            return
        self.kill(self.process)
        self.pause = FIRST_PAUSE if at - self.started > STEADY_AFTER else self.pause
        log.warning("child died, starting it again", child=self.name, code=code, pause=self.pause)
        self._forget()
        self.due = at + self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)

    def ask_to_stop(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def stop(self, until: float) -> None:
        """Wait until a moment for the child to end what it is doing; then end it."""
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(until - time.monotonic(), 0.01))
        self.kill(self.process)
        self.process.wait()
        self._forget()

    def _forget(self) -> None:
        if self.watchdog:
            self.watchdog.close()
        self.process = self.watchdog = None


@dataclass
class Program(Child):
    """A child that runs a command, in a process group of its own."""

    command: Sequence[str]

    def launch(self, write: int) -> ChildProcess:
        tied = partial(_die_with, os.getpid())
        environment = os.environ | {watchdog.VARIABLE: str(write)}
        return subprocess.Popen(  # noqa: S603
            self.command,
            start_new_session=True,
            preexec_fn=tied,  # noqa: PLW1509 - the parent has no threads
            pass_fds=(write,),
            env=environment,
        )

    def kill(self, process: ChildProcess) -> None:
        """End the whole group: a killed parent of workers leaves its own children behind."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@dataclass
class Fork(Child):
    """A child that is a fork of its parent and runs a function; it shares the memory of what was loaded before."""

    work: Callable[[], None]

    def launch(self, write: int) -> ChildProcess:
        parent = os.getpid()
        if number := os.fork():
            return _Forked(number)
        try:
            for each in (signal.SIGTERM, signal.SIGINT):
                signal.signal(each, signal.SIG_DFL)
            _die_with(parent)
            watchdog.say_to(write)
            self.work()
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else 1)
        except BaseException:
            log.exception("a worker ends", child=self.name)
            os._exit(1)
        os._exit(0)

    def kill(self, process: ChildProcess) -> None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


class _Forked:
    """A fork, asked after like a `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid, self._code = pid, None

    _code: int | None

    def poll(self) -> int | None:
        if self._code is None:
            number, status = os.waitpid(self.pid, os.WNOHANG)
            if number:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and timeout is not None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return code

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


@dataclass
class Parent:
    """Keeps children running until told to stop; `steps` are the children in the order in which they are stopped."""

    steps: Sequence[Sequence[Child]]
    patience: float = PATIENCE
    stopping: bool = field(default=False, init=False)

    def ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def watch(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask_to_stop)
        try:
            while not self.stopping:
                for child in (child for step in self.steps for child in step):
                    self._tend(child)
                watchdog.beat()
                time.sleep(_LOOK_EVERY)
        finally:
            for step in self.steps:
                for child in step:
                    child.ask_to_stop()
                until = time.monotonic() + self.patience
                for child in step:
                    child.stop(until)

    def _tend(self, child: Child) -> None:
        try:
            child.tend(time.monotonic())
        except OSError as error:  # no memory or no process number just now: later
            log.warning("a child cannot be started yet", child=child.name, why=error)
            child.due = time.monotonic() + LONGEST_PAUSE


def _die_with(parent: int) -> None:
    """In the child: be told to end when the parent dies, even by SIGKILL. Linux only; elsewhere the group remains."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
