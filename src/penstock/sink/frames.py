"""Lines in compressed frames that follow each other: zstd frames, or members of a gzip file.

Knows how to write frames that begin and end with a line, how to find the next sound frame
behind a damaged one, and how to read the lines of a frame in bounded memory. Does not know
what a line says, or a compression (``compressions``). docs/decisions/compressed-lines.md
says why the frames have this size.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol

from msgspec import Struct

from penstock.core.extents import Extent, SeqSet
from penstock.sink.durable import AppendFile

__all__ = ["STEP", "Compression", "FrameFile", "Packer", "Unpacker", "find_frames", "read_lines"]

FRAME_BYTES: Final = 4 << 20
"""Bytes of lines after which a frame ends: more would make it hardly smaller, and damage costs a whole frame."""

STEP: Final = 128 << 10
"""Bytes decompressed at once."""

READ: Final = 64 << 10
"""Bytes of a file read at once."""


class Packer(Protocol):
    """Compresses one frame."""

    def compress(self, data: bytes, /) -> bytes:
        """Take *data* and return the bytes of the frame that are ready."""

    def flush(self) -> bytes:
        """End the frame and return the rest of it."""


class Unpacker(Protocol):
    """Decompresses one frame."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* adds, at most STEP bytes at once. Raises ValueError if the frame is damaged."""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended, and its checksum is right."""

    @property
    def unused_data(self) -> bytes:
        """The rest of the data, behind the frame."""


class Compression(Struct, frozen=True):
    """How a frame is made and read; each begins with the bytes *magic*, which no text has."""

    pack: Callable[[], Packer]
    unpack: Callable[[], Unpacker]
    magic: bytes


class Frame(NamedTuple):
    """The bytes of a file from *start* to *end*, and why they are no frame, if so."""

    start: int
    end: int
    fault: str | None


class FrameFile:
    """An AppendFile that gets its lines in frames; a seal ends a frame."""

    __slots__ = ("_compression", "_file", "_packer", "_size")

    def __init__(self, file: AppendFile, compression: Compression) -> None:
        """Begin behind the last frame of *file*."""
        self._file = file
        self._compression = compression
        self._packer: Packer | None = None
        self._size = 0

    @property
    def path(self) -> Path:
        """As of AppendFile."""
        return self._file.path

    @property
    def torn(self) -> Path | None:
        """As of AppendFile."""
        return self._file.torn

    @property
    def end(self) -> int:
        """The length of the file once everything compressed is written."""
        return self._file.end

    def append(self, data: bytes) -> None:
        """Take lines, or a piece of one, which ends with a line feed only if the line does."""
        if self._packer is None:
            self._packer = self._compression.pack()
        packed = self._packer.compress(data)
        if packed:
            self._file.append(packed)
        self._size += len(data)
        if self._size >= FRAME_BYTES and data.endswith(b"\n"):
            self._end_frame()

    def seal(self, sink: str, *, rows: int, seqs: SeqSet) -> Extent | None:
        """End the frame, and make all of them durable, as of AppendFile."""
        self._end_frame()
        return self._file.seal(sink, rows=rows, seqs=seqs)

    def close(self) -> None:
        """As of AppendFile."""
        self._file.close()

    def _end_frame(self) -> None:
        if self._packer is not None:
            packer, self._packer, self._size = self._packer, None, 0
            self._file.append(packer.flush())


def find_frames(file: BinaryIO, start: int, stop: int, compression: Compression) -> Iterator[Frame]:
    """Yield the frames of *file* from *start* to *stop*, each read to its end, and the damaged stretches between them.

    A damaged stretch ends at the next *magic*, which may be there by chance.
    """
    while start < stop:
        fault = "it is cut off"
        unpacker = compression.unpack()
        at = start
        try:
            for block in _blocks(file, start, stop):
                at += len(block)
                for _ in unpacker.feed(block):
                    pass
                if unpacker.eof:
                    break
        except ValueError as error:
            fault = str(error)
        if unpacker.eof:
            end = at - len(unpacker.unused_data)
            yield Frame(start, end, None)
        else:
            end = _find(file, compression.magic, start + 1, stop)
            yield Frame(start, end, fault)
        start = end


def read_lines(file: BinaryIO, frame: Frame, compression: Compression, longest: int | None) -> Iterator[bytes]:
    """Yield the lines of a sound *frame*; one of over *longest* bytes comes in pieces."""
    with io.BufferedReader(_Unpacked(file, frame, compression.unpack()), STEP) as lines:
        while line := lines.readline(longest or -1):
            yield line


class _Unpacked(io.RawIOBase):
    """The content of a frame."""

    def __init__(self, file: BinaryIO, frame: Frame, unpacker: Unpacker) -> None:
        self._texts = (text for block in _blocks(file, frame.start, frame.end) for text in unpacker.feed(block) if text)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override] # a BufferedReader's own buffer
        text = self._left or next(self._texts, b"")
        size = min(len(text), len(into))
        into[:size] = text[:size]
        self._left = text[size:]
        return size


def _blocks(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    while start < stop:
        file.seek(start)
        block = file.read(min(READ, stop - start))
        if not block:
            return
        start += len(block)
        yield block


def _find(file: BinaryIO, magic: bytes, start: int, stop: int) -> int:
    """Return where the bytes *magic* come next, or *stop* if they do not."""
    kept = b""
    for block in _blocks(file, start, stop):
        searched = kept + block
        at = searched.find(magic)
        if at >= 0:
            return start - len(kept) + at
        start += len(block)
        kept = searched[1 - len(magic) :]
    return stop
