"""The bytes of a file or a descriptor, in blocks, as they become available.

Knows operating-system files and how much of them was read. Does not know what the bytes mean.

Descriptors are read without Python's buffered readers. A buffered reader waits until its buffer is full,
so that a line a minute would come out as a block a day; and a daemon thread that sits in one holds its
lock for ever, which makes the interpreter abort when it ends and wants to flush.
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
"""Bytes asked for at once at most: what a Linux pipe holds. A regular file gains nothing from more."""

SMALLEST_BLOCK: Final = 512
SHARES: Final = 256
"""A small file is read in so many blocks or fewer, so that ``progress`` is right to half a hundredth: what is
read of it and not yet asked for is at most one block."""


class Octets:
    """Where bytes come from: a path, or a descriptor that stays its owner's.

    *name* is what messages call it. ``regular`` says whether it is a file on a disk: it has a size, can be
    read twice and never waits for anybody. ``read`` counts the bytes taken so far, ``size`` those there are
    (0 where nobody knows).
    """

    __slots__ = ("name", "read", "regular", "size", "where")

    def __init__(self, where: str | int, name: str) -> None:
        """InputError where there is no such file, it is a directory, or it may not be read."""
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
            raise _unreadable(name, error) from None
        self.regular = isinstance(where, str) and stat.S_ISREG(status.st_mode)
        self.size = status.st_size if self.regular else 0

    def blocks(self) -> Generator[bytes, None, None]:
        """What is there, as it comes, in blocks of 1 to 65,536 bytes; InputError when reading fails."""
        self.read = 0
        size = max(SMALLEST_BLOCK, min(BLOCK, self.size // SHARES)) if self.regular else BLOCK
        try:
            with io.FileIO(self.where, closefd=isinstance(self.where, str)) as file:
                while block := _next_block(file, size):
                    self.read += len(block)
                    yield block
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def count(self, taken: int) -> None:
        """Take it that *taken* bytes were read in another way."""
        self.read = taken

    def progress(self) -> tuple[int, int] | None:
        """Bytes read, of bytes there are; None for a stream. A file that grows counts as what it was."""
        return (min(self.read, self.size), self.size) if self.regular else None


def _next_block(file: io.FileIO, size: int) -> bytes:
    """The next bytes, none at the end. A descriptor may be non-blocking when a parent left it so."""
    while (block := file.read(size)) is None:
        waiting = select.poll()
        waiting.register(file, select.POLLIN)
        waiting.poll()
    return block


def _unreadable(name: str, error: OSError | ValueError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"there is no file {name!r}; if it is a URL, write http:// or https:// in front")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name!r} is a directory; name the files in it")
    said = getattr(error, "strerror", None) or str(error)
    return InputError(f"{name!r} cannot be read: {said}")
