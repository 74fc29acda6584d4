"""Which files a run folder may have in it: plain files with the names that a run gives, and nothing else.

Knows these names exactly, and what a crash may leave unfinished. Does not know the contents of the files.
docs/decisions/foreign-files.md says why anything else is refused.
"""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from penstock.errors import FolderError, OutputError
from penstock.seams import Format
from penstock.sink.durable import PART, TORN
from penstock.sink.formats import FORMATS

__all__ = [
    "DOCUMENT_FILE",
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
DOCUMENT_FILE: Final = "sitemap-{}.gz"
"""The file of a document that the input names; 32 hexadecimal digits are put in."""

LOCK_HEAD: Final = b"process "
MANIFEST_HEAD: Final = b'{\n  "schema": 1,\n  "run": "'
"""The first bytes of the two files that a killed ``RunFolder.create`` may leave behind."""

_SIDES: Final = "(?:-journal|-wal|-shm)?"
"""The files that SQLite puts beside a database (sqlite.org/tempfiles.html), which an output may be."""


class _Names(NamedTuple):
    """The regular expressions of names in a run folder: outputs, files set aside, remains of a crash, and all files.

    *folders* is that of the folders.
    """

    output: re.Pattern[str]
    aside: re.Pattern[str]
    left: re.Pattern[str]
    run: re.Pattern[str]
    folders: re.Pattern[str]


def outputs(path: Path, format_: Format | None = None) -> list[Path]:
    """Return the outputs in the folder *path*, or of one format, in the order in which they were begun."""
    pattern = _names().output if format_ is None else re.compile(format_.pattern)
    return [path / name for name in _list_names(path) if pattern.fullmatch(name)]


def asides(path: Path, format_: Format | None = None) -> list[Path]:
    """Return the files in the folder *path* that hold bytes cut off from others, or from the outputs of one format."""
    names = [name for name in _list_names(path) if _names().aside.fullmatch(name)]
    return [path / name for name in names if format_ is None or re.fullmatch(format_.pattern, name.partition(TORN)[0])]


def is_left(name: str) -> bool:
    """Return whether *name* is that of a file which a crash left unfinished, or without use."""
    return _names().left.fullmatch(name) is not None


def refuse_links(path: Path) -> None:
    """Raise FolderError if something with the name of a run's file is a link, or anything but a plain file.

    So is a link with the name of one of its folders.
    """
    names = _names()
    for name in _list_names(path):
        if names.run.fullmatch(name) and not is_plain(path / name):
            raise FolderError(f"{name} in {path} is a link, or no plain file; put the file itself in its place")
        if names.folders.fullmatch(name) and not stat.S_ISDIR((path / name).lstat().st_mode):
            raise FolderError(f"{name} in {path} is a link, or no folder; put the folder itself in its place")


def refuse_foreign(path: Path) -> None:
    """Raise FolderError if something in the folder *path* is not a run's; see also ``refuse_links``.

    Other names that begin with a dot are skipped: desktops and network file systems make such files by themselves.
    """
    refuse_links(path)
    names = _names()
    for name in _list_names(path):
        if not (names.run.fullmatch(name) or names.folders.fullmatch(name) or name.startswith(".")):
            raise FolderError(f"{path} holds {name}, which no run made; move it out of the folder first")


def is_abandoned(file: Path) -> bool:
    """Return whether *file* may be what a killed ``RunFolder.create`` left: all of it, a part, or zeros."""
    head = {LOCK_FILE: LOCK_HEAD, f"{MANIFEST_FILE}{PART}": MANIFEST_HEAD}.get(file.name)
    if head is None or not is_plain(file):
        return False
    with file.open("rb") as opened:
        return head.startswith(opened.read(len(head)).rstrip(b"\0"))


def is_plain(file: Path) -> bool:
    """Return whether *file* is a plain file and no link; True if it has just gone, as a journal at each commit."""
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except FileNotFoundError:
        return True


def _names() -> _Names:
    formats = FORMATS.values()
    return _compile(
        "|".join(format_.pattern for format_ in formats),
        "|".join(format_.unfinished for format_ in formats if format_.unfinished is not None),
        "|".join(re.escape(format_.folder) for format_ in formats if format_.folder is not None),
    )


@functools.cache
def _compile(output: str, unfinished: str, folders: str) -> _Names:
    """Return the names if outputs match *output*, unfinished files *unfinished*, and folders *folders*."""
    aside = rf"(?:{output}|run\.db)\.torn-[0-9]+-[0-9a-f]{{8}}"
    document = r"sitemap-[0-9a-f]{32}\.gz"
    left = (
        rf"run\.json\.part|{document}\.part|run\.db\.part(?:\.part|{_SIDES})|(?:{output}|run\.db)\.torn\.part"
        rf"|\.penstock-overflow-\w{{8}}{unfinished and f'|{unfinished}'}"
    )
    databases = rf"(?:run\.db|robots\.db(?:\.damaged)?|{output}){_SIDES}"
    run = rf"run\.json|run\.lock|{databases}|{document}|{aside}|{left}"
    return _Names(*map(re.compile, (output, aside, left, run, folders)))


def _list_names(path: Path) -> Iterator[str]:
    """Yield the names in the folder *path*, sorted."""
    try:
        return iter(sorted(os.listdir(path)))  # noqa: PTH208 - names alone are asked for
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}; name another folder") from error
