"""The preflight: how many descriptors this process may have, and what fits into them.

Knows the system's limits. Does not know requests, formats or terminals. See
docs/decisions/descriptors.md.
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

__all__ = ["Preflight", "fit_descriptors", "free_descriptors", "has_no_descriptors", "raise_descriptors"]

_GONE: Final = (errno.EMFILE, errno.ENFILE)


class Preflight(Struct, frozen=True, gc=False):
    """The limits that fit: a *concurrency* of the *wished* one, and kept *connections*.

    *descriptors* is the limit of the process, None for no limit.
    """

    wished: int
    concurrency: int
    connections: int
    descriptors: int | None

    @property
    def shortfall(self) -> str | None:
        """One line that says that less fits than wished, or None if all does."""
        if self.concurrency >= self.wished:
            return None
        return (
            f"no more than {self.concurrency} requests run at once, not {self.wished}: this process may have "
            f"{self.descriptors} file descriptors in all (ulimit -n)"
        )


def fit_descriptors(concurrency: int, per_slot: int) -> Preflight:
    """Return what fits of *concurrency* requests with *per_slot* connections each."""
    descriptors, free = free_descriptors()
    found = fit(concurrency, per_slot, free)
    return Preflight(concurrency, found.concurrency, found.connections, descriptors)


def free_descriptors() -> tuple[int | None, int | None]:
    """Return this process's limit of descriptors, and how many of them are free.

    Both are None if there is no limit.
    """
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return None, None
    try:
        # One of them is the listing's own.
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
    """Raise this process's limit of descriptors as far as the system allows.

    Only programs may call this, never a library: the limit belongs to the whole
    process, and code that uses select() can't use a descriptor above 1,023.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # macOS refuses a value above a limit of its own; then the limit stays as it is.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
