"""The bound on memory: several pieces of work at once, and one that ends before the others."""

import resource
import sys

import pytest

from retention.memory_limit import limited_memory

ROOM = 1 << 30


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nothing is limited elsewhere")
def test_the_bound_holds_until_the_last_of_those_at_once_has_ended() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    first, second = limited_memory(ROOM), limited_memory(2 * ROOM)
    first.__enter__()
    one = resource.getrlimit(resource.RLIMIT_DATA)[0]
    second.__enter__()
    both = resource.getrlimit(resource.RLIMIT_DATA)[0]
    second.__exit__(None, None, None)
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == one
    first.__exit__(None, None, None)
    assert ROOM < one < both
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
