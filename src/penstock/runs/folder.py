"""A run folder, and the right to work on it.

Knows which folders may be used, and in which order their files are created. Does not
know the contents of the outputs.

    run.json    what the run is for; created first, changed only with the settings
    run.lock    held by the process that works on the folder
    run.db      the ledger
    *.torn-*    bytes that a crash left uncommitted, with their offset and CRC-32 in the name
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from penstock.errors import FolderDamaged, FolderError, FolderMismatch, OutputError
from penstock.remedies import Remedy, call, shell_path
from penstock.runs.files import LEDGER_FILE, MANIFEST_FILE, is_abandoned, is_left, outputs, refuse_foreign, refuse_links
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.runs.manifest import Manifest
from penstock.sink.durable import PART, make_folder, remove, sweep, write_file
from penstock.sink.formats import FORMATS

__all__ = ["RunFolder", "no_run", "read_manifest"]


class RunFolder:
    """A folder that this process works on until ``close``. ``create`` begins a run, ``open`` resumes one."""

    def __init__(self, path: Path, lock: Lock, manifest: Manifest, ledger: Ledger, *, fresh: bool) -> None:
        # Whether no process can have worked on it before.
        self.fresh = fresh
        self.path = path
        self.manifest = manifest
        self.ledger = ledger
        self._lock = lock

    @staticmethod
    def holds_run(path: Path) -> bool:
        """Return whether a run was begun in the folder *path*."""
        return any(os.path.lexists(path / name) for name in (MANIFEST_FILE, LEDGER_FILE))

    @classmethod
    def create(cls, path: Path, manifest: Manifest) -> Self:
        """Begin a run in the folder *path*, which is created if it is not there.

        Raises OutputError if it cannot be written, FolderError if it is not empty,
        FolderInUse if another process begins a run there at the same moment.
        """
        _refuse_impossible(path)
        make_folder(path)
        lock = Lock(path)
        try:
            _refuse_used(path)
            remove(path / f"{MANIFEST_FILE}{PART}")
            write_file(path / MANIFEST_FILE, manifest.encode())
            return cls(path, lock, manifest, Ledger.create(path / LEDGER_FILE, manifest.run), fresh=True)
        except BaseException:
            lock.close()
            raise

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the run in the folder *path*.

        Raises FolderError if there is none, or a file that is not a run's; FolderInUse if
        another process works on it; FolderDamaged or FolderMismatch if its files do not
        say what they should.
        """
        if not cls.holds_run(path):
            raise no_run(path)
        manifest = read_manifest(path)
        refuse_foreign(path)
        lock = Lock(path)
        try:
            sweep(path, is_left)
            return cls(path, lock, manifest, _open_ledger(path, manifest.run), fresh=False)
        except BaseException:
            lock.close()
            raise

    def check(self, now: Manifest) -> None:
        """Raise FolderMismatch or InputChanged if *now* describes another job."""
        self.manifest.check(now)

    def change_to(self, now: Manifest) -> None:
        """Keep the settings and the names of the inputs of *now* for this session and later ones.

        run.json has its old text until the new one is durable. Raises OutputError if it
        can't be written.
        """
        changed = self.manifest.adopt(now)
        if changed != self.manifest:
            write_file(self.path / MANIFEST_FILE, changed.encode())
            self.manifest = changed

    def confirm(self) -> Ledger:
        """Return the ledger, to write to it now; it and the outputs check themselves when they are written.

        Raises FolderDamaged if run.json or run.lock is not what it was when this process opened the folder.
        """
        self._lock.confirm()
        if _manifest(self.path) != self.manifest:
            raise FolderDamaged(
                f"{self.path / MANIFEST_FILE} was changed during the run, so nothing more is stored; "
                "put it back as it was"
            )
        return self.ledger

    def close(self) -> None:
        """Close the ledger and release the lock. May be called twice."""
        self.ledger.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def no_run(path: Path) -> FolderError:
    """Return the error for a folder *path* without a run."""
    begun = Remedy(f"penstock.run(inputs, {str(path)!r})", f"penstock fetch INPUT -o {shell_path(path)}")
    return FolderError(f"{path} holds no run; name the folder of one, or begin one: ", begun)


def read_manifest(path: Path) -> Manifest:
    """Return what the run in the folder *path* is for.

    Raises FolderDamaged or FolderMismatch if run.json does not say it, FolderError if a
    file of the run is a link: none is ever followed.
    """
    refuse_links(path)
    return _manifest(path)


def _manifest(path: Path) -> Manifest:
    file = path / MANIFEST_FILE
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FolderDamaged(
            f"cannot read {file}: {error.strerror}; put a copy of it back. It says what the run is for",
        ) from error
    manifest = Manifest.decode(data, str(file))
    for sink in manifest.settings.sinks:
        if sink not in FORMATS:
            raise FolderMismatch(
                f"{file} names the format {sink}, this Penstock knows {', '.join(FORMATS)}; use the newer one"
            )
    return manifest


def _open_ledger(path: Path, run: str) -> Ledger:
    """Return the ledger, a new one if a crash came between run.json and run.db and no sink had begun."""
    file = path / LEDGER_FILE
    if file.exists() or any(output.stat().st_size for output in outputs(path)):
        return Ledger(file, run)
    return Ledger.create(file, run)


def _refuse_impossible(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file; name a folder, which is created if it is not there")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is not a folder; make it first: mkdir -p {shell_path(path.parent)}")
    if path.exists():
        _refuse_used(path)


def _refuse_used(path: Path) -> None:
    """Raise FolderError if *path* is not empty, except for what a ``create`` left that was killed early."""
    if RunFolder.holds_run(path):
        raise FolderError(f"{path} holds a run; resume it: ", call("resume", path), ", or name another folder")
    try:
        foreign = sorted(file.name for file in path.iterdir() if not is_abandoned(file))
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}; name another folder") from error
    if foreign:
        raise FolderError(f"{path} is not empty ({foreign[0]} is in it) and holds no run; name another folder")
