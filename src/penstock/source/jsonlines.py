"""JSON lines: an object or a text on each line.

Knows that a line is JSON. What the object asks for is ``rows``' to say.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

import orjson

from penstock.core.model import Row
from penstock.seams import Contents, Settled
from penstock.source.lines import numbered
from penstock.source.rows import Shape

__all__ = ["MAX_ROW", "JsonLines"]

MAX_ROW: Final = 1_048_576
"""The longest row held, in bytes: rows carry bodies, and 64 of them may be read ahead."""


class JsonLines:
    """The format of JSON lines (jsonlines.org): an object with ``url``, or the URL as a text.

    Blank lines and ``#`` comments are no inputs, as in plain lines. A settled row is not even parsed. A
    row that is not JSON, or too long, has no URL: its text may hold secrets, and the line number leads to
    it. Integers beyond 64 bits come back as floats.
    """

    __slots__ = ("_shape",)

    def __init__(self, shape: Shape) -> None:
        """*shape* says which field has the URL."""
        self._shape = shape

    def read(
        self, blocks: Iterator[bytes], settled: Settled, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """The rows in *blocks* that are not *settled*, numbered from *first*; returns the next free seq."""
        return numbered(blocks, settled, first, contents, limit=MAX_ROW, make=self._row)

    def _row(self, seq: int, number: int, line: bytes) -> Row:
        if len(line) > MAX_ROW:
            return Row(seq, number, "", fault=f"a row of over {MAX_ROW:,} bytes")
        try:
            item = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return Row(seq, number, "", fault=f"not JSON: {error.msg}, at column {error.colno}")
        return self._shape.row(seq, number, item)
