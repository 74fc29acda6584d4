"""Let the C library keep freed memory for the next pages, instead of giving it back each time.

Knows glibc's malloc. Does not know who allocates. docs/decisions/allocator.md has the
measurements.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

__all__ = ["keep_freed_memory"]

TRIM_THRESHOLD: Final = -1
MMAP_THRESHOLD: Final = -3
"""Parameters of mallopt(3), as malloc.h numbers them."""

KEPT: Final = 8 << 20
"""Free bytes at the top of the heap from which on it is trimmed; 128 KiB by default."""

MAPPED: Final = 1 << 20
"""Bytes of a block from which on it is mapped by itself, and returned when it is freed."""


def keep_freed_memory() -> bool:
    """Set the allocator's thresholds for the whole process; return whether it has them.

    Only for a process of our own: a library must leave them to its program. Nothing
    changes if the user has set either in the environment, or without glibc.
    """
    names = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
    if any(name in os.environ for name in names):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(TRIM_THRESHOLD, KEPT) and mallopt(MMAP_THRESHOLD, MAPPED))
