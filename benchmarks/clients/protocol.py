"""What every client is told, and what it answers; nothing about how it fetches or how it is measured.

    python -m benchmarks.clients.NAME [--check] URLS CONCURRENCY SIZE FOLDER [RESOLVER FAMILIES]

fetches every line of the file URLS, CONCURRENCY at once, and prints one line of JSON, ``{"ok": n}``: the
number of complete responses with status 200 and a body of SIZE bytes. A client whose pages can only be
counted in what it stored says ``{"ok": null}``, and is asked with ``--check``, in a process that nobody
measures. Whoever runs it measures time, processor and memory from outside.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Task", "main", "say"]


class Task(NamedTuple):
    """What to fetch: the file with the *urls*, how many at once, the *size* in bytes of a good body.

    *folder* is empty and the client's own; it is removed afterwards. *resolver* is the name server to ask, if any,
    and *families* has a digit for each family that there is said to be a way out for, 4 or 46: where there is nothing
    but loopback there is none, and Penstock would ask for both.
    """

    urls: Path
    concurrency: int
    size: int
    folder: Path
    resolver: str | None = None
    families: str = ""

    def lines(self) -> Iterator[str]:
        """The URLs, read as they are asked for."""
        with self.urls.open() as file:
            for line in file:
                yield line.rstrip("\n")


def main(fetch: Callable[[Task], int | None], check: Callable[[Task], int] | None = None) -> None:
    """Be the client that *fetch* is. It returns the number of good pages; None where only *check* can tell."""
    arguments = sys.argv[1:]
    checking = arguments[0] == "--check"
    urls, concurrency, size, folder, *names = arguments[1:] if checking else arguments
    task = Task(Path(urls), int(concurrency), int(size), Path(folder), *names)
    if task.families:
        _pretend(task.families)
    if checking:
        assert check is not None
        say(check(task))
    else:
        say(fetch(task))


def _pretend(ways: str) -> None:
    from penstock.engine import families  # noqa: PLC0415 - most clients are not Penstock, and it would count as their start

    families.has_route = lambda family: {families.IPV4: "4", families.IPV6: "6"}[family] in ways


def say(ok: int | None) -> None:
    """Answer; a client that becomes another program says so before it does."""
    print(json.dumps({"ok": ok}), flush=True)
