"""A limit on the memory of this process, so that one bad file ends one task and not the machine."""

import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_KIND = resource.RLIMIT_DATA
_AS_STARTED = resource.getrlimit(_KIND)


_LOCK = threading.Lock()
_BOUNDS: list[int] = []
"""Where each piece of work that runs now would be stopped."""


@contextmanager
def limited_memory(more: int) -> Iterator[None]:
    """Let this process take `more` bytes over what it has now; past that, allocations fail (MemoryError, or its end).

    Linux only; elsewhere nothing is limited. Several may run at once: the widest of their bounds holds until it ends,
    and the last that ends lifts it.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    bound = _taken() + more
    with _LOCK:
        _BOUNDS.append(bound)
        _set_bound()
    try:
        yield
    finally:
        with _LOCK:
            _BOUNDS.remove(bound)
            _set_bound()


def _set_bound() -> None:
    soft, hard = _AS_STARTED
    wanted = [max(_BOUNDS)] if _BOUNDS else []
    bounds = [limit for limit in (*wanted, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(_KIND, (min(bounds, default=resource.RLIM_INFINITY), hard))


def _taken() -> int:
    """Bytes of private writable memory, as the kernel counts them against the bound."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) << 10
