"""Gzip, zstd, bzip2 and xz, told by content and undone while it streams.

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

__all__ = ["expanded"]

GZIP: Final = (b"\x1f\x8b\x08",)
"""A gzip member, deflated (RFC 1952, section 2.3.1)."""

ZSTD: Final = (b"\x28\xb5\x2f\xfd", *(bytes((first, 0x2A, 0x4D, 0x18)) for first in range(0x50, 0x60)))
"""A Zstandard frame, or a skippable one, with which pzstd begins (RFC 8878, sections 3.1.1 and 3.1.2)."""

BZIP2: Final = tuple(b"BZh%d" % level + magic for level in range(1, 10) for magic in (b"1AY&SY", b"\x17rE8P\x90"))
"""A bzip2 stream: its level, and the first block or, in one of nothing, the end."""

XZ: Final = (b"\xfd7zXZ\x00",)
"""An xz stream (https://tukaani.org/xz/xz-file-format.txt, section 2.1.1.1)."""

XZ_MEMORY: Final = 268_435_456
"""What an xz stream may ask for, in bytes: xz -9 asks for 65 MiB; a dictionary may be of 1.5 GiB."""

STEP: Final = 65_536
"""Bytes of text made at once, so that an archive of nothing but zeros stays as small as any other."""

WITH_GZIP_HEADER: Final = 16 + zlib.MAX_WBITS

REMEDY: Final = "Get an intact copy and go on with that"


def expanded(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """What *blocks* hold: themselves, or what is packed in them, in blocks of at most 65,536 bytes.

    Archives of several gzip members or zstd frames are read through. One that ends early or is damaged
    raises InputError, after what came before the damage: to the byte with gzip; with the others, up to 64 KiB
    before the damage may be lost, or a block of theirs, since their libraries give nothing back from the step that
    fails.
    """
    head = b""
    while _may_become_an_archive(head) and (block := next(blocks, b"")):
        head += block
    blocks = chain((head,), blocks)
    if head.startswith(GZIP):
        return _gunzipped(blocks, name)
    if head.startswith(ZSTD):
        return _unpacked(blocks, name, "zstd", ZstdDecompressor, ZstdError)
    # Python may have been built without these two.
    if head.startswith(BZIP2):
        from bz2 import BZ2Decompressor  # noqa: PLC0415

        return _unpacked(blocks, name, "bzip2", BZ2Decompressor, OSError)
    if head.startswith(XZ):
        from lzma import FORMAT_XZ, LZMADecompressor, LZMAError  # noqa: PLC0415

        return _unpacked(blocks, name, "xz", lambda: LZMADecompressor(FORMAT_XZ, XZ_MEMORY), LZMAError)
    return filter(None, blocks)


def _may_become_an_archive(head: bytes) -> bool:
    return any(len(head) < len(magic) and magic.startswith(head) for magic in (*GZIP, *ZSTD, *BZIP2, *XZ))


def _gunzipped(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    member = zlib.decompressobj(WITH_GZIP_HEADER)
    for block in blocks:
        left, full = block, False
        while left or full:
            if member.eof:
                # Tapes and some devices pad with zeros after the last member, as gzip(1) knows.
                left = left.lstrip(b"\0")
                if not left:
                    break
                member = zlib.decompressobj(WITH_GZIP_HEADER)
            before = member.copy()
            try:
                text = member.decompress(left, STEP)
            except zlib.error as error:
                yield from _up_to_the_damage(before, left)
                raise _damaged(name, "gzip", error) from error
            yield text
            left = member.unused_data if member.eof else member.unconsumed_tail
            full = len(text) == STEP and not member.eof
    if not member.eof:
        raise _cut(name, "gzip")


def _up_to_the_damage(member: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    """What comes out byte by byte: zlib keeps nothing of the step that fails."""
    for at in range(len(packed)):
        try:
            yield member.decompress(packed[at : at + 1])
        except zlib.error:
            return


class _Stream(Protocol):
    """What the libraries of zstd, bzip2 and xz call a decompressor: of one frame, or stream."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def _unpacked(
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
                raise _damaged(name, kind, failure) from failure
            yield text
            left = stream.unused_data if stream.eof else b""
    if not stream.eof:
        raise _cut(name, kind)


def _damaged(name: str, kind: str, error: Exception) -> InputError:
    return InputError(f"{name!r}: the {kind} archive is damaged ({error}); what came before was read. {REMEDY}")


def _cut(name: str, kind: str) -> InputError:
    return InputError(f"{name!r}: the {kind} archive ends too early; what is there was read. {REMEDY}")
