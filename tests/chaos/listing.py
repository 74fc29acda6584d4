"""The list of the chaos: its lines, and what must come of each."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from tests.chaos.kinds import GOOD, Kind, cast
from tests.chaos.servers import name_of

from penstock.testing.pages import page

FRONT = 0.01
"""The share of inputs that stand in front and are all of host 0."""

JUNK = (
    ("not a URL", "invalid_url"),
    ("http://", "invalid_url"),
    ("http://h0.test:99999/", "invalid_url"),
    ("ftp://h0.test/file", "blocked_scheme"),
    ("javascript:alert(1)", "blocked_scheme"),
)
NO_INPUTS = ("", "# a comment", "   ")


class Sizes(Struct, frozen=True):
    """How large the chaos is: *inputs* on *hosts*, *lengthy* of them at most on a host where each takes seconds."""

    inputs: int
    hosts: int
    lengthy: int
    seed: int


class Expected(Struct, frozen=True):
    """What an input must come to: one of *words*, with *status* and a body of *digest* where it is fetched."""

    url: str
    kind: str
    words: frozenset[str]
    status: int | None = None
    digest: str | None = None


class Listing:
    """The lines of the list, and what each *input* must come to, by its seq."""

    def __init__(self, sizes: Sizes, told: dict[str, Any]) -> None:
        self._ports = told["ports"]
        self._faults = told["faults"]
        self._cast = cast(sizes.hosts, sizes.seed)
        self._well = [host for host, kind in enumerate(self._cast) if kind is GOOD]
        self._draw = random.Random(sizes.seed)
        front = [self._input(GOOD, 0, n) for n in range(round(FRONT * sizes.inputs))]
        self.inputs = [*front, *self._shuffled(sizes, sizes.inputs - len(front))]

    def lines(self) -> Iterator[str]:
        """The file, with lines in it that are no inputs."""
        for seq, expected in enumerate(self.inputs):
            if seq % 100 == 0:
                yield NO_INPUTS[seq // 100 % len(NO_INPUTS)]
            yield expected.url

    def _shuffled(self, sizes: Sizes, wanted: int) -> list[Expected]:
        found = [Expected(url, "junk", frozenset({word})) for url, word in JUNK]
        number = 0
        while len(found) < wanted:
            for host, kind in enumerate(self._cast):
                if number < (sizes.lengthy if kind.lengthy else wanted):
                    found.append(self._input(kind, host, number))
            number += 1
        del found[wanted:]
        self._draw.shuffle(found)
        return found

    def _input(self, kind: Kind, host: int, number: int) -> Expected:
        other = self._draw.choice(self._well)
        places = {"n": f"{host}.{number}", "own": self._place(host), "other": self._place(other)}
        path = kind.path.format_map(places)
        digest = None
        if kind.page is not None:
            where = name_of(other if kind.elsewhere else host)
            digest = hashlib.sha256(page(where, kind.page.format_map(places))).hexdigest()
        return Expected(self._url(kind, host, path), kind.name, kind.words, kind.status, digest)

    def _url(self, kind: Kind, host: int, path: str) -> str:
        if kind.fault is None:
            return f"http://{self._place(host)}{path}"
        scheme, _, place, *_ = self._faults[kind.fault.name].split("/")
        # Certificates are for the address.
        name = place.rpartition(":")[0] if scheme == "https:" else name_of(host)
        return f"{scheme}//{name}:{place.rpartition(':')[2]}{path}"

    def _place(self, host: int) -> str:
        return f"{name_of(host)}:{self._ports[host]}"
