"""Numbers everything a process does to the files below one folder, and ends it at a chosen operation.

Two ways to end: *killed*, as by SIGKILL, where the kernel keeps what was written; and *power cut*, where
only what was flushed is sure to be there. For the second the shim keeps its own account of what is on the
disk for good: the bytes of each file as of its last fsync, the names in each folder as of the folder's
last fsync. At the cut the folder is put into one of the states that are possible then.

SQLite writes from C, where nothing can be numbered. Its COMMIT is one operation, and its word is taken for
what it promises: afterwards the database holds the transaction, before that it does not.

Inside a test:

    with Shim(root, Plan(at=7, cut=Cut.NAMES_KEPT_DATA_LOST), die_softly):
        work()

Around a real process, which then dies by a real SIGKILL:

    python shim.py --root ROOT --at 7 --cut NAMES_KEPT_DATA_LOST -- -m penstock fetch ...
    python shim.py --root ROOT --log FILE -- script.py ...      lists the operations, one a line
"""

from __future__ import annotations

import argparse
import enum
import os
import runpy
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

SQLITE = (".db", ".db.part", "-journal")
"""Files that SQLite writes and flushes itself: between its COMMITs they can be recovered as they are."""


class Death(BaseException):
    """Stands for SIGKILL where the process has to live on, being the test's."""


class Cut(enum.Enum):
    """What a power cut leaves of the names and bytes that were not flushed."""

    NAMES_LOST_DATA_LOST = "neither"
    NAMES_KEPT_DATA_LOST = "every name, no bytes"
    NAMES_KEPT_DATA_HALF = "every name, half of the bytes"
    NAMES_KEPT_DATA_ZERO = "every name, and zeros for bytes"


@dataclass(frozen=True)
class Plan:
    """Die before operation *at*, or in the *middle* of it: a write that gets half of its bytes out."""

    at: int
    middle: bool = False
    cut: Cut | None = None


def die_softly() -> None:
    raise Death


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Disk:
    """What is below *root* for good, as far as anybody was promised.

    A file keeps its number when it is renamed; the file system's own numbers are used again too soon.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._fresh = count()
        self._numbers: dict[int, int] = {}
        self._data: dict[int, bytes] = {}
        self._names: dict[Path, dict[str, int]] = {}
        for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
            self.folder_flushed(folder)
            for file in folder.iterdir():
                if file.is_file():
                    self.file_flushed(file)

    def created(self, path: Path) -> None:
        """A file or a folder is new: its inode may have been another's before."""
        self._numbers[path.stat().st_ino] = next(self._fresh)
        self._names.setdefault(path, {}) if path.is_dir() else self._data.setdefault(self._number(path), b"")

    def file_flushed(self, path: Path) -> None:
        self._data[self._number(path)] = path.read_bytes()

    def folder_flushed(self, path: Path) -> None:
        self._names[path] = {entry.name: self._number(entry) for entry in path.iterdir()}

    def lose_power(self, cut: Cut) -> None:
        """Put the folder into the state that *cut* describes."""
        if cut is not Cut.NAMES_LOST_DATA_LOST:
            for folder in [self._root, *(path for path in self._root.rglob("*") if path.is_dir())]:
                self.folder_flushed(folder)
        files = {}
        for folder, names in self._names.items():
            for name, number in names.items():
                path = folder / name
                if number in self._data and (path.exists() or not name.endswith("-journal")):
                    files[path] = self._left(number, path, cut)
        folders = {folder for folder in self._names if self._is_named(folder)}
        self._rewrite({path: data for path, data in files.items() if path.parent in folders}, folders)

    def _left(self, number: int, path: Path, cut: Cut) -> bytes:
        """What is left of a file's bytes; those after the flushed ones are at risk."""
        sure = self._data[number]
        now = path.read_bytes() if path.exists() and self._number(path) == number else sure
        at_risk = max(0, len(now) - len(sure))
        if path.name.endswith(SQLITE):
            return now
        if cut is Cut.NAMES_KEPT_DATA_HALF:
            return sure + now[len(sure) :][: at_risk // 2]
        if cut is Cut.NAMES_KEPT_DATA_ZERO:
            return sure + bytes(at_risk)
        return sure

    def _is_named(self, folder: Path) -> bool:
        return folder == self._root or (
            folder.name in self._names.get(folder.parent, {}) and self._is_named(folder.parent)
        )

    def _rewrite(self, files: dict[Path, bytes], folders: set[Path]) -> None:
        for path in sorted(self._root.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        for folder in sorted(folders):
            folder.mkdir(exist_ok=True)
        for path, data in files.items():
            path.write_bytes(data)

    def _number(self, path: Path) -> int:
        return self._numbers.setdefault(path.stat().st_ino, next(self._fresh))


class Shim:
    """While entered, operations on what is below *root* are logged in ``operations``, and *plan* is carried out."""

    def __init__(self, root: Path, plan: Plan | None = None, end: Callable[[], None] = die) -> None:
        self.operations: list[str] = []
        self._root = root
        self._plan = plan
        self._end = end
        self._dead = False
        # The writer and the committer are threads: each operation has one number, and none follows the last.
        self._one_at_a_time = threading.RLock()
        self._dying: int | None = None
        self._files: dict[int, Path] = {}
        self._disk = Disk(root)
        self._real: dict[str, Callable[..., Any]] = {}

    def __enter__(self) -> Self:
        for name in ("open", "close", "write", "fsync", "ftruncate", "replace", "rename", "unlink", "mkdir"):
            self._real[name] = getattr(os, name)
            setattr(os, name, getattr(self, f"_{name}"))
        self._real["connect"] = sqlite3.connect
        sqlite3.connect = self._connect
        return self

    def __exit__(self, *_: object) -> None:
        sqlite3.connect = self._real.pop("connect")
        for name, function in self._real.items():
            setattr(os, name, function)

    def operation(self, what: str, path: Path, halfway: Callable[[], object] | None = None) -> None:
        """Number one operation. This is where the process dies; a dead one does nothing more."""
        with self._one_at_a_time:
            if self._dead:
                self._end()
            plan, number = self._plan, len(self.operations)
            self.operations.append(f"{what} {path.relative_to(self._root)}")
            if plan is None or plan.at != number:
                return
            if plan.middle and halfway is not None:
                halfway()
            self._dead = True
            self._dying = threading.get_ident()
            if plan.cut is not None:
                self._disk.lose_power(plan.cut)
            self._dying = None
            self._end()

    def committed(self, path: Path) -> None:
        self._disk.file_flushed(path)

    def ours(self, path: Any) -> Path | None:
        """*path* if it is below the root, and not the thread at work that cuts the power."""
        if self._dying == threading.get_ident():
            return None
        if isinstance(path, int):
            return self._files.get(path)
        absolute = Path(os.path.abspath(os.fspath(path)))
        return absolute if absolute.is_relative_to(self._root) else None

    def _open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        ours = self.ours(path) if dir_fd is None else None
        if ours is None:
            return self._real["open"](path, flags, mode, dir_fd=dir_fd)
        if self._dead:
            self._end()
        is_new = not ours.exists()
        fd = self._real["open"](path, flags, mode)
        self._files[fd] = ours
        if is_new:
            self._disk.created(ours)
        return fd

    def _close(self, fd: int) -> None:
        self._files.pop(fd, None)
        self._real["close"](fd)

    def _write(self, fd: int, data: Any) -> int:
        path = self.ours(fd)
        if path is not None:
            self.operation("write", path, lambda: self._real["write"](fd, bytes(data)[: len(data) // 2]))
        return self._real["write"](fd, data)

    def _fsync(self, fd: int) -> None:
        path = self.ours(fd)
        if path is None:
            self._real["fsync"](fd)
            return
        self.operation("fsync", path)
        # The kernel is spared: who asks is only ever shown the account kept here.
        self._disk.folder_flushed(path) if path.is_dir() else self._disk.file_flushed(path)

    def _ftruncate(self, fd: int, length: int) -> None:
        path = self.ours(fd)
        if path is not None:
            self.operation("ftruncate", path)
        self._real["ftruncate"](fd, length)

    def _replace(self, old: Any, new: Any, **more: Any) -> None:
        self._on_path("replace", old, new, **more)

    def _rename(self, old: Any, new: Any, **more: Any) -> None:
        self._on_path("rename", old, new, **more)

    def _unlink(self, path: Any, **more: Any) -> None:
        self._on_path("unlink", path, **more)

    def _mkdir(self, path: Any, *args: Any, **more: Any) -> None:
        self._on_path("mkdir", path, *args, **more)
        ours = self.ours(path)
        if ours is not None:
            self._disk.created(ours)

    def _on_path(self, name: str, path: Any, *args: Any, **more: Any) -> None:
        ours = self.ours(path)
        if ours is not None:
            self.operation(name, ours)
        self._real[name](path, *args, **more)
        if ours is not None and name in ("replace", "rename"):
            new = self.ours(args[0])
            self._files.update({fd: new for fd, path in self._files.items() if path == ours and new})

    def _connect(self, database: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        path = self.ours(str(database).removeprefix("file://").partition("?")[0])
        if path is None:
            return self._real["connect"](database, *args, **more)
        if self._dead:
            self._end()
        shim = self

        class Numbered(sqlite3.Connection):
            """A connection whose COMMIT is an operation, and which spares the kernel its flushes."""

            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
                if statement == "COMMIT":
                    shim.operation("commit", path)
                    cursor = super().execute(statement)
                    shim.committed(path)
                    return cursor
                if statement.startswith("PRAGMA synchronous"):
                    statement = "PRAGMA synchronous = OFF"
                return super().execute(statement, *values)

        return self._real["connect"](database, *args, factory=Numbered, **more)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a program and end it at one of its operations.")
    parser.add_argument("--root", type=Path, required=True, help="the folder whose files count")
    parser.add_argument("--at", type=int, help="die before this operation, counted from 0")
    parser.add_argument("--middle", action="store_true", help="die in the middle of it, if it is a write")
    parser.add_argument("--cut", choices=[cut.name for cut in Cut], help="cut the power, leaving this")
    parser.add_argument("--log", type=Path, help="write the operations to this file at the end")
    parser.add_argument("program", nargs="+", help="-- SCRIPT ARGS or -- -m MODULE ARGS")
    given = parser.parse_args()
    plan = None if given.at is None else Plan(given.at, given.middle, Cut[given.cut] if given.cut else None)
    root, log, program = given.root.resolve(), given.log, given.program
    with Shim(root, plan) as shim:
        try:
            if program[0] == "-m":
                sys.argv = program[1:]
                runpy.run_module(program[1], run_name="__main__", alter_sys=True)
            else:
                sys.argv = program
                runpy.run_path(program[0], run_name="__main__")
        finally:
            if log is not None:
                log.write_text("".join(f"{operation}\n" for operation in shim.operations))


if __name__ == "__main__":
    main()
