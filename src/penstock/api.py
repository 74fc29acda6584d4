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
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from penstock.core.inputs import difference
from penstock.core.model import Duplicate, Job, Outcome, Skipped
from penstock.core.plan import Plan, Survey
from penstock.core.requests import Requests, identity
from penstock.core.retry import LATER, REASONS
from penstock.driver import Beside, Driver
from penstock.errors import FolderError, InputChanged, PenstockError, UsageError
from penstock.flow import Flow
from penstock.once import Once
from penstock.report.screens import report_for
from penstock.report.summary import headline
from penstock.runs.files import LEDGER_FILE
from penstock.runs.folder import RunFolder, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.runs.manifest import PACE, Manifest
from penstock.runs.repair import repair as rebuild
from penstock.runs.verify import Recount, Verification
from penstock.runs.verify import verify as check
from penstock.scratch.overflow import Overflow
from penstock.scratch.seen import Counts, Seen
from penstock.seams import Contents, Input, Report, Settled
from penstock.session import Folder as FolderStore
from penstock.session import Lines, Session, Summary
from penstock.settings import Settings
from penstock.sink.jsonl import JsonlSink
from penstock.sink.record import line
from penstock.source.awaited import Awaited
from penstock.source.iterables import AsyncItems, Items
from penstock.source.opened import STDIN, open_inputs
from penstock.wiring import (
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

__all__ = ["begin", "fetch", "go_on", "leftover", "plan", "resume", "retry", "run", "stream", "try_again", "verify"]

log = logging.getLogger("penstock")


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
    frontier = chosen.frontier()

    def make(loop: AbstractEventLoop | None) -> Driver[Outcome]:
        if loop is None:
            raise UsageError("the URLs come from an async iterable; write: async for page in penstock.fetch(...)")
        engine = fitted.engine(frontier, delivery)
        rows, looking = AsyncItems(chosen.input()), ExitStack()
        look = looking.enter_context(first_look(chosen))
        source = Awaited(
            urls, lambda item: look(rows.row(item), time.monotonic()), loop=loop, wake=engine.wake, done=looking.close
        )
        return Driver(source, frontier, engine, delivery, beside=Beside(gate_for(chosen), Overflow()))

    return Flow(frontier, make)


def run(
    inputs: str | os.PathLike[str] | Iterable[Any],
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
    so a script may be killed at any moment and simply be started again. Each input that has its outcome is
    compared with what it was as it is read again; with *force* it may be another, and the run goes on by place.
    An iterable may have more items than before.

    *report* is told how it goes: a function that takes a line of text, such as ``print``, every five seconds and at
    the end; or a ``Report``, which gets the numbers. Whatever leaves the run early, Ctrl-C included, comes out of here
    after all that is complete has been stored.

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
        source = Items(_ordered(inputs), chosen.input())
    try_engine(chosen)
    _check_passes(chosen, source)
    path = Path(output)
    space_for(path, chosen).check()
    # An iterable has no fingerprint, since it may have grown: its items are compared as they come.
    begun = RunFolder.holds_run(path)
    manifest = Manifest.of(chosen, names, source.fingerprint() if names else None)
    with _held(RunFolder.open(path) if begun else RunFolder.create(path, manifest)) as folder:
        if folder.manifest.fingerprint is not None and not names:
            # A build that kept no digests began it.
            manifest = Manifest.of(chosen, names, source.fingerprint())
        _check_input(folder, manifest, force=force)
        session = _session(folder, source, chosen, on_page, force=force)
    return _execute(session, report)


def resume(
    output: str | os.PathLike[str],
    *,
    report: Report | Callable[[str], object] | None = None,
    force: bool = False,
    **changes: Any,
) -> Summary:
    """Go on with the run in the folder *output*, and say how it ended.

    See ``run`` for *report*, and ``go_on`` for *changes* and *force*.
    """
    return _execute(go_on(output, changes, force=force), report)


def retry(
    output: str | os.PathLike[str],
    *,
    only: str | Iterable[str] = (),
    report: Report | Callable[[str], object] | None = None,
    force: bool = False,
    **changes: Any,
) -> Summary:
    """Try the failed inputs of a finished run again, and say how it ended.

    See ``run`` for *report*, and ``try_again`` for the rest.
    """
    return _execute(try_again(output, only, changes, force=force), report)


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
    names = _located(names)
    source = open_inputs(names, settings.input())
    _check_passes(settings, source)
    space_for(Path(output), settings).check()
    with _held(RunFolder.create(Path(output), Manifest.of(settings, names, source.fingerprint()))) as folder:
        return _session(folder, source, settings, None)


def go_on(output: str | os.PathLike[str], changes: Mapping[str, Any], *, force: bool = False) -> Session:
    """A session that goes on with the run in the folder *output*.

    *changes* are settings to have from now on: those that say how fast and by which way, and the headers
    and credentials that are not kept in the folder. InputChanged where the input is not the one the run
    began with, unless *force*. UsageError where the folder does not say where its input is.
    """
    with _held(RunFolder.open(Path(output))) as folder:
        source, settings = _found_again(folder, dict(changes), force=force)
        space_for(folder.path, settings).check()
        return _session(folder, source, settings, None, force=force)


def try_again(
    output: str | os.PathLike[str], only: str | Iterable[str], changes: Mapping[str, Any], *, force: bool = False
) -> Session:
    """A session that tries inputs of the finished run in *output* again; *changes* and *force* as of ``go_on``.

    *only* names reasons to: slugs, and statuses that are tried again within a run (503); one or several, also with
    commas between them. None means every slug that may pass (``Slug.later``). What an input comes to now takes the
    place of what it came to before, once it is durable. The same that was begun and stopped goes on where it was.

    UsageError where there is no such reason, FolderError where the run has not finished; else as ``go_on``.
    """
    reasons = _reasons(only)
    with _held(RunFolder.open(Path(output))) as folder:
        if folder.ledger.total is None:
            raise FolderError(f"the run in {output} has not finished; first go on with it: penstock resume {output}")
        source, settings = _found_again(folder, dict(changes), force=force)
        space_for(folder.path, settings).check()
        return _session(folder, source, settings, None, reasons, force=force)


def leftover(output: str | os.PathLike[str]) -> Iterator[str]:
    """The URLs of the run in the folder *output* that have no outcome, as the input is read again; nothing is changed.

    One with credentials in it comes as a comment without them. FolderError where there is no run, FolderInUse while
    somebody works on it, InputChanged where the input is not the one the run began with; UsageError where it can't be
    read again: it was standard input or an iterable, or had secrets in it.
    """
    path = Path(output)
    if not RunFolder.holds_run(path):
        raise FolderError(f"{path} holds no run; name the folder given to: penstock fetch -o")
    manifest = read_manifest(path)
    with Lock(path, shared=True):
        ledger = Ledger(path / LEDGER_FILE, manifest.run)
    with closing(ledger):
        if ledger.total is None:
            yield from _left(manifest, ledger)


def _left(manifest: Manifest, ledger: Ledger) -> Iterator[str]:
    """As ``leftover``, of a run that has not finished."""
    if STDIN in manifest.inputs:
        raise UsageError("this run's input was standard input, which can't be read again; a resume takes it anew")
    if "url_template" in manifest.withheld:
        raise UsageError("the template of this run had credentials in it, which are not kept; go on with a resume")
    source = open_inputs(_known(manifest), manifest.settings.input())
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
        raise FolderError(f"{path} holds no run; name the folder given to: penstock fetch -o")
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
        return Recount(changed=str(error))
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
    store = Lines(lambda outcome: line(outcome, inline_body=inline_body), write)
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
    sinks = [JsonlSink(folder.path, ledger.committed(JsonlSink.name), output)]
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


def _reasons(only: str | Iterable[str]) -> frozenset[str]:
    """Why inputs are to be tried again, as *only* names it."""
    texts = [only] if isinstance(only, str) else only
    reasons = frozenset(part.strip() for text in texts for part in text.split(",") if part.strip())
    unknown = sorted(reasons - set(REASONS))
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no reason to try again; these are: {', '.join(REASONS)}")
    return reasons or LATER


def _refuse_passes(settings: Settings) -> None:
    if settings.passes > 1:
        raise UsageError(
            "passes try again what failed, so outcomes must be kept: that takes a run folder (-o DIR, run)"
        )


def _check_passes(settings: Settings, source: Input) -> None:
    if settings.passes > 1 and source.blocks:
        raise UsageError(
            "passes read the input again, and this one can be read only once; put it into a file or a list"
        )


@contextmanager
def _held(folder: RunFolder) -> Iterator[RunFolder]:
    """*folder*, which is let go of where something goes wrong before a session has it."""
    try:
        yield folder
    except BaseException:
        folder.close()
        raise


def _found_again(folder: RunFolder, changes: dict[str, Any], *, force: bool) -> tuple[Input, Settings]:
    """The input of the run in *folder*, and its settings with *changes*; InputChanged unless *force*."""
    settings = _resumed(folder.manifest, changes)
    try_engine(settings)
    names = _known(folder.manifest)
    source = open_inputs(names, settings.input())
    _check_input(folder, Manifest.of(settings, names, source.fingerprint()), force=force)
    _check_passes(settings, source)
    return source, settings


def _check_input(folder: RunFolder, now: Manifest, *, force: bool) -> None:
    """FolderMismatch if another job is wanted *now*; InputChanged if its input is another, unless *force*."""
    try:
        folder.check(now)
    except InputChanged:
        if not force:
            raise


def _ordered(inputs: Iterable[Any]) -> Iterable[Any]:
    """*inputs*; UsageError if they have no order."""
    if isinstance(inputs, set | frozenset):
        raise UsageError(
            f"a {type(inputs).__name__} has another order in each process, and a run knows its inputs by their place; "
            "give it an order: penstock.run(sorted(urls), ...)"
        )
    return inputs


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


def _located(names: Sequence[str]) -> tuple[str, ...]:
    """*names* with every file's made absolute, so that a run can be resumed from anywhere."""
    return tuple(name if name == "-" or "://" in name else str(Path(name).absolute()) for name in names)
