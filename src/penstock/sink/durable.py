"""Writes, flushes, renames and removes the files of a run folder.

It is the only module that does, with four exceptions: SQLite writes run.db for the
ledger and outcomes.db for ``sqlite``, ``runs/lock`` writes run.lock, and ``scratch/`` has the files that may be lost.

Knows how bytes outlive a process that is killed and a machine that loses power, on
POSIX file systems: the file is flushed, and the folder that names it, before a function
returns. Does not know what the bytes mean, or which module keeps the account of them.

Every operation goes through an attribute of ``os``, so that a test can number them all
and die at any. docs/decisions/checksums.md says why an extent has a CRC-32.
"""

# ruff: noqa: PTH102, PTH105, PTH108, PTH208 - pathlib calls the same functions where no test can see them

from __future__ import annotations

import contextlib
import errno
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

from penstock.core.extents import Extent, SeqSet
from penstock.errors import FolderDamaged, OutputError
from penstock.remedies import call
from penstock.sink.parallel import run_each

__all__ = [
    "BUFFER",
    "PART",
    "TORN",
    "AppendFile",
    "Hold",
    "NewFiles",
    "certify",
    "checksum",
    "checksum_text",
    "locate_origin",
    "make_folder",
    "remove",
    "rename",
    "set_aside",
    "sweep",
    "write_file",
]

BUFFER: Final = 256 << 10
"""Bytes joined into one write, and read at once. To join, sum and write a line of 10 kB takes 4.5 µs at any size from
128 KiB; docs/decisions/allocator.md says why no more are held."""

UNFLUSHED: Final = 4096
"""New files whose bytes are not flushed; at this number they are, so that the list of them stays small."""

PART: Final = ".part"
"""The end of the name of an unfinished file. Half a file never has another name."""

TORN: Final = ".torn-"
"""The middle of the name of a file of bytes that were cut off; their offset and their CRC-32 follow."""

_PRIVATE: Final = 0o600
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
"""Never over an existing file: what a crash left is removed first."""

_NO_DIRECTORY_FLUSH: Final = frozenset({errno.EINVAL, errno.ENOTSUP})
_REMEDIES: Final = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the quota is used up: free some space or have it raised",
    errno.EFBIG: "the file may not grow any further: raise the limit (ulimit -f)",
    errno.EROFS: "the file system is read-only: mount it for writing, or name another folder",
    errno.EACCES: "permission is missing: change it, or name another folder",
    errno.EPERM: "permission is missing: change it, or name another folder",
    errno.EEXIST: "something else has that name: move it away",
    errno.ELOOP: "it is a link, and none is followed: put the file itself there",
    errno.EIO: "the disk fails: copy the folder to another one",
}


class Hold(NamedTuple):
    """A file that this process writes, and the name that must keep leading to it.

    An editor, ``sed -i`` and ``mv`` put another file under a name; bytes written to the
    old one are then lost. See docs/decisions/lost-files.md.
    """

    path: Path
    device: int
    inode: int

    @classmethod
    def of(cls, path: Path, fd: int | None = None) -> Self:
        """Return the file that is open as *fd*, or that *path* leads to now."""
        found = os.lstat(path) if fd is None else os.fstat(fd)
        return cls(path, found.st_dev, found.st_ino)

    def confirm(self, size: int = 0) -> None:
        """Raise FolderDamaged if the name no longer leads to the file, or it has fewer than *size* bytes."""
        try:
            found = os.lstat(self.path)
        except OSError as error:
            raise self._lost(f"can't be found ({error.strerror})") from error
        if (found.st_dev, found.st_ino) != (self.device, self.inode):
            raise self._lost("was replaced")
        if found.st_size < size:
            raise self._lost(f"was cut to {found.st_size} of {size} bytes")

    def _lost(self, what: str) -> FolderDamaged:
        return FolderDamaged(
            f"{self.path} {what} during the run, so nothing more is stored; put it back, or check the rest: ",
            call("verify", self.path.parent),
            ", and keep it: ",
            call("verify", self.path.parent, repair=True),
        )


class _AllOrNothing:
    """A *path* that is written no more after a call has failed: the state of its pages is unknown then.

    A second fsync may succeed without having stored them (Rebello et al., "Can
    Applications Recover from fsync Failures?", USENIX ATC 2020).
    """

    __slots__ = ("_trouble", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._trouble: str | None = None

    @contextlib.contextmanager
    def _all_or_nothing(self, doing: str) -> Iterator[None]:
        """Refuse every further call if the block does not run to its end, also if a KeyboardInterrupt ends it."""
        if self._trouble is not None:
            raise OutputError(self._trouble)
        self._trouble = f"{self.path} is in an unknown state since it failed to {doing}; nothing more is written to it"
        try:
            yield
        except OSError as error:
            raise _refusal(doing, self.path, error) from error
        self._trouble = None


class AppendFile(_AllOrNothing):
    """A file that only grows, and proves which of its bytes are durable.

    ``append`` takes bytes into memory, they are written a mebibyte at a time, and ``seal``
    makes an Extent of them. *torn* is the file with the bytes that the opening cut off,
    or None.

    Before each write and after each flush the name must lead to the file, and the file
    must have every byte written; else FolderDamaged is raised. After a failed write or
    flush, every further call raises OutputError.
    """

    __slots__ = ("_checksum", "_fd", "_held", "_held_bytes", "_hold", "_start", "_written", "torn")

    def __init__(self, path: Path, committed: int) -> None:
        """Open the file at *committed* bytes, or create it if that is 0.

        Bytes after these were left by a crash: they are set aside, then cut off. Raises
        FolderDamaged if the file is shorter, OutputError if it cannot be written.
        """
        super().__init__(path)
        self.torn: Path | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._start = self._written = committed
        self._checksum = 0
        self._fd = _open_for_append(path, committed)
        self._hold = Hold.of(path, self._fd)
        try:
            self._cut(committed)
        except BaseException:
            self.close()
            raise

    @property
    def end(self) -> int:
        """The length of the file in bytes once everything appended is written."""
        return self._written + self._held_bytes

    def append(self, data: bytes) -> None:
        """Take *data*, perhaps into memory. Raises OutputError if a write is due and fails."""
        if self._trouble is not None:
            raise OutputError(self._trouble)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= BUFFER:
            self._write()

    def seal(self, sink: str, *, rows: int, seqs: SeqSet) -> Extent | None:
        """Make the bytes appended since the last seal durable and return the proof, or None if there are none.

        They are *rows* rows of *sink*, one for each of *seqs*. Raises OutputError if the
        disk does not take them, FolderDamaged if the name leads elsewhere, even if nothing
        was appended.
        """
        self._write()
        if self._written == self._start:
            return None
        with self._all_or_nothing("flush"):
            os.fsync(self._fd)
            self._hold.confirm(self._written)
        text = checksum_text(self._checksum)
        extent = Extent(sink, self.path.name, self._start, self._written, rows, text, seqs)
        self._start, self._checksum = self._written, 0
        return extent

    def close(self) -> None:
        """Close the file; the next opening cuts off unsealed bytes. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._trouble = self._trouble or f"{self.path} is closed"

    def _write(self) -> None:
        with self._all_or_nothing("write"):
            # Before the write: a file that was cut would grow again by it, with a hole in it.
            self._hold.confirm(self._written)
            if not self._held:
                return
            data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
            _write_all(self._fd, data)
            self._checksum = zlib.crc32(data, self._checksum)
            self._written += len(data)
            self._held.clear()
            self._held_bytes = 0

    def _cut(self, committed: int) -> None:
        with self._all_or_nothing("prepare"):
            size = os.fstat(self._fd).st_size
            if size < committed:
                raise FolderDamaged(
                    f"{self.path} has {size} bytes, fewer than the {committed} that were committed; "
                    "keep the rest with: ",
                    call("verify", self.path.parent, repair=True),
                )
            if size > committed:
                self.torn = set_aside(self.path, committed)
                os.ftruncate(self._fd, committed)
                os.fsync(self._fd)
            os.lseek(self._fd, committed, os.SEEK_SET)


class NewFiles(_AllOrNothing):
    """Files in folders below *path*, each written once, whole, under a new name, and durable after a ``flush``."""

    __slots__ = ("_made", "_named", "_unflushed")

    def __init__(self, path: Path) -> None:
        """Begin without a file."""
        super().__init__(path)
        self._made = False
        # The folders with new names, and the files whose bytes are not flushed, with their sizes.
        self._named: set[str] = set()
        self._unflushed: list[tuple[str, int]] = []

    def make_folder(self, name: str) -> None:
        """Create the folder *name* below *path*, which is created too if it is not there."""
        if not self._made:
            make_folder(self.path)
            self._made = True
        with self._all_or_nothing("make a folder in"):
            os.mkdir(self.path / name, 0o700)
        self._named.add(str(self.path))

    def write(self, folder: str, name: str, data: bytes) -> None:
        """Write *data* to the new file *name* in *folder* below *path*. Raises OutputError if that fails."""
        place = f"{self.path}/{folder}"
        file = f"{place}/{name}"
        with self._all_or_nothing("write"):
            with _descriptor(file, _NEW) as fd:
                _write_all(fd, data)
            self._named.add(place)
            self._unflushed.append((file, len(data)))
        if len(self._unflushed) >= UNFLUSHED:
            self._flush_files()

    def flush(self) -> None:
        """Make every file durable. Raises OutputError if that fails, FolderDamaged if a file was removed or cut."""
        self._flush_files()
        with self._all_or_nothing("flush"):
            for folder in sorted(self._named, reverse=True):
                _flush_folder(folder)
        self._named.clear()

    def _flush_files(self) -> None:
        with self._all_or_nothing("flush"):
            run_each(_flush_new, self._unflushed)
        self._unflushed.clear()


def write_file(path: Path, data: bytes) -> None:
    """Write *data* to *path*, durably: a reader finds all of it or the old content.

    Raises OutputError if it cannot be written.
    """
    part = path.with_name(path.name + PART)
    try:
        with _descriptor(part, _NEW) as fd:
            _write_all(fd, data)
            os.fsync(fd)
    except OSError as error:
        raise _refusal("write", path, error) from error
    rename(part, path)


def set_aside(path: Path, start: int) -> Path:
    """Copy the bytes of *path* from *start* to a file of their own, whole or not at all, and return that file.

    Its name identifies its content, so that a repetition after a crash makes the same file.
    Raises OutputError if it cannot be written.
    """
    part = path.with_name(f"{path.name}.torn{PART}")
    value = 0
    try:
        with _descriptor(path, os.O_RDONLY) as source, _descriptor(part, _NEW) as fd:
            for block in _blocks(source, start, os.fstat(source).st_size):
                _write_all(fd, block)
                value = zlib.crc32(block, value)
            os.fsync(fd)
    except OSError as error:
        raise _refusal("copy the end of", path, error) from error
    aside = path.with_name(f"{path.name}{TORN}{start}-{value:08x}")
    rename(part, aside)
    return aside


def locate_origin(aside: Path) -> tuple[str, int]:
    """Return the name of the file whose end was ``set_aside`` as *aside*, and where that end began."""
    name, _, place = aside.name.partition(TORN)
    return name, int(place.partition("-")[0])


def rename(old: Path, new: Path) -> None:
    """Rename *old*, whose bytes are flushed, to *new*, durably. Raises OutputError if that fails."""
    try:
        os.replace(old, new)
        _flush_folder(new.parent)
    except OSError as error:
        raise _refusal("rename", old, error) from error


def remove(path: Path) -> None:
    """Remove the file *path*, if there is one, durably. Raises OutputError if that fails."""
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            _flush_folder(path.parent)
    except OSError as error:
        raise _refusal("remove", path, error) from error


def sweep(folder: Path, is_left: Callable[[str], bool]) -> None:
    """Remove the files of *folder* whose names *is_left* takes. Raises OutputError if that fails."""
    try:
        for name in sorted(os.listdir(folder)):
            if is_left(name):
                os.unlink(folder / name)
    except OSError as error:
        raise _refusal("clear", folder, error) from error


def make_folder(path: Path) -> None:
    """Create the folder *path* for its owner alone, if it is not there. Raises OutputError if that fails."""
    try:
        if path.is_dir() or not _create(path):
            # If the file system has no permissions, the folder stays as it is; its files are private.
            with contextlib.suppress(PermissionError):
                path.chmod(0o700)
        _flush_folder(path.parent)
    except OSError as error:
        raise _refusal("make", path, error) from error


def _create(path: Path) -> bool:
    """Create the folder *path*, and return False if another process created it just before."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
        return False
    return True


def certify(path: Path, start: int, end: int, *, sink: str, seqs: SeqSet) -> Extent:
    """Return the proof that bytes found in a file, one row for each of *seqs*, are durable.

    They are flushed, then read back. Raises OutputError if that fails.
    """
    try:
        with _descriptor(path, os.O_RDWR) as fd:
            os.fsync(fd)
    except OSError as error:
        raise _refusal("flush", path, error) from error
    return Extent(sink, path.name, start, end, len(seqs), checksum(path, start, end), seqs)


def checksum(path: Path, start: int, end: int) -> str:
    """Return the checksum, as in Extent, of the bytes from *start* to *end*, or to the end of a shorter file.

    Raises FolderDamaged if the file cannot be read.
    """
    value = 0
    try:
        with _descriptor(path, os.O_RDONLY) as fd:
            for block in _blocks(fd, start, end):
                value = zlib.crc32(block, value)
    except OSError as error:
        raise FolderDamaged(f"cannot read {path}: {error.strerror}") from error
    return checksum_text(value)


def checksum_text(value: int) -> str:
    """Return a CRC-32 as an Extent has it, with the name of the algorithm."""
    # CRC-32 takes 3.6 µs for a page of 10 kB, SHA-256 6.1, BLAKE2b 17. It has to find damage, not forgery, and
    # each record has the SHA-256 of its body as well.
    return f"crc32:{value:08x}"


def _open_for_append(path: Path, committed: int) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (0 if committed else os.O_CREAT)
    try:
        fd = os.open(path, flags, _PRIVATE)
    except FileNotFoundError as error:
        if committed == 0:
            raise _refusal("make", path, error) from error
        raise FolderDamaged(
            f"{path} is missing, of which {committed} bytes were committed; put it back, or resume without it after: ",
            call("verify", path.parent, repair=True),
        ) from error
    except OSError as error:
        raise _refusal("open", path, error) from error
    try:
        _flush_folder(path.parent)
    except OSError as error:
        os.close(fd)
        raise _refusal("make", path, error) from error
    return fd


def _write_all(fd: int, data: bytes) -> None:
    """Write every byte: the kernel may take fewer than it is given (at most 2 GiB at once on Linux)."""
    written = os.write(fd, data)
    if written < len(data):
        rest = memoryview(data)
        while written < len(data):
            written += os.write(fd, rest[written:])


def _flush_new(written: tuple[str, int]) -> None:
    file, size = written
    try:
        with _descriptor(file, os.O_RDONLY) as fd:
            os.fsync(fd)
            found = os.fstat(fd).st_size
    except FileNotFoundError:
        found = 0
    if found != size:
        raise FolderDamaged(f"{file} was removed or cut during the run, so nothing more is stored")


def _flush_folder(folder: Path | str) -> None:
    with _descriptor(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
        try:
            os.fsync(fd)
        except OSError as error:
            # Some network file systems keep names durable by themselves and refuse to flush a folder.
            if error.errno not in _NO_DIRECTORY_FLUSH:
                raise


@contextlib.contextmanager
def _descriptor(path: Path | str, flags: int) -> Iterator[int]:
    # The path of the folder itself may be a link.
    follow = 0 if flags & os.O_DIRECTORY else os.O_NOFOLLOW
    fd = os.open(path, flags | follow | os.O_CLOEXEC, _PRIVATE)
    try:
        yield fd
    finally:
        os.close(fd)


def _blocks(fd: int, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        block = os.pread(fd, min(BUFFER, end - start), start)
        if not block:
            return
        start += len(block)
        yield block


def _refusal(doing: str, path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    remedy = _REMEDIES.get(error.errno or 0, "see that the folder can be written")
    return OutputError(f"cannot {doing} {path}: {reason}; {remedy}. Everything committed before is safe")
