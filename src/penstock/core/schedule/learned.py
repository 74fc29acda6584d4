"""Knowledge of keys (hosts) that one session has for a later one.

Knows seconds and times that the caller gives. Does not know how they were measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

__all__ = ["KeyDelays", "Learned"]


class KeyDelays(Protocol):
    """Learns how far apart the starts on each key should be; the frontier asks it at every start."""

    def spacing(self, key: Any) -> float:
        """Return the seconds that starts on *key* should be apart; 0 if nothing is against more."""

    def learned(self) -> Mapping[Any, float]:
        """Return the keys that are slowed down, with the seconds between two starts on each."""


class Learned(NamedTuple):
    """The knowledge that one session has for a later one.

    *parked* maps each key that is to be left alone to the end of that, in seconds since
    1970; *slowed* maps each key that is slowed down to the seconds between two starts.
    *noted* is when that was so, in seconds since 1970, if it is known.
    """

    parked: Mapping[Any, float] = {}
    slowed: Mapping[Any, float] = {}
    noted: float = float("-inf")

    def remaining(self, now: float) -> dict[Any, float]:
        """Return the seconds for which each parked key is still to be left alone at *now*, since 1970.

        Never more than when it was noted, as the clock may have been set back since.
        Below 0, it is over.
        """
        return {key: min(until - now, until - self.noted) for key, until in self.parked.items()}
