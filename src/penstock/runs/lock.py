"""One process at a time on a run folder.

Knows the lock, which the kernel releases when its owner dies, however it dies. Does not
know what its owner does.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from penstock.errors import FolderError, FolderInUse, OutputError
from penstock.runs.files import LOCK_FILE, LOCK_HEAD, is_plain
from penstock.sink.durable import Hold

__all__ = ["Lock"]


class Lock:
    """The exclusive right to change *folder*, held until ``close`` or the end of the process.

    A *shared* lock keeps others from changing it; any number of readers may have one.
    It creates the lock file if that is missing, and changes nothing else. So a folder
    on a read-only disk can be read if it has that file.

    Raises FolderInUse if another process holds it, OutputError if the file cannot be
    locked, FolderError if something else has its name. flock rather than lockf: it
    belongs to this opening of the file, so that closing another descriptor of the same
    file in this process does not release it.
    """

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        self._path = folder / LOCK_FILE
        self._fd = _open(folder, os.O_RDONLY if shared else os.O_RDWR)
        try:
            self._take(folder, shared=shared)
        except BaseException:
            self.close()
            raise

    def confirm(self) -> None:
        """Raise FolderDamaged if the file was replaced or removed: another process might have a lock as well."""
        Hold.of(self._path, self._fd).confirm()

    def close(self) -> None:
        """Release the lock; its file stays, since removing it would let two others in. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self, folder: Path, *, shared: bool) -> None:
        try:
            fcntl.flock(self._fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            if not shared:
                os.ftruncate(self._fd, 0)
                os.write(self._fd, LOCK_HEAD + f"{os.getpid()} on {os.uname().nodename}".encode())
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                raise OutputError(f"cannot lock {folder}: {error.strerror}; name another folder") from error
            raise FolderInUse(f"{folder} is in use by {self._owner()}; wait until it ends, or stop it first") from None

    def _owner(self) -> str:
        """Return the owner. Readers leave no name: the file has that of the last process that wrote."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return os.pread(self._fd, 200, 0).decode(errors="replace") or "another process"
        return "a process that reads it (penstock verify)"


def _open(folder: Path, flags: int) -> int:
    """Return a descriptor of the file, which is created if need be; never waits, never follows a link."""
    try:
        fd = os.open(folder / LOCK_FILE, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if os.path.lexists(folder / LOCK_FILE) and not is_plain(folder / LOCK_FILE):
            raise _no_file(folder) from error
        raise OutputError(f"cannot open a file in {folder}: {error.strerror}; name another folder") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _no_file(folder)
    return fd


def _no_file(folder: Path) -> FolderError:
    return FolderError(f"{LOCK_FILE} in {folder} is a link, or no plain file; remove it first")
