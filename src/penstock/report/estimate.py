"""How fast it goes, how much there is, and when it will end: arithmetic on counts and times.

Knows numbers only: no clock, no terminal, no wording.
"""

from __future__ import annotations

import math
from typing import Final

from penstock.core.schedule.statistics import Statistics

__all__ = ["Speed", "done", "outstanding", "time_left", "total"]

LEAST_READ: Final = 0.001
"""The share of the input that must have been read before its length is guessed from it."""


class Speed:
    """How many a second, as of the last few seconds: an average in which the past fades away.

    What happened *memory* seconds ago weighs 1/e of what happens now.
    """

    def __init__(self, memory: float) -> None:
        """*memory* is in seconds, above 0."""
        self._memory = memory
        self._at = 0.0
        self._count = 0
        self._amount = 0.0
        self._weight = 0.0

    def update(self, at: float, count: int) -> None:
        """By the time *at*, in seconds since the start, *count* were done. Times do not go back."""
        passed = at - self._at
        if passed <= 0:
            return
        fading = math.exp(-passed / self._memory)
        self._amount = self._amount * fading + (count - self._count) / passed * (1 - fading)
        # Divided by the weight there is so far, or the first seconds would look slower than they are.
        self._weight = self._weight * fading + 1 - fading
        self._at = at
        self._count = count

    @property
    def rate(self) -> float:
        """How many a second; 0 before the first update."""
        return self._amount / self._weight if self._weight else 0.0


def done(statistics: Statistics) -> int:
    """How many inputs have their outcome, those of earlier sessions included, or share that of another."""
    return statistics.done


def total(statistics: Statistics) -> int | None:
    """How many inputs there are: counted once all are read, else guessed from the share that is read.

    None where nothing says it. A guess supposes lines of about the same length throughout.
    """
    if statistics.total is not None:
        return statistics.total
    known = statistics.before + statistics.pulled - statistics.again
    # On a resume the settled inputs are passed over first; until one was pulled, nobody knows how far that got.
    if statistics.read is None or not statistics.pulled:
        return None
    read, size = statistics.read
    # All bytes read and yet more to come: the last block is being taken apart, and may hold everything.
    if not LEAST_READ * size <= read < size:
        return None
    return round(known * size / read)


def outstanding(statistics: Statistics) -> int | None:
    """How many inputs have no outcome yet; None where their number is unknown."""
    there_are = total(statistics)
    return None if there_are is None else max(0, there_are - done(statistics))


def time_left(statistics: Statistics, rate: float, delay: float = 0.0) -> float | None:
    """Seconds until the end, at *rate* a second; None where nothing says it, or it is less than a second.

    The last few may be slow ones, of which no rate says anything.
    The host with most to do can't be done sooner than its jobs started *delay* seconds apart, or as many as it was
    found to need, beginning when it is not left alone any more.
    """
    left = outstanding(statistics)
    if left is None or rate <= 0:
        return None
    slowest = 0.0
    if statistics.busiest is not None:
        host, jobs = statistics.busiest
        slowest = dict(statistics.parked).get(host, 0.0) + jobs * max(delay, statistics.spacing)
    seconds = max(left / rate, slowest)
    return seconds if seconds >= 1 else None
