"""Lines out of blocks of bytes, and rows out of lines: plain ones, and any others that are one row each.

Knows line ends, blank lines and comments. Does not know files, nor what a line of JSON says.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Final
from zlib import crc32

from penstock.core.extents import Settled
from penstock.core.web.hosts import MAX_URL
from penstock.core.web.model import Row
from penstock.seams import Contents
from penstock.source.digests import packed
from penstock.source.rows import Shape
from penstock.source.text import NOT_UTF_8, decoded

__all__ = ["KEPT", "MAX_LINE", "Lines", "numbered", "split"]

MAX_LINE: Final = 4 * MAX_URL
"""The longest plain line held, in bytes: a URL of as many characters as are taken, four bytes each."""

KEPT: Final = 1_024
"""What is kept of a line over the bound, in bytes: enough to know it by."""

BOM: Final = b"\xef\xbb\xbf"

HASH: Final = ord("#")

Make = Callable[[int, int, bytes], Row]


def split(blocks: Iterator[bytes], limit: int) -> Iterator[list[bytes]]:
    r"""The lines in *blocks*, those that end in one block together, without ``\n``; no empty list.

    Byte-order marks at the beginning of a line are dropped: ``cat`` puts one where a file begins. Of a line over
    *limit* bytes the first *limit* + 1 are given and the rest is never held; no block may be longer than *limit*.
    What blocks the lines come in makes no difference to what they are.
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
            lines[0] = _unmarked(lines[0])
        if not block.isascii() and BOM in block:
            lines[1:] = map(_unmarked, lines[1:])
        yield lines
    if begun:
        yield [_unmarked(bytes(begun[: limit + 1]))]


def _unmarked(line: bytes) -> bytes:
    while line.startswith(BOM):
        line = line[len(BOM) :]
    return line


def numbered(
    blocks: Iterator[bytes],
    settled: Settled,
    first: int,
    contents: Contents | None = None,
    *,
    limit: int,
    make: Make,
) -> Generator[Row, None, int]:
    """A row for every line that is not blank, no comment and not *settled*; returns the next free seq.

    *make* gets the seq, the line number and the line, longer than *limit* if it was over the bound. This
    loop is all that a settled line costs, so that a run of millions of lines resumes within seconds. *contents* gets
    the digests of all lines of a block at once, of each without the blanks around it.
    """
    seq, number = first, 0
    for lines in split(blocks, limit):
        if contents is not None:
            digests = packed([crc32(text) or 1 for line in lines if (text := line.strip()) and text[0] != HASH])
            contents.check(seq, digests, partial(_row_at, lines, seq, number, make))
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


def _row_at(lines: list[bytes], first: int, before: int, make: Make, seq: int) -> Row:
    """The row *seq*, of *lines* that begin with the input *first* after *before* others."""
    for number, line in enumerate(lines, before + 1):
        text = line.strip()
        if text and text[0] != HASH:
            if first == seq:
                return make(seq, number, line)
            first += 1
    raise LookupError(f"input {seq} is in no line of these: a bug of Penstock's")


class Lines:
    """The format of plain lines: a URL each, or with a template what stands for its ``{}``."""

    __slots__ = ("_shape",)

    def __init__(self, shape: Shape) -> None:
        """*shape* says what a line's text asks for."""
        self._shape = shape

    def read(
        self, blocks: Iterator[bytes], settled: Settled, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """The rows in *blocks* that are not *settled*, numbered from *first*; returns the next free seq."""
        return numbered(blocks, settled, first, contents, limit=MAX_LINE, make=self._row)

    def _row(self, seq: int, number: int, line: bytes) -> Row:
        if len(line) > MAX_LINE:
            text, _ = decoded(line.strip()[:KEPT])
            return Row(seq, number, text, fault=f"a line of over {MAX_LINE:,} bytes")
        text, is_utf_8 = decoded(line.strip())
        if not is_utf_8:
            return Row(seq, number, text, fault=NOT_UTF_8)
        return self._shape.row_of_text(seq, number, text)
