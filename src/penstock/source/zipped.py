"""Read the one file in a zip archive, as bytes.

Knows zip. Does not know lines. An archive lists its contents at its end, so it must be
a file, not a stream.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final

from penstock.errors import InputError
from penstock.source.kinds import ZIP

__all__ = ["ZipMember", "find_member", "is_zip"]

STEP: Final = 65_536

OFFICE: Final = {
    "xl/": "an Excel workbook; save it as CSV (UTF-8)",
    "word/": "a Word document; save it as plain text (UTF-8)",
    "ppt/": "a PowerPoint file",
    "META-INF/container.xml": "an e-book (EPUB)",
    "META-INF/MANIFEST.MF": "a Java archive",
    "content.xml": "an OpenDocument file; save it as CSV (UTF-8)",
}
"""The kind of an archive, by the beginning of a name in it."""

_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
"""The exceptions that zipfile raises if an archive is damaged, encrypted, or packed by an unknown
method."""


def is_zip(path: str) -> bool:
    """Return whether the file at *path* begins as a zip archive does."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a path as the user gave it
            return file.read(len(ZIP)) == ZIP
    except OSError:
        return False  # the reader of the format raises the error


class ZipMember:
    """The one file in the archive at *path*, as ``find_member`` returns it."""

    __slots__ = ("_found", "_path", "_shown", "name")

    def __init__(self, path: str, shown: str, found: zipfile.ZipInfo) -> None:
        """Messages call the archive *shown*."""
        self._path = path
        self._shown = shown
        self._found = found
        self.name = found.filename

    def blocks(self, read: Callable[[int], object]) -> Generator[bytes, None, None]:
        """Yield its content in blocks of at most 65,536 bytes.

        *read* is called with the bytes of the archive read so far. Raises InputError if
        the archive is damaged or encrypted.
        """
        with (
            _translate_errors(self._shown),
            open(self._path, "rb") as file,  # noqa: PTH123 - a path as the user gave it
            zipfile.ZipFile(file) as archive,
            archive.open(self._found) as member,
        ):
            while block := _read_step(self._shown, member):
                read(file.tell())
                yield block


def find_member(path: str, shown: str) -> ZipMember:
    """Return the one file in the archive at *path*; InputError if there is not one."""
    with _translate_errors(shown), zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    files = [info for info in infos if not info.is_dir() and not info.filename.startswith("__MACOSX/")]
    if len(files) == 1:
        return ZipMember(path, shown, files[0])
    for beginning, kind in OFFICE.items():
        if any(info.filename.startswith(beginning) for info in files):
            raise InputError(f"{shown!r} seems to be {kind}")
    several = ", ".join(repr(info.filename) for info in files[:3])
    there = f"{len(files)} files in it ({several}{', ...' if len(files) > 3 else ''})" if files else "nothing in it"
    raise InputError(f"{shown!r} seems to be an archive (zip) with {there}; only one with a single file can be read")


def _read_step(shown: str, member: Any) -> bytes:
    with _translate_errors(shown):
        found: bytes = member.read(STEP)
        return found


@contextmanager
def _translate_errors(shown: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise InputError(
            f"{shown!r}: the zip archive cannot be read: {str(error)[:200]}. Get an intact copy, or unpack it"
        ) from error
