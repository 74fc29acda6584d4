"""Twisted's Agent, throttled by its Cooperator. It stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import Cooperator, react
from twisted.web.client import Agent, HTTPConnectionPool, readBody

from benchmarks.clients.protocol import Task, main

IDLE: Final = 1
"""Seconds that a connection is kept.

The default of 240 would keep those to 20,000 hosts all open.
"""


class Batch:
    """The work of one call; *ok* counts the good pages."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.ok = 0
        self.pool = HTTPConnectionPool(reactor, persistent=True)
        self.pool.maxPersistentPerHost = task.concurrency
        self.pool.cachedConnectionTimeout = IDLE
        self.agent = Agent(reactor, pool=self.pool)

    def requests(self) -> Iterator[Deferred[None]]:
        for url in self.task.lines():
            yield self.agent.request(b"GET", url.encode()).addCallback(self.read)

    def read(self, response: Any) -> Deferred[None]:
        return readBody(response).addCallback(self.count, response.code)

    def count(self, body: bytes, status: int) -> None:
        self.ok += status == 200 and len(body) == self.task.size

    def run(self) -> Deferred[Any]:
        requests, cooperator = self.requests(), Cooperator()
        lanes = [cooperator.coiterate(requests) for _ in range(self.task.concurrency)]
        return DeferredList(lanes, fireOnOneErrback=True).addCallback(lambda _: self.pool.closeCachedConnections())


def fetch(task: Task) -> int:
    batch = Batch(task)
    try:
        react(lambda _reactor: batch.run())
    except SystemExit as end:
        # ``react`` returns by leaving the process, with 0 if all went well.
        if end.code:
            raise
    return batch.ok


if __name__ == "__main__":
    main(fetch)
