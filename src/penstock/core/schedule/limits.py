"""The user's limits: how much may run at once, and how often something may start.

Arithmetic on times that the caller gives. Does not know what time it is.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TOLERANCE", "Limits", "RateLimiter", "least_time"]

TOLERANCE: Final = 0.01
"""Seconds by which a late start may be made up for. A selector wakes to the
millisecond, so without it a rate of 1,000 starts a second would give some 600."""


class RateLimiter:
    """At most *rate* starts in any one second, spread evenly (the generic cell rate algorithm).

    Starts that come up to TOLERANCE late are made up for; the interval is longer by as
    much, so that no second ever sees more than *rate* + 1 starts. A *rate* of None
    means no limit.
    """

    __slots__ = ("_interval", "_next", "rate")

    def __init__(self, rate: float | None = None) -> None:
        """Start with the whole rate free."""
        self._next = float("-inf")
        self.rate = rate
        self._interval = _interval(rate)

    def change(self, rate: float | None) -> None:
        """Set another *rate*; the next start is as far from the last as the new one demands."""
        interval = _interval(rate)
        self._next += interval - self._interval
        self.rate, self._interval = rate, interval

    def free_at(self) -> float:
        """Return the earliest time of the next start."""
        return self._next - TOLERANCE if self._interval else self._next

    def start(self, now: float) -> None:
        """Count a start at *now*."""
        self._next = max(self._next, now) + self._interval


def least_time(starts: int, rate: float | None) -> float:
    """Return the least seconds from the first to the last of *starts* starts under one ``RateLimiter``."""
    interval = _interval(rate)
    return max(0.0, (starts - 1) * interval - TOLERANCE) if interval else 0.0


def _interval(rate: float | None) -> float:
    return 0.0 if rate is None else (1.0 + TOLERANCE) / rate


class Limits:
    """Limits that the user may set at any time and from any thread; the frontier checks ``_changed``.

    *delay* is read at each start, and so needs no such note.
    """

    def __init__(self, *, concurrency: int, per_key: int, delay: float, rate: float | None) -> None:
        """Start without pauses."""
        self.delay = delay
        self._concurrency = concurrency
        self._per_key = per_key
        self._rate = rate
        self._pauses = 0
        self._changed = False

    @property
    def concurrency(self) -> int:
        """The most jobs that may run at once."""
        return self._concurrency

    @concurrency.setter
    def concurrency(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._changed = True

    @property
    def pauses(self) -> int:
        """The number of pauses in force."""
        return self._pauses

    @pauses.setter
    def pauses(self, pauses: int) -> None:
        self._pauses = pauses
        self._changed = True

    @property
    def per_key(self) -> int:
        """The most jobs of one key that may run at once."""
        return self._per_key

    @per_key.setter
    def per_key(self, per_key: int) -> None:
        self._per_key = per_key
        self._changed = True

    @property
    def rate(self) -> float | None:
        """The most jobs that may start in a second; None for no limit."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        self._rate = rate
        self._changed = True
