"""What the frontier's stories are told with: jobs by name, and what is said of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock.core.schedule.answers import Start
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.verdicts import Done, Verdict


class Item(NamedTuple):
    """A job, as far as the frontier cares."""

    key: str
    number: int

    behind = None


a0, a1, a2 = (Item("a", number) for number in range(3))
b0, b1, b2 = (Item("b", number) for number in range(3))
c0 = Item("c", 0)


def make(*jobs: Item, closed: bool = True, **limits: Any) -> Frontier:
    """A frontier that holds *jobs*."""
    frontier = Frontier(**{"window": 10, "concurrency": 8, "per_key": 8} | limits)
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


def settle(frontier: Frontier, job: Item, now: float, verdict: Verdict | None = None) -> None:
    """Settle *job*, as done unless there is another *verdict*."""
    frontier.settle(job, verdict or Done(job), now)
