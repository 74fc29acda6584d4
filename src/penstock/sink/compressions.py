"""The compressions of ``frames``: zstd and gzip.

Knows their libraries and the levels, for which docs/decisions/compressed-lines.md has the measurements. Does not know
files or lines.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Final

from penstock.sink.frames import STEP, Compression

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdCompressor, ZstdDecompressor, ZstdError
else:
    from backports.zstd import CompressionParameter, ZstdCompressor, ZstdDecompressor, ZstdError

__all__ = ["GZIP", "ZSTD"]

ZSTD_LEVEL: Final = 3
GZIP_LEVEL: Final = 1

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


# The checksum finds damage that decompresses.
ZSTD: Final = Compression(
    lambda: ZstdCompressor(
        options={CompressionParameter.compression_level: ZSTD_LEVEL, CompressionParameter.checksum_flag: 1}
    ),
    _ZstdUnpacker,
    b"\x28\xb5\x2f\xfd",
)

# The magic is a member's fixed header as zlib writes it: deflated, without a name, without a time (RFC 1952).
GZIP: Final = Compression(
    lambda: zlib.compressobj(GZIP_LEVEL, wbits=_WITH_HEADER), _GzipUnpacker, b"\x1f\x8b\x08\0\0\0\0\0"
)
