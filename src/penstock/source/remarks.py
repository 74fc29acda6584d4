"""Remarks on an input, collected while it is read; each kind once.

Knows texts. Does not know who reads them.
"""

from __future__ import annotations

from penstock.remedies import Message, Remedy

__all__ = ["Remarks"]


class Remarks:
    """Remarks on one input."""

    __slots__ = ("_known", "_waiting")

    def __init__(self) -> None:
        """Begin without a remark."""
        self._waiting: list[Message] = []
        self._known: set[str] = set()

    def add(self, kind: str, *parts: str | Remedy) -> None:
        """Add the remark made of *parts*, unless there was one of this *kind*."""
        if kind not in self._known:
            self._known.add(kind)
            self._waiting.append(Message(*parts))

    def take(self) -> list[str]:
        """Remove and return the remarks; another thread may add some meanwhile."""
        taken: list[str] = []
        while self._waiting:
            taken.append(self._waiting.pop(0))
        return taken
