"""Estimates of speed, total and remaining time: arithmetic on counts and times.

Knows numbers only: no clock, no terminal, no wording.
"""

from __future__ import annotations

import math
from typing import Final

from penstock.core.results import Progress

__all__ = ["Speed", "outstanding", "time_left", "total"]

LEAST_READ: Final = 0.001
"""The share of the input that must be read before the number of inputs is estimated
from it."""


class Speed:
    """The number of events a second, as an exponential moving average.

    An event of *memory* seconds ago weighs 1/e of one that happens now.
    """

    def __init__(self, memory: float) -> None:
        """*memory* is in seconds, above 0."""
        self._memory = memory
        self._at = 0.0
        self._count = 0
        self._amount = 0.0
        self._weight = 0.0

    def update(self, at: float, count: int) -> None:
        """Note that *count* events have happened *at* seconds after the start.

        Times never decrease.
        """
        passed = at - self._at
        if passed <= 0:
            return
        fading = math.exp(-passed / self._memory)
        self._amount = self._amount * fading + (count - self._count) / passed * (1 - fading)
        # Divided by the weight so far, or the first seconds would look slower than they are.
        self._weight = self._weight * fading + 1 - fading
        self._at = at
        self._count = count

    @property
    def rate(self) -> float:
        """Events a second; 0 before the first update."""
        return self._amount / self._weight if self._weight else 0.0


def total(progress: Progress) -> int | None:
    """Return the number of inputs, exact once all are read, or an estimate.

    The estimate comes from the bytes read, and assumes lines of about the same length.
    None if there is no basis for one.
    """
    if progress.total is not None:
        return progress.total
    # A resume skips the settled inputs first; until it has pulled one, their number so far is unknown.
    if progress.read is None or not progress.pulled:
        return None
    read, size = progress.read
    # If all bytes are read but more inputs follow, the last block is still being split, and may hold everything.
    if not LEAST_READ * size <= read < size:
        return None
    return round(progress.known * size / read)


def outstanding(progress: Progress) -> int | None:
    """Return the number of inputs without an outcome; None if it is unknown."""
    inputs = total(progress)
    return None if inputs is None else max(0, inputs - progress.done)


def time_left(progress: Progress, rate: float, delay: float = 0.0) -> float | None:
    """Return the seconds until the end, at *rate* inputs a second.

    None if unknown, or less than a second.

    In the last second a rate says nothing: the last few inputs may be slow. The busiest
    host takes at least *delay* seconds for each of its jobs, or as long as it was
    slowed down to, and starts only when its pause is over.
    """
    left = outstanding(progress)
    if left is None or rate <= 0:
        return None
    slowest = 0.0
    if progress.busiest is not None:
        host, jobs = progress.busiest
        slowest = dict(progress.parked).get(host, 0.0) + jobs * max(delay, progress.spacing)
    seconds = max(left / rate, slowest)
    return seconds if seconds >= 1 else None
