"""Convert blocks of text to UTF-8 with a line feed after each line.

Knows byte-order marks and line ends. Does not know what the lines mean.
docs/decisions/plain-lists.md says why the first line decides.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

__all__ = ["Prepare", "normalise_line_ends", "to_line_feeds", "to_utf_8"]

Prepare = Callable[[Iterator[bytes]], Iterator[bytes]]
"""Prepares the blocks of an input for its format."""

MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte-order marks (Unicode 16, section 23.8), that of UTF-32 LE first, since it begins
as that of UTF-16 LE."""

MOST_HELD: Final = 32
"""Blocks searched for the first line end, each of at most 64 KiB."""


def to_utf_8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Convert *blocks* to UTF-8 if they have a byte-order mark of UTF-16 or UTF-32.

    A code unit that is half of a character stays one, so that its line is not valid
    UTF-8 and gets a fault.
    """
    head = b""
    while any(len(head) < len(mark) and mark.startswith(head) for mark, _ in MARKS) and (block := next(blocks, b"")):
        head += block
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return _decode(chain((head[len(mark) :],), blocks), encoding)
    return chain((head,), blocks) if head else blocks


def _decode(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass" if "16" in encoding else "replace")
    for block in blocks:
        # Two blocks may have one half of a character each. Text in UTF-8 is at most 1.5
        # times as long.
        text = decoder.decode(block).encode("utf-8", "surrogatepass")
        if text:
            yield text
    if decoder.getstate()[0]:
        yield "\ufffd".encode()


def to_line_feeds(blocks: Iterator[bytes]) -> Iterator[bytes]:
    r"""Replace each ``\r\n`` and each ``\r`` in *blocks* by ``\n``."""
    returned = False
    for block in blocks:
        text = block[1:] if returned and block.startswith(b"\n") else block
        returned = text.endswith(b"\r")
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if text:
            yield text


def normalise_line_ends(blocks: Iterator[bytes]) -> Iterator[bytes]:
    r"""Convert *blocks* by ``to_line_feeds`` if their first line ends in ``\r`` alone.

    Else return them as they are: ``\r`` may be a character of a quoted field, blank
    space in JSON, or part of a URL, which it makes invalid.
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
        # The block may end between ``\r`` and ``\n``.
        following = block[at + 1 : at + 2] or next(blocks, b"")
        if at + 1 == len(block) and following:
            held.append(following)
        if following.startswith(b"\n"):
            break
        return to_line_feeds(chain(held, blocks))
    return chain(held, blocks)
