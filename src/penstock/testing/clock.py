"""Virtual time: an hour of pacing takes milliseconds, and every moment in it is exact.

Knows how to be a clock, and how to be the clock of an asyncio loop. Does not know the real time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

from penstock.errors import Stalled

__all__ = ["VirtualClock", "VirtualLoop"]


class VirtualClock:
    """A clock that stands still until it is told to go on; call it for the time in seconds.

    >>> clock = VirtualClock()
    >>> clock.advance(3600)
    >>> clock()
    3600.0
    """

    __slots__ = ("_now",)

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def __call__(self) -> float:
        """The time."""
        return self._now

    def __repr__(self) -> str:
        return f"<VirtualClock {self._now}>"

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass, 0 or more."""
        if not seconds >= 0:
            raise ValueError(f"time does not go back, not by {seconds} s")
        self._now += seconds

    def advance_to(self, time: float) -> None:
        """Let it be *time*; nothing happens where it is later already."""
        self._now = max(self._now, time)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is *clock*'s: where it would sleep, the clock goes on instead.

    Use it as ``asyncio.Runner(loop_factory=lambda: VirtualLoop(clock))``. Descriptors that are ready are
    served before any time passes. Raises Stalled where nothing is ready, nothing is timed, and so nobody
    would ever wake. Other threads live in real time, and are not waited for: do not use it with any.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        super().__init__(_VirtualSelector(clock))

    def time(self) -> float:
        """The clock's time."""
        return self._clock()


class _VirtualSelector(selectors.BaseSelector):
    """A selector that never waits."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready:
            if timeout is None:
                raise Stalled("every task waits, and nothing is left that could wake one")
            self._clock.advance(max(0.0, timeout))
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()
