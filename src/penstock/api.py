"""``fetch`` and ``run``: the stages, wired together.

The only place that knows which source, which engine and which sinks there are. Every keyword is a
setting of ``Settings``, and means the same on the command line.
"""

from __future__ import annotations

import os
import time
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from penstock.callback import PageCallback
from penstock.core.inputs import difference
from penstock.core.model import Duplicate, Ending, Fetched, Job, Outcome, Row
from penstock.core.plan import Plan, Survey
from penstock.core.requests import Requests, identity
from penstock.core.retry import LONGEST_PARK
from penstock.core.tally import Tally
from penstock.delivery import Delivery
from penstock.driver import Beside, Driver
from penstock.engine.curl import CurlEngine
from penstock.errors import FolderError, PenstockError, UsageError
from penstock.flow import Flow
from penstock.once import Once
from penstock.robots import Robots
from penstock.runs.folder import RunFolder, read_manifest
from penstock.runs.manifest import PACE, Manifest
from penstock.runs.repair import repair as rebuild
from penstock.runs.verify import Recount, Verification
from penstock.runs.verify import verify as check
from penstock.scratch.overflow import Overflow
from penstock.scratch.rules import RulesStore
from penstock.scratch.seen import Counts, Seen
from penstock.seams import Input, Report, Settled
from penstock.session import Folder as FolderStore
from penstock.session import Lines, Session, Summary
from penstock.settings import Settings
from penstock.sink.jsonl import JsonlSink
from penstock.sink.record import line
from penstock.source.awaited import Awaited
from penstock.source.iterables import AsyncItems, Items
from penstock.source.opened import open_inputs
from penstock.source.pulled import Inline, ReadAhead, not_before

__all__ = ["begin", "fetch", "go_on", "plan", "resume", "run", "stream", "verify"]

OnPage = Callable[[Fetched], Any]


def fetch(
    urls: Iterable[Any] | AsyncIterable[Any], *, on_page: OnPage | None = None, ordered: bool = False, **settings: Any
) -> Flow[Outcome]:
    """Fetch *urls* and give one outcome for each, as they complete; for ``for`` and ``async for``.

    *urls* is any iterable of URLs, or of dicts with ``url`` and, where wanted, ``method``, ``headers``,
    ``body`` and other fields, which come back as the outcome's ``input``. It is read only as far as there is
    room. What may have to wait for somebody, such as a generator, is read on a thread of its own, up to 64
    items ahead; with ``unique`` everything is. An async iterable is for ``async for``, and asked for one item
    at a time. A string is one URL.

    *on_page* is called with each fetched page; what it returns becomes the outcome's ``data``. With *ordered*
    outcomes come in the order of the URLs; at most twice ``concurrency`` URLs are then between the one whose
    turn it is and the newest.

    UsageError where a setting is wrong. Nothing about the web is ever raised.
    """
    if isinstance(urls, str | bytes):
        urls = [urls]
    chosen = Settings.of(**settings)
    delivery = _delivery(on_page, ordered=ordered)
    if not isinstance(urls, AsyncIterable):
        return _flow(Items(urls, chosen.input()), chosen, Settled(), delivery)
    frontier = chosen.frontier()

    def make(loop: AbstractEventLoop | None) -> Driver[Outcome]:
        if loop is None:
            raise UsageError("the URLs come from an async iterable; write: async for page in penstock.fetch(...)")
        engine = CurlEngine(chosen.http())
        rows, looking = AsyncItems(chosen.input()), ExitStack()
        look = looking.enter_context(_look(chosen))
        source = Awaited(
            urls, lambda item: look(rows.row(item), time.monotonic()), loop=loop, wake=engine.wake, done=looking.close
        )
        return Driver(source, frontier, engine, delivery, beside=Beside(_gate(chosen), Overflow()))

    return Flow(frontier, make)


def run(
    inputs: str | os.PathLike[str] | Iterable[Any],
    output: str | os.PathLike[str],
    *,
    on_page: OnPage | None = None,
    report: Report | None = None,
    **settings: Any,
) -> Summary:
    """Fetch *inputs* into the run folder *output*, durably, and say how it ended.

    *inputs* is the name of a file, a URL, ``-`` for standard input, or an iterable as ``fetch`` takes it.
    Where *output* already holds a run of the same inputs and settings, what of it is not settled is done;
    so a script may be killed at any moment and simply be started again.

    UsageError where a setting is wrong; InputError where the input cannot be read, InputChanged where it
    is not the one the run began with; OutputError where outcomes cannot be stored; FolderError where the
    folder cannot be used. What the input's iterator raises comes out of here, after what was read before
    has been stored.
    """
    chosen = Settings.of(**settings)
    if isinstance(inputs, str | os.PathLike):
        names = _located([os.fspath(inputs)])
        source: Input = open_inputs(names, chosen.input())
    else:
        names = ()
        source = Items(inputs, chosen.input())
    _try(chosen)
    path = Path(output)
    manifest = Manifest.of(chosen, names, source.fingerprint())
    begun = RunFolder.holds_run(path)
    with _held(RunFolder.open(path) if begun else RunFolder.create(path, manifest)) as folder:
        folder.check(manifest)
        session = _session(folder, source, chosen, on_page, again=begun)
    return session.execute(report)


def resume(output: str | os.PathLike[str], *, report: Report | None = None, **changes: Any) -> Summary:
    """Go on with the run in the folder *output*, and say how it ended; see ``go_on`` for *changes*."""
    return go_on(output, changes).execute(report)


def begin(names: Sequence[str], output: str | os.PathLike[str], settings: Settings) -> Session:
    """A session on a new run folder. Errors as of ``run``; FolderError where there is a run already."""
    _try(settings)
    names = _located(names)
    source = open_inputs(names, settings.input())
    with _held(RunFolder.create(Path(output), Manifest.of(settings, names, source.fingerprint()))) as folder:
        return _session(folder, source, settings, None)


def go_on(output: str | os.PathLike[str], changes: Mapping[str, Any], *, force: bool = False) -> Session:
    """A session that goes on with the run in the folder *output*.

    *changes* are settings to have from now on: those that say how fast and by which way, and the headers
    and credentials that are not kept in the folder. InputChanged where the input is not the one the run
    began with, unless *force*. UsageError where the folder does not say where its input is.
    """
    with _held(RunFolder.open(Path(output))) as folder:
        settings = _resumed(folder.manifest, dict(changes))
        _try(settings)
        names = _known(folder.manifest)
        source = open_inputs(names, settings.input())
        if not force:
            folder.check(Manifest.of(settings, names, source.fingerprint()))
        return _session(folder, source, settings, None, again=True)


def verify(output: str | os.PathLike[str], *, repair: bool = False) -> Verification:
    """Prove that the run in the folder *output* holds what it should: inputs in, outcomes out.

    Every byte is read back, and so is the input, if it is there and the run is finished. With *repair* a
    ledger that is damaged or gone is first made again from the outputs.

    FolderError where there is no run, or its ledger can't be read; FolderInUse while somebody works on it.
    What is wrong with the contents is in ``problems``, and ``ok`` says whether anything is.
    """
    path = Path(output)
    if not RunFolder.holds_run(path):
        raise FolderError(f"{path} holds no run; name the folder given to: penstock fetch -o")
    if repair:
        rebuild(path)
    return check(path, _recounted(read_manifest(path)))


def _recounted(manifest: Manifest) -> Recount | None:
    """The inputs, counted again; None where the input is not what it was, or can be read only once."""
    if manifest.fingerprint is None or "inputs" in manifest.withheld:
        return None
    try:
        source = open_inputs(manifest.inputs, manifest.settings.input())
        if difference(manifest.fingerprint, source.fingerprint()) is not None:
            return None
        if not manifest.settings.unique:
            return Recount(sum(1 for _ in source.rows(Settled())))
        inputs, duplicates = 0, Settled()
        with Once(Requests()) as once:
            for row in source.rows(Settled()):
                inputs += 1
                if type(once.look(row, 0.0)) is Duplicate:
                    duplicates.add(row.seq)
        return Recount(inputs, duplicates)
    except PenstockError:
        return None


def plan(names: Sequence[str], settings: Settings, hosts: int = 10) -> Plan:
    """What the inputs *names* would come to within *settings*, and their biggest *hosts*. Nothing is sent.

    Reads all of them, within bounded memory; what has to be remembered of them goes to a temporary file.
    UsageError where a setting is wrong, InputError where an input can't be read, OutputError where there is no
    room for the temporary file.
    """
    source = open_inputs(names, settings.input())
    first = Requests().first
    with Seen() as seen, Counts() as counts:
        survey = Survey(counts, unique=settings.unique)
        for row in source.rows(Settled()):
            item = first(row, 0.0)
            if isinstance(item, Job):
                survey.request(item.key, again=not seen.add(identity(item)))
            else:
                survey.refuse(item, row.line)
        return survey.plan(settings.limits(), hosts)


def stream(names: Sequence[str], settings: Settings, write: Callable[[bytes], object]) -> Session:
    """A session that hands one JSON line for each outcome to *write* as it completes, and keeps nothing."""
    source = open_inputs(names, settings.input())
    inline_body = settings.body == "inline"
    store = Lines(lambda outcome: line(outcome, inline_body=inline_body), write)
    flow = _flow(source, settings, Settled(), _delivery())
    return Session(flow, store, source, settings=settings)


def _session(
    folder: RunFolder, source: Input, settings: Settings, on_page: OnPage | None, *, again: bool = False
) -> Session:
    """A session on *folder*, which it closes when it ends; *again* if it may not be the first."""
    ledger, output = folder.ledger, settings.output()
    sinks = [JsonlSink(folder.path, ledger.committed(JsonlSink.name), output)]
    flow = _flow(source, settings, ledger.settled(), _delivery(on_page), folder, again=again)
    store = FolderStore(sinks, folder, output.flush_every, parked=flow.parked)
    return Session(flow, store, source, settings=settings, folder=str(folder.path), before=ledger.tally())


@contextmanager
def _held(folder: RunFolder) -> Iterator[RunFolder]:
    """*folder*, which is let go of where something goes wrong before a session has it."""
    try:
        yield folder
    except BaseException:
        folder.close()
        raise


def _known(manifest: Manifest) -> tuple[str, ...]:
    """Where the run's input is."""
    if not manifest.inputs:
        raise UsageError("this run's input was an iterable of a program; go on by calling penstock.run with it again")
    if "inputs" in manifest.withheld:
        raise UsageError(
            "the URLs of this run had credentials in them, which are not kept; go on by calling penstock.run with "
            "them again, or put them into a file that only you may read"
        )
    return manifest.inputs


def _resumed(manifest: Manifest, changes: dict[str, Any]) -> Settings:
    """The settings of the run, with *changes*; UsageError for one that would make another job of it."""
    fixed = sorted(changes.keys() - PACE - {"headers", "url_template"})
    if fixed:
        raise UsageError(
            f"{fixed[0]} is part of what this run is; it can't change. What can: {', '.join(sorted(PACE))}"
        )
    given = Settings.of(**changes)
    secrets = {name: getattr(given, name) for name in ("headers", "proxy", "url_template") if name in changes}
    restored = manifest.restore(**secrets)
    return replace(restored, **{name: getattr(given, name) for name in changes if name in PACE})


def _try(settings: Settings) -> None:
    """Refuse now what the engine would refuse once the folder is there."""
    CurlEngine(settings.http()).close()


def _located(names: Sequence[str]) -> tuple[str, ...]:
    """*names* with every file's made absolute, so that a run can be resumed from anywhere."""
    return tuple(name if name == "-" or "://" in name else str(Path(name).absolute()) for name in names)


def _flow(
    source: Input,
    settings: Settings,
    settled: Settled,
    delivery: Delivery[Outcome],
    folder: RunFolder | None = None,
    *,
    again: bool = False,
) -> Flow[Outcome]:
    """A flow over what of *source* is not yet *settled*.

    Hosts that were parked when *folder* was left still are; what must wait on a disk waits in it. *again* says that
    somebody may have been at work a moment ago, of whose last requests nobody knows.
    """
    frontier = settings.frontier()
    begins = time.monotonic() + (settings.delay if again else 0.0)
    if folder is not None:
        now, wall = time.monotonic(), time.time()
        for host, until in folder.ledger.parked().items():
            # By a clock that was set back meanwhile it might be parked for years.
            frontier.park(host, now + min(until - wall, LONGEST_PARK))

    def make(_loop: AbstractEventLoop | None) -> Driver[Outcome]:
        engine = CurlEngine(settings.http())
        jobs = _jobs(source, settled, settings)
        # To look at ten million settled rows again for what they asked takes a minute, in which a Ctrl-C is heard.
        if again:
            jobs = not_before(begins, jobs)
        pulled = ReadAhead(jobs, engine.wake) if source.blocks or settings.unique or again else Inline(jobs)
        path = None if folder is None else folder.path
        return Driver(pulled, frontier, engine, delivery, beside=Beside(_gate(settings, path), Overflow(path)))

    return Flow(frontier, make)


def _gate(settings: Settings, folder: Path | None = None) -> Robots | None:
    """What asks the hosts first, if anything does; what they answer is kept in *folder*."""
    return Robots(settings.agent(), RulesStore(folder)) if settings.robots else None


def _delivery(on_page: OnPage | None = None, *, ordered: bool = False) -> Delivery[Outcome]:
    return Delivery(Tally(), finish=None if on_page is None else PageCallback(on_page), ordered=ordered)


def _jobs(source: Input, settled: Settled, settings: Settings) -> Generator[Job | Ending, None, None]:
    """What is to be done about each row of *source* that is not *settled*."""
    clock = time.monotonic
    # A settled row is not even parsed, unless a later one may ask for the same.
    passed_over = Settled() if settings.unique else settled
    with _look(settings) as look:
        for row in source.rows(passed_over):
            item = look(row, clock())
            if row.seq not in settled:
                yield item


@contextmanager
def _look(settings: Settings) -> Iterator[Callable[[Row, float], Job | Ending]]:
    """What looks at each row first."""
    requests = Requests(settings.request_headers())
    if settings.unique:
        with Once(requests) as once:
            yield once.look
    else:
        yield requests.first
