"""Read a JSON array, whose items are inputs; or JSON values one after the other.

Knows where a JSON value ends. Leaves to ``rows`` what it requests.

Brackets and quotes alone delimit an item; it is then parsed as a row of JSON lines. So
it means the same, a broken item costs only itself, and an array takes no more memory
than its longest item. docs/decisions/json-arrays.md has the figures.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Generator, Iterator
from typing import Final
from zlib import crc32

from penstock.core.extents import SeqSet
from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.seams import Contents
from penstock.source.digests import Digests
from penstock.source.jsonlines import MAX_ROW, row_of_json
from penstock.source.lines import BOM
from penstock.source.rows import Shape

__all__ = ["JsonValues"]

_STRING: Final = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'
_TO_QUOTE: Final = re.compile(_STRING, re.DOTALL)
_TO_BRACKET: Final = re.compile(rb'[^"\[\]{}]*+(?:"' + _STRING + rb'"[^"\[\]{}]*+)*+', re.DOTALL)
_TO_COMMA: Final = re.compile(rb'[^"\[\]{},]*+')
_TO_LINE_END: Final = re.compile(rb'[^"\[\]{},\n]*+')

_PLAIN_ITEM: Final = re.compile(
    rb'[ \t\r\n]*+("' + _STRING + rb'"|\{[^"\[\]{}]*+(?:"' + _STRING + rb'"[^"\[\]{}]*+)*+\})[ \t\r\n]*+,', re.DOTALL
)
"""A text or a flat object, as most items are: one match finds it."""

BLANKS: Final = b" \t\r\n"
QUOTE: Final = ord('"')
OPEN: Final = b"[{"
CLOSE: Final = b"]}"
ARRAY: Final = ord("[")
BACKSLASH: Final = ord("\\")

Found = tuple[int, bytes]
"""The line in which an item begins, and its text."""


class _Mode(enum.Enum):
    """Where in the text the scanner is."""

    BETWEEN = "before an array, or after one: cat may write several"
    ARRAY = "in an array"
    VALUES = "among values outside of an array"


class _Items:
    """Splits a text into its items, block by block."""

    def __init__(self) -> None:
        self.mode = _Mode.BETWEEN
        self._depth = 0
        self._quoted = self._escaped = False
        self._begun = bytearray()
        self._line = 1

    def feed(self, block: bytes) -> Iterator[Found]:
        """Yield the items that end in *block*."""
        at = since = 0
        while at < len(block):
            if self.mode is _Mode.BETWEEN:
                at = since = self._skip_blanks(block, at)
            elif since == at and not self._begun and (plain := self._match_plain_item(block, at)) is not None:
                yield self._line + block.count(b"\n", at, plain.start(1)), plain[1]
                at = since = plain.end()
                self._line += block.count(b"\n", plain.start(), at)
            elif self._quoted:
                at = self._skip_string(block, at)
                if not (self._quoted or self._depth) and self.mode is _Mode.VALUES:
                    yield from self._end_item(block[since:at])
                    since = at
            else:
                ended, at = self._skip_token(block, at)
                if ended is not None:
                    yield from self._end_item(block[since:ended])
                    since = at
        self._keep(block[since:])

    @property
    def between_values(self) -> bool:
        """Whether no string or bracket is open."""
        return not (self._depth or self._quoted)

    def rest(self) -> Iterator[Found]:
        """Yield the item that the end of the text ends."""
        return self._end_item(b"")

    def _match_plain_item(self, block: bytes, at: int) -> re.Match[bytes] | None:
        """Match the next item if it is flat and ends, with its comma, in *block*."""
        return _PLAIN_ITEM.match(block, at) if self.mode is _Mode.ARRAY else None

    def _skip_blanks(self, block: bytes, at: int) -> int:
        """Return where the text after *at* begins; of an array, after its bracket."""
        begun = len(block) - len(block[at:].lstrip(BLANKS))
        self._line += block.count(b"\n", at, begun)
        if begun < len(block):
            self.mode = _Mode.ARRAY if block[begun] == ARRAY else _Mode.VALUES
            begun += block[begun] == ARRAY
        return begun

    def _skip_string(self, block: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        end = _skip(_TO_QUOTE, block, at)
        if end < len(block):
            self._escaped = block[end] == BACKSLASH
            self._quoted = self._escaped
            end += 1
        return end

    def _skip_token(self, block: bytes, at: int) -> tuple[int | None, int]:
        """Return where the item ends, or None, and where the next token does."""
        values = self.mode is _Mode.VALUES
        to = _TO_BRACKET if self._depth else _TO_LINE_END if values else _TO_COMMA
        at = _skip(to, block, at)
        if at == len(block):
            return None, at
        token = block[at]
        if token == QUOTE:
            self._quoted = True
        elif token in OPEN:
            self._depth += 1
        elif token in CLOSE and self._depth:
            self._depth -= 1
            if values and not self._depth:
                return at + 1, at + 1
        elif token in CLOSE and not values:
            self.mode = _Mode.BETWEEN
            return at, at + 1
        elif not self._depth:
            return at, at + 1
        return None, at + 1

    def _end_item(self, text: bytes) -> Iterator[Found]:
        self._keep(text)
        text = bytes(self._begun.lstrip(BLANKS))
        if text:
            line = self._line + self._begun.count(b"\n", 0, len(self._begun) - len(text))
            self._line += self._begun.count(b"\n")
            yield line, text.rstrip(BLANKS)
        else:
            self._line += self._begun.count(b"\n")
        self._begun.clear()

    def _keep(self, text: bytes) -> None:
        """Append *text* to the item, up to ``MAX_ROW``."""
        if not self._begun:
            blanks = len(text) - len(text.lstrip(BLANKS))
            self._line += text.count(b"\n", 0, blanks)
            text = text[blanks:]
        room = MAX_ROW + 1 - len(self._begun)
        self._line += text.count(b"\n", max(0, room))
        self._begun += text[:room]


def _skip(pattern: re.Pattern[bytes], block: bytes, at: int) -> int:
    """Return where the match of *pattern* at *at* ends; it may be empty."""
    found = pattern.match(block, at)
    return at if found is None else found.end()


class JsonValues:
    """The format of a JSON array of texts or objects (RFC 8259), read by items.

    Text that is no array is read as values one after the other, each an input: JSON
    lines, or objects over several lines.
    """

    __slots__ = ("_name", "_shape")

    def __init__(self, shape: Shape, name: str) -> None:
        """*shape* says which field has the URL; messages call the input *name*."""
        self._shape = shape
        self._name = name

    def read(
        self, blocks: Iterator[bytes], settled: SeqSet, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq.

        Raises InputError, after the last row, if the array is never closed.
        """
        seq, shape = first, self._shape
        digests = (
            None
            if contents is None
            else Digests[tuple[int, bytes]](contents, first, lambda seq, found: row_of_json(shape, seq, *found))
        )
        for line, text in self._items(blocks):
            if seq not in settled:
                if digests is not None:
                    digests.tell(crc32(text) or 1, (line, text))
                yield row_of_json(shape, seq, line, text)
            elif digests is not None:
                digests.add(crc32(text) or 1, (line, text))
            seq += 1
        if digests is not None:
            digests.flush()
        return seq

    def _items(self, blocks: Iterator[bytes]) -> Iterator[Found]:
        items = _Items()
        for number, block in enumerate(blocks):
            yield from items.feed(block.removeprefix(BOM) if not number else block)
        if items.between_values or items.mode is not _Mode.ARRAY:
            yield from items.rest()
        if items.mode is _Mode.ARRAY:
            raise InputError(
                f"{self._name!r}: the JSON array is never closed; the rows before that were read. Get an intact copy "
                "and resume with that"
            )
