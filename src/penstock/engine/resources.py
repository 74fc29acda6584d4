"""The machine's resources for requests: memory for bodies, and descriptors and ports for connections.

Knows how much of it is taken, and reports a shortage as a value (``Shortage``); it
never sets a limit of the user's: docs/decisions/descriptors.md,
docs/decisions/paused-bodies.md. Does not know libcurl, or requests.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.shortage import NO_SHORTAGE, Allowance, Shortage
from penstock.machine.descriptors import has_no_descriptors
from penstock.machine.memory import Memory

__all__ = ["Resources"]

FLEETING: Final = 1.0
"""Seconds after a shortage in which a failure that looks like one is one, though
another request's end has left a descriptor."""


class Resources:
    """Counts what requests take of the machine, and tells the user by *tell*, once, when something runs out.

    *concurrency* returns what the user allows at the moment; without it nothing is
    limited here. *undelivered* returns the bytes of outcomes that wait for the
    consumer. *memory* and *body* are as in ``Memory``.
    """

    def __init__(
        self,
        concurrency: Callable[[], int] | None = None,
        *,
        undelivered: Callable[[], int] = int,
        memory: int | None = None,
        body: int = 0,
        tell: Callable[[str], object] = str,
    ) -> None:
        """Start with enough of everything."""
        self.memory = Memory(memory, body)
        self.shortage = NO_SHORTAGE
        self._concurrency = concurrency
        self._undelivered = undelivered
        self._tell = tell
        self._told = False
        self._allowance = Allowance()
        self._short_at = float("-inf")

    @property
    def bound(self) -> Bottleneck | None:
        """The bottleneck, if it is descriptors; the frontier itself reports memory."""
        return None if self.shortage.ceiling is None else Bottleneck.DESCRIPTORS

    @property
    def most(self) -> int:
        """The most requests that may run; 0 if nothing is limited here."""
        if self._concurrency is None:
            return 0
        wished, ceiling = self._concurrency(), self.shortage.ceiling
        return wished if ceiling is None else min(wished, ceiling)

    def connections(self, wished: int) -> int:
        """Return how many connections to keep of the *wished* ones.

        At least as many as requests may run: a request must not wait inside of libcurl,
        where its time runs.
        """
        return self.most if self.bound else max(self.most, wished)

    def count(self, now: float, finished: int) -> None:
        """Count again at *now*; *finished* is the bytes of bodies on their way to be outcomes."""
        memory = self.memory
        memory.waiting = self._undelivered() + finished
        if self._concurrency is None:
            return
        if self._allowance.ceiling is not None:
            self._allowance.recover(self._concurrency(), now)
        self._report(not memory.roomy if self.shortage.full else memory.full)

    def find_lack(self, now: float, os_errno: int | None, *, ipv4: bool) -> str | None:
        """Return what ran out, if that is why a request could not begin at *now*; it failed with *os_errno*.

        libcurl and c-ares do not report that a socket could not be made (libcurl's
        OS_ERRNO is 0 then), so it is tried. EADDRNOTAVAIL with an *ipv4* address means
        that no port is left; with IPv6 it may also mean that the machine has no such
        address.
        """
        if os_errno == errno.EADDRNOTAVAIL and ipv4:
            lacking = "ports for connections"
        elif has_no_descriptors() or (not os_errno and now - self._short_at < FLEETING):
            lacking = "file descriptors"
        else:
            return None
        self._short_at = now
        return lacking

    def lower(self, lacking: str, running: int, now: float) -> None:
        """Lower the machine's ceiling below *running*, as another request lacked *lacking*."""
        if self._concurrency is None:
            return
        self._allowance.lower(self._concurrency(), running, now)
        self._report(self.shortage.full)
        if not self._told:
            self._told = True
            self._tell(f"there are no {lacking} left; fewer requests run at once, until there are. Nothing is lost")

    def _report(self, full: bool) -> None:  # noqa: FBT001 - a field of the report
        ceiling = self._allowance.ceiling
        if (ceiling, full) != (self.shortage.ceiling, self.shortage.full):
            self.shortage = Shortage(ceiling, full)
