"""Which files a run folder may have in it: plain files with the names that a run gives, and nothing else.

Knows these names exactly, and what a crash may leave half done. Does not know what is in the files. Why anything else
is refused: docs/decisions/foreign-files.md.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from penstock.errors import FolderError, OutputError
from penstock.sink.durable import PART
from penstock.sink.jsonl import NAME

__all__ = [
    "LEDGER_FILE",
    "LOCK_FILE",
    "LOCK_HEAD",
    "MANIFEST_FILE",
    "MANIFEST_HEAD",
    "asides",
    "is_abandoned",
    "is_left",
    "is_plain",
    "outputs",
    "refuse_foreign",
    "refuse_links",
]

LEDGER_FILE: Final = "run.db"
LOCK_FILE: Final = "run.lock"
MANIFEST_FILE: Final = "run.json"

LOCK_HEAD: Final = b"process "
MANIFEST_HEAD: Final = b'{\n  "schema": 1,\n  "run": "'
"""How the two files begin that ``RunFolder.create`` may leave behind if it is killed."""

_SIDES: Final = "(?:-journal|-wal|-shm)?"
"""What SQLite puts beside a database (sqlite.org/tempfiles.html)."""

_ASIDE: Final = re.compile(rf"(?:{NAME}|run\.db)\.torn-[0-9]+-[0-9a-f]{{8}}")
_LEFT: Final = re.compile(
    rf"run\.json\.part|run\.db\.part(?:\.part|{_SIDES})|(?:{NAME}|run\.db)\.torn\.part|\.penstock-overflow-\w{{8}}"
)
_OURS: Final = re.compile(
    rf"run\.json|run\.lock|run\.db{_SIDES}|robots\.db(?:\.damaged)?{_SIDES}|{NAME}|{_ASIDE.pattern}|{_LEFT.pattern}"
)


def outputs(path: Path) -> list[Path]:
    """Return the files of the folder *path* that sinks made, in the order in which they were begun."""
    return [path / name for name in _names(path) if re.fullmatch(NAME, name)]


def asides(path: Path) -> list[Path]:
    """Return the files of the folder *path* that hold what was cut off from others."""
    return [path / name for name in _names(path) if _ASIDE.fullmatch(name)]


def is_left(name: str) -> bool:
    """Whether *name* is that of a file which a crash left incomplete, or without use."""
    return _LEFT.fullmatch(name) is not None


def refuse_links(path: Path) -> None:
    """Raise FolderError if something with the name of a run's file is a link, or anything but a plain file."""
    for name in _names(path):
        if _OURS.fullmatch(name) and not is_plain(path / name):
            raise FolderError(f"{name} in {path} is a link, or no plain file; put the file itself in its place")


def refuse_foreign(path: Path) -> None:
    """Raise FolderError if something in the folder *path* is not a run's; see also ``refuse_links``.

    Other names that begin with a dot are passed over and left alone: desktops and network file systems make such files
    by themselves.
    """
    refuse_links(path)
    for name in _names(path):
        if not _OURS.fullmatch(name) and not name.startswith("."):
            raise FolderError(f"{path} holds {name}, which no run made; move it out of the folder first")


def is_abandoned(file: Path) -> bool:
    """Whether *file* is what a ``RunFolder.create`` that was killed may have left: all of it, a part, or zeros."""
    head = {LOCK_FILE: LOCK_HEAD, f"{MANIFEST_FILE}{PART}": MANIFEST_HEAD}.get(file.name)
    if head is None or not is_plain(file):
        return False
    with file.open("rb") as opened:
        return head.startswith(opened.read(len(head)).rstrip(b"\0"))


def is_plain(file: Path) -> bool:
    """Whether *file* is a plain file and no link to one; also if it has just gone, as a journal does at each commit."""
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except FileNotFoundError:
        return True


def _names(path: Path) -> Iterator[str]:
    try:
        return iter(sorted(os.listdir(path)))  # noqa: PTH208 - names alone are asked for
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}; name another folder") from error
