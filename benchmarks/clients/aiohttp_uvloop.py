"""The same aiohttp on uvloop's event loop. It stores nothing."""

from __future__ import annotations

import asyncio

import uvloop

from benchmarks.clients.aiohttp_workers import work_all
from benchmarks.clients.protocol import Task, main


def fetch(task: Task) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work_all(task))


if __name__ == "__main__":
    main(fetch)
