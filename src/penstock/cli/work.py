"""One session before somebody's eyes: signals, progress, the summary, and the exit code.

Knows what ``fetch``, ``resume`` and ``demo`` have in common. Does not know where a session came from.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from penstock.cli.exits import Exit
from penstock.cli.options import as_options
from penstock.cli.showing import Showing
from penstock.cli.signals import Signals
from penstock.cli.streams import Stderr, tell, terminal_width
from penstock.cli.tolerance import Tolerance
from penstock.core.schedule.statistics import Statistics
from penstock.core.web.hosts import blot
from penstock.errors import FolderDamaged, PenstockError
from penstock.machine.descriptors import free_descriptors
from penstock.remedies import typed
from penstock.report.json import summary_line
from penstock.report.screens import Screen, choose, screen
from penstock.report.summary import command, summary, wrapped
from penstock.report.wording import plural, size
from penstock.settings import Settings

if TYPE_CHECKING:
    # asyncio comes with it, for which no help page should have to wait.
    from penstock.core.results import Summary
    from penstock.runs.session import Session

__all__ = ["perform"]


def perform(session: Session, showing: Showing, folder: str | None = None) -> Exit:
    """Execute *session* and say how it ended; *folder* is how the user calls the run folder, if there is one."""
    stderr = Stderr()
    to_terminal = folder is None and sys.stdout is not None and sys.stdout.isatty()
    progress = "none" if showing.quiet else choose(showing.progress, stderr, data_on_terminal=to_terminal)
    shown = _Watched(screen(progress, session.settings, stderr), quiet=showing.quiet)
    _announce(session.settings, verbose=showing.verbose)
    if folder is not None or showing.verbose:
        shown.remark(_preflight(session, folder))
    if session.advice:
        shown.remark(typed(session.advice))
        session.advice = ()
    try:
        with Signals(session, shown.notice) as signals:
            ended = session.execute(shown)
    except PenstockError as error:
        if folder is not None:
            safe = "" if isinstance(error, FolderDamaged) else "What was committed is safe. "
            error.add_note(f"{safe}Once that is mended, go on:\n  {command('resume', folder)}")
        raise
    if ended.ended_by == "stop" and signals.first is not None:
        ended = replace(ended, ended_by=signals.first.name.lower())
    code, complaint = _judged(ended, signals.code, showing.tolerance)
    if progress == "json":
        stderr.write(f"{summary_line(ended, code)}\n")
    elif not showing.quiet:
        told = replace(ended, statistics=shown.stood or ended.statistics)
        tell("\n".join(summary(told, session.settings, width=terminal_width(), verbose=showing.verbose)))
    if complaint is not None:
        tell(f"penstock: {complaint}")
    return code


class _Watched:
    """A report that remembers where the work stood before it was told to stop: then nothing is left to see."""

    def __init__(self, shown: Screen, *, quiet: bool) -> None:
        self.stood: Statistics | None = None
        self._shown = shown
        self._quiet = quiet
        self._stopping = False

    @property
    def every(self) -> float | None:
        """As the report has it, which may change it on the way."""
        return self._shown.every

    def notice(self, text: str) -> None:
        """Somebody has told it to."""
        self._stopping = True
        if not self._quiet:
            self._shown.notice(text)

    def remark(self, text: str) -> None:
        """Something has turned out on the way."""
        if not self._quiet:
            self._shown.remark(as_options(text))

    def update(self, statistics: Statistics) -> None:
        """Show where the work stands."""
        if not self._stopping:
            self.stood = statistics
        self._shown.update(statistics)

    def close(self) -> None:
        """Leave the screen to the summary."""
        self._shown.close()


def _announce(settings: Settings, *, verbose: bool) -> None:
    """What must be said before anything is sent."""
    if settings.insecure:
        # Also with -q: nobody should find this out later.
        tell("penstock: WARNING: --insecure: certificates are not verified; anybody on the way may read and change it")
    if verbose:
        tell("\n".join(wrapped(f"Settings: {', '.join(_described(settings))}", terminal_width())))


def _preflight(session: Session, folder: str | None) -> str:
    """What this process and the disk allow, in one line; *folder* is where outcomes go, if they go to one."""
    settings = session.settings
    descriptors = free_descriptors()[0]
    allowed = "no limit of descriptors" if descriptors is None else plural(descriptors, "descriptor")
    said = [f"{allowed}, so {plural(settings.concurrency, 'request')} at once fit"]
    said.append(f"{size(settings.memory)} for bodies")
    if folder is not None:
        with suppress(OSError):
            said.append(f"{size(shutil.disk_usage(folder).free)} free in {folder}")
    return f"Preflight: {'; '.join(said)}."


def _described(settings: Settings) -> Iterator[str]:
    """Each setting that is set, without what may be a secret in it."""
    for field in settings.__struct_fields__:
        value = getattr(settings, field)
        if field == "headers":
            value = " ".join(name for name, _ in value)
        elif isinstance(value, tuple):
            value = " ".join(value)
        elif isinstance(value, str):
            value = blot(value)
        if value not in (None, "", False):
            yield f"{field} {value}"


def _judged(ended: Summary, signal_code: int | None, tolerance: Tolerance) -> tuple[Exit, str | None]:
    """The exit code, and what is complained of."""
    if not ended.complete:
        return (Exit.UNFINISHED if signal_code is None else Exit(signal_code)), None
    return (Exit.DONE if tolerance.accepts(ended.tally) else Exit.FAILURES), tolerance.complaint(ended.tally)
