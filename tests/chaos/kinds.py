"""The ways in which a host of the chaos may behave, and what each must come to.

Knows paths, names and reasons. Does not know how hosts are served, or who fetches from them.
"""

from __future__ import annotations

import random
from typing import Final

from msgspec import Struct

from penstock.testing.hostile import FAULTS, Fault
from penstock.testing.names import NXDOMAIN, REFUSED, SERVFAIL, SILENT, Says

__all__ = ["GOOD", "KINDS", "WAITING", "Kind", "cast"]

BAD: Final = 0.3
"""The share of hosts that misbehave."""

WAITING: Final = 1
"""Seconds of the Retry-After of hosts that are busy."""

UNREACHED: Final = frozenset(
    {"connect_refused", "connect_unreachable", "timeout_connect", "dns_temporary", "timeout_dns"}
)
"""What a breaker counts, so that ``host_down`` may come in place of it."""


SICK: Final = ("dns_temporary", "timeout_dns", "host_down")
"""What a name may come to that never resolves: in its own way, or in the way of a resolver that fails as a whole."""


class Kind(Struct, frozen=True):
    """One way to behave.

    *path* is what is asked for: ``{n}`` stands for the number of the input, ``{other}`` for a host where all is well,
    ``{own}`` for the host itself. *words* is what it may come to: ``fetched``, with *status*, or reasons. With *page*
    the body is that page, at the other host where *elsewhere* says so. *says* is what the name server answers for
    it. *fault* is of the hostile server; the others are the local web's.
    """

    name: str
    path: str
    words: frozenset[str] = frozenset({"fetched"})
    status: int | None = None
    page: str | None = None
    elsewhere: bool = False
    says: Says | None = None
    fault: Fault | None = None

    @property
    def lengthy(self) -> bool:
        """Whether each of its inputs takes seconds: nobody is there, time runs out, or there are many hops or waits."""
        word = min(self.words)
        waits = self.name.startswith(("busy_", "chain"))
        return waits or bool(self.words & UNREACHED) or "timeout" in word or word == "too_many_redirects"


def _page(name: str, path: str, status: int = 200, *, elsewhere: bool = False) -> Kind:
    return Kind(name, path, status=status, page="/page/{n}", elsewhere=elsewhere)


def _ends(name: str, path: str, *words: str) -> Kind:
    return Kind(name, path, frozenset(words))


def _name(name: str, says: Says, *words: str) -> Kind:
    return Kind(name, "/page/{n}", frozenset({*words, "robots_unavailable"}), says=says)


def _hostile(fault: Fault) -> Kind:
    words = {fault.outcome}
    if fault.outcome in UNREACHED:
        words.add("host_down")
    if fault.has_port:
        words.add("robots_unavailable")  # nobody can be asked for the rules there
    return Kind(fault.name, f"/{fault.name}/{{n}}", frozenset(words), fault=fault)


GOOD: Final = _page("good", "/page/{n}")

KINDS: Final = (
    _name("nxdomain", NXDOMAIN, "dns_not_found"),
    _page("busy_429", f"/busy/429/{WAITING}/page/{{n}}", 429),
    *(_hostile(fault) for fault in FAULTS.values()),
    *(_name(name, says, *SICK) for name, says in (("servfail", SERVFAIL), ("name_refused", REFUSED))),
    _name("name_silent", SILENT, *SICK),
    _page("busy_503", f"/busy/503/{WAITING}/page/{{n}}", 503),
    _page("flapping", "/flaky/1/page/{n}"),
    _page("broken", "/status/500/page/{n}", 500),
    _page("gone", "/status/404/page/{n}", 404),
    _page("slow", "/slow/0.3/page/{n}"),
    _page("chain", "/redirect/5/page/{n}"),
    _page("away", "/away/{other}/redirect/1/page/{n}", elsewhere=True),
    _page("to_and_fro", "/away/{other}/away/{own}/away/{other}/page/{n}", elsewhere=True),
    _ends("chain_too_long", "/redirect/11/page/{n}", "too_many_redirects", "timeout"),  # twelve hops share one time
    _ends("closes", "/close/{n}", "empty_reply"),
    _ends("resets", "/reset/{n}", "reset"),
    _ends("hangs", "/hang/{n}", "timeout_first_byte"),
)
"""Every way to misbehave."""


def cast(hosts: int, seed: int) -> list[Kind]:
    """How each of so many *hosts* behaves; the same for the same *seed*.

    Host 0 is well and so is most of the rest; the others take the kinds in turn, from a place that the seed draws.
    """
    draw = random.Random(seed)
    bad = draw.sample(range(1, hosts), round(BAD * hosts))
    first = draw.randrange(len(KINDS))
    found = [GOOD] * hosts
    for number, host in enumerate(bad):
        found[host] = KINDS[(first + number) % len(KINDS)]
    return found
