"""JSON lines: an object or a text on each line.

Knows that a line is JSON. What the object asks for is ``rows``' to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any, Final

import orjson
from msgspec.structs import replace

from penstock.core.extents import Settled
from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.seams import Contents
from penstock.source.lines import numbered
from penstock.source.rows import Shape
from penstock.source.text import decoded, mended

__all__ = ["MAX_ROW", "JsonLines", "row_of_json"]

MAX_ROW: Final = 1_048_576
"""The longest row held, in bytes: rows carry bodies, and 64 of them may be read ahead."""

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]{1,20}://\S{1,2000}", re.IGNORECASE)
_ARRAY: Final = re.compile(rb'(?:\xef\xbb\xbf)*\s*\[\s*(?:["{]|$)')
_TEXT: Final = r'"(?:[^"\\]|\\.){0,32768}"'


class JsonLines:
    """The format of JSON lines (jsonlines.org): an object with ``url``, or the URL as a text.

    Blank lines and ``#`` comments are no inputs, as in plain lines. A settled row is not even parsed. NaN, Infinity and
    half surrogate pairs are read as Python writes them; bytes that are not UTF-8 cost a row only if its URL has some.
    Of a row that is not JSON, or too long, the outcome shows the URL, if it can be read; the rest may hold secrets.
    """

    __slots__ = ("_name", "_shape")

    def __init__(self, shape: Shape, name: str) -> None:
        """*shape* says which field has the URL; *name* is what messages call the input."""
        self._shape = shape
        self._name = name

    def read(
        self, blocks: Iterator[bytes], settled: Settled, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """The rows in *blocks* that are not *settled*, numbered from *first*; returns the next free seq.

        InputError, before the first row, if that is the beginning of a JSON array: all of its items would be lost.
        """
        return numbered(blocks, settled, first, contents, limit=MAX_ROW, make=partial(self._row, first))

    def _row(self, first: int, seq: int, number: int, line: bytes) -> Row:
        if seq == first and _ARRAY.match(line):
            raise InputError(
                f"{self._name!r} is read as JSON lines and begins with a JSON array; an array of inputs is read with "
                'input_format="json"'
            )
        return row_of_json(self._shape, seq, number, line)


def row_of_json(shape: Shape, seq: int, number: int, text: bytes) -> Row:
    """The row of the JSON value *text*, which begins in line *number*; a fault if it is none, or over ``MAX_ROW``."""
    if len(text) > MAX_ROW:
        return Row(seq, number, _legible(text, shape.column), fault=f"a row of over {MAX_ROW:,} bytes")
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        try:
            # Python's own reader takes what RFC 8259 does not have and Python writes.
            row = shape.row(seq, number, json.loads(text.decode("utf-8", "surrogateescape")))
            if row.fields and not decoded(text)[1]:
                row = replace(row, fields=_mended(row.fields))
        except (ValueError, RecursionError):
            said = f"not JSON: {error.msg}, at column {error.colno}"
            return Row(seq, number, _legible(text, shape.column), fault=said)
        return row
    return shape.row(seq, number, item)


def _mended(value: Any) -> Any:
    """*value* with bytes that are not UTF-8 written out in its texts, as those of a table are."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {mended(name): _mended(item) for name, item in value.items()}
    return value


def _legible(text: bytes, column: str) -> str:
    """The URL in a row that is not JSON, as far as it can be read: of its field, or of a row that is the URL alone."""
    shown = text.decode("utf-8", "replace").strip()
    if _URL.fullmatch(shown):
        return shown
    found = re.search(rf"{re.escape(json.dumps(column, ensure_ascii=False))}\s*:\s*({_TEXT})", shown)
    if found is None:
        return ""
    try:
        return mended(str(json.loads(found[1]))).strip()
    except ValueError:
        return ""
