r"""Blocks of text as the formats take them: in UTF-8, each line ended by a line feed.

Knows byte-order marks and line ends. Does not know what the lines say. docs/decisions/plain-lists.md says why it is
the first line that decides.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

__all__ = ["Prepare", "as_line_feeds", "as_utf_8", "as_written"]

Prepare = Callable[[Iterator[bytes]], Iterator[bytes]]
"""What a format asks of its blocks before it reads them."""

MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""The byte-order marks of other encodings (Unicode 16, section 23.8); longer ones first, since one begins another."""

MOST_HELD: Final = 32
"""Blocks looked through for the first line end, each of at most 64 KiB."""


def as_utf_8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The text of *blocks* in UTF-8: UTF-16 and UTF-32 are told by their byte-order mark; all else is left alone.

    A code unit that is half of a character stays one, so that its line is not valid UTF-8 and is marked.
    """
    head = b""
    while any(len(head) < len(mark) and mark.startswith(head) for mark, _ in MARKS) and (block := next(blocks, b"")):
        head += block
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return _decoded(chain((head[len(mark) :],), blocks), encoding)
    return chain((head,), blocks) if head else blocks


def _decoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass" if "16" in encoding else "replace")
    for block in blocks:
        # Both halves of a character may lie in two blocks; a text in UTF-8 is at most half as long again.
        text = decoder.decode(block).encode("utf-8", "surrogatepass")
        if text:
            yield text
    if decoder.getstate()[0]:
        yield "\ufffd".encode()


def as_line_feeds(blocks: Iterator[bytes]) -> Iterator[bytes]:
    r"""*blocks* with ``\n`` in the place of each ``\r\n`` and each ``\r``."""
    returned = False
    for block in blocks:
        text = block[1:] if returned and block.startswith(b"\n") else block
        returned = text.endswith(b"\r")
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if text:
            yield text


def as_written(blocks: Iterator[bytes]) -> Iterator[bytes]:
    r"""*blocks* as they are, unless their first line ends in ``\r`` alone: then any may, as in ``as_line_feeds``.

    Elsewhere it is a character: in a field in quotes, between the values of JSON, and in a URL, which then is none.
    """
    held = []
    for block in blocks:
        held.append(block)
        ends = [at for at in (block.find(b"\n"), block.find(b"\r")) if at >= 0]
        if not ends:
            if len(held) > MOST_HELD:
                break
            continue
        at = min(ends)
        if block[at : at + 1] == b"\n":
            break
        # The block may end between the two.
        following = block[at + 1 : at + 2] or next(blocks, b"")
        if at + 1 == len(block) and following:
            held.append(following)
        if following.startswith(b"\n"):
            break
        return as_line_feeds(chain(held, blocks))
    return chain(held, blocks)
