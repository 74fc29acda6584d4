"""What the frontier's stories are told with: jobs by name, and attempts that carry what they mean."""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock.core.schedule.frontier import Frontier, Start
from penstock.core.web.judge import Done, Verdict


class Item(NamedTuple):
    """A job, as far as the frontier cares."""

    key: str
    number: int


class Tried(NamedTuple):
    """An attempt that carries what it means."""

    job: Item
    verdict: Verdict | None = None


def as_told(attempt: Tried, _now: float, _draw: float) -> Verdict:
    return attempt.verdict or Done(attempt.job)


a0, a1, a2 = (Item("a", number) for number in range(3))
b0, b1, b2 = (Item("b", number) for number in range(3))
c0 = Item("c", 0)


def make(*jobs: Item, closed: bool = True, **limits: Any) -> Frontier:
    """A frontier that holds *jobs*."""
    frontier = Frontier(**{"window": 10, "concurrency": 8, "per_key": 8, "policy": as_told} | limits)
    for job in jobs:
        frontier.offer(job)
    if closed:
        frontier.close()
    return frontier


def starts(frontier: Frontier, now: float) -> list[Item]:
    """All that may start at *now*."""
    started = []
    while isinstance(answer := frontier.next(now), Start):
        started.append(answer.job)
    return started


def settle(frontier: Frontier, job: Item, now: float) -> None:
    assert frontier.judge(Tried(job), now, 0.0) == Done(job)
