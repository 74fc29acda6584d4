"""Standard output for data, standard error for everything else, whoever still reads them.

Knows how streams end: a reader that left, a terminal that hung up, a disk that is full. Does not know what
is written.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import IO, Any, BinaryIO

from penstock.errors import OutputError
from penstock.report.escaping import escape_json, escape_lines

__all__ = ["ReaderGone", "Stderr", "Stdout", "show", "tell", "terminal_width"]


class ReaderGone(Exception):
    """Nobody reads standard output any more."""


class Stdout:
    """Takes outcomes as bytes and passes them on at once.

    On a terminal, characters that would act upon it are written as JSON's escapes: the same values, safely.
    """

    def __init__(self) -> None:
        """OutputError where standard output is closed."""
        if sys.stdout is None:
            raise OutputError("standard output is closed; name a folder to write to: -o DIR")
        self._stream: BinaryIO = sys.stdout.buffer
        self._to_terminal = sys.stdout.isatty()
        # Whoever shares the pipe may have made it non-blocking (Node.js does), and then a full one would be an error.
        with suppress(OSError):
            os.set_blocking(self._stream.fileno(), True)

    def write(self, data: bytes) -> None:
        """Pass *data* on. ReaderGone where nobody takes it, OutputError where it cannot be written."""
        try:
            self._stream.write(escape_json(data) if self._to_terminal else data)
            self._stream.flush()
        except BrokenPipeError:
            _forget(self._stream)
            raise ReaderGone from None
        except OSError as error:
            _forget(self._stream)
            raise OutputError(f"cannot write to standard output: {error.strerror}") from None


class Stderr:
    """Standard error as text; once it can't be written to (a terminal that hung up), nothing happens."""

    @property
    def encoding(self) -> str:
        """What text becomes; rich asks."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether somebody looks on."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor; OSError where there is none."""
        if self._stream is None:
            raise OSError("standard error is closed")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write *text*, if anybody is there."""
        stream = self._stream
        if stream is not None:
            try:
                stream.write(text)
                stream.flush()
            except (BlockingIOError, RuntimeError):
                # A reader that does not keep up, or a signal handler that speaks in the middle of a write ("reentrant
                # call"): this goes unheard, what comes later need not.
                return 0
            except OSError:
                _forget(stream)
        return len(text)

    def flush(self) -> None:
        """Every write has passed its text on."""

    @property
    def _stream(self) -> IO[str] | None:
        # Looked up each time, as tests and embedders replace it.
        return sys.stderr


def show(text: str) -> None:
    """Write *text*, safe already, to standard output as what a command was asked for; nowhere if it is closed."""
    if sys.stdout is not None:
        Stdout().write(f"{text}\n".encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


def tell(text: str) -> None:
    """Write a message of one or more lines, made safe, to standard error."""
    Stderr().write(f"{escape_lines(text)}\n")


def terminal_width() -> int:
    """The width of the terminal that shows standard error; 80 where there is none."""
    try:
        return os.get_terminal_size(Stderr().fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _forget(stream: IO[Any]) -> None:
    """Point *stream* at nothing: what its buffer still holds must not fail again when Python ends."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
