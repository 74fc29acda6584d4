"""The compressions of ``frames``: zstd and gzip.

Knows their libraries and the levels, for which docs/decisions/compressed-lines.md has the measurements. Does not know
files or lines.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Final

from penstock.sink.frames import STEP, Compression, Packer

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdCompressor, ZstdDecompressor, ZstdError
else:
    from backports.zstd import CompressionParameter, ZstdCompressor, ZstdDecompressor, ZstdError

try:  # the extra "isal"
    from isal import isal_zlib
except ImportError:
    isal_zlib = None  # type: ignore[assignment] # a module, or none

__all__ = ["GZIP", "ZSTD"]

ZSTD_LEVEL: Final = 3
GZIP_LEVEL: Final = 1
ISAL_LEVEL: Final = 2

_WITH_HEADER: Final = 16 + zlib.MAX_WBITS


class _ZstdUnpacker:
    """Decompresses a zstd frame."""

    def __init__(self) -> None:
        self._stream = ZstdDecompressor()

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            yield self._stream.decompress(data, STEP)
            while not (self._stream.eof or self._stream.needs_input):
                yield self._stream.decompress(b"", STEP)
        except ZstdError as error:
            raise ValueError(str(error)) from error


class _GzipUnpacker:
    """Decompresses a member of a gzip file."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_WITH_HEADER)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        full = True
        try:
            while not self._stream.eof and (data or full):
                text = self._stream.decompress(data, STEP)
                data, full = self._stream.unconsumed_tail, len(text) == STEP
                yield text
        except zlib.error as error:
            raise ValueError(str(error)) from error


def _pack_zstd() -> Packer:
    # The checksum finds damage that decompresses.
    level, checksum = CompressionParameter.compression_level, CompressionParameter.checksum_flag
    return ZstdCompressor(options={level.value: ZSTD_LEVEL, checksum.value: 1})


def _pack_gzip() -> Packer:
    if isal_zlib is None:
        return zlib.compressobj(GZIP_LEVEL, wbits=_WITH_HEADER)
    return isal_zlib.compressobj(ISAL_LEVEL, wbits=_WITH_HEADER)


ZSTD: Final = Compression(_pack_zstd, _ZstdUnpacker, b"\x28\xb5\x2f\xfd")

# A member's header as both libraries write it: deflated, without a name, without a time (RFC 1952, section 2.3).
GZIP: Final = Compression(_pack_gzip, _GzipUnpacker, b"\x1f\x8b\x08\0\0\0\0\0")
