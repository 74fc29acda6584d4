"""The list that the demo fetches, and how the hosts in it behave.

Knows the paths that ``penstock.testing.pages`` serves. Does not know how they are
served or fetched.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

__all__ = ["HABITS", "HOSTS", "urls"]

HOSTS: Final = 300
"""Hosts that answer as they should."""

HABITS: Final = {
    **{f"slow-{number}.test": "/slow/0.25" for number in range(1, 9)},
    **{f"moved-{number}.test": f"/away/mill-{number:03}.test" for number in range(1, 5)},
    "busy.test": "/flaky/1",
    "gone.test": "/status/410",
    "resets.test": "/reset",
    "hangs-up.test": "/close",
    "silent.test": "/hang",
}
"""The path before all pages of a host that does not just serve them."""

FEW: Final = ("resets.test", "hangs-up.test")
"""Hosts that cost attempts: they get a few pages each."""

DEAD: Final = "refusing.test"
"""A host that can't be reached gets one page: with more its breaker would open, and the
demo wait for it."""

SILENT: Final = ("silent.test", 4)
"""A host that costs time-outs, and how many pages it gets: early ones, so that the
demo's end need not wait for it."""

BROKEN: Final = ("not a url", "http://", "http://port.test:99999/", "ftp://files.test/list", "mailto:miller@mill.test")


def urls(pages: int) -> Iterator[str]:
    """Yield *pages* inputs in an order that mixes the hosts, always the same."""
    draw = random.Random(0)  # noqa: S311 - the list must be the same every time
    ordinary = [f"mill-{number:03}.test" for number in range(1, HOSTS + 1)]
    peculiar = [host for host in HABITS if host not in (*FEW, SILENT[0])]
    for number in range(pages):
        if number % 500 == 40:
            yield BROKEN[number // 500 % len(BROKEN)]
            continue
        host = _host(number, draw, ordinary, peculiar)
        ask = draw.choices(("", "/redirect/1", "/status/404"), (95, 3, 2))[0]
        yield f"http://{host}{ask}/page/{number}"


def _host(number: int, draw: random.Random, ordinary: list[str], peculiar: list[str]) -> str:
    if number % 200 == 150 and number < 200 * SILENT[1]:
        return SILENT[0]
    if number == 100:
        return DEAD
    if number % 250 == 100:
        return FEW[number // 250 % len(FEW)]
    if number % 20 == 10:
        return draw.choice(peculiar)
    return draw.choice(ordinary)
