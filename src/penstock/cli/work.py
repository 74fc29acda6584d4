"""One session on the command line: signals, progress, the summary, and the exit code.

Knows how a session is executed and shown. Does not know where it comes from.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from penstock.cli.exits import Exit
from penstock.cli.showing import Showing
from penstock.cli.signals import Signals
from penstock.cli.streams import Stderr, tell, terminal_width
from penstock.cli.tolerance import Tolerance
from penstock.core.results import Progress
from penstock.core.web.hosts import redact
from penstock.errors import FolderDamaged, PenstockError
from penstock.machine.descriptors import free_descriptors
from penstock.remedies import spell_for_shell
from penstock.report.json import summary_line
from penstock.report.screens import Screen, choose, screen
from penstock.report.summary import command, summary, wrap
from penstock.report.wording import plural, size
from penstock.settings import Settings

if TYPE_CHECKING:
    # asyncio comes with it, and a help page must not wait for that.
    from penstock.core.results import Summary
    from penstock.runs.session import Session

__all__ = ["perform"]


def perform(session: Session, showing: Showing, folder: str | None = None) -> Exit:
    """Execute and show *session*, and return its exit code.

    *folder* is the run folder as the user named it.
    """
    stderr = Stderr()
    to_terminal = folder is None and sys.stdout is not None and sys.stdout.isatty()
    progress = "none" if showing.quiet else choose(showing.progress, stderr, data_on_terminal=to_terminal)
    shown = _Watched(screen(progress, session.settings, stderr), quiet=showing.quiet)
    _announce(session.settings, verbose=showing.verbose)
    if folder is not None or showing.verbose:
        shown.remark(_preflight(session, folder))
    try:
        with Signals(session, shown.say_now) as signals:
            ended = session.execute(shown)
    except PenstockError as error:
        if folder is not None:
            safe = "" if isinstance(error, FolderDamaged) else "The committed outcomes are safe. "
            error.add_note(f"{safe}Once that is repaired, resume:\n  {command('resume', folder)}")
        raise
    if ended.ended_by == "stop" and signals.first is not None:
        ended = replace(ended, ended_by=signals.first.name.lower())
    code, complaint = _judge(ended, signals.code, showing.tolerance)
    if progress == "json":
        stderr.write(f"{summary_line(ended, code)}\n")
    elif not showing.quiet:
        told = replace(ended, statistics=shown.stood or ended.statistics)
        tell("\n".join(summary(told, session.settings, width=terminal_width(), verbose=showing.verbose)))
    if complaint is not None:
        tell(f"penstock: {complaint}")
    return code


class _Watched:
    """A report that keeps the last numbers from before a stop."""

    def __init__(self, shown: Screen, *, quiet: bool) -> None:
        self.stood: Progress | None = None
        self._shown = shown
        self._quiet = quiet
        self._stopping = False

    @property
    def every(self) -> float | None:
        """The report's own, which may change."""
        return self._shown.every

    def say_now(self, text: str) -> None:
        """Say that a signal has stopped the work."""
        self._stopping = True
        if not self._quiet:
            self._shown.say_now(text)

    def remark(self, text: str) -> None:
        """Show a remark."""
        if not self._quiet:
            self._shown.remark(spell_for_shell([text]))

    def update(self, progress: Progress) -> None:
        """Show the numbers."""
        if not self._stopping:
            self.stood = progress
        self._shown.update(progress)

    def close(self) -> None:
        """Leave the screen to the summary."""
        self._shown.close()


def _announce(settings: Settings, *, verbose: bool) -> None:
    """Print what the user must know before anything is sent."""
    if settings.insecure:
        # Also with -q: the user must know it in time.
        tell("penstock: WARNING: --insecure: no certificate is verified; an attacker can read and change everything")
    if verbose:
        tell("\n".join(wrap(f"Settings: {', '.join(_describe(settings))}", terminal_width())))


def _preflight(session: Session, folder: str | None) -> str:
    """Return what this process and the disk allow, in one line.

    *folder* is the run folder, if there is one.
    """
    settings = session.settings
    descriptors = free_descriptors()[0]
    allowed = "no limit of descriptors" if descriptors is None else plural(descriptors, "descriptor")
    said = [f"{allowed}, so {plural(settings.concurrency, 'request')} at once fit"]
    said.append(f"{size(settings.memory)} for bodies")
    if folder is not None:
        with suppress(OSError):
            said.append(f"{size(shutil.disk_usage(folder).free)} free in {folder}")
    return f"Preflight: {'; '.join(said)}."


def _describe(settings: Settings) -> Iterator[str]:
    """Yield each setting that is set, without what may be a secret in it."""
    for field in settings.__struct_fields__:
        value = getattr(settings, field)
        if field == "headers":
            value = " ".join(name for name, _ in value)
        elif isinstance(value, tuple):
            value = " ".join(value)
        elif isinstance(value, str):
            value = redact(value)
        if value not in (None, "", False):
            yield f"{field} {value}"


def _judge(ended: Summary, signal_code: int | None, tolerance: Tolerance) -> tuple[Exit, str | None]:
    """Return the exit code, and a complaint if there is one."""
    if not ended.complete:
        return (Exit.UNFINISHED if signal_code is None else Exit(signal_code)), None
    return (Exit.DONE if tolerance.accepts(ended.tally) else Exit.FAILURES), tolerance.complaint(ended.tally)
