"""Content codings, undone a chunk at a time and never past a bound.

Knows gzip, deflate, Brotli and zstd streams. Does not know HTTP, sockets or files. libcurl can undo codings too, but
it bounds no decoded size and takes a coded body that was cut short for a whole one.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

__all__ = ["ACCEPTED", "Decoder", "Oversize", "Undecodable", "left_on"]

ACCEPTED: Final = "gzip, deflate, br, zstd"
"""What a request may say it accepts."""

MOST_CODINGS: Final = 2
"""The longest chain of codings undone; no honest server applies more than one."""

STEP: Final = 65_536
"""Bytes decoded at a time: what may be held beyond the bound."""

ZSTD_WINDOW_LOG: Final = 23
"""A zstd frame may ask for a window of 8 MiB at most (RFC 9659, section 3); by itself zstd would allow 128 MiB, which
is memory that no bound on bodies counts."""


class Undecodable(Exception):
    """The body is not what its Content-Encoding says; the text says how."""


class Oversize(Exception):
    """The decoded body is larger than allowed."""


class _Stage(Protocol):
    def feed(self, data: bytes, most: int) -> bytes:
        """Decode up to *most* bytes of *data* and of what earlier calls left over."""

    def has_more(self) -> bool:
        """Whether another ``feed(b"")`` would give more."""

    def is_whole(self) -> bool:
        """Whether the stream's own end was seen."""


class Decoder:
    """Undoes the codings that *codings* (the value of Content-Encoding) names, up to *bound* bytes.

    It begins with the coding that was applied last, and stops before the first one it does not know: ``left_on`` says
    which are still on the body then. Raises Undecodable for a chain of over two.
    """

    def __init__(self, codings: str, bound: int) -> None:
        """Prepare one stage a coding, the last applied first (RFC 9110, section 8.4)."""
        names = _undone(_names(codings))
        if len(names) > MOST_CODINGS:
            raise Undecodable(f"a chain of {len(names)} content codings")
        self._stages = [_STAGES[name]() for name in reversed(names)]
        self._left = bound
        self._fed = False

    def __bool__(self) -> bool:
        """Whether there is anything to undo."""
        return bool(self._stages)

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what *chunk* adds to the body, at most STEP bytes at a time and each only when it is asked for.

        The caller takes all of it before the next chunk. Undecodable if *chunk* is damaged; Oversize past the bound,
        after the piece that goes past it.
        """
        pieces: Iterable[bytes] = (chunk,)
        self._fed = self._fed or bool(chunk)
        for stage in self._stages:
            pieces = _through(stage, pieces, self._left)
        for piece in pieces:
            self._left -= len(piece)
            yield piece

    def finish(self) -> None:
        """Say that the body is over: Undecodable where a stream has not come to its own end."""
        if self._fed and not all(stage.is_whole() for stage in self._stages):
            raise Undecodable("the coded body is cut short")


def _through(stage: _Stage, pieces: Iterable[bytes], bound: int) -> Iterator[bytes]:
    """Yield *pieces* decoded by *stage*; Oversize after more than *bound* bytes.

    An inner stage is bounded as well: a bomb of two layers has its mass there.
    """
    held = 0
    for piece in pieces:
        data = piece
        while True:
            decoded = stage.feed(data, STEP)
            if decoded:
                held += len(decoded)
                yield decoded
            if held > bound:
                raise Oversize
            if not stage.has_more():
                break
            data = b""


def left_on(codings: str) -> str | None:
    """Those of *codings* that a ``Decoder`` leaves on the body, in the order they were applied; None if it leaves none.

    A name that is no coding (``utf-8``, ``none``) is left as well: the bytes are as they came.
    """
    names = _names(codings)
    kept = len(names) - len(_undone(names))
    return ", ".join(names[:kept]) or None


def _names(codings: str) -> list[str]:
    names = (name.strip().lower() for name in codings.split(","))
    return [name for name in names if name and name != "identity"]


def _undone(names: list[str]) -> list[str]:
    """The end of *names* that can be undone."""
    unknown = [index for index, name in enumerate(names) if name not in _STAGES]
    return names[unknown[-1] + 1 :] if unknown else names


class _Zlib:
    """A zlib stream in the wrapping that *window_bits* names."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._stream: Any = zlib.decompressobj(window_bits)

    def feed(self, data: bytes, most: int) -> bytes:
        if self._stream.eof:
            return b""
        try:
            decoded: bytes = self._stream.decompress(self._stream.unconsumed_tail + data, most)
        except zlib.error as error:
            raise Undecodable(str(error)) from None
        return decoded

    def has_more(self) -> bool:
        return bool(self._stream.unconsumed_tail)

    def is_whole(self) -> bool:
        return bool(self._stream.eof)


class _Gzip(_Zlib):
    """Gzip, of one member or several (RFC 1952, section 2.2); what follows that is no member is padding."""

    MAGIC: Final = b"\x1f\x8b"

    def __init__(self) -> None:
        super().__init__(16 + zlib.MAX_WBITS)
        self._padding = False

    def feed(self, data: bytes, most: int) -> bytes:
        if self._stream.eof:
            rest = self._stream.unused_data + data
            if self._padding or not rest:
                return b""
            if not self.MAGIC.startswith(rest[:2]):
                self._padding = True
                return b""
            self._stream = zlib.decompressobj(self._window_bits)
            data = rest
        return super().feed(data, most)

    def has_more(self) -> bool:
        if self._stream.eof:
            return bool(self._stream.unused_data) and not self._padding
        return super().has_more()


class _Deflate(_Zlib):
    """Deflate with its zlib wrapper, or without it, as many servers send it (RFC 9110, section 8.4.1.2)."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)
        self._first = True

    def feed(self, data: bytes, most: int) -> bytes:
        if self._first and data:
            self._first = False
            # A wrapper begins with method 8 (RFC 1950, section 2.2); a raw stream can't begin with 0x?8 and
            # be a block of a defined type that servers write first.
            if data[0] & 0x0F != 8:
                self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        return super().feed(data, most)


def _zstd_frame() -> ZstdDecompressor:
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})


class _Zstd:
    """Zstandard frames, one or several (RFC 8878, section 3.1)."""

    def __init__(self) -> None:
        self._frame = _zstd_frame()

    def feed(self, data: bytes, most: int) -> bytes:
        try:
            if self._frame.eof:
                rest = self._frame.unused_data + data
                if not rest:
                    return b""
                self._frame = _zstd_frame()
                data = rest
            decoded: bytes = self._frame.decompress(data, most)
        except ZstdError as error:
            raise Undecodable(str(error)) from None
        return decoded

    def has_more(self) -> bool:
        if self._frame.eof:
            return bool(self._frame.unused_data)
        return not self._frame.needs_input

    def is_whole(self) -> bool:
        return bool(self._frame.eof)


class _Brotli:
    """One Brotli stream (RFC 7932), and nothing behind it.

    ``can_accept_more_data`` of brotli 1.2 says yes while decoded bytes are still held back
    (findings/brotli-accepts-more-while-output-is-left.sh), so the stage has more until a call returns nothing.
    """

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._gave = False

    def feed(self, data: bytes, most: int) -> bytes:
        if self._stream.is_finished():
            if data:
                # In one piece with the end of the stream they are an error of the library's.
                raise Undecodable("bytes behind the end of the Brotli stream")
            return b""
        try:
            decoded: bytes = self._stream.process(data, output_buffer_limit=most)
        except brotli.error:
            raise Undecodable("damaged Brotli data") from None
        self._gave = bool(decoded)
        return decoded

    def has_more(self) -> bool:
        return not self._stream.is_finished() and (self._gave or not self._stream.can_accept_more_data())

    def is_whole(self) -> bool:
        return bool(self._stream.is_finished())


_STAGES: Final[dict[str, Callable[[], _Stage]]] = {
    "br": _Brotli,
    "deflate": _Deflate,
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "zstd": _Zstd,
}
