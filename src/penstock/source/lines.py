"""Split blocks of bytes into lines, and make a row of each line.

Knows line ends, blank lines and comments. Does not know files or JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Final
from zlib import crc32

from penstock.core.extents import SeqSet
from penstock.core.web.hosts import MAX_URL
from penstock.core.web.model import Row
from penstock.seams import Contents
from penstock.source.digests import pack_digests
from penstock.source.rows import Shape
from penstock.source.text import NOT_UTF_8, decode

__all__ = ["KEPT", "MAX_LINE", "PlainLines", "number_rows", "split"]

MAX_LINE: Final = 4 * MAX_URL
"""The longest plain line held, in bytes: the longest URL, four bytes a character."""

KEPT: Final = 1_024
"""Bytes kept of a line over the limit: enough to recognise it."""

BOM: Final = b"\xef\xbb\xbf"

HASH: Final = ord("#")

Make = Callable[[int, int, bytes], Row]


def split(blocks: Iterator[bytes], limit: int) -> Iterator[list[bytes]]:
    r"""Yield the lines in *blocks* without ``\n``, one list for each block.

    No list is empty. Byte-order marks at the beginning of a line are dropped: ``cat``
    writes one wherever a file begins. Of a line over *limit* bytes the first *limit* +
    1 are yielded, and the rest is never held. No block may be longer than *limit*. The
    lines do not depend on where the blocks end.
    """
    begun = bytearray()
    for block in blocks:
        lines = block.split(b"\n")
        end_of_begun = lines[0]
        if len(begun) <= limit:
            begun += end_of_begun
        if len(lines) == 1:
            continue
        lines[0] = bytes(begun[: limit + 1])
        begun = bytearray(lines.pop())
        if lines[0].startswith(BOM):
            lines[0] = _strip_marks(lines[0])
        if not block.isascii() and BOM in block:
            lines[1:] = map(_strip_marks, lines[1:])
        yield lines
    if begun:
        yield [_strip_marks(bytes(begun[: limit + 1]))]


def _strip_marks(line: bytes) -> bytes:
    while line.startswith(BOM):
        line = line[len(BOM) :]
    return line


def number_rows(
    blocks: Iterator[bytes],
    settled: SeqSet,
    first: int,
    contents: Contents | None = None,
    *,
    limit: int,
    make: Make,
) -> Generator[Row, None, int]:
    """Yield a row for every input line not *settled*; return the next seq.

    Blank lines and ``#`` comments are no inputs.

    *make* takes the seq, the line number and the line, which is longer than *limit* if
    it was cut. A settled line costs this loop alone, so that a run of millions of lines
    resumes within seconds. *contents* takes the digests of all lines of a block at
    once, without the blanks around each line.
    """
    seq, number = first, 0
    for lines in split(blocks, limit):
        if contents is not None:
            digests = pack_digests([crc32(text) or 1 for line in lines if (text := line.strip()) and text[0] != HASH])
            contents.check(seq, digests, partial(_find_row, lines, seq, number, make))
            after = seq + len(digests) // 4
            if settled.range_cardinality(seq, after) == after - seq:
                seq = after
                number += len(lines)
                continue
        for number, line in enumerate(lines, number + 1):  # noqa: B020 - counts on over the blocks
            text = line.strip()
            if not text or text[0] == HASH:
                continue
            if seq not in settled:
                yield make(seq, number, line)
            seq += 1
    return seq


def _find_row(lines: list[bytes], first: int, before: int, make: Make, seq: int) -> Row:
    """Return the row *seq*; *lines* begin with seq *first*, after *before* lines."""
    for number, line in enumerate(lines, before + 1):
        text = line.strip()
        if text and text[0] != HASH:
            if first == seq:
                return make(seq, number, line)
            first += 1
    raise LookupError(f"input {seq} is in none of these lines: a bug in Penstock")


class PlainLines:
    """The format of plain lines: each is a URL, or the value of a template's ``{}``."""

    __slots__ = ("_shape",)

    def __init__(self, shape: Shape) -> None:
        """*shape* makes a row of a line's text."""
        self._shape = shape

    def read(
        self, blocks: Iterator[bytes], settled: SeqSet, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq."""
        return number_rows(blocks, settled, first, contents, limit=MAX_LINE, make=self._row)

    def _row(self, seq: int, number: int, line: bytes) -> Row:
        if len(line) > MAX_LINE:
            text, _ = decode(line.strip()[:KEPT])
            return Row(seq, number, text, fault=f"a line of over {MAX_LINE:,} bytes")
        text, is_utf_8 = decode(line.strip())
        if not is_utf_8:
            return Row(seq, number, text, fault=NOT_UTF_8)
        return self._shape.row_of_text(seq, number, text)
