"""What this process is allowed, looked at before anything is sent, and what is chosen by it.

Knows the system's limits and the disks. Does not know requests, formats or terminals.
"""

from __future__ import annotations

import errno
import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from penstock.core.schedule.shortage import fit

__all__ = ["Preflight", "free_descriptors", "has_no_descriptors", "look", "raise_descriptors"]

_GONE: Final = (errno.EMFILE, errno.ENFILE)


class Preflight(Struct, frozen=True, gc=False):
    """What was found and chosen: *concurrency* of the *wished* one, with so many *connections* kept.

    *descriptors* is how many the process may have in all; None for no limit.
    """

    wished: int
    concurrency: int
    connections: int
    descriptors: int | None

    @property
    def lowered(self) -> str | None:
        """That not as much fits as was wished for, in one line; None where it does."""
        if self.concurrency >= self.wished:
            return None
        return (
            f"no more than {self.concurrency} requests run at once, not {self.wished}: this process may have "
            f"{self.descriptors} file descriptors in all (ulimit -n)"
        )


def look(concurrency: int, per_slot: int) -> Preflight:
    """What fits of *concurrency* requests, with *per_slot* connections for each."""
    descriptors, free = free_descriptors()
    found = fit(concurrency, per_slot, free)
    return Preflight(concurrency, found.concurrency, found.connections, descriptors)


def free_descriptors() -> tuple[int | None, int | None]:
    """How many descriptors this process may have, and how many of them are free; None for no limit, or unknown."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return None, None
    try:
        # One of them is this look's own.
        return soft, max(0, soft - len(list(Path("/dev/fd").iterdir())) + 1)
    except OSError:
        return soft, max(0, soft - 16)


def has_no_descriptors() -> bool:
    """Return whether this process, or the machine, has no descriptor left."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno in _GONE
    return False


def raise_descriptors() -> None:
    """Let this process have as many descriptors as it may.

    For a program of our own alone: the limit belongs to the whole process, and what uses select() can't take a
    descriptor above 1,023.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # macOS refuses what is above a limit of its own; then it stays as it is.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
