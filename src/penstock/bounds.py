"""Checks of numbers that the user gives.

Knows bounds and how to word an error. Does not know which settings there are.
"""

from __future__ import annotations

from typing import Final, TypeVar

from penstock.errors import UsageError

__all__ = ["MOST_AT_ONCE", "MOST_A_SECOND", "check_number", "check_rate"]

MOST_AT_ONCE: Final = 1_000_000
"""The highest concurrency: far more than anything but sleep can make use of."""

MOST_A_SECOND: Final = 10**6
"""The highest rate."""

Number = TypeVar("Number", int, float)


def check_number(name: str, value: Number, low: float, high: float, *, whole: bool = False) -> Number:
    """Return *value*. Raises UsageError unless it is a number from *low* to *high*, and an integer if *whole*."""
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise UsageError(f"{name} is {value!r}; it is a {'whole ' if whole else ''}number")
    if not low <= value <= high:
        raise UsageError(f"{name} is {value}; it goes from {low:,} to {high:,}")
    return value


def check_rate(rate: float | None) -> float | None:
    """Return *rate*, None for no limit. Raises UsageError unless it is a number of starts a second above 0."""
    if rate == 0:
        raise UsageError("rate is a number of starts a second above 0; leave it out for no limit")
    return None if rate is None else check_number("rate", rate, 0, MOST_A_SECOND)
