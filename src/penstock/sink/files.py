"""The format ``files``: each body a file of its own, and an index of all outcomes.

The index is lines of JSON, as ``jsonl`` has them, with the path of the body's file
instead of the body. Knows the names of the files, which are numbers: nothing of a name
comes from a server. ``line_format`` has the index, ``durable`` writes.
docs/decisions/body-files.md says in which order, and what a crash leaves.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from penstock.core.extents import Extent, SeqSet
from penstock.core.web.model import Outcome
from penstock.core.web.stored import Keep, Salvaged, Stored, Unreadable
from penstock.errors import OutputError
from penstock.sink.byte_extents import ByteExtents
from penstock.sink.durable import NewFiles, sweep
from penstock.sink.line_format import FILE_BYTES, Decode, Encode, LineFormat, Lines, LineSink, Restore

__all__ = ["FILES", "FilesFormat"]

FOLDER: Final = "bodies"

FOLDER_FILES: Final = 1000
"""Files of one folder: few enough for a file browser to show."""

TAIL_BYTES: Final = 4 << 20
"""Bytes at the end of the index that name the newest bodies; more are read only after a crash."""

EXTENSIONS: Final[Mapping[bytes, str]] = {
    b"application/atom+xml": "xml",
    b"application/gzip": "gz",
    b"application/javascript": "js",
    b"application/json": "json",
    b"application/ld+json": "json",
    b"application/pdf": "pdf",
    b"application/rss+xml": "xml",
    b"application/xhtml+xml": "xhtml",
    b"application/xml": "xml",
    b"application/zip": "zip",
    b"audio/mpeg": "mp3",
    b"font/woff2": "woff2",
    b"image/avif": "avif",
    b"image/gif": "gif",
    b"image/jpeg": "jpg",
    b"image/png": "png",
    b"image/svg+xml": "svg",
    b"image/webp": "webp",
    b"text/css": "css",
    b"text/csv": "csv",
    b"text/html": "html",
    b"text/javascript": "js",
    b"text/markdown": "md",
    b"text/plain": "txt",
    b"text/xml": "xml",
    b"video/mp4": "mp4",
    b"video/webm": "webm",
}
"""The extension for a media type; any other type, and a body that is still encoded, gets ``bin``."""

_MEDIA_TYPE: Final = re.compile(rb"^content-type:[ \t]*([^;,\s]+)", re.IGNORECASE | re.MULTILINE)
_BODY_FILE: Final = re.compile(rf"{FOLDER}/([0-9]{{6,}})/([0-9]{{9,}}\.[a-z0-9]+)")
_BODY_NAME: Final = re.compile(r"([0-9]{9,})\.[a-z0-9]+")
_FOLDER_NAME: Final = re.compile(r"([0-9]{6,})")


class FilesFormat(ByteExtents, Struct, frozen=True):
    """The format ``files``; the flush that makes an index *file_bytes* long begins the next one."""

    name: str = "files"
    folder: str = FOLDER
    file_bytes: int = FILE_BYTES

    @property
    def pattern(self) -> str:
        """The regular expression of the names of the index."""
        return self._index(Path()).pattern

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool = True) -> FilesSink:
        """Return a sink, as of ``Format.open``."""
        return FilesSink(self._index(folder), folder, committed, inline_body=inline_body)

    def read(self, folder: Path, extent: Extent) -> Iterator[Stored | Unreadable]:
        """Yield the rows of *extent*, as of ``Format.read``; one is intact if its file has the body of that digest."""
        return self._index(folder).read(folder, extent)

    def outcomes(self, folder: Path, extent: Extent) -> Iterator[Outcome | Unreadable]:
        """Yield the outcomes of *extent* with their bodies, as of ``Format.outcomes``."""
        return self._index(folder).outcomes(folder, extent)

    def salvage(self, file: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Reduce the index *file* to the rows that *keep* wants, as of ``Format.salvage``. Bodies stay in place."""
        return self._index(file.parent).salvage(file, keep, longest=longest)

    def recover(self, aside: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Append the rows of *aside* that *keep* wants, as of ``Format.recover``."""
        return self._index(aside.parent).recover(aside, keep, longest=longest)

    def _index(self, folder: Path) -> LineFormat:
        """Return the format of the index, whose reader looks for the bodies below *folder*."""
        reader = _Reader(folder)
        return LineFormat(self.name, "index", "jsonl", reader.load, reader.load_restore, file_bytes=self.file_bytes)


FILES: Final = FilesFormat()


class _Named(Struct, gc=False):
    """The fields of a line that say which file has the body."""

    length: int = msgspec.field(name="bytes")
    sha256: str | None
    file: str | None


_READER: Final = msgspec.json.Decoder(_Named)


class _Reader(NamedTuple):
    """Reads lines of the index in *folder*, and the bodies that they name."""

    folder: Path

    def load(self) -> tuple[Encode, Decode]:
        from penstock.sink.record import line, read_line  # noqa: PLC0415 - orjson is not for a help page

        def decode(data: bytes, place: int) -> Stored:
            stored = read_line(data, place)
            return stored if self._is_intact(_READER.decode(data)) else replace(stored, intact=False)

        return line, decode

    def load_restore(self, _heading: bytes) -> Restore:
        from penstock.sink.outcome import read_outcome  # noqa: PLC0415 - few need it

        def restore(data: bytes) -> Outcome:
            outcome, named = read_outcome(data), _READER.decode(data)
            if named.file is None:
                return outcome
            try:
                with self._open_body(named.file) as file:
                    return replace(outcome, body=file.read())
            except OSError as error:
                raise ValueError(f"{named.file} can't be read: {error.strerror}") from error

        return restore

    def _is_intact(self, named: _Named) -> bool:
        if named.file is None:
            return True
        try:
            with self._open_body(named.file) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                return digest == named.sha256 and file.tell() == named.length
        except (OSError, ValueError):
            return False

    def _open_body(self, file: str) -> BufferedReader:
        """Open the body *file*. Raises ValueError if that is no name of ours; follows no link."""
        found = _BODY_FILE.fullmatch(file)
        if found is None:
            raise ValueError(f"{file!r} is not the name of a body")
        folder = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        bodies = os.open(self.folder / FOLDER, folder)
        try:
            place = os.open(found[1], folder, dir_fd=bodies)
        finally:
            os.close(bodies)
        try:
            return os.fdopen(os.open(found[2], os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place), "rb")
        finally:
            os.close(place)


class Body(NamedTuple):
    """A body that is not written yet, and the number of its file."""

    number: int
    name: str
    data: bytes


class Block(NamedTuple):
    """Bodies, and the lines of the index that name them."""

    bodies: list[Body]
    lines: Lines


class FilesSink:
    """Writes bodies to new files in *folder*, and lines that name them to the *index*; see ``Format.open``."""

    def __init__(self, index: LineFormat, folder: Path, committed: Mapping[str, int], *, inline_body: bool) -> None:
        self.name = index.name
        from penstock.sink.record import line  # noqa: PLC0415 - orjson is not for a help page

        self._line = line
        layout = replace(index, load=lambda: (self._encode, index.load()[1]))
        self._index = LineSink(layout, folder, committed, inline_body=inline_body)
        self._bodies: list[Body] = []
        self._made = -1
        try:
            # After the index was opened: it holds committed lines alone now, and was found to be whole.
            self._number = FOLDER_FILES * _remove_unnamed(folder / FOLDER, index.list_files(folder))
            self._files = NewFiles(folder / FOLDER)
        except BaseException:
            self._index.close()
            raise

    def take(self, outcome: Outcome) -> int:
        """Take *outcome* and return the bytes of its line and its body."""
        return self._index.take(outcome) + len(outcome.body)

    def cut(self) -> Block:
        """Return the bodies and lines taken since the last cut."""
        bodies, self._bodies = self._bodies, []
        return Block(bodies, self._index.cut())

    def write(self, block: Block) -> None:
        """Write the bodies of *block*, then its lines. Raises OutputError if the disk does not take them."""
        for number, name, data in block.bodies:
            place = number // FOLDER_FILES
            if place != self._made:
                self._files.make_folder(f"{place:06d}")
                self._made = place
            self._files.write(f"{place:06d}", name, data)
        self._index.write(block.lines)

    def flush(self) -> list[Extent]:
        """Make every body durable, then every line, and return the lines' extent.

        Raises OutputError if that fails, FolderDamaged if a file was replaced, removed or cut meanwhile.
        """
        self._files.flush()
        return self._index.flush()

    def close(self) -> None:
        """Close the index; bodies that no committed line names are removed when it is opened again."""
        self._index.close()

    def _encode(self, outcome: Outcome, *, inline_body: bool) -> bytes:
        """Return the line of *outcome*, and hold its body for the next block."""
        line = self._line(outcome, inline_body=False)
        if not (inline_body and outcome.body):
            return line[:-2] + b',"file":null}\n'
        number = self._number
        self._number += 1
        name = f"{number:09d}.{_find_extension(outcome)}"
        self._bodies.append(Body(number, name, outcome.body))
        return line[:-2] + f',"file":"{FOLDER}/{number // FOLDER_FILES:06d}/{name}"}}\n'.encode()


def _find_extension(outcome: Outcome) -> str:
    found = _MEDIA_TYPE.search(outcome.head)
    if found is None or outcome.coding is not None:
        return "bin"
    return EXTENSIONS.get(found[1].lower(), "bin")


def _remove_unnamed(bodies: Path, index: list[Path]) -> int:
    """Remove the files in the folder *bodies* that no line of *index* names, and return the number of a new folder.

    They are newer than any committed body. Nothing is removed if a line can't be read:
    which body it names is not known, and ``verify`` finds it. Raises OutputError if a
    file can't be removed.
    """
    folders = _list_numbers(bodies, _FOLDER_NAME, _is_folder)
    if not folders:
        return 0
    with suppress(ValueError):
        newest = next(filter(None, map(_read_tail, reversed(index))), SeqSet())
        first = max(newest, default=0) // FOLDER_FILES
        suspect = [bodies / f"{number:06d}" for number in folders if number >= first]
        if any(_list_numbers(folder, _BODY_NAME, _is_file) - newest for folder in suspect):
            named = SeqSet().union(*(_read_numbers(file, 0) for file in index))
            for folder in suspect:
                unnamed = _list_numbers(folder, _BODY_NAME, _is_file) - named
                sweep(folder, partial(_is_numbered, unnamed))
    return folders.max() + 1


def _number(name: str, pattern: re.Pattern[str]) -> int:
    """Return the number in a *name* that matches *pattern*, or -1."""
    found = pattern.fullmatch(name)
    return -1 if found is None else int(found[1])


def _is_numbered(numbers: SeqSet, name: str) -> bool:
    return (number := _number(name, _BODY_NAME)) >= 0 and number in numbers


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _list_numbers(folder: Path, pattern: re.Pattern[str], is_kind: Callable[[os.DirEntry[str]], bool]) -> SeqSet:
    """Return the numbers in the names of *folder* that match *pattern* and are of that kind, which a link never is."""
    try:
        with os.scandir(folder) as entries:
            numbers = (_number(entry.name, pattern) for entry in entries if is_kind(entry))
            return SeqSet(number for number in numbers if number >= 0)
    except FileNotFoundError:
        return SeqSet()
    except OSError as error:
        raise OutputError(f"cannot read {folder}: {error.strerror}; see that the folder can be read") from error


def _read_tail(file: Path) -> SeqSet:
    return _read_numbers(file, max(0, file.stat().st_size - TAIL_BYTES))


def _read_numbers(file: Path, start: int) -> SeqSet:
    """Return the numbers of the bodies that the lines of *file* after the offset *start* name."""
    numbers = SeqSet()
    with file.open("rb") as lines:
        lines.seek(start)
        if start:
            lines.readline()
        for line in lines:
            name = _READER.decode(line).file
            if name is not None and (found := _BODY_FILE.fullmatch(name)):
                numbers.add(_number(found[2], _BODY_NAME))
    return numbers
