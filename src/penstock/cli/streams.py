"""Standard output for data, standard error for everything else.

Knows how streams end: a reader that closed its end, a terminal that hung up, a full
disk. Does not know the data.
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
    """The reader of standard output has closed it."""


class Stdout:
    """Takes outcomes as bytes and writes them at once.

    On a terminal, characters that would control it are written as JSON's escapes: the
    same values, safely.
    """

    def __init__(self) -> None:
        """Raise OutputError if standard output is closed."""
        if sys.stdout is None:
            raise OutputError("standard output is closed; name a folder to write to: -o DIR")
        self._stream: BinaryIO = sys.stdout.buffer
        self._to_terminal = sys.stdout.isatty()
        # Another process on the pipe may have made it non-blocking (Node.js does); a
        # full pipe would then be an error.
        with suppress(OSError):
            os.set_blocking(self._stream.fileno(), True)

    def write(self, data: bytes) -> None:
        """Write *data*.

        Raises ReaderGone if the reader has closed the stream, OutputError if it cannot
        be written.
        """
        try:
            self._stream.write(escape_json(data) if self._to_terminal else data)
            self._stream.flush()
        except BrokenPipeError:
            _redirect_to_null(self._stream)
            raise ReaderGone from None
        except OSError as error:
            _redirect_to_null(self._stream)
            raise OutputError(f"cannot write to standard output: {error.strerror}") from None


class Stderr:
    """Standard error as text.

    If it can't be written to (a terminal that hung up), the text is dropped.
    """

    @property
    def encoding(self) -> str:
        """The encoding of the stream, for rich."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor. Raises OSError if there is none."""
        if self._stream is None:
            raise OSError("standard error is closed")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write *text*, if the stream can take it."""
        stream = self._stream
        if stream is not None:
            try:
                stream.write(text)
                stream.flush()
            except (BlockingIOError, RuntimeError):
                # A reader that does not keep up, or a signal handler that writes in the
                # middle of a write ("reentrant call"): this text is lost, a later one
                # need not be.
                return 0
            except OSError:
                _redirect_to_null(stream)
        return len(text)

    def flush(self) -> None:
        """Do nothing: every write has flushed its text."""

    @property
    def _stream(self) -> IO[str] | None:
        # Read each time, as tests and embedders replace it.
        return sys.stderr


def show(text: str) -> None:
    """Write *text*, escaped already, to standard output as a command's result.

    Drop it if that is closed.
    """
    if sys.stdout is not None:
        Stdout().write(f"{text}\n".encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


def tell(text: str) -> None:
    """Escape a message of one or more lines and write it to standard error."""
    Stderr().write(f"{escape_lines(text)}\n")


def terminal_width() -> int:
    """Return the width of the terminal of standard error; 80 if it is none."""
    try:
        return os.get_terminal_size(Stderr().fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _redirect_to_null(stream: IO[Any]) -> None:
    """Point *stream* at /dev/null, so that its buffer cannot fail as Python ends."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
