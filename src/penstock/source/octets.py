"""Read the bytes of a file or a descriptor, in blocks, as they become available.

Knows operating-system files and how much of them was read. Does not know what the bytes
mean.

Descriptors are read without Python's buffered readers. A buffered reader waits until
its buffer is full, so a stream of one line a minute would yield one block a day; and a
daemon thread inside one holds its lock, so the interpreter aborts when it flushes at
its end.
"""

from __future__ import annotations

import errno
import io
import os
import select
import stat
from collections.abc import Generator
from typing import Final

from penstock.errors import InputError

__all__ = ["BLOCK", "Octets"]

BLOCK: Final = 65_536
"""Bytes read at once at most: what a Linux pipe holds. A regular file gains nothing
from more."""

SMALLEST_BLOCK: Final = 512
SHARES: Final = 256
"""Blocks in which a file of 128 KiB or more is read, at least, so that ``progress`` is
exact to half a percent: at most one block is read and not yet used."""


class Octets:
    """The bytes of a path, or of a descriptor that its owner closes.

    Messages call it *name*. ``regular`` says whether it is a file on a disk, which has
    a size, can be read twice and never waits. ``read`` counts the bytes read so far;
    ``size`` is the number of all, 0 if it is unknown.
    """

    __slots__ = ("name", "read", "regular", "size", "where")

    def __init__(self, where: str | int, name: str) -> None:
        """Raises InputError if *where* is missing, a directory, or unreadable."""
        self.where = where
        self.name = name
        self.read = 0
        try:
            status = os.stat(where)  # noqa: PTH116 - of a descriptor too
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if isinstance(where, str) and not os.access(where, os.R_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except (OSError, ValueError) as error:
            raise _reading_error(name, error) from None
        self.regular = isinstance(where, str) and stat.S_ISREG(status.st_mode)
        self.size = status.st_size if self.regular else 0

    def blocks(self) -> Generator[bytes, None, None]:
        """Yield blocks of 1 to 65,536 bytes as they become available.

        Raises InputError if reading fails.
        """
        self.read = 0
        size = max(SMALLEST_BLOCK, min(BLOCK, self.size // SHARES)) if self.regular else BLOCK
        try:
            with io.FileIO(self.where, closefd=isinstance(self.where, str)) as file:
                while block := _next_block(file, size):
                    self.read += len(block)
                    yield block
        except OSError as error:
            raise _reading_error(self.name, error) from error

    def count(self, taken: int) -> None:
        """Set the bytes read to *taken*, if another reader reads the file."""
        self.read = taken

    def progress(self) -> tuple[int, int] | None:
        """Return bytes read and the size at the start, or None for a stream."""
        return (min(self.read, self.size), self.size) if self.regular else None


def _next_block(file: io.FileIO, size: int) -> bytes:
    """Return the next bytes, none at the end.

    A parent process may have left a descriptor non-blocking.
    """
    while (block := file.read(size)) is None:
        waiting = select.poll()
        waiting.register(file, select.POLLIN)
        waiting.poll()
    return block


def _reading_error(name: str, error: OSError | ValueError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"there is no file {name!r}; if it is a URL, write http:// or https:// in front")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name!r} is a directory; name the files in it")
    said = getattr(error, "strerror", None) or str(error)
    return InputError(f"{name!r} cannot be read: {said}")
