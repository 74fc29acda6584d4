"""A zip archive with one file in it, as its bytes.

Knows zip. Does not know lines. Its contents are listed at its end, so it must be a file.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final

from penstock.errors import InputError
from penstock.source.kinds import ZIP

__all__ = ["Member", "is_zip", "member_of"]

STEP: Final = 65_536

OFFICE: Final = {
    "xl/": "an Excel workbook; save it as CSV (UTF-8)",
    "word/": "a Word document; save it as plain text (UTF-8)",
    "ppt/": "a PowerPoint file",
    "META-INF/container.xml": "an e-book (EPUB)",
    "META-INF/MANIFEST.MF": "a Java archive",
    "content.xml": "an OpenDocument file; save it as CSV (UTF-8)",
}
"""What an archive is in which the name of a member begins so."""

_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
"""What zipfile raises for an archive that is damaged, encrypted, or packed in a way it does not know."""


def is_zip(path: str) -> bool:
    """Whether the file at *path* begins as a zip archive does."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a path as the user gave it
            return file.read(len(ZIP)) == ZIP
    except OSError:
        return False  # the reader of the format says so


class Member:
    """The one file in the archive at *path*; ``member_of`` finds it."""

    __slots__ = ("_found", "_path", "_shown", "name")

    def __init__(self, path: str, shown: str, found: zipfile.ZipInfo) -> None:
        """*shown* is what messages call the archive."""
        self._path = path
        self._shown = shown
        self._found = found
        self.name = found.filename

    def blocks(self, read: Callable[[int], object]) -> Generator[bytes, None, None]:
        """What is in it, in blocks of at most 65,536 bytes; *read* is told how many bytes of the archive were read.

        InputError if it is damaged or encrypted.
        """
        with (
            _said(self._shown),
            open(self._path, "rb") as file,  # noqa: PTH123 - a path as the user gave it
            zipfile.ZipFile(file) as archive,
            archive.open(self._found) as member,
        ):
            while block := _step(self._shown, member):
                read(file.tell())
                yield block


def member_of(path: str, shown: str) -> Member:
    """The one file in the archive at *path*; InputError, which says what it seems to be, if there are more."""
    with _said(shown), zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    files = [info for info in infos if not info.is_dir() and not info.filename.startswith("__MACOSX/")]
    if len(files) == 1:
        return Member(path, shown, files[0])
    for beginning, kind in OFFICE.items():
        if any(info.filename.startswith(beginning) for info in files):
            raise InputError(f"{shown!r} seems to be {kind}")
    several = ", ".join(repr(info.filename) for info in files[:3])
    there = f"{len(files)} files in it ({several}{', ...' if len(files) > 3 else ''})" if files else "nothing in it"
    raise InputError(f"{shown!r} seems to be an archive (zip) with {there}; only one with a single file can be read")


def _step(shown: str, member: Any) -> bytes:
    with _said(shown):
        found: bytes = member.read(STEP)
        return found


@contextmanager
def _said(shown: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise InputError(
            f"{shown!r}: the zip archive can't be read: {str(error)[:200]}. Get an intact copy, or unpack it"
        ) from error
