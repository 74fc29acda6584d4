"""Backoff: how long to wait before another attempt.

Arithmetic only: no clock, no randomness. *draw* is the caller's random number in [0,
1).
"""

from __future__ import annotations

from typing import Final

__all__ = ["BASE", "CAP", "backoff"]

BASE: Final = 1.0
"""Seconds of the first wait at most."""

CAP: Final = 60.0
"""Seconds of any wait at most."""


def backoff(made: int, draw: float, base: float = BASE, cap: float = CAP) -> float:
    """Return the seconds of an exponential backoff with full jitter: drawn evenly from 0 to min(cap, base · 2ⁿ).

    *made* attempts were made, at least 1. Full jitter spends the least work if many
    clients meet one server again (Marc Brooker, "Exponential Backoff And Jitter", AWS
    Architecture Blog, 2015).
    """
    # The exponent is bounded: 2.0 ** 1024 is an OverflowError, and any cap is reached
    # long before.
    return draw * min(cap, base * 2.0 ** min(made - 1, 60))
