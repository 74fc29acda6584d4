"""Virtual time: an hour of pacing takes milliseconds, and every moment is exact.

Knows a clock and an asyncio loop that runs by it. Does not know the real time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

from penstock.errors import Stalled

__all__ = ["VirtualClock", "VirtualLoop"]


class VirtualClock:
    """A clock that only the test advances; call it for the time in seconds.

    >>> clock = VirtualClock()
    >>> clock.advance(3600)
    >>> clock()
    3600.0
    """

    __slots__ = ("_now",)

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def __call__(self) -> float:
        """Return the time."""
        return self._now

    def __repr__(self) -> str:
        return f"<VirtualClock {self._now}>"

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass. Raises ValueError if they are negative."""
        if not seconds >= 0:
            raise ValueError(f"a clock does not go back, not by {seconds} s")
        self._now += seconds

    def advance_to(self, time: float) -> None:
        """Advance to *time*, unless it is later already."""
        self._now = max(self._now, time)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with the time of *clock*, which it advances instead of sleeping.

    Use it as ``asyncio.Runner(loop_factory=lambda: VirtualLoop(clock))``. It serves
    descriptors that are ready before it advances the clock. Do not use it with other
    threads: they run in real time, and the loop does not wait for them. Raises Stalled
    if no descriptor is ready and no call is scheduled, since the loop would then wait
    forever.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        super().__init__(_VirtualSelector(clock))

    def time(self) -> float:
        """Return the time of the clock."""
        return self._clock()


class _VirtualSelector(selectors.BaseSelector):
    """A selector that advances the clock instead of waiting."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready:
            if timeout is None:
                raise Stalled("every task waits, and no descriptor or timer can wake one")
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
