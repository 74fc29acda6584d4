"""JSON lines: an object or a text on each line.

Knows that a line is JSON. Leaves to ``rows`` what the object requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any, Final

import orjson
from msgspec.structs import replace

from penstock.core.extents import SeqSet
from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.remedies import keyword
from penstock.seams import Contents
from penstock.source.lines import number_rows
from penstock.source.rows import Shape
from penstock.source.text import decode, repair_text

__all__ = ["MAX_ROW", "JsonLines", "row_of_json"]

MAX_ROW: Final = 1_048_576
"""The longest row held, in bytes: rows may have bodies, and 64 of them may be read
ahead."""

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]{1,20}://\S{1,2000}", re.IGNORECASE)
_ARRAY: Final = re.compile(rb'(?:\xef\xbb\xbf)*\s*\[\s*(?:["{]|$)')
_TEXT: Final = r'"(?:[^"\\]|\\.){0,32768}"'


class JsonLines:
    """The format of JSON lines (jsonlines.org): objects with ``url``, or URLs.

    Blank lines and ``#`` comments are no inputs, as in plain lines. A settled row is
    not parsed. NaN, Infinity and lone surrogates are read as Python writes them. Bytes
    that are not UTF-8 cost a row only if they are in its URL. The outcome of a row that
    is too long or not JSON has the URL, if it can be found, and nothing else: the rest
    may be secret.
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

        Raises InputError before the first row if it begins a JSON array, whose items
        would all be lost.
        """
        return number_rows(blocks, settled, first, contents, limit=MAX_ROW, make=partial(self._row, first))

    def _row(self, first: int, seq: int, number: int, line: bytes) -> Row:
        if seq == first and _ARRAY.match(line):
            raise InputError(
                f"{self._name!r} is read as JSON lines and begins with a JSON array; an array of inputs is read with ",
                keyword("input_format", "json"),
            )
        return row_of_json(self._shape, seq, number, line)


def row_of_json(shape: Shape, seq: int, number: int, text: bytes) -> Row:
    """Return the row of the JSON value *text*, which begins in line *number*.

    It has a fault if *text* is not JSON, or longer than ``MAX_ROW``.
    """
    if len(text) > MAX_ROW:
        return Row(seq, number, _find_url(text, shape.column), fault=f"a row of over {MAX_ROW:,} bytes")
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        try:
            # Python's own parser takes what Python writes and RFC 8259 does not have.
            row = shape.row(seq, number, json.loads(text.decode("utf-8", "surrogateescape")))
            if row.fields and not decode(text)[1]:
                row = replace(row, fields=_mend(row.fields))
        except (ValueError, RecursionError):
            said = f"not JSON: {error.msg}, at column {error.colno}"
            return Row(seq, number, _find_url(text, shape.column), fault=said)
        return row
    return shape.row(seq, number, item)


def _mend(value: Any) -> Any:
    r"""Return *value* with each byte that is not UTF-8 as ``\xff`` in its texts."""
    if isinstance(value, str):
        return repair_text(value)
    if isinstance(value, list):
        return [_mend(item) for item in value]
    if isinstance(value, dict):
        return {repair_text(name): _mend(item) for name, item in value.items()}
    return value


def _find_url(text: bytes, column: str) -> str:
    """Return the URL in a row that is not JSON; "" if there is none."""
    shown = text.decode("utf-8", "replace").strip()
    if _URL.fullmatch(shown):
        return shown
    found = re.search(rf"{re.escape(json.dumps(column, ensure_ascii=False))}\s*:\s*({_TEXT})", shown)
    if found is None:
        return ""
    try:
        return repair_text(str(json.loads(found[1]))).strip()
    except ValueError:
        return ""
