"""Sessions on a run folder: begun, resumed or retried, each ready to execute.

Knows run folders, sinks and inputs, and how they make a session. Does not know who
executes it: the public functions and the commands do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from penstock.core.web.reasons import read_reasons
from penstock.core.web.retry import LATER
from penstock.errors import FolderError, UsageError
from penstock.fetching.resuming import (
    Inputs,
    Named,
    check_passes,
    close_on_error,
    inherit_settings,
    open_source,
    resume_source,
    update_run,
)
from penstock.fetching.wiring import Fitted, OnPage, Passes, make_space, try_engine
from penstock.remedies import Message, call
from penstock.report.suggest import nothing_to_try
from penstock.runs.failed import note_all
from penstock.runs.folder import RunFolder, read_manifest
from penstock.runs.manifest import Manifest
from penstock.runs.notices import Notices
from penstock.runs.progress import RunProgress
from penstock.runs.session import Session
from penstock.runs.store import FolderStore
from penstock.seams import Input
from penstock.settings import Settings
from penstock.sink.formats import open_sinks

__all__ = ["begin", "begin_or_resume", "resume", "retry", "run"]

T = TypeVar("T")


def run(
    inputs: Inputs,
    output: str | os.PathLike[str],
    given: Mapping[str, Any],
    *,
    on_page: OnPage | None = None,
    force: bool = False,
) -> Session:
    """Return a session that begins a run in *output*, or continues it.

    *given* are settings. A changeable one that is not given keeps the run's value.
    Raises as ``penstock.run``.
    """
    chosen, path = Settings.of(**given), Path(output)
    if RunFolder.holds_run(path):
        chosen = inherit_settings(read_manifest(path), chosen, given)
    names, source = open_source(inputs, chosen.input())
    try_engine(chosen)
    check_passes(chosen, source)
    make_space(path, chosen).check()
    manifest = Manifest.of(chosen, names, source.fingerprint() if names else None)
    with close_on_error(_create(path, lambda: RunFolder.create(path, manifest)) or RunFolder.open(path)) as folder:
        if not folder.fresh:
            update_run(folder, chosen, names, source, force=force)
        return _make_session(folder, source, chosen, on_page, force=force)


def begin(names: Sequence[str], output: str | os.PathLike[str], settings: Settings) -> Session:
    """Return a session on a new run folder.

    Raises as ``penstock.run``, and FolderError if there is a run already.
    """
    try_engine(settings)
    absolute, source = open_source(Named(names), settings.input())
    check_passes(settings, source)
    make_space(Path(output), settings).check()
    manifest = Manifest.of(settings, absolute, source.fingerprint())
    with close_on_error(RunFolder.create(Path(output), manifest)) as folder:
        return _make_session(folder, source, settings, None)


def begin_or_resume(names: Sequence[str], output: str | os.PathLike[str], given: Mapping[str, Any]) -> Session:
    """Return a session that begins a run in *output*, or resumes the one it holds."""
    begun = _create(Path(output), lambda: begin(names, output, Settings.of(**given)))
    if begun is not None:
        return begun
    session = resume(output, given, Named(names))
    if session.is_done():
        session.notify("This run has finished already: all inputs have their outcome.")
    return session


def _create(path: Path, create: Callable[[], T]) -> T | None:
    """Return what *create* makes of a new run in the folder *path*.

    None if another process has begun one there.
    """
    if not RunFolder.holds_run(path):
        try:
            return create()
        except FolderError:
            # Another process may have begun since.
            if not RunFolder.holds_run(path):
                raise
    return None


def resume(
    output: str | os.PathLike[str], changes: Mapping[str, Any], inputs: Inputs | None = None, *, force: bool = False
) -> Session:
    """Return a session that resumes the run in the folder *output*.

    See ``penstock.resume``.

    *changes* are settings for this session and later ones, and the headers and
    credentials that the folder does not store. *inputs* replace the inputs that the folder
    names.

    Raises InputChanged if the input is not the one the run began with, unless *force*;
    UsageError if the folder does not say where its input is, or a change would make
    another job of the run.
    """
    with close_on_error(RunFolder.open(Path(output))) as folder:
        source, settings = resume_source(folder, changes, inputs, force=force)
        make_space(folder.path, settings).check()
        return _make_session(folder, source, settings, None, force=force)


def retry(
    output: str | os.PathLike[str],
    only: str | int | Iterable[str | int] | None,
    changes: Mapping[str, Any],
    inputs: Inputs | None = None,
    *,
    force: bool = False,
) -> Session:
    """Return a session that retries inputs of the finished run in *output*.

    See ``penstock.retry``.

    Raises UsageError if *only* names no reason, FolderError if the run has not
    finished; else as ``resume``.
    """
    reasons = _read_only(only)
    with close_on_error(RunFolder.open(Path(output))) as folder:
        if folder.ledger.total is None:
            raise FolderError(f"the run in {output} has not finished; resume it first: ", call("resume", output))
        source, settings = resume_source(folder, changes, inputs, force=force)
        make_space(folder.path, settings).check()
        note_all(folder.path, folder.ledger, reasons)
        session = _make_session(folder, source, settings, None, reasons, force=force)
        if not folder.ledger.pending():
            named = frozenset() if reasons == LATER else reasons
            session.notify(Message(*nothing_to_try(folder.ledger.tally(), named)))
        return session


def _read_only(only: str | int | Iterable[str | int] | None) -> frozenset[str]:
    """Return the reasons to retry, as *only* names them."""
    if only is None:
        return LATER
    try:
        return read_reasons(only if isinstance(only, Iterable) else [only]) or LATER
    except ValueError as error:
        raise UsageError(str(error)) from None


def _make_session(
    folder: RunFolder,
    source: Input,
    settings: Settings,
    on_page: OnPage | None,
    reasons: frozenset[str] = frozenset(),
    *,
    force: bool = False,
) -> Session:
    """Return a session on *folder*, which it closes at its end.

    It retries what failed for *reasons*.
    """
    ledger, output = folder.ledger, settings.output()
    # Bytes that a crash left after the committed ones are cut off before any pass.
    sinks = open_sinks(output.sinks, folder.path, ledger.lengths, inline_body=output.body == "inline")
    if reasons and not (ledger.pending() and ledger.reasons == reasons):
        ledger.begin_pass(reasons)
    notices = Notices(source.remarks)
    fitted = Fitted(settings, notices.notify)
    passes = Passes(folder, source, fitted, on_page, force=force)
    store = FolderStore(
        sinks,
        folder,
        output.flush_every,
        passes,
        memory=settings.memory,
        space=make_space(folder.path, settings),
    )
    fitted.unstored = store.unwritten
    progress = RunProgress(passes.flow, source, folder)
    return Session(progress, store, settings=fitted.settings, again=passes.again, notices=notices)
