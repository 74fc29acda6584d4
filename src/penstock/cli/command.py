"""The common part of fetch, resume, retry and demo: each runs a session.

Knows click, and that such a command needs descriptors and memory, shows progress and
ends with an exit code. Does not know where its session comes from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.exits import Exit
from penstock.cli.options import Command
from penstock.cli.showing import PROGRESS_OPTIONS, TOLERANCE_OPTIONS, Showing
from penstock.cli.work import perform

if TYPE_CHECKING:
    # asyncio comes with it, and a help page must not wait for that.
    from penstock.runs.session import Session

__all__ = ["Perform", "session_command"]


class Perform:
    """Executes a session, shown as the command's options ask for."""

    def __init__(self, showing: Showing) -> None:
        self.quiet = showing.quiet
        self._showing = showing

    def __call__(self, session: Session, folder: str | None = None) -> Exit:
        """Execute *session* and return its exit code.

        *folder* is the run folder as the user named it.
        """
        return perform(session, self._showing, folder)


def session_command(name: str, *, tolerance: bool = True, **how: Any) -> Callable[[Callable[..., Exit]], click.Command]:
    """Make a command of a function that performs one session.

    The function calls its first argument, a ``Perform``, and returns the exit code.

    The command has the options of progress, and with *tolerance* the ones about
    failures; before the function is called, it sets the limits of descriptors and of
    kept memory for its process. *how* goes to click.
    """

    def decorate(function: Callable[..., Exit]) -> click.Command:
        @wraps(function)
        def run(**options: Any) -> Exit:
            # A help page needs neither.
            from penstock.machine.allocator import keep_freed_memory  # noqa: PLC0415
            from penstock.machine.descriptors import raise_descriptors  # noqa: PLC0415

            raise_descriptors()
            keep_freed_memory()
            return function(Perform(Showing.take(options)), **options)

        command: Callable[..., Exit] = run
        for option in reversed((*PROGRESS_OPTIONS, *(TOLERANCE_OPTIONS if tolerance else ()))):
            command = option(command)
        return click.command(name, cls=Command, **how)(command)

    return decorate
