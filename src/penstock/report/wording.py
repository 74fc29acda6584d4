"""Numbers as people read them, in one style.

Knows numbers and their units. Does not know what they count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["count", "counts", "duration", "pace", "plural", "rate", "share", "size"]

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_SIZES: Final = ("bytes", "kB", "MB", "GB", "TB", "PB")


def count(number: int) -> str:
    """``12,345``."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """``1 host``, ``2,000 hosts``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counts(numbers: Mapping[Any, int], most: int | None = None) -> list[str]:
    """``["200: 7,900", "404: 12"]``, largest first.

    Entries beyond *most* are added up as ``other``.
    """
    # Ties are sorted by name, so that the same counts always look the same.
    rank = sorted(((name, number) for name, number in numbers.items() if number), key=_rank)
    if most is not None and len(rank) > most:
        rest = sum(number for _, number in rank[most - 1 :])
        rank = [*rank[: most - 1], ("other", rest)]
    return [f"{name}: {number:,}" for name, number in rank]


def duration(seconds: float) -> str:
    """``0.4 s``, ``45 s``, ``3 min 20 s``, ``4 d 3 h``: two units at most."""
    if seconds < 9.95 and seconds % 1:
        return f"{max(seconds, 0.1):.1f} s"
    whole = round(seconds)
    for unit, name, below, below_name in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min"), (MINUTE, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name} {rest} {below_name}" if rest else f"{whole // unit} {name}"
    return f"{whole} s"


def pace(number: float) -> str:
    """A rate with its unit: ``1,428/s``, ``3.4/s``, ``0.02/s``."""
    return f"{rate(number)}/s"


def rate(number: float) -> str:
    """``1,428``, ``3.4``, ``0.02``."""
    return f"{number:,.{0 if number >= 10 or number == 0 else 1 if number >= 1 else 2}f}"


def share(part: float, whole: float) -> str:
    """``92 %``, rounded down, so that only the whole is 100 %; ``<1 %`` is not zero."""
    percent = int(100 * part / whole) if whole else 0
    return "<1 %" if part and not percent else f"{percent} %"


def size(number: int) -> str:
    """``814 bytes``, ``1.4 MB``, ``214 GB``: powers of ten, three digits at most."""
    amount, unit = float(number), 0
    while amount >= 999.5 and unit < len(_SIZES) - 1:
        amount /= 1000
        unit += 1
    return f"{amount:.1f} {_SIZES[unit]}" if unit and amount < 9.95 else f"{amount:.0f} {_SIZES[unit]}"


def _rank(entry: tuple[Any, int]) -> tuple[int, str]:
    return -entry[1], str(entry[0])
