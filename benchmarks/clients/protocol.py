"""The arguments of every client, and its answer.

    python -m benchmarks.clients.NAME [--check] URLS CONCURRENCY SIZE FOLDER [RESOLVER
        FAMILIES [CACERT CONNECT_TO]]

fetches every line of the file URLS, CONCURRENCY at once, and prints one line of JSON,
``{"ok": n}``: the number of complete responses with status 200 and a body of SIZE
bytes. A client whose pages can only be counted in its files prints ``{"ok": null}``,
and counts them with ``--check`` in another process, which is not measured. The
benchmark measures time, processor and memory from outside.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Task", "main", "pretend", "say"]


class Task(NamedTuple):
    """A list in the file *urls*, the *size* in bytes of a good body, an empty *folder*.

    *resolver* is the name server, if any. *families* is 4 or 46, a digit for each
    family that the client must believe to have a route: with loopback alone there is
    none, and Penstock would ask for both. *cacert* and *connect_to*, if any, are a file
    of trusted certificates and where every name leads, as in Penstock's settings.
    """

    urls: Path
    concurrency: int
    size: int
    folder: Path
    resolver: str | None = None
    families: str = ""
    cacert: str | None = None
    connect_to: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the URLs, read lazily."""
        with self.urls.open() as file:
            for line in file:
                yield line.rstrip("\n")


def main(fetch: Callable[[Task], int | None], check: Callable[[Task], int] | None = None) -> None:
    """Run *fetch*, which returns the good pages, or None if *check* counts them."""
    arguments = sys.argv[1:]
    checking = arguments[0] == "--check"
    urls, concurrency, size, folder, *names = arguments[1:] if checking else arguments
    resolver, families, cacert, connect_to = [*names, *[""] * 4][:4]
    task = Task(
        Path(urls), int(concurrency), int(size), Path(folder), resolver or None, families, cacert or None, connect_to
    )
    if task.families:
        pretend(task.families)
    if checking:
        assert check is not None
        say(check(task))
    else:
        say(fetch(task))


def pretend(ways: str) -> None:
    """Let Penstock believe that only the families in *ways* have a route."""
    from penstock.engine import families  # noqa: PLC0415 - most clients are not Penstock, and it would count as their start

    # Up to 932e14d and a little later it was called routed.
    name = "has_route" if hasattr(families, "has_route") else "routed"
    assert hasattr(families, name)
    setattr(families, name, lambda family: {families.IPV4: "4", families.IPV6: "6"}[family] in ways)


def say(ok: int | None) -> None:
    """Print the answer; a client that becomes another program prints it first."""
    print(json.dumps({"ok": ok}), flush=True)
