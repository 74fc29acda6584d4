"""What names cost by themselves: how long a look-up takes, and how much memory many of them do.

    python -m benchmarks.parts.names KIND NUMBER

looks up NUMBER distinct names, and prints for the KIND ``lookups`` the microseconds of processor time a name, of the
client alone; for ``lookups4`` the same where there is a way out for IPv4 alone; for ``memory`` the megabytes that it
came to. What they add to pages is the scenario ``names``.
"""

from __future__ import annotations

import resource
import sys
import time
from itertools import islice

from benchmarks.nameserver import answering
from penstock.engine.dns import Names
from penstock.engine.families import BOTH
from penstock.engine.resolver import IPV4, Resolver
from penstock.engine.sockets import Sockets


def main(kind: str, number: int) -> float:
    with answering({}) as resolver:
        began = time.process_time()
        look_up(number, resolver, (IPV4,) if kind == "lookups4" else BOTH)
        if kind == "memory":
            # Its own alone: the server, which counts by name, grows with them.
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        return (time.process_time() - began) / number * 1e6


def look_up(number: int, resolver: str, families: tuple[int, ...]) -> None:
    """Look up the addresses of *families* of *number* names, as many at once as the stage lets through."""
    sockets = Sockets()
    names: Names[int] = Names(Resolver(sockets, resolver, time.monotonic), families=lambda _now: families)
    todo = iter(range(number))
    told = waiting = 0
    while told < number:
        for each in islice(todo, 200 - waiting):
            assert names.ask(f"h{each}.test", each, time.monotonic()) is None
            waiting += 1
        due = names.deadline()
        for fd, events in sockets.wait(None if due is None else max(0.0, due - time.monotonic())):
            names.process(fd, events, time.monotonic())
        if due is not None and due <= time.monotonic():
            names.tick(time.monotonic())
        while names.answers:
            _, answer = names.answers.popleft()
            assert answer.addresses, answer.detail
            told, waiting = told + 1, waiting - 1
        names.begun.clear()
    names.close()
    sockets.close()


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2])))
