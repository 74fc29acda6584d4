"""Recognise gzip, zstd, bzip2 and xz by content, and decompress them as they stream.

Knows the formats' first bytes and their libraries. Does not know files or lines.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final, Protocol

from penstock.errors import InputError

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

__all__ = ["expand"]

GZIP: Final = (b"\x1f\x8b\x08",)
"""A gzip member, deflated (RFC 1952, section 2.3.1)."""

ZSTD: Final = (b"\x28\xb5\x2f\xfd", *(bytes((first, 0x2A, 0x4D, 0x18)) for first in range(0x50, 0x60)))
"""A Zstandard frame, or a skippable one, which pzstd writes first (RFC 8878, sections
3.1.1 and 3.1.2)."""

BZIP2: Final = tuple(b"BZh%d" % level + magic for level in range(1, 10) for magic in (b"1AY&SY", b"\x17rE8P\x90"))
"""A bzip2 stream: its level, then its first block, or its end if it is empty."""

XZ: Final = (b"\xfd7zXZ\x00",)
"""An xz stream (https://tukaani.org/xz/xz-file-format.txt, section 2.1.1.1)."""

XZ_MEMORY: Final = 268_435_456
"""Bytes of memory that an xz stream may need: xz -9 needs 65 MiB; the format allows a
dictionary of 1.5 GiB."""

STEP: Final = 65_536
"""Bytes decompressed at once, so that an archive of zeros takes no more memory than any
other."""

WITH_GZIP_HEADER: Final = 16 + zlib.MAX_WBITS

REMEDY: Final = "Get an intact copy and resume with that"


def expand(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Decompress *blocks* if they are an archive; else return them as they are.

    The result comes in blocks of at most 65,536 bytes. All gzip members or zstd frames
    of an archive are read. Of a damaged archive gzip yields every byte before the
    damage; the others may lose up to 64 KiB, or one block of theirs, before it, since
    their libraries return nothing from a step that fails.

    Raises InputError, after those bytes, if the archive is damaged or ends too early.
    """
    head = b""
    while _may_become_an_archive(head) and (block := next(blocks, b"")):
        head += block
    blocks = chain((head,), blocks)
    if head.startswith(GZIP):
        return _gunzip(blocks, name)
    if head.startswith(ZSTD):
        return _unpack(blocks, name, "zstd", ZstdDecompressor, ZstdError)
    # Python may have been built without these two.
    if head.startswith(BZIP2):
        from bz2 import BZ2Decompressor  # noqa: PLC0415

        return _unpack(blocks, name, "bzip2", BZ2Decompressor, OSError)
    if head.startswith(XZ):
        from lzma import FORMAT_XZ, LZMADecompressor, LZMAError  # noqa: PLC0415

        return _unpack(blocks, name, "xz", lambda: LZMADecompressor(FORMAT_XZ, XZ_MEMORY), LZMAError)
    return filter(None, blocks)


def _may_become_an_archive(head: bytes) -> bool:
    return any(len(head) < len(magic) and magic.startswith(head) for magic in (*GZIP, *ZSTD, *BZIP2, *XZ))


def _gunzip(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    member = zlib.decompressobj(WITH_GZIP_HEADER)
    for block in blocks:
        left, full = block, False
        while left or full:
            if member.eof:
                # Tapes and some devices pad with zeros after the last member; gzip(1)
                # skips them too.
                left = left.lstrip(b"\0")
                if not left:
                    break
                member = zlib.decompressobj(WITH_GZIP_HEADER)
            before = member.copy()
            try:
                text = member.decompress(left, STEP)
            except zlib.error as error:
                yield from _salvage(before, left)
                raise _damage_error(name, "gzip", error) from error
            yield text
            left = member.unused_data if member.eof else member.unconsumed_tail
            full = len(text) == STEP and not member.eof
    if not member.eof:
        raise _truncation_error(name, "gzip")


def _salvage(member: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    """Decompress byte by byte up to the damage; a step that fails returns nothing."""
    for at in range(len(packed)):
        try:
            yield member.decompress(packed[at : at + 1])
        except zlib.error:
            return


class _Stream(Protocol):
    """The decompressor of zstd, bzip2 and xz: of one frame or stream."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def _unpack(
    blocks: Iterator[bytes], name: str, kind: str, new: Callable[[], _Stream], error: type[Exception]
) -> Iterator[bytes]:
    stream = new()
    for block in blocks:
        left = block
        while left or not (stream.needs_input or stream.eof):
            if stream.eof:
                # Padding: xz allows it (section 2.2), and tapes add it.
                left = left.lstrip(b"\0")
                if not left:
                    break
                stream = new()
            try:
                text = stream.decompress(left, STEP)
            except error as failure:
                raise _damage_error(name, kind, failure) from failure
            yield text
            left = stream.unused_data if stream.eof else b""
    if not stream.eof:
        raise _truncation_error(name, kind)


def _damage_error(name: str, kind: str, error: Exception) -> InputError:
    return InputError(f"{name!r}: the {kind} archive is damaged ({error}); the rows before it were read. {REMEDY}")


def _truncation_error(name: str, kind: str) -> InputError:
    return InputError(f"{name!r}: the {kind} archive ends too early; the rows before that were read. {REMEDY}")
