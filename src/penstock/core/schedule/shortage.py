"""How many requests fit into what the machine gives: descriptors at the start, and what is left when they give out.

Arithmetic only. Does not know what a descriptor is, who uses them, or what time it is.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

__all__ = ["PAUSE", "RESERVED", "Allowance", "Fit", "fitting"]

RESERVED: Final = 20
"""Descriptors that are left for all else: the selector and its alarm (3), name servers (by resolv.conf(5) at most 3,
each by UDP and TCP), the input, what waits on the disk, SQLite's journals, a folder being flushed, certificates being
read."""

PAUSE: Final = 1.0
"""Seconds after which a request is tried again for which there was nothing left."""

SPARED: Final = 10
"""One in so many of the requests that found a descriptor is given up besides, so that others find one, too."""

RECOVERY: Final = 10.0
"""Seconds without a shortage after which one request in SPARED more may run."""


class Fit(Struct, frozen=True, gc=False):
    """How many requests may run at once, and how many connections may be kept for them."""

    concurrency: int
    connections: int


def fitting(concurrency: int, per_slot: int, descriptors: int | None) -> Fit:
    """What fits of *concurrency* requests, with *per_slot* connections for each, into so many free *descriptors*.

    None of them is no limit. Connections that are merely kept are given up before any request is.
    """
    wanted = Fit(concurrency, per_slot * concurrency)
    if descriptors is None:
        return wanted
    connections = max(1, min(wanted.connections, descriptors - RESERVED))
    return Fit(min(concurrency, connections), connections)


class Allowance:
    """How many requests may run at once, lowered where something runs out and slowly raised again."""

    def __init__(self) -> None:
        """Nothing has run out."""
        self.lowered = False
        self._wished = 0
        self._now = 0
        self._since = 0.0

    def short(self, concurrency: int, running: int, now: float) -> int:
        """What *concurrency* comes to where one more than *running* found nothing left."""
        if not self.lowered or concurrency != self._now:
            # Else somebody has wished for something else meanwhile.
            self._wished = concurrency
        self.lowered, self._since = True, now
        self._now = max(1, min(concurrency, running - running // SPARED))
        return self._now

    def look(self, concurrency: int, now: float) -> int:
        """What *concurrency* comes to by *now*, nothing having run out of late."""
        if not self.lowered or now - self._since < RECOVERY:
            return concurrency
        if concurrency != self._now:
            self.lowered = False
            return concurrency
        self._since = now
        self._now = min(self._wished, concurrency + max(1, concurrency // SPARED))
        self.lowered = self._now < self._wished
        return self._now
