"""From an input and settings to a flow: which source, which engine, which gate.

Knows which concrete stages fetching has. Does not know who consumes the flow.
"""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from penstock.core.extents import SeqSet
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.tally import Tally
from penstock.core.schedule.verdicts import Ending
from penstock.core.web.documents import Documents
from penstock.core.web.model import Fetched, Job, Outcome, Row
from penstock.core.web.requests import Requests
from penstock.core.web.retry import LATER, LONGEST_PARK
from penstock.engine.curl import CONNECTIONS_PER_SLOT, CurlEngine
from penstock.engine.resources import Resources
from penstock.fetching.callback import PageCallback
from penstock.fetching.deduplication import Once
from penstock.fetching.documents import DocumentDesk, keep_documents, read_rows
from penstock.fetching.robots import Robots
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.machine.descriptors import Preflight, fit_descriptors
from penstock.machine.disk import Space, scratch_folder
from penstock.runs.documents import DocumentStore
from penstock.scratch.overflow import DiskOverflow
from penstock.scratch.rules import RulesStore
from penstock.seams import Contents, Input, Source
from penstock.settings import Settings
from penstock.source.pulled import BATCH, Inline, ReadAhead

if TYPE_CHECKING:
    # The ledger comes with it, and a flow without a folder must not wait for that.
    from penstock.runs.folder import RunFolder

__all__ = [
    "Fitted",
    "OnPage",
    "Passes",
    "make_delivery",
    "make_flow",
    "make_gate",
    "make_row_preparer",
    "make_space",
    "read_jobs",
    "try_engine",
]

OnPage = Callable[[Fetched], Any]


def try_engine(settings: Settings) -> None:
    """Raise what the engine would raise, before the run folder is made."""
    CurlEngine(settings.http()).close()


def make_space(path: Path, settings: Settings) -> Space:
    """Return the space on the disks that a run in the folder *path* fills."""
    folder = next((place for place in (path, *path.absolute().parents) if place.is_dir()), path)
    return Space([folder, scratch_folder()] if settings.unique else [folder])


class Fitted:
    """*settings* as far as they fit into this process.

    *notify* is called with each limit that must be lowered.
    """

    def __init__(self, settings: Settings, notify: Callable[[str], object]) -> None:
        self._found: Preflight = fit_descriptors(settings.concurrency, CONNECTIONS_PER_SLOT)
        self.notify = notify
        self.settings = replace(settings, concurrency=self._found.concurrency)
        if self._found.shortfall is not None:
            notify(self._found.shortfall)

    def engine(self, frontier: Frontier, delivery: Delivery[Outcome]) -> CurlEngine:
        """Return an engine that reports shortages of memory and descriptors."""
        settings = self.settings
        resources = Resources(
            lambda: frontier.concurrency,
            undelivered=lambda: sum(len(outcome.body) for outcome in delivery.ready),
            memory=settings.memory,
            body=settings.max_body,
            notify=self.notify,
        )
        return CurlEngine(settings.http(), resources=resources, connections=self._found.connections)


def make_flow(
    source: Input,
    fitted: Fitted,
    settled: SeqSet,
    delivery: Delivery[Outcome],
    folder: RunFolder | None = None,
    *,
    worked_on: bool = False,
    contents: Contents | None = None,
) -> Flow[Outcome]:
    """Return a flow over the rows of *source* that are not yet *settled*.

    *contents* compares every row with what it was in earlier sessions. *folder* has the
    learned delays of hosts, and takes the overflow of the frontier. With *worked_on*
    another session or pass may have ended a moment ago. It is unknown which hosts that
    asked last, so the flow starts no request before the setting ``delay`` has passed.
    """
    settings = fitted.settings
    learned = Learned() if folder is None else folder.ledger.learned()
    frontier, judge = settings.rules(learned.slowed, on_demand=source.on_demand)
    now, wall = time.monotonic(), time.time()
    if worked_on:
        frontier.suspend(now + settings.delay, now)
    for host, left in learned.remaining(wall).items():
        # An older version noted no date.
        frontier.park(host, now + min(left, LONGEST_PARK))

    def make(_loop: AbstractEventLoop | None) -> Driver[Outcome]:
        engine = fitted.engine(frontier, delivery)
        path = None if folder is None else folder.path
        pulled: Source[Any]
        if source.nests:
            desk = DocumentDesk(Requests(settings.request_headers()), engine.wake)
            documents = keep_documents(None if path is None else DocumentStore(path), desk.fetch)
            jobs = read_jobs(source, settled, settings, contents, documents)
            pulled = desk.source(ReadAhead(jobs, engine.wake, BATCH))
            delivery.divert(desk.take)
        else:
            jobs = read_jobs(source, settled, settings, contents)
            # Parsing ten million settled rows again takes a minute; on a thread, a
            # Ctrl-C is still handled.
            ahead = 0 if source.on_demand else BATCH
            pulled = ReadAhead(jobs, engine.wake, ahead) if source.blocks or settings.unique else Inline(jobs)
        gate = make_gate(settings, path, fitted.notify)
        stages = Stages(pulled, frontier, engine, judge, delivery)
        return Driver(stages, gate=gate, overflow=DiskOverflow(path))

    return Flow(frontier, make)


def make_gate(
    settings: Settings, folder: Path | None = None, notify: Callable[[str], object] = lambda _: None
) -> Robots | None:
    """Return the robots.txt gate, if there is one.

    It keeps rules in *folder*, or calls *notify* if it cannot.
    """
    return Robots(settings.agent(), RulesStore(folder, notify)) if settings.robots else None


def make_delivery(on_page: OnPage | None = None, *, ordered: bool = False) -> Delivery[Outcome]:
    """Return a delivery that calls *on_page* with each page."""
    return Delivery(Tally(), transform=None if on_page is None else PageCallback(on_page), ordered=ordered)


def read_jobs(
    source: Input,
    settled: SeqSet,
    settings: Settings,
    contents: Contents | None = None,
    documents: Documents = lambda _: None,
) -> Iterator[Job | Ending]:
    """Yield the job, or the ending, of each row of *source* that is not *settled*.

    *contents* and *documents* are as for ``read_rows``.
    """
    clock = time.monotonic
    # A settled row is not even parsed, unless a later one may be its duplicate.
    skipped = SeqSet() if settings.unique else settled
    with make_row_preparer(settings) as prepare:
        for row in read_rows(source, skipped, contents, documents):
            item = prepare(row, clock())
            if row.seq not in settled:
                yield item


@contextmanager
def make_row_preparer(settings: Settings) -> Iterator[Callable[[Row, float], Job | Ending]]:
    """Give a function that returns the job of a row, or its ending.

    Rows in the order of the input.
    """
    requests = Requests(settings.request_headers())
    if settings.unique:
        with Once(requests) as once:
            yield once.prepare
    else:
        yield requests.prepare


class Passes:
    """The flows of one run: over its inputs, then over the failed ones."""

    def __init__(
        self, folder: RunFolder, source: Input, fitted: Fitted, on_page: OnPage | None, *, force: bool = False
    ) -> None:
        """Begin the first pass. With *force* the input may have changed."""
        self._folder = folder
        self._source = source
        self._fitted = fitted
        self._on_page = on_page
        self._force = force
        self._worked_on = not folder.fresh
        self.flow = self._begin()

    def again(self) -> Flow[Outcome] | None:
        """Begin another pass and return its flow; None if none is left."""
        ledger = self._folder.ledger
        if ledger.passes >= self._fitted.settings.passes:
            return None
        if not ledger.begin_pass(ledger.reasons or LATER, ledger.passes + 1):
            return None
        self.flow = self._begin()
        return self.flow

    def learned(self) -> Learned:
        """Return what another session, or another pass, should know of the hosts."""
        return self.flow.learned()

    def pause(self) -> None:
        """Let no more jobs start until ``resume``."""
        self.flow.pause()

    def resume(self) -> None:
        """Take one ``pause`` back."""
        self.flow.resume()

    def _begin(self) -> Flow[Outcome]:
        ledger, delivery = self._folder.ledger, make_delivery(self._on_page)
        settled = ledger.settled() - ledger.pending()
        contents = ledger.contents(force=self._force)
        flow = make_flow(
            self._source, self._fitted, settled, delivery, self._folder, worked_on=self._worked_on, contents=contents
        )
        self._worked_on = True
        return flow
