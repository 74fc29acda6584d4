"""From an input and settings to a flow: which source, which engine, which gate.

The only place besides ``api`` and ``work`` that knows which concrete stages there are.
"""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from penstock.core.extents import Settled
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.tally import Tally
from penstock.core.schedule.verdicts import Ending
from penstock.core.web.model import Fetched, Job, Outcome, Row
from penstock.core.web.requests import Requests
from penstock.core.web.retry import LATER, LONGEST_PARK
from penstock.engine.curl import CONNECTIONS_PER_SLOT, CurlEngine
from penstock.engine.resources import Resources
from penstock.fetching.callback import PageCallback
from penstock.fetching.deduplication import Once
from penstock.fetching.robots import Robots
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.machine.descriptors import Preflight, look
from penstock.machine.disk import Space, scratch_folder
from penstock.runs.folder import RunFolder
from penstock.scratch.overflow import Overflow
from penstock.scratch.rules import RulesStore
from penstock.seams import Contents, Input
from penstock.settings import Settings
from penstock.source.pulled import Inline, ReadAhead

__all__ = [
    "Fitted",
    "OnPage",
    "Passes",
    "delivery_for",
    "first_look",
    "flow_over",
    "gate_for",
    "jobs_of",
    "space_for",
    "try_engine",
]

OnPage = Callable[[Fetched], Any]


def try_engine(settings: Settings) -> None:
    """Refuse now what the engine would refuse once the folder is there."""
    CurlEngine(settings.http()).close()


def space_for(path: Path, settings: Settings) -> Space:
    """The disks that a run in the folder *path* fills."""
    folder = next((place for place in (path, *path.absolute().parents) if place.is_dir()), path)
    return Space([folder, scratch_folder()] if settings.unique else [folder])


class Fitted:
    """*settings* as far as they fit into this process; *tell* is told where they do not, now or later."""

    def __init__(self, settings: Settings, tell: Callable[[str], object]) -> None:
        self._found: Preflight = look(settings.concurrency, CONNECTIONS_PER_SLOT)
        self.tell = tell
        self.settings = replace(settings, concurrency=self._found.concurrency)
        if self._found.lowered is not None:
            tell(self._found.lowered)

    def engine(self, frontier: Frontier, delivery: Delivery[Outcome]) -> CurlEngine:
        """Make an engine that reports to *frontier* what the machine runs out of."""
        settings = self.settings
        resources = Resources(
            lambda: frontier.concurrency,
            undelivered=lambda: sum(len(outcome.body) for outcome in delivery.ready),
            memory=settings.memory,
            body=settings.max_body,
            tell=self.tell,
        )
        return CurlEngine(settings.http(), resources=resources, connections=self._found.connections)


def flow_over(
    source: Input,
    fitted: Fitted,
    settled: Settled,
    delivery: Delivery[Outcome],
    folder: RunFolder | None = None,
    *,
    rest: bool = False,
    contents: Contents | None = None,
) -> Flow[Outcome]:
    """A flow over what of *source* is not yet *settled*; *contents* compares all of it.

    What *folder* has of the hosts still holds; what must wait on a disk waits in it. *rest* where somebody may have
    been at work a moment ago, of whose last requests nobody knows: then hosts first have the rest they are promised.
    """
    settings = fitted.settings
    learned = Learned() if folder is None else folder.ledger.learned()
    frontier, judge = settings.rules(learned.slowed)
    now, wall = time.monotonic(), time.time()
    if rest:
        frontier.rest(now + settings.delay, now)
    for host, left in learned.remaining(wall).items():
        # What an older version noted it did not date.
        frontier.park(host, now + min(left, LONGEST_PARK))

    def make(_loop: AbstractEventLoop | None) -> Driver[Outcome]:
        engine = fitted.engine(frontier, delivery)
        jobs = jobs_of(source, settled, settings, contents)
        # To look at ten million settled rows again for what they asked takes a minute, in which a Ctrl-C is heard.
        pulled = ReadAhead(jobs, engine.wake) if source.blocks or settings.unique else Inline(jobs)
        path = None if folder is None else folder.path
        gate = gate_for(settings, path, fitted.tell)
        stages = Stages(pulled, frontier, engine, judge, delivery)
        return Driver(stages, gate=gate, overflow=Overflow(path))

    return Flow(frontier, make)


def gate_for(
    settings: Settings, folder: Path | None = None, tell: Callable[[str], object] = lambda _: None
) -> Robots | None:
    """What asks the hosts first, if anything does; what they answer is kept in *folder*, and *tell* hears if not."""
    return Robots(settings.agent(), RulesStore(folder, tell)) if settings.robots else None


def delivery_for(on_page: OnPage | None = None, *, ordered: bool = False) -> Delivery[Outcome]:
    """The way out for outcomes, *on_page* having the last word on each page."""
    return Delivery(Tally(), finish=None if on_page is None else PageCallback(on_page), ordered=ordered)


def jobs_of(
    source: Input, settled: Settled, settings: Settings, contents: Contents | None = None
) -> Iterator[Job | Ending]:
    """What is to be done about each row of *source* that is not *settled*."""
    clock = time.monotonic
    # A settled row is not even parsed, unless a later one may ask for the same.
    passed_over = Settled() if settings.unique else settled
    with first_look(settings) as look:
        for row in source.rows(passed_over, contents):
            item = look(row, clock())
            if row.seq not in settled:
                yield item


@contextmanager
def first_look(settings: Settings) -> Iterator[Callable[[Row, float], Job | Ending]]:
    """What looks at each row first."""
    requests = Requests(settings.request_headers())
    if settings.unique:
        with Once(requests) as once:
            yield once.look
    else:
        yield requests.first


class Passes:
    """The flows of one run: over what has no outcome, and then over what failed, as often as ``passes`` allows."""

    def __init__(
        self, folder: RunFolder, source: Input, fitted: Fitted, on_page: OnPage | None, *, force: bool = False
    ) -> None:
        """With *force* the input may have changed."""
        self._folder = folder
        self._source = source
        self._fitted = fitted
        self._on_page = on_page
        self._force = force
        self._worked_on = not folder.fresh
        self.flow = self._begin()

    def again(self) -> Flow[Outcome] | None:
        """Begin another pass; None where there is none to be done."""
        ledger = self._folder.ledger
        if ledger.passes >= self._fitted.settings.passes:
            return None
        if not ledger.begin_pass(ledger.reasons or LATER, ledger.passes + 1):
            return None
        self.flow = self._begin()
        return self.flow

    def learned(self) -> Learned:
        """What another session, or another pass, should know of the hosts."""
        return self.flow.learned()

    def _begin(self) -> Flow[Outcome]:
        ledger, delivery = self._folder.ledger, delivery_for(self._on_page)
        settled = ledger.settled() - ledger.pending()
        contents = ledger.contents(force=self._force)
        flow = flow_over(
            self._source, self._fitted, settled, delivery, self._folder, rest=self._worked_on, contents=contents
        )
        self._worked_on = True
        return flow
