"""``run``, ``resume``, ``retry`` and ``verify``: the public functions on run folders.

Knows their keywords and what they promise. Does not know how the stages are wired:
``fetching`` does. Every keyword of ``RunOptions`` is a setting, and means the same on the
command line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Unpack

from penstock.core.results import Summary, Verification
from penstock.fetching import auditing, sessions
from penstock.fetching.resuming import Inputs
from penstock.fetching.wiring import OnPage
from penstock.report.screens import report_for
from penstock.report.summary import headline
from penstock.runs.session import Session
from penstock.seams import Report
from penstock.settings.keywords import FetchOptions, ResumeOptions, RunOptions
from penstock.settings.listing import append_names, append_settings
from penstock.settings.names import check_names

__all__ = ["resume", "retry", "run", "verify"]

Reporting = Report | Callable[[str], object] | None


@append_settings(RunOptions.__annotations__.keys() - FetchOptions.__annotations__, "Settings that only a run uses:")
@append_names(FetchOptions.__annotations__, "Settings that ``help(penstock.fetch)`` describes")
def run(
    inputs: Inputs,
    output: str | os.PathLike[str],
    *,
    on_page: OnPage | None = None,
    report: Reporting = None,
    force: bool = False,
    **settings: Unpack[RunOptions],
) -> Summary:
    """Fetch *inputs* into the run folder *output*, durably, and return how it ended.

    *inputs* is the name of a file, a URL, ``-`` for standard input, or an iterable as
    ``fetch`` takes it, but not a set: its order differs in each process, and inputs are
    known by their position. If *output* already holds a run of the same inputs and
    settings, only its inputs without an outcome are fetched; so a script may be killed
    at any moment and be started again. Settings that a resume may change and that are
    not given stay as the run has them. Each settled input is compared with what it was
    as it is read again; with *force* it may differ, and the run continues by position.
    An iterable may have more items than before.

    *report* shows the progress: a function that takes a line of text, such as
    ``print``, called every five seconds at first, every minute later, and at the end;
    or a ``Report``, which gets the numbers. Any exception that ends the run early,
    Ctrl-C included, is raised after all that is complete has been stored.

    An Exception of the input's iterator is raised after the inputs before it have been
    fetched and stored, a KeyboardInterrupt or SystemExit at once, as if it came from
    outside. Raises UsageError if a setting is wrong; InputError if the input cannot be
    read, InputChanged if it is not the one the run began with; OutputError if outcomes
    cannot be stored; FolderError if the folder cannot be used.
    """
    check_names(run, settings, RunOptions)
    return _execute(sessions.run(inputs, output, settings, on_page=on_page, force=force), report)


@append_names(ResumeOptions.__annotations__, "The settings, which ``help`` of ``fetch`` and ``run`` describes")
def resume(
    output: str | os.PathLike[str],
    *,
    inputs: Inputs | None = None,
    report: Reporting = None,
    force: bool = False,
    **changes: Unpack[ResumeOptions],
) -> Summary:
    """Resume the run in the folder *output*, and return how it ended.

    *inputs*, as ``run`` takes them, are needed if the run was begun with an iterable,
    and if a file has moved. *changes* are settings for this session and later ones: the
    pace, the route, the User-Agent and how much is stored. ``headers`` and
    ``url_template`` stay the same: give them again if they had secrets, which are
    not stored. With *force* the input may differ from the one the run began with.
    ``run`` describes *report*.

    Raises as ``run`` does, and UsageError if a change would make another job of the
    run, or if the folder does not say where its input is.
    """
    check_names(resume, changes, ResumeOptions)
    return _execute(sessions.resume(output, changes, inputs, force=force), report)


@append_names(ResumeOptions.__annotations__, "The settings, which ``help`` of ``fetch`` and ``run`` describes")
def retry(
    output: str | os.PathLike[str],
    *,
    only: str | int | Iterable[str | int] | None = None,
    inputs: Inputs | None = None,
    report: Reporting = None,
    force: bool = False,
    **changes: Unpack[ResumeOptions],
) -> Summary:
    """Retry failed inputs of the finished run in *output*, and return how it ended.

    *only* names what to retry: reasons, statuses (404) and classes of them (5xx); one
    or several, also with commas between them. By default it is every reason and status
    that may be temporary. The new outcome of an input replaces the older one once it is
    durable. If a retry is stopped, the same call continues it. ``resume`` describes
    *inputs*, *changes* and *force*, and ``run`` *report*.

    Raises as ``resume`` does, and UsageError if *only* names no reason, FolderError if
    the run has not finished.
    """
    check_names(retry, changes, ResumeOptions)
    return _execute(sessions.retry(output, only, changes, inputs, force=force), report)


def verify(output: str | os.PathLike[str], *, repair: bool = False) -> Verification:
    """Prove that the run in *output* has one outcome for each input, intact.

    Every byte is read back, and so is the input, if it is there and the run has
    finished. With *repair* a ledger that is damaged or missing is first rebuilt from
    the outputs. ``problems`` of the result lists the errors in the contents;
    ``ok`` says whether the list is empty.

    Raises FolderError if there is no run or its ledger can't be read, FolderInUse while
    another process works on it.
    """
    return auditing.verify(output, repair=repair)


def _execute(session: Session, report: Reporting) -> Summary:
    """Execute *session* and show *report* how it goes."""
    try:
        shown = report_for(report, session.settings)
    except BaseException:
        session.close()
        raise
    ended = session.execute(shown)
    if shown is not None and shown is not report:
        shown.remark(headline(ended))
    return ended
