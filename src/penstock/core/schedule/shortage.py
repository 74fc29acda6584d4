"""The machine's own bounds: how many requests fit into its descriptors, at the start and after they run out.

Arithmetic only. Does not know what a descriptor is, who uses them, or what time it is.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

__all__ = ["NO_SHORTAGE", "PAUSE", "RESERVED", "Allowance", "Fit", "Shortage", "fit"]

RESERVED: Final = 20
"""Descriptors for everything else: the selector and its alarm (3), name servers (by
resolv.conf(5) at most 3, each by UDP and TCP), the input, threads that wait for the
disk, SQLite's journals, a folder being flushed, certificates being read."""

PAUSE: Final = 1.0
"""Seconds before a request is tried again that could not begin because something had run out."""

SPARED: Final = 10
"""After a shortage one in SPARED running requests is not replaced, so that others find a descriptor, too."""

RECOVERY: Final = 10.0
"""Seconds without a shortage after which one request in SPARED more may run."""


class Fit(Struct, frozen=True, gc=False):
    """The requests that may run at once, and the connections that may be kept for them."""

    concurrency: int
    connections: int


class Shortage(Struct, frozen=True, gc=False):
    """A shortage of the machine's, as an engine reports it to the frontier.

    At most *ceiling* jobs may run at once, even if the user and the concurrency probe
    allow more; None is no bound. No job may start while memory is *full*.
    """

    ceiling: int | None = None
    full: bool = False


NO_SHORTAGE: Final = Shortage()


def fit(concurrency: int, per_slot: int, descriptors: int | None) -> Fit:
    """Return what fits of *concurrency* requests, with *per_slot* connections each, into the free *descriptors*.

    None is no limit. Idle connections are given up before any request is.
    """
    wanted = Fit(concurrency, per_slot * concurrency)
    if descriptors is None:
        return wanted
    connections = max(1, min(wanted.connections, descriptors - RESERVED))
    return Fit(min(concurrency, connections), connections)


class Allowance:
    """The machine's own ceiling: lowered by each shortage, raised slowly, and lifted when it no longer binds."""

    __slots__ = ("_since", "ceiling")

    def __init__(self) -> None:
        """Start without a ceiling."""
        self.ceiling: int | None = None
        self._since = 0.0

    def lower(self, concurrency: int, running: int, now: float) -> int:
        """Lower the ceiling, as one more than *running* requests found nothing left; return it.

        *concurrency* is what the user allows.
        """
        most = concurrency if self.ceiling is None else min(concurrency, self.ceiling)
        self._since = now
        self.ceiling = max(1, min(most, running - running // SPARED))
        return self.ceiling

    def recover(self, concurrency: int, now: float) -> None:
        """Raise the ceiling if nothing has run out for RECOVERY seconds, and lift it once it reaches *concurrency*."""
        if self.ceiling is None or now - self._since < RECOVERY:
            return
        self._since = now
        raised = self.ceiling + max(1, self.ceiling // SPARED)
        self.ceiling = raised if raised < concurrency else None
