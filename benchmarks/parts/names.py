"""What names cost: look-ups by themselves, and pages from as many names as there are pages.

    python -m benchmarks.parts.names KIND NUMBER

prints the microseconds of processor time, of the client alone, for each of NUMBER

    lookups     distinct names, looked up and nothing else
    names       pages, each from a name of its own: look-up, connection, request
    hosts       pages, each from an address of its own: the same without the look-up
    one         pages from one name

and for the KIND memory the megabytes that the client came to when it looked up so many names.

The name server and the web are those for tests, in a process of their own: slower than the client, so that
only processor time means anything.
"""

from __future__ import annotations

import multiprocessing
import resource
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import Connection
from typing import Final

from penstock.core.model import Job
from penstock.engine.curl import CurlEngine
from penstock.engine.dns import Names
from penstock.engine.resolver import Resolver
from penstock.engine.sockets import Sockets
from penstock.settings import HttpSettings
from penstock.testing.names import NameServer, Says
from penstock.testing.web import LocalWeb

AT_ONCE: Final = 50

HOSTS: Final[Mapping[str, Callable[[int], str]]] = {
    "names": lambda page: f"h{page}.test",
    "hosts": lambda page: f"127.{1 + page // 62_500}.{page // 250 % 250}.{1 + page % 250}",
    "one": lambda _page: "one.test",
}


def main(kind: str, number: int) -> float:
    with served() as (resolver, port):
        began = time.process_time()
        if kind == "memory":
            look_up(number, resolver)
            # Its own alone: the server, which counts by name, grows with them.
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        if kind == "lookups":
            look_up(number, resolver)
        else:
            host = HOSTS[kind]
            settings = HttpSettings(
                concurrency=AT_ONCE, resolver=resolver, connect_to=(f"::127.0.0.1:{port}",) if kind == "hosts" else ()
            )
            fetch(settings, (f"http://{host(page)}:{port}/echo" for page in range(number)), number)
        return (time.process_time() - began) / number * 1e6


def look_up(number: int, resolver: str) -> None:
    """Look up *number* names, as many at once as the stage lets through."""
    sockets = Sockets()
    names: Names[int] = Names(Resolver(sockets, resolver, time.monotonic))
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


def fetch(settings: HttpSettings, urls: Iterator[str], number: int) -> None:
    """Fetch *urls*, *number* in all, by the engine alone."""
    engine = CurlEngine(settings)
    jobs = enumerate(urls)
    running = ok = 0
    while ok < number:
        now = time.monotonic()
        for seq, url in islice(jobs, AT_ONCE - running):
            engine.start(Job(seq, "key", url, url, ready=now), now)
            running += 1
        for attempt in engine.collect(None):
            assert attempt.status == 200, attempt
            running, ok = running - 1, ok + 1
    engine.close()


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """A name server that leads every name to one web: its address, and the web's port on every address."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    serving = context.Process(target=serve, args=(there,), daemon=True)
    serving.start()
    there.close()
    try:
        yield here.recv()
    finally:
        here.close()
        serving.join()


def serve(until: Connection) -> None:
    with NameServer({"*": Says(("127.0.0.1",), ttl=3600)}) as names, LocalWeb(hosts=0) as web:
        until.send((names.address, web.port()))
        select.select([until], [], [])


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2])))
