"""Decodes content codings, a chunk at a time and within a bound.

Knows gzip, deflate, Brotli and zstd streams. Does not know HTTP, sockets or files.
libcurl can decode them too, but it bounds no decoded size, and it accepts a coded body
that was cut short as complete. See docs/decisions/codings.md.
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

__all__ = ["ACCEPTED", "Decoder", "Oversize", "Undecodable", "find_undecoded"]

ACCEPTED: Final = "gzip, deflate, br, zstd"
"""The value of Accept-Encoding."""

MOST_CODINGS: Final = 2
"""The longest chain of codings that is decoded; honest servers apply one."""

STEP: Final = 65_536
"""Bytes decoded at a time: the most that is held beyond the bound."""

ZSTD_WINDOW_LOG: Final = 23
"""A zstd frame may ask for a window of 8 MiB at most (RFC 9659, section 3). zstd's own
limit is 128 MiB, which is memory that no bound on bodies counts."""


class Undecodable(Exception):
    """The body does not match its Content-Encoding; the message says how."""


class Oversize(Exception):
    """The decoded body is larger than allowed."""


class _Stage(Protocol):
    def feed(self, data: bytes, most: int) -> bytes:
        """Decode *data*, after earlier input, into *most* bytes at most."""

    def has_more(self) -> bool:
        """Whether another ``feed(b"")`` would return bytes."""

    def is_whole(self) -> bool:
        """Whether the end of the stream was read."""


class Decoder:
    """Decodes a body whose Content-Encoding is *codings*, up to *bound* bytes.

    Begins with the coding that was applied last, and stops before the first unknown
    one; ``find_undecoded`` says which remain. Raises Undecodable if the chain has over
    two.
    """

    def __init__(self, codings: str, bound: int) -> None:
        """Prepare one stage a coding (RFC 9110, section 8.4)."""
        names = _select_decodable(_parse_names(codings))
        if len(names) > MOST_CODINGS:
            raise Undecodable(f"a chain of {len(names)} content codings")
        self._stages = [_STAGES[name]() for name in reversed(names)]
        self._left = bound
        self._fed = False

    def __bool__(self) -> bool:
        """Whether the body has a coding to decode."""
        return bool(self._stages)

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Decode *chunk* lazily into pieces of at most STEP bytes.

        The caller must consume all of them before the next call. Raises Undecodable if
        *chunk* is damaged, and Oversize after the piece that exceeds the bound.
        """
        pieces: Iterable[bytes] = (chunk,)
        self._fed = self._fed or bool(chunk)
        for stage in self._stages:
            pieces = _run_stage(stage, pieces, self._left)
        for piece in pieces:
            self._left -= len(piece)
            yield piece

    def finish(self) -> None:
        """Check at the end; raises Undecodable if a stream has not ended."""
        if self._fed and not all(stage.is_whole() for stage in self._stages):
            raise Undecodable("the coded body is cut short")


def _run_stage(stage: _Stage, pieces: Iterable[bytes], bound: int) -> Iterator[bytes]:
    """Yield *pieces* decoded by *stage*; raises Oversize after more than *bound* bytes.

    Each stage is bounded, since a bomb of two layers expands in the inner one.
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


def find_undecoded(codings: str) -> str | None:
    """Return the *codings* that ``Decoder`` leaves on the body, or None.

    They are in the order in which they were applied. A name that is no coding
    (``utf-8``, ``none``) counts as one: the bytes stay as they came.
    """
    names = _parse_names(codings)
    kept = len(names) - len(_select_decodable(names))
    return ", ".join(names[:kept]) or None


def _parse_names(codings: str) -> list[str]:
    names = (name.strip().lower() for name in codings.split(","))
    return [name for name in names if name and name != "identity"]


def _select_decodable(names: list[str]) -> list[str]:
    """Return the trailing *names* that can be decoded."""
    unknown = [index for index, name in enumerate(names) if name not in _STAGES]
    return names[unknown[-1] + 1 :] if unknown else names


class _Zlib:
    """A zlib stream in the wrapper that *window_bits* selects."""

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
    """Gzip of one member or several (RFC 1952, section 2.2), then padding."""

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
    """Deflate with its zlib wrapper, or without, as many servers send it.

    See RFC 9110, section 8.4.1.2.
    """

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)
        self._first = True

    def feed(self, data: bytes, most: int) -> bytes:
        if self._first and data:
            self._first = False
            # A wrapper begins with method 8 (RFC 1950, section 2.2). A raw stream that
            # begins with 0x?8 has a first block of a type that servers do not write.
            if data[0] & 0x0F != 8:
                self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        return super().feed(data, most)


def _new_zstd_frame() -> ZstdDecompressor:
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})


class _Zstd:
    """One Zstandard frame or several (RFC 8878, section 3.1)."""

    def __init__(self) -> None:
        self._frame = _new_zstd_frame()

    def feed(self, data: bytes, most: int) -> bytes:
        try:
            if self._frame.eof:
                rest = self._frame.unused_data + data
                if not rest:
                    return b""
                self._frame = _new_zstd_frame()
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
    """One Brotli stream (RFC 7932), with no bytes behind it.

    ``can_accept_more_data`` of brotli 1.2 returns True while it still holds decoded
    bytes (findings/brotli-accepts-more-while-output-is-left.sh). So the stage has more
    until a call returns no bytes.
    """

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._gave = False

    def feed(self, data: bytes, most: int) -> bytes:
        if self._stream.is_finished():
            if data:
                # If the same piece has the end of the stream, the library raises by
                # itself.
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
