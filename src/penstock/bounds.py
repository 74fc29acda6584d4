"""Checks of a number that a caller gave: its type, its least and its greatest value.

Knows the message. Does not know which settings there are, so that ``throttle`` need not
load them.
"""

from __future__ import annotations

from typing import Final, TypeVar

from penstock.errors import UsageError

__all__ = ["MOST_AT_ONCE", "MOST_A_SECOND", "check_number", "check_rate"]

MOST_AT_ONCE: Final = 1_000_000
"""The highest concurrency: far more than anything except sleep can use."""

MOST_A_SECOND: Final = 10**6
"""The highest rate."""

Number = TypeVar("Number", int, float)


def check_number(
    name: str, value: Number, low: float, high: float, *, whole: bool = False, above: bool = False
) -> Number:
    """Return *value*.

    Raises UsageError unless it is a number from *low*, or with *above* above it, to
    *high*; and a *whole* one if asked.
    """
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise UsageError(f"{name} is {value!r}; it is a {'whole ' if whole else ''}number")
    if not low <= value <= high or (above and value == low):
        raise UsageError(f"{name} is {value}; it goes from {'above ' if above else ''}{low:,} to {high:,}")
    return value


def check_rate(rate: float | None, name: str = "rate") -> float | None:
    """Return *rate*, starts a second or None for no limit.

    Raises UsageError if it is anything else.
    """
    if rate == 0:
        raise UsageError(f"{name} is a number of starts a second above 0; leave it out for no limit")
    return None if rate is None else check_number(name, rate, 0, MOST_A_SECOND, above=True)
