"""Exit codes: what each means, and which error leads to which.

Knows the exception tree and what a shell expects. Does not know commands.
"""

from __future__ import annotations

import enum
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from penstock import errors
from penstock.cli.streams import ReaderGone, tell
from penstock.remedies import keyword
from penstock.report.safe import safe_lines

__all__ = ["MEANINGS", "Exit", "code_of", "guarded"]


class Exit(enum.IntEnum):
    """How a command ended, as a shell is told; 128 and over are signals' numbers added to 128."""

    DONE = 0
    BUG = 1
    USAGE = 2
    FAILURES = 3
    OUTPUT = 4
    UNFINISHED = 5
    HANGUP = 129
    INTERRUPTED = 130
    READER_GONE = 141
    TERMINATED = 143


MEANINGS: Final = {
    Exit.DONE: "every input has its outcome; an HTTP error status is one",
    Exit.BUG: "a bug of ours; please report it with what was printed",
    Exit.USAGE: "usage or input: a wrong option, an input that cannot be read, a folder that is not the right one",
    Exit.FAILURES: "finished, but more failed than `--max-failures` or `--fail-on` allows; or, without these, at least "
    "95 % of 10 inputs or more ended in the same way without an answer (no network, a wrong input format)",
    Exit.OUTPUT: "the output cannot be written; the folder is in use, or damaged (`verify`)",
    Exit.UNFINISHED: "not finished, and can be resumed (`verify`: holds so far)",
    Exit.HANGUP: "stopped by SIGHUP, can be resumed",
    Exit.INTERRUPTED: "stopped by SIGINT (Ctrl-C), can be resumed",
    Exit.READER_GONE: "whoever read standard output has gone (`| head`): a quiet end, with the code of grep and cat",
    Exit.TERMINATED: "stopped by SIGTERM, can be resumed",
}
"""What each says, in the words of docs/cli.md. Nothing is printed for a reader that has gone, and 0 would be a lie:
not every input was given to it."""

_CODES: Final[tuple[tuple[type[errors.PenstockError], Exit], ...]] = (
    (errors.Stalled, Exit.BUG),
    (errors.UsageError, Exit.USAGE),
    (errors.InputError, Exit.USAGE),
    (errors.OutputError, Exit.OUTPUT),
    (errors.FolderInUse, Exit.OUTPUT),
    (errors.FolderDamaged, Exit.OUTPUT),
    # A folder with another run in it, with none, or of another job: the wrong one was named.
    (errors.FolderError, Exit.USAGE),
    (errors.PenstockError, Exit.BUG),
)
"""The first class that an error is an instance of says its code."""


@contextmanager
def guarded(ctx: click.Context) -> Iterator[None]:
    """Turn whatever is raised inside into its message on standard error and its exit code."""
    try:
        yield
    except click.exceptions.Exit:
        raise
    except click.ClickException:
        # click shows these itself, and exits with 2.
        raise
    except ReaderGone:
        ctx.exit(Exit.READER_GONE)
    except (KeyboardInterrupt, click.Abort):
        ctx.exit(Exit.INTERRUPTED)
    except errors.PenstockError as error:
        code = code_of(error)
        if code is Exit.BUG:
            _tell_bug(error)
        else:
            from penstock.cli.options import as_options  # noqa: PLC0415 - settings take longer to load than a help page

            tell("\n".join((f"penstock: {as_options(_typed(error))}", *getattr(error, "__notes__", ()))))
        ctx.exit(code)
    except Exception as error:  # noqa: BLE001 - the last resort: it is told in full, and exits with 1
        _tell_bug(error)
        ctx.exit(Exit.BUG)


def code_of(error: errors.PenstockError) -> Exit:
    """The exit code that *error* leads to."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def _typed(error: errors.PenstockError) -> str:
    """The message of *error*, with the option in the place of a setting that it begins with."""
    from penstock.settings import SETTINGS  # noqa: PLC0415 - it takes longer to load than a version number may

    said = error.typed()
    first = re.match(r"\w*", said)
    if isinstance(error, errors.UsageError) and first is not None and first[0] in SETTINGS:
        return f"{keyword(first[0]).typed}{said[first.end() :]}"
    return said


def _tell_bug(error: BaseException) -> None:
    tell(safe_lines("".join(traceback.format_exception(error)).rstrip()))
    tell(
        "penstock: this is a bug in Penstock, not a mistake of yours. Please report it with the lines above, "
        "less what is private in them. What was committed to a run folder is safe.",
    )
