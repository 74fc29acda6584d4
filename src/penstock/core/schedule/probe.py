"""The concurrency probe: how many jobs at once are worth having, learned from their completions.

More run at once only as long as more come back for it:
docs/decisions/concurrency-probe.md. Arithmetic on times that the caller gives. Does not
know jobs, keys or slots.
"""

from __future__ import annotations

from typing import Final

__all__ = ["AT_FIRST", "ConcurrencyProbe"]

AT_FIRST: Final = 100
"""Jobs at once with which a run begins, if more are allowed."""

PERIOD: Final = 1.0
"""Seconds for which completions are counted at least, and until there were TURNS for each that may run."""

TURNS: Final = 2

WORTH_IT: Final = 1.1
"""The factor by which completions a second must grow for a higher concurrency to be worth it."""

CONTENT: Final = 30.0
"""Seconds before the next attempt at a higher concurrency after one that was not worth it."""


class ConcurrencyProbe:
    """Raises the concurrency by half each time, as long as more comes back for it.

    A step that was not worth it is taken back, and the next one follows after CONTENT
    seconds.
    """

    __slots__ = ("_back_to", "_before", "_began", "_count", "_full", "_more_at", "allowed")

    def __init__(self, allowed: int = AT_FIRST) -> None:
        """Begin with *allowed* at once."""
        self.allowed = allowed
        self._began: float | None = None
        self._count = 0
        self._full = False
        # Completions a second before the last step, and the concurrency then; None if
        # no step is on trial.
        self._before = 0.0
        self._back_to: int | None = None
        self._more_at = float("-inf")

    def count_end(self, running: int, now: float) -> bool:
        """Count the end of one of *running* jobs at *now*; return whether ``allowed`` has changed."""
        self._count += 1
        self._full = self._full or running >= self.allowed
        if self._began is None:
            self._began = now
        if now - self._began < PERIOD or self._count < TURNS * self.allowed:
            return False
        speed, full = self._count / (now - self._began), self._full
        self._began, self._count, self._full = now, 0, False
        return self._step(speed, now) if full else False

    def _step(self, speed: float, now: float) -> bool:
        if self._back_to is not None and speed < WORTH_IT * self._before:
            self.allowed, self._back_to, self._more_at = self._back_to, None, now + CONTENT
            return True
        if now < self._more_at:
            return False
        self._before, self._back_to = speed, self.allowed
        self.allowed += max(1, self.allowed // 2)
        return True
