"""Memory: what a large response took is given back to the system.

An answer about a million buyers is made of blocks of some megabytes. The C library learns from the first of them that
such blocks are usual and keeps those that follow, one heap for each thread: after a morning of counting, the web
process held twice of what it used.
"""

import ctypes
import platform

LARGE = 256 * 1024
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h


def return_large_blocks() -> bool:
    """Have every block of `LARGE` bytes and more be its own; tell whether this C library lets us. Only glibc does."""
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, LARGE))
