"""``fetch`` and ``run``: the stages, wired together.

The only place that knows which source, which engine and which sinks there are. Every keyword is a
setting of ``Settings``, and means the same on the command line.
"""

from __future__ import annotations

import logging
import os
import time
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TypeVar

from penstock.core.extents import Settled
from penstock.core.results import Summary
from penstock.core.schedule.verdicts import Duplicate
from penstock.core.web.model import Job, Outcome, Skipped
from penstock.core.web.plan import Plan, Survey
from penstock.core.web.reasons import read_reasons
from penstock.core.web.requests import Requests, identity
from penstock.core.web.retry import LATER
from penstock.errors import FolderError, InputChanged, PenstockError, UsageError
from penstock.fetching.deduplication import Once
from penstock.fetching.resuming import (
    Inputs,
    Named,
    check_passes,
    forced_by_resume,
    found_again,
    held,
    in_force,
    opened,
    settle_on,
)
from penstock.fetching.wiring import (
    Fitted,
    OnPage,
    Passes,
    delivery_for,
    first_look,
    flow_over,
    gate_for,
    jobs_of,
    space_for,
    try_engine,
)
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.remedies import Remedy, call
from penstock.report.screens import report_for
from penstock.report.suggest import nothing_to_try
from penstock.report.summary import headline
from penstock.runs.differences import difference
from penstock.runs.failed import note_all
from penstock.runs.files import LEDGER_FILE
from penstock.runs.folder import RunFolder, no_run, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.runs.manifest import Manifest
from penstock.runs.repair import repair as rebuild
from penstock.runs.session import Folder as FolderStore
from penstock.runs.session import Lines, Session
from penstock.runs.verify import Recount, Verification
from penstock.runs.verify import verify as check
from penstock.scratch.overflow import Overflow
from penstock.scratch.seen import Counts, Seen
from penstock.seams import Contents, Input, Report
from penstock.settings import Settings
from penstock.sink.formats import open_sinks
from penstock.sink.record import pieces
from penstock.source.awaited import Awaited
from penstock.source.iterables import AsyncItems, Items
from penstock.source.opened import STDIN, open_inputs

__all__ = [
    "begin",
    "begin_or_go_on",
    "fetch",
    "forced_by_resume",
    "go_on",
    "leftover",
    "named",
    "plan",
    "resume",
    "retry",
    "run",
    "stream",
    "try_again",
    "verify",
]

log = logging.getLogger("penstock")

T = TypeVar("T")


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
    fitted = Fitted(Settings.of(**settings), log.warning)
    chosen, delivery = fitted.settings, delivery_for(on_page, ordered=ordered)
    _refuse_passes(chosen)
    if not isinstance(urls, AsyncIterable):
        return flow_over(Items(urls, chosen.input()), fitted, Settled(), delivery)
    frontier, judge = chosen.rules()

    def make(loop: AbstractEventLoop | None) -> Driver[Outcome]:
        if loop is None:
            raise UsageError("the URLs come from an async iterable; write: async for page in penstock.fetch(...)")
        engine = fitted.engine(frontier, delivery)
        rows, looking = AsyncItems(chosen.input()), ExitStack()
        look = looking.enter_context(first_look(chosen))
        source = Awaited(
            urls, lambda item: look(rows.row(item), time.monotonic()), loop=loop, wake=engine.wake, done=looking.close
        )
        stages = Stages(source, frontier, engine, judge, delivery)
        return Driver(stages, gate=gate_for(chosen), overflow=Overflow())

    return Flow(frontier, make)


def run(
    inputs: Inputs,
    output: str | os.PathLike[str],
    *,
    on_page: OnPage | None = None,
    report: Report | Callable[[str], object] | None = None,
    force: bool = False,
    **settings: Any,
) -> Summary:
    """Fetch *inputs* into the run folder *output*, durably, and say how it ended.

    *inputs* is the name of a file, a URL, ``-`` for standard input, or an iterable as ``fetch`` takes it, but for a
    set: it has another order in each process, and inputs are known by their place.
    Where *output* already holds a run of the same inputs and settings, what of it is not settled is done;
    so a script may be killed at any moment and simply be started again. Settings that may change and are not given
    stay as they were last, as of ``resume``. Each input that has its outcome is
    compared with what it was as it is read again; with *force* it may be another, and the run goes on by place.
    An iterable may have more items than before.

    *report* is told how it goes: a function that takes a line of text, such as ``print``, every five seconds at
    first, every minute later, and at the end; or a ``Report``, which gets the numbers. Whatever leaves the run early,
    Ctrl-C included, comes out of here after all that is complete has been stored.

    UsageError where a setting is wrong; InputError where the input cannot be read, InputChanged where it
    is not the one the run began with; OutputError where outcomes cannot be stored; FolderError where the
    folder cannot be used. What the input's iterator raises comes out of here, an Exception after what was read
    before has been fetched and stored, a KeyboardInterrupt or SystemExit at once, as if it came from outside.
    """
    chosen, path = Settings.of(**settings), Path(output)
    if RunFolder.holds_run(path):
        chosen = in_force(read_manifest(path), chosen, settings)
    names, source = opened(inputs, chosen.input())
    try_engine(chosen)
    check_passes(chosen, source)
    space_for(path, chosen).check()
    manifest = Manifest.of(chosen, names, source.fingerprint() if names else None)
    with held(_created(path, lambda: RunFolder.create(path, manifest)) or RunFolder.open(path)) as folder:
        if not folder.fresh:
            settle_on(folder, chosen, names, source, force=force)
        session = _session(folder, source, chosen, on_page, force=force)
    return _execute(session, report)


def resume(
    output: str | os.PathLike[str],
    *,
    inputs: Inputs | None = None,
    report: Report | Callable[[str], object] | None = None,
    force: bool = False,
    **changes: Any,
) -> Summary:
    """Go on with the run in the folder *output*, and say how it ended.

    *inputs* as of ``run``: needed if the run was begun with an iterable, and if a file has moved. See ``run`` for
    *report*, and ``go_on`` for *changes* and *force*.
    """
    return _execute(go_on(output, changes, inputs, force=force), report)


def retry(
    output: str | os.PathLike[str],
    *,
    only: str | int | Iterable[str | int] | None = None,
    inputs: Inputs | None = None,
    report: Report | Callable[[str], object] | None = None,
    force: bool = False,
    **changes: Any,
) -> Summary:
    """Try failed inputs of a finished run again, and say how it ended.

    See ``resume`` for *inputs*, ``run`` for *report*, and ``try_again`` for the rest.
    """
    return _execute(try_again(output, only, changes, inputs, force=force), report)


def _execute(session: Session, report: Report | Callable[[str], object] | None) -> Summary:
    """Execute *session* and tell *report*."""
    try:
        shown = report_for(report, session.settings)
    except BaseException:
        session.close()
        raise
    ended = session.execute(shown)
    if shown is not None and shown is not report:
        shown.remark(headline(ended))
    return ended


def begin(names: Sequence[str], output: str | os.PathLike[str], settings: Settings) -> Session:
    """A session on a new run folder. Errors as of ``run``; FolderError where there is a run already."""
    try_engine(settings)
    located_at, source = opened(Named(names), settings.input())
    check_passes(settings, source)
    space_for(Path(output), settings).check()
    with held(RunFolder.create(Path(output), Manifest.of(settings, located_at, source.fingerprint()))) as folder:
        return _session(folder, source, settings, None)


def begin_or_go_on(names: Sequence[str], output: str | os.PathLike[str], given: Mapping[str, Any]) -> Session:
    """A session that begins a run in the folder *output*, or goes on with the one that is there; errors as of these."""
    begun = _created(Path(output), lambda: begin(names, output, Settings.of(**given)))
    if begun is not None:
        return begun
    session = go_on(output, given, Named(names))
    if session.is_done():
        session.remarks.append("This run has finished already: all inputs have their outcome.")
    return session


def _created(path: Path, create: Callable[[], T]) -> T | None:
    """Return what *create* makes of a new run in the folder *path*; None if another process has begun one there."""
    if not RunFolder.holds_run(path):
        try:
            return create()
        except FolderError:
            # It may have begun since.
            if not RunFolder.holds_run(path):
                raise
    return None


def go_on(
    output: str | os.PathLike[str], changes: Mapping[str, Any], inputs: Inputs | None = None, *, force: bool = False
) -> Session:
    """A session that goes on with the run in the folder *output*.

    *changes* are settings to have from now on, in later sessions too: those that say how fast, by which way, in whose
    name and how much is kept; and the headers and credentials that are not kept in the folder. *inputs* take the place
    of those that the folder names. InputChanged where the input is not the one the run began with, unless *force*.
    UsageError if the folder does not say where its input is.
    """
    with held(RunFolder.open(Path(output))) as folder:
        source, settings = found_again(folder, changes, inputs, force=force)
        space_for(folder.path, settings).check()
        return _session(folder, source, settings, None, force=force)


def try_again(
    output: str | os.PathLike[str],
    only: str | int | Iterable[str | int] | None,
    changes: Mapping[str, Any],
    inputs: Inputs | None = None,
    *,
    force: bool = False,
) -> Session:
    """A session that tries inputs of the finished run in *output* again; the rest is as of ``go_on``.

    *only* names reasons to: reasons, statuses (404) and classes of them (5xx); one or several, also with commas between
    them. None means all that may work later (``core.retry.LATER``). What an input comes to now takes the
    place of what it came to before, once it is durable. The same that was begun and stopped goes on where it was.

    UsageError where there is no such reason, FolderError where the run has not finished; else as ``go_on``.
    """
    reasons = _reasons(only)
    with held(RunFolder.open(Path(output))) as folder:
        if folder.ledger.total is None:
            raise FolderError(f"the run in {output} has not finished; first go on with it: ", call("resume", output))
        source, settings = found_again(folder, changes, inputs, force=force)
        space_for(folder.path, settings).check()
        note_all(folder.path, folder.ledger, reasons)
        session = _session(folder, source, settings, None, reasons, force=force)
        if not folder.ledger.pending():
            session.advice = nothing_to_try(folder.ledger.tally(), frozenset() if reasons == LATER else reasons)
        return session


def named(names: Sequence[str]) -> Inputs | None:
    """The inputs of these *names*, as ``go_on`` and ``try_again`` take them; None for no name."""
    return Named(names) if names else None


def leftover(output: str | os.PathLike[str]) -> Iterator[str]:
    """The URLs of the run in the folder *output* that have no outcome, as the input is read again; nothing is changed.

    One with credentials in it comes as a comment without them. FolderError where there is no run, FolderInUse while
    somebody works on it, InputChanged where the input is not the one the run began with; UsageError where it can't be
    read again: it was standard input or an iterable, or had secrets in it.
    """
    path = Path(output)
    if not RunFolder.holds_run(path):
        raise no_run(path)
    manifest = read_manifest(path)
    with Lock(path, shared=True):
        ledger = Ledger(path / LEDGER_FILE, manifest.run)
    with closing(ledger):
        if ledger.total is None:
            with forced_by_resume(path):
                yield from _left(manifest, ledger)


def _left(manifest: Manifest, ledger: Ledger) -> Iterator[str]:
    """As ``leftover``, of a run that has not finished."""
    if STDIN in manifest.inputs or not manifest.inputs:
        what = "standard input" if manifest.inputs else "an iterable of a program"
        raise UsageError(f"this run's input was {what}, which can't be read again; a resume takes it anew")
    for secret, what in (("url_template", "template of this run"), ("inputs", "URLs of this run")):
        if secret in manifest.withheld:
            raise UsageError(f"the {what} had credentials, which are not kept; a resume takes them anew")
    source = open_inputs(manifest.inputs, manifest.settings.input())
    manifest.check(Manifest.of(manifest.settings, manifest.inputs, source.fingerprint()))
    for item in jobs_of(source, ledger.settled(), manifest.settings, ledger.contents()):
        if isinstance(item, Job | Skipped):
            url = " ".join(item.url.split())
            yield f"# {url}" if "***@" in url else url


def verify(output: str | os.PathLike[str], *, repair: bool = False) -> Verification:
    """Prove that the run in the folder *output* holds what it should: inputs in, outcomes out.

    Every byte is read back, and so is the input, if it is there and the run is finished. With *repair* a
    ledger that is damaged or gone is first made again from the outputs.

    FolderError where there is no run, or its ledger can't be read; FolderInUse while somebody works on it.
    What is wrong with the contents is in ``problems``, and ``ok`` says whether anything is.
    """
    path = Path(output)
    if not RunFolder.holds_run(path):
        raise no_run(path)
    if repair:
        rebuild(path)
    manifest = read_manifest(path)
    with Lock(path, shared=True), closing(Ledger(path / LEDGER_FILE, manifest.run)) as ledger:
        again = _recounted(manifest, ledger.contents())
    return check(path, again)


def _recounted(manifest: Manifest, contents: Contents) -> Recount | None:
    """The inputs, counted and compared again; None if its fingerprint is another, or it can be read only once."""
    if manifest.fingerprint is None or "inputs" in manifest.withheld:
        return None
    try:
        source = open_inputs(manifest.inputs, manifest.settings.input())
        if difference(manifest.fingerprint, source.fingerprint()) is not None:
            return None
        rows = source.rows(Settled(), contents)
        if not manifest.settings.unique:
            return Recount(sum(1 for _ in rows))
        inputs, duplicates = 0, Settled()
        with Once(Requests()) as once:
            for row in rows:
                inputs += 1
                if type(once.look(row, 0.0)) is Duplicate:
                    duplicates.add(row.seq)
        return Recount(inputs, duplicates)
    except InputChanged as error:
        return Recount(changed=error.args[0])
    except PenstockError:
        return None


def plan(
    names: Sequence[str], settings: Settings, hosts: int = 10, tell: Callable[[str], object] = log.warning
) -> Plan:
    """What the inputs *names* would come to within *settings*, and their biggest *hosts*. Nothing is sent.

    *tell* hears what is to be said of how the inputs are written.

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
        for remark in source.remarks():
            tell(remark)
        return survey.plan(settings.limits(), hosts)


def stream(names: Sequence[str], settings: Settings, write: Callable[[bytes], object]) -> Session:
    """A session that hands one JSON line for each outcome to *write* as it completes, and keeps nothing."""
    _refuse_passes(settings)
    source = open_inputs(names, settings.input())
    inline_body = settings.body == "inline"
    store = Lines(lambda outcome: pieces(outcome, inline_body=inline_body), write)
    remarks: list[str] = []
    fitted = Fitted(settings, remarks.append)
    session = Session(flow_over(source, fitted, Settled(), delivery_for()), store, source, settings=fitted.settings)
    session.remarks = remarks
    return session


def _session(
    folder: RunFolder,
    source: Input,
    settings: Settings,
    on_page: OnPage | None,
    reasons: frozenset[str] = frozenset(),
    *,
    force: bool = False,
) -> Session:
    """A session on *folder*, which it closes when it ends; what failed for *reasons* is tried again in it."""
    ledger, output = folder.ledger, settings.output()
    # What a crash left behind the committed bytes is cut off before any pass begins.
    sinks = open_sinks(output.sinks, folder.path, ledger.committed, inline_body=output.body == "inline")
    if reasons and not (ledger.pending() and ledger.reasons == reasons):
        ledger.begin_pass(reasons)
    remarks: list[str] = []
    fitted = Fitted(settings, remarks.append)
    passes = Passes(folder, source, fitted, on_page, force=force)
    store = FolderStore(
        sinks, folder, output.flush_every, learned=passes.learned, space=space_for(folder.path, settings)
    )
    session = Session(passes.flow, store, source, settings=fitted.settings, folder=folder, again=passes.again)
    session.remarks = remarks
    return session


def _reasons(only: str | int | Iterable[str | int] | None) -> frozenset[str]:
    """Why inputs are to be tried again, as *only* names it."""
    if only is None:
        return LATER
    try:
        return read_reasons(only if isinstance(only, Iterable) else [only]) or LATER
    except ValueError as error:
        raise UsageError(str(error)) from None


def _refuse_passes(settings: Settings) -> None:
    if settings.passes > 1:
        raise UsageError(
            "passes try again what failed, so outcomes must be kept, which takes a run folder: ",
            Remedy("penstock.run", "-o DIR"),
        )
