"""How much may run at once, and how often something may start.

Arithmetic on times that are handed in; nothing here knows what time it is.
"""

from __future__ import annotations

from typing import Final

from penstock.core.schedule.answers import Bottleneck

__all__ = ["TOLERANCE", "Limits", "Pace", "least_time"]

TOLERANCE: Final = 0.01
"""Seconds by which a late start may be made up for. A selector wakes to the millisecond, so without it
1,000 starts a second would come to some 600."""


class Pace:
    """At most *rate* starts in any one second, spread evenly (the generic cell rate algorithm).

    Starts that come up to TOLERANCE late are made up for; the interval is longer by as much, so that
    no second ever sees more than *rate* + 1 starts. A *rate* of None means no limit.
    """

    __slots__ = ("_interval", "_next", "rate")

    def __init__(self, rate: float | None = None) -> None:
        """Start with the whole pace free."""
        self._next = float("-inf")
        self.rate = rate
        self._interval = _interval(rate)

    def change(self, rate: float | None) -> None:
        """Another *rate* from now on; the next start is as far from the last as the new one wants it."""
        interval = _interval(rate)
        self._next += interval - self._interval
        self.rate, self._interval = rate, interval

    def free_at(self) -> float:
        """The earliest time at which another start is allowed."""
        return self._next - TOLERANCE if self._interval else self._next

    def start(self, now: float) -> None:
        """Count a start made at *now*."""
        self._next = max(self._next, now) + self._interval


def least_time(starts: int, rate: float | None) -> float:
    """The least seconds from the first to the last of so many *starts*, all of them by one ``Pace``."""
    interval = _interval(rate)
    return max(0.0, (starts - 1) * interval - TOLERANCE) if interval else 0.0


def _interval(rate: float | None) -> float:
    return 0.0 if rate is None else (1.0 + TOLERANCE) / rate


class Limits:
    """Limits that may be set at any time and from any thread; whoever they bind looks at ``_changed``.

    *delay* is looked at each time it is needed, and so needs no such note.
    """

    def __init__(self, *, concurrency: int, per_key: int, delay: float, rate: float | None) -> None:
        """No pauses yet, and nothing has changed."""
        self.delay = delay
        self._concurrency = concurrency
        self._per_key = per_key
        self._rate = rate
        self._pauses = 0
        self._full = False
        self._changed = False

    @property
    def concurrency(self) -> int:
        """How many jobs may run at once."""
        return self._concurrency

    @concurrency.setter
    def concurrency(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._changed = True

    @property
    def pauses(self) -> int:
        """How many pauses have not been taken back."""
        return self._pauses

    @pauses.setter
    def pauses(self, pauses: int) -> None:
        self._pauses = pauses
        self._changed = True

    @property
    def full(self) -> bool:
        """Whether as much is in memory as may be: then nothing starts."""
        return self._full

    @full.setter
    def full(self, full: bool) -> None:
        self._full = full
        self._changed = True

    def stopped_by(self, look: float | None) -> tuple[Bottleneck, float | None]:
        """Why nothing at all may start, and until when; where it is full, whoever counts bytes is to *look* then."""
        return (Bottleneck.MEMORY, look) if self._full and not self._pauses else (Bottleneck.PAUSED, None)

    @property
    def per_key(self) -> int:
        """How many jobs of one key may run at once."""
        return self._per_key

    @per_key.setter
    def per_key(self, per_key: int) -> None:
        self._per_key = per_key
        self._changed = True

    @property
    def rate(self) -> float | None:
        """How many jobs may start in a second; None for no limit."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        self._rate = rate
        self._changed = True
