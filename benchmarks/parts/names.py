"""The cost of names alone: the processor time of a look-up, and the memory of many.

    python -m benchmarks.parts.names KIND NUMBER

looks up NUMBER distinct names, and prints for the KIND ``lookups`` the microseconds of
processor time a name, of the client alone; for ``lookups4`` the same with a route for
IPv4 alone; for ``memory`` the peak in megabytes. The scenario ``names`` measures names
together with pages.
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
            # Of this process alone: the server counts by name, so that its memory
            # grows.
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        return (time.process_time() - began) / number * 1e6


def look_up(number: int, resolver: str, families: tuple[int, ...]) -> None:
    """Look up the addresses of *families* of *number* names, 200 at once."""
    sockets = Sockets()
    names: Names[int] = Names(Resolver(sockets, resolver, time.monotonic), families=lambda _now: families)
    todo = iter(range(number))
    ended = waiting = 0
    while ended < number:
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
            ended, waiting = ended + 1, waiting - 1
        names.begun.clear()
    names.close()
    sockets.close()


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2])))
