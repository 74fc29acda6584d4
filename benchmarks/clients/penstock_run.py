"""``penstock.run`` into a run folder, politeness off: a durable line of JSON a page."""

from __future__ import annotations

import orjson

import penstock
from benchmarks.clients.protocol import Task, main

FOLDER = "run"


def fetch(task: Task) -> None:
    at_once = task.concurrency
    penstock.run(
        task.urls,
        task.folder / FOLDER,
        concurrency=at_once,
        per_host=at_once,
        delay=0,
        robots=False,
        resolver=task.resolver,
        cacert=task.cacert,
        connect_to=task.connect_to or (),
    )


def check(task: Task) -> int:
    good = set()
    for file in (task.folder / FOLDER).glob("*.jsonl"):
        with file.open("rb") as lines:
            for page in map(orjson.loads, lines):
                if page["status"] == 200 and len(page["body"].encode()) == task.size:
                    good.add(page["seq"])
    return len(good)


if __name__ == "__main__":
    main(fetch, check)
