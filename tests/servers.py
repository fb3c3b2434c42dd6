"""Real servers for the suite, each in a folder of its own that goes with it; nothing of the machine's own is touched.

They listen on sockets in those folders or on free loopback ports, so that any number of suites run side by side.
"""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
import uvicorn

from retention import migrate

REMEDY = "`make test` installs what the suite needs"


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the address of a new PostgreSQL server, with `{}` where the name of a database goes."""
    with _postgresql_folder() as server, server.running():
        yield server.address


@contextmanager
def restartable_postgresql() -> Iterator["Postgresql"]:
    """Yield a PostgreSQL server that can be stopped and started in the middle of what it is doing."""
    with _postgresql_folder() as server:
        server.start()
        try:
            yield server
        finally:
            server.stop()


@dataclass
class Postgresql:
    """A server in a folder of its own; `address` has `{}` where the name of a database goes."""

    folder: Path
    command: list[object]
    owner: str | None
    address: str
    _stack: ExitStack | None = None

    def running(self) -> AbstractContextManager[None]:
        plain = self.address.replace("+psycopg", "")
        return _running(
            self.command, lambda: psycopg.connect(plain.format("postgres")).close(), self.folder, self.owner
        )

    def start(self) -> None:
        self._stack = ExitStack()
        self._stack.enter_context(self.running())

    def stop(self) -> None:
        """Break every connection and stop."""
        if self._stack:
            self._stack.close()
        self._stack = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def migrated(self, name: str) -> str:
        """Make a database with our tables and return its address."""
        with psycopg.connect(self.address.replace("+psycopg", "").format("postgres"), autocommit=True) as line:
            line.execute(f"CREATE DATABASE {name}")
        migrate.upgrade(self.address.format(name))
        return self.address.format(name)


@contextmanager
def _postgresql_folder() -> Iterator[Postgresql]:
    programs = _postgresql_programs()
    with _folder("pg") as folder:
        # PostgreSQL refuses to run as root; Debian's package brings a user for it.
        owner = "postgres" if os.geteuid() == 0 else None
        if owner:
            account = pwd.getpwnam(owner)
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"
        initdb = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "regulars",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-N",
        ]
        subprocess.run(initdb, check=True, user=owner, cwd=folder, capture_output=True, text=True)
        quick = [
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "autovacuum=off",
            "shared_buffers=64MB",
            "listen_addresses=",
        ]
        options = [part for setting in quick for part in ("-c", setting)]
        server = [programs / "postgres", "-D", data, "-k", folder, *options]
        address = f"postgresql+psycopg://regulars@/{{}}?host={folder}"
        yield Postgresql(folder, server, owner, address)


@contextmanager
def redis_server() -> Iterator[str]:
    """Yield the address of a new Redis server that keeps nothing."""
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError(f"redis-server is not installed; {REMEDY}")
    with _folder("redis") as folder:
        port = free_port()
        server = [program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        with redis.Redis(host="127.0.0.1", port=port) as client, _running(server, client.ping, folder):
            yield f"redis://127.0.0.1:{port}"


@contextmanager
def web_server(app: Any) -> Iterator[str]:
    """Serve an ASGI application from a thread, and yield its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        _wait_until(lambda: server.started or not thread.is_alive(), "the web server to start")
        if not server.started:
            raise RuntimeError("the web application did not start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def chromium_program() -> str:
    """The browser Debian packages; Playwright's own would be another download."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise FileNotFoundError(f"Chromium is not installed; {REMEDY}")
    return program


_ports = itertools.count(10_000 + os.getpid() * 97 % 20_000)


def free_port() -> int:
    """Return a port nobody listens on, of those that a system gives to no connection: it stays free until it is used.

    Each process counts from a place of its own, for workers of a suite look at the same moment.
    """
    for port in _ports:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError


def _postgresql_programs() -> Path:
    """The newest installed version; Debian keeps the server's programs off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = versions[-1] if versions else shutil.which("initdb")
    if initdb is None:
        raise FileNotFoundError(f"PostgreSQL is not installed; {REMEDY}")
    return Path(initdb).parent


@contextmanager
def _folder(kind: str) -> Iterator[Path]:
    """A folder directly under the temporary one: other users must reach it, and a socket's path may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix=f"regulars-{kind}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    command: Sequence[object], ask: Callable[[], object], folder: Path, owner: str | None = None
) -> Iterator[None]:
    """Run a server until the block ends; `ask` raises while it does not answer yet."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=output, stderr=output, user=owner, cwd=folder
        )
    try:
        _wait_until(lambda: _answers(process, ask, log), f"{command[0]} to answer")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()
        process.wait()


def _answers(process: "subprocess.Popen[bytes]", ask: Callable[[], object], log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"{process.args} stopped:\n{log.read_text(errors='replace')}")
    try:
        ask()
    except (psycopg.OperationalError, redis.ConnectionError):
        return False
    return True


def _wait_until(done: Callable[[], bool], what: str, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.02)
