"""A bound on the memory this process may take, so that one bad file ends one piece of work and not the machine."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_KIND = resource.RLIMIT_DATA
_AS_STARTED = resource.getrlimit(_KIND)


@contextmanager
def limited_memory(more: int) -> Iterator[None]:
    """Let this process take `more` bytes over what it has now; past that, allocations fail (MemoryError, or its end).

    Linux only; elsewhere nothing is limited. Of two that run at once, the first that ends lifts the bound.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    soft, hard = _AS_STARTED
    bound = _taken() + more
    bounds = [limit for limit in (bound, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(_KIND, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(_KIND, _AS_STARTED)


def _taken() -> int:
    """Bytes of private writable memory, as the kernel counts them against the bound."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) << 10
