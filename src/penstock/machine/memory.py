"""The memory that bodies take, counted against a bound.

Knows how many bytes are held, and by which responses. Does not know how they are
received.
"""

from __future__ import annotations

from typing import Final, Protocol

__all__ = ["Memory"]

AGAIN: Final = 0.75
"""The share of the bound below which there is room again, so that requests do not start and stop at every chunk."""


class Pausable(Protocol):
    """A response that can be paused."""


class Memory:
    """Counts the bytes of bodies: *held* by responses in flight, and *waiting* as outcomes for the consumer.

    *most* is the bound, None for no limit, and *body* the most that one body may take.
    While ``full``, which is from *enough* bytes on, a response takes no more, except the *first*: it may finish, within
    *body*, so that there is room again; if outcomes wait for the consumer, they make
    room. So all together hold at most *most*, or half of it and one *body*, and a piece
    of 64 KiB at most for each of the others. The process takes at most twice that, and
    what it takes without any body: docs/decisions/memory.md.
    """

    __slots__ = ("_most", "enough", "first", "held", "paused", "waiting")

    def __init__(self, most: int | None = None, body: int = 0) -> None:
        """Start with nothing held."""
        self.held = 0
        self.waiting = 0
        self.first: Pausable | None = None
        # The number of responses that are paused.
        self.paused = 0
        self.enough = float("inf") if most is None else max(most - body, most // 2, 1)
        self._most = self.enough + body

    @property
    def full(self) -> bool:
        """Whether the bound is reached."""
        return self.held + self.waiting >= self.enough

    @property
    def roomy(self) -> bool:
        """Whether there is enough room again to start requests."""
        return self.held + self.waiting < self.enough * AGAIN

    def leave(self, response: Pausable) -> None:
        """Note the end of *response*."""
        if response is self.first:
            self.first = None

    def refuses(self, response: Pausable) -> bool:
        """Return whether *response* must take no more for now."""
        total = self.held + self.waiting
        return total >= self.enough and (response is not self.first or (self.waiting > 0 and total >= self._most))
