"""Gzip and zstd, told by content and undone while it streams.

Knows the two formats' first bytes and their libraries. Does not know files or lines.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Final

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

STEP: Final = 65_536
"""Bytes of text made at once, so that an archive of nothing but zeros stays as small as any other."""

WITH_GZIP_HEADER: Final = 16 + zlib.MAX_WBITS

REMEDY: Final = "Get an intact copy and go on with that"


def expanded(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """What *blocks* hold: themselves, or what is packed in them, in blocks of at most 65,536 bytes.

    Archives of several gzip members or zstd frames are read through. One that ends early or is damaged
    raises InputError, after what came before the damage: to the byte with gzip; with zstd, up to 64 KiB
    before the damage may be lost, since its library gives nothing back from the step that fails.
    """
    head = b""
    while _may_become_an_archive(head) and (block := next(blocks, b"")):
        head += block
    blocks = chain((head,), blocks)
    if head.startswith(GZIP):
        return _gunzipped(blocks, name)
    if head.startswith(ZSTD):
        return _unzstd(blocks, name)
    return filter(None, blocks)


def _may_become_an_archive(head: bytes) -> bool:
    return any(len(head) < len(magic) and magic.startswith(head) for magic in (*GZIP, *ZSTD))


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


def _unzstd(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    frame = ZstdDecompressor()
    for block in blocks:
        left = block
        while left or not (frame.needs_input or frame.eof):
            if frame.eof:
                frame = ZstdDecompressor()
            try:
                text = frame.decompress(left, STEP)
            except ZstdError as error:
                raise _damaged(name, "zstd", error) from error
            yield text
            left = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise _cut(name, "zstd")


def _damaged(name: str, kind: str, error: Exception) -> InputError:
    return InputError(f"{name!r}: the {kind} archive is damaged ({error}); what came before was read. {REMEDY}")


def _cut(name: str, kind: str) -> InputError:
    return InputError(f"{name!r}: the {kind} archive ends too early; what is there was read. {REMEDY}")
