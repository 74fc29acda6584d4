"""What is to be said about an input while it is read: each thing once.

Knows texts. Does not know who reads them.
"""

from __future__ import annotations

__all__ = ["Remarks"]


class Remarks:
    """Remarks on an input."""

    __slots__ = ("_said", "_waiting")

    def __init__(self) -> None:
        """Nothing is said yet."""
        self._waiting: list[str] = []
        self._said: set[str] = set()

    def say(self, kind: str, text: str) -> None:
        """Add *text*, unless there was a remark of this *kind*."""
        if kind not in self._said:
            self._said.add(kind)
            self._waiting.append(text)

    def taken(self) -> list[str]:
        """The remarks that were not taken yet; another thread may add some meanwhile."""
        taken = []
        while self._waiting:
            taken.append(self._waiting.pop(0))
        return taken
