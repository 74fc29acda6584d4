"""Notices for the user, kept until the session says them.

Knows texts, some with remedies in them (``Message``). Does not know which stage has something to say, or how it is
shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

__all__ = ["Notices"]


class Notices:
    """Keeps notices until the session says them, between two turns of its flow.

    A stage gets ``notify`` when it is made, and may call it at any time. A report that
    raises then ends the run between two turns, never inside a stage. *source* gives the
    notices of the input.
    """

    def __init__(self, source: Callable[[], Iterable[str]] = tuple) -> None:
        """Begin without a notice."""
        self._held: deque[str] = deque()
        self._source = source

    def notify(self, notice: str) -> None:
        """Keep *notice* to be said once."""
        self._held.append(notice)

    def take(self) -> Iterator[str]:
        """Give each notice once, oldest first."""
        while self._held:
            yield self._held.popleft()
        yield from self._source()
