"""Bodies that are too large, coded wrongly, or much larger than they look."""

from __future__ import annotations

import functools
import gzip
import zlib
from collections.abc import Callable
from typing import Final

import brotli

from penstock.testing.hostile.faults import reply, response
from penstock.testing.hostile.line import Line
from penstock.testing.hostile.replies import CHUNKED, OK, PAGE
from penstock.testing.pages import Request

__all__ = ["BOMB_SIZE", "zstd_of_zeros"]

BOMB_SIZE: Final = 16 * 2**20
"""Bytes of each bomb, decoded; encoded it is 1,000 to 30,000 times smaller."""

MEBIBYTE: Final = 2**20
ZSTD_BLOCK: Final = 2**17

GZIP: Final = "Content-Encoding: gzip"
BROTLI: Final = "Content-Encoding: br"
DEFLATE: Final = "Content-Encoding: deflate"
ZSTD: Final = "Content-Encoding: zstd"


@reply("too_large")
def body_endless(line: Line, _request: Request) -> None:
    """Sends a body without a length and without end."""
    line.send(OK + b"\r\n")
    while True:
        line.send(PAGE * 100)


@reply("too_large")
def body_endless_uncoded(line: Line, _request: Request) -> None:
    """Sends a body without end whose coding is "identity"."""
    line.send(OK + b"Content-Encoding: identity\r\n\r\n")
    while True:
        line.send(PAGE * 100)


@reply("too_large")
def chunks_endless(line: Line, _request: Request) -> None:
    """Sends chunks without end."""
    line.send(CHUNKED)
    while True:
        line.send(b"%x\r\n%b\r\n" % (len(PAGE) * 100, PAGE * 100))


@reply("too_large")
def body_of_a_terabyte(line: Line, _request: Request) -> None:
    """Announces a terabyte, and means it."""
    line.send(OK + b"Content-Length: 1000000000000\r\n\r\n")
    while True:
        line.send(PAGE * 100)


@reply("too_large")
def bomb_gzip(line: Line, _request: Request) -> None:
    """Sends 16 MiB of zeros, gzipped to 16 kB."""
    line.send(response(_zlib_bomb(16 + zlib.MAX_WBITS), GZIP))


@reply("too_large")
def bomb_gzip_twice(line: Line, _request: Request) -> None:
    """Sends 16 MiB of zeros, gzipped twice, to some hundred bytes."""
    line.send(response(gzip.compress(_zlib_bomb(16 + zlib.MAX_WBITS)), "Content-Encoding: gzip, gzip"))


@reply("too_large")
def bomb_deflate(line: Line, _request: Request) -> None:
    """Sends 16 MiB of zeros, deflated to 16 kB."""
    line.send(response(_zlib_bomb(zlib.MAX_WBITS), DEFLATE))


@reply("too_large")
def bomb_zstd(line: Line, _request: Request) -> None:
    """Sends 16 MiB of zeros as half a kilobyte of zstd."""
    line.send(response(zstd_of_zeros(BOMB_SIZE), ZSTD))


@reply("too_large")
def bomb_in_error(line: Line, _request: Request) -> None:
    """Sends a bomb as the body of a 404."""
    line.send(response(_zlib_bomb(16 + zlib.MAX_WBITS), GZIP, status="404 Not Found"))


@reply("too_large")
def bomb_brotli(line: Line, _request: Request) -> None:
    """Sends 16 MiB of zeros as some ten bytes of Brotli."""
    line.send(response(_brotli_bomb(), BROTLI))


@reply("fetched")
def coded_gzip(line: Line, _request: Request) -> None:
    """Sends a page in gzip, as it should be."""
    line.send(response(gzip.compress(PAGE), GZIP))


@reply("fetched")
def coded_deflate(line: Line, _request: Request) -> None:
    """Sends a page in deflate, in its zlib wrapping."""
    line.send(response(zlib.compress(PAGE), DEFLATE))


@reply("fetched")
def coded_deflate_raw(line: Line, _request: Request) -> None:
    """Sends a page in deflate without the wrapping, as many servers do."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    line.send(response(packer.compress(PAGE) + packer.flush(), DEFLATE))


@reply("fetched")
def coded_zstd(line: Line, _request: Request) -> None:
    """Sends a page in zstd."""
    line.send(response(_zstd_stored(PAGE), ZSTD))


@reply("fetched")
def coded_twice(line: Line, _request: Request) -> None:
    """Sends a page in two codings."""
    line.send(response(gzip.compress(zlib.compress(PAGE)), "Content-Encoding: deflate, gzip"))


@reply("decode_error")
def coded_thrice(line: Line, _request: Request) -> None:
    """Sends a page in a chain of three codings."""
    line.send(response(gzip.compress(gzip.compress(gzip.compress(PAGE))), "Content-Encoding: gzip, gzip, gzip"))


@reply("fetched")
def coded_brotli(line: Line, _request: Request) -> None:
    """Sends a page in Brotli, as it should be."""
    line.send(response(brotli.compress(PAGE), BROTLI))


@reply("fetched")
def coding_unknown(line: Line, _request: Request) -> None:
    """Names a content coding that does not exist."""
    line.send(response(PAGE, "Content-Encoding: aws-chunked"))


@reply("fetched")
def coding_unknown_inside(line: Line, _request: Request) -> None:
    """Names a coding that does not exist, with gzip around it."""
    line.send(response(gzip.compress(PAGE), "Content-Encoding: utf-8", GZIP))


@reply("decode_error")
def cut_brotli(line: Line, _request: Request) -> None:
    """Sends the first half of a Brotli stream as a complete response."""
    line.send(response(_half(brotli.compress(PAGE)), BROTLI))


@reply("decode_error")
def cut_gzip(line: Line, _request: Request) -> None:
    """Sends the first half of a gzip stream as a complete response."""
    line.send(response(_half(gzip.compress(PAGE)), GZIP))


@reply("decode_error")
def cut_gzip_trailer(line: Line, _request: Request) -> None:
    """Sends a gzip stream without its last byte as a complete response."""
    line.send(response(gzip.compress(PAGE)[:-1], GZIP))


@reply("decode_error")
def cut_deflate(line: Line, _request: Request) -> None:
    """Sends the first half of a deflate stream as a complete response."""
    line.send(response(_half(zlib.compress(PAGE)), DEFLATE))


@reply("decode_error")
def cut_zstd(line: Line, _request: Request) -> None:
    """Sends the first half of a zstd frame as a complete response."""
    line.send(response(_half(_zstd_stored(PAGE)), ZSTD))


@reply("decode_error")
def cut_twice(line: Line, _request: Request) -> None:
    """Cuts the inner of two codings short, and leaves the outer one whole."""
    line.send(response(gzip.compress(_half(gzip.compress(PAGE))), "Content-Encoding: gzip, gzip"))


@reply("decode_error")
def broken_gzip(line: Line, _request: Request) -> None:
    """Sends a plain page and calls it gzip."""
    line.send(response(PAGE, GZIP))


@reply("decode_error")
def broken_gzip_checksum(line: Line, _request: Request) -> None:
    """Sends a gzip stream with a wrong checksum."""
    line.send(response(gzip.compress(PAGE)[:-8] + bytes(8), GZIP))


@reply("decode_error")
def broken_deflate(line: Line, _request: Request) -> None:
    """Sends a plain page and calls it deflate."""
    line.send(response(PAGE, DEFLATE))


@reply("decode_error")
def broken_zstd(line: Line, _request: Request) -> None:
    """Sends a plain page and calls it zstd."""
    line.send(response(PAGE, ZSTD))


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


@functools.cache
def _zlib_bomb(window_bits: int) -> bytes:
    packer = zlib.compressobj(level=9, wbits=window_bits)
    zeros = bytes(MEBIBYTE)
    return b"".join([packer.compress(zeros) for _ in range(BOMB_SIZE // MEBIBYTE)]) + packer.flush()


def _brotli_bomb() -> bytes:
    packer = brotli.Compressor(quality=5)
    zeros = bytes(MEBIBYTE)
    return b"".join([packer.process(zeros) for _ in range(BOMB_SIZE // MEBIBYTE)]) + bytes(packer.finish())


def zstd_of_zeros(size: int) -> bytes:
    """Return a zstd frame of *size* zeros, with blocks of one repeated byte.

    It needs no library (RFC 8878, sections 3.1.1 and 3.1.1.2).
    """
    return _zstd_frame(size // ZSTD_BLOCK, lambda last: _block(last, kind=1, size=ZSTD_BLOCK) + b"\0")


def _zstd_stored(data: bytes) -> bytes:
    """Return a zstd frame with *data* in one raw block."""
    assert len(data) <= ZSTD_BLOCK
    return _zstd_frame(1, lambda last: _block(last, kind=0, size=len(data)) + data)


def _zstd_frame(blocks: int, block: Callable[[bool], bytes]) -> bytes:
    # The magic number; no content size, no checksum, no dictionary; a window of 2**17
    # bytes.
    head = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x38"
    return head + block(False) * (blocks - 1) + block(True)  # noqa: FBT003 - whether it is the last


def _block(last: bool, *, kind: int, size: int) -> bytes:  # noqa: FBT001 - see _zstd_frame
    return (size << 3 | kind << 1 | last).to_bytes(3, "little")
