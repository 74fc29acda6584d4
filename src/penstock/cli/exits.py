"""Exit codes: what each means, and which one an error gets.

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
from penstock.report.escaping import escape_lines

__all__ = ["MEANINGS", "Exit", "code_of", "exit_on_error"]


class Exit(enum.IntEnum):
    """How a command ended, for a shell; a signal's code is 128 and its number."""

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
    Exit.BUG: "a bug in Penstock; please report it with the printed lines",
    Exit.USAGE: "usage or input: a wrong option, an input that cannot be read, a folder of another run or of none",
    Exit.FAILURES: "finished, but more failed than `--max-failures` or `--fail-on` allows; or, without these, at least "
    "95 % of 10 inputs or more ended in the same way without an answer (no network, a wrong input format)",
    Exit.OUTPUT: "the output cannot be written; the folder is in use, or damaged (`verify`)",
    Exit.UNFINISHED: "not finished, and can be resumed (`verify`: holds so far)",
    Exit.HANGUP: "stopped by SIGHUP, can be resumed",
    Exit.INTERRUPTED: "stopped by SIGINT (Ctrl-C), can be resumed",
    Exit.READER_GONE: "the reader of standard output closed it (`| head`): a quiet end, with the code of grep and cat",
    Exit.TERMINATED: "stopped by SIGTERM, can be resumed",
}
"""The meaning of each, for docs/cli.md. Nothing is printed if the reader has closed
standard output; 0 would be wrong, since not every outcome reached it."""

_CODES: Final[tuple[tuple[type[errors.PenstockError], Exit], ...]] = (
    (errors.Stalled, Exit.BUG),
    (errors.UsageError, Exit.USAGE),
    (errors.InputError, Exit.USAGE),
    (errors.OutputError, Exit.OUTPUT),
    (errors.FolderInUse, Exit.OUTPUT),
    (errors.FolderDamaged, Exit.OUTPUT),
    # A folder with another run in it, with none, or of another job: the wrong one was
    # named.
    (errors.FolderError, Exit.USAGE),
    (errors.PenstockError, Exit.BUG),
)
"""An error has the code of the first class here that it is an instance of."""


@contextmanager
def exit_on_error(ctx: click.Context) -> Iterator[None]:
    """Turn an exception raised inside into a message and an exit code."""
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
            tell("\n".join((f"penstock: {_put_option_first(error)}", *getattr(error, "__notes__", ()))))
        ctx.exit(code)
    except Exception as error:  # noqa: BLE001 - the last resort: it is printed in full
        _tell_bug(error)
        ctx.exit(Exit.BUG)


def code_of(error: errors.PenstockError) -> Exit:
    """Return the exit code of *error*."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def _put_option_first(error: errors.PenstockError) -> str:
    """Return the message of *error*, with the option for a setting at its start."""
    from penstock.settings import SETTINGS  # noqa: PLC0415 - it takes longer to load than a version number may

    said = error.spell_for_shell()
    first = re.match(r"\w*", said)
    if isinstance(error, errors.UsageError) and first is not None and first[0] in SETTINGS:
        return f"{keyword(first[0]).typed}{said[first.end() :]}"
    return said


def _tell_bug(error: BaseException) -> None:
    tell(escape_lines("".join(traceback.format_exception(error)).rstrip()))
    tell(
        "penstock: this is a bug in Penstock, not a mistake of yours. Please report it with the lines above, "
        "without anything private in them. The committed part of a run folder is safe.",
    )
