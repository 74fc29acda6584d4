"""Choose the format of an input, and what reads it.

Knows the formats by name. Does not know how any of them is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from penstock.core.extents import Settled
from penstock.core.web.documents import Nested
from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.remedies import keyword
from penstock.seams import Contents
from penstock.settings import InputSettings
from penstock.source.jsonlines import JsonLines
from penstock.source.jsonvalues import JsonValues
from penstock.source.lines import PlainLines
from penstock.source.records import CsvRecords, TableRecords, TsvRecords
from penstock.source.remarks import Remarks
from penstock.source.rows import Shape
from penstock.source.sitemaps import Sitemap
from penstock.source.tables import Table
from penstock.source.transcoding import Prepare, normalise_line_ends, to_utf_8

__all__ = ["COLUMNAR", "InputFormat", "Reader", "choose_reader", "guess_format"]

PACKED: Final = (".gz", ".zst", ".bz2", ".xz", ".zip")

ENDS: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json-lines": "jsonl",
    ".json": "json",
    ".xml": "sitemap",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""The format of a file by the end of its name; all others are plain lines."""

COLUMNAR: Final = ("parquet", "arrow")
"""Formats that need random access to a file, and cannot be read from blocks."""

TABLES: Final = ("csv", "tsv")


class InputFormat(Protocol):
    """How the bytes of one file become rows."""

    def read(
        self, blocks: Iterator[bytes], settled: Settled, first: int, contents: Contents | None = None
    ) -> Generator[Row | Nested, Any, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq."""


class Reader(NamedTuple):
    """A format, and how its blocks are prepared for it."""

    format: InputFormat
    prepare: Prepare


def guess_format(name: str, settings: InputSettings) -> str:
    """Return the format of the file *name*: of *settings*, else by its ending.

    A file without a telling name is a table if *settings* have what only a table has: a
    delimiter, or no header.
    """
    if settings.input_format is not None:
        return settings.input_format
    stem, suffix = os.path.splitext(name.lower())  # noqa: PTH122 - a path as the user gave it
    if suffix in PACKED:
        suffix = os.path.splitext(stem)[1]  # noqa: PTH122 - as above
    found = ENDS.get(suffix, "lines")
    return "csv" if found == "lines" and (settings.delimiter is not None or not settings.header) else found


def choose_reader(input_format: str, name: str, settings: InputSettings, remarks: Remarks) -> Reader:
    """Return the reader of *name*. Raises InputError if *settings* do not fit."""
    shape = Shape.of(settings)
    if input_format in TABLES:
        records: Callable[[Iterator[bytes]], TableRecords] = TsvRecords
        if input_format == "csv" or settings.delimiter not in (None, "\t"):
            records = partial(CsvRecords, delimiter=settings.delimiter)
        return Reader(Table(shape, records, name=name, header=settings.header, remarks=remarks), _prepare_text)
    if settings.delimiter is not None or not settings.header:
        setting = "delimiter" if settings.delimiter is not None else "header"
        raise InputError(
            f"{name!r} is read as {input_format}, which has no {setting}; a table is ", keyword("input_format", "csv")
        )
    if input_format == "jsonl":
        return Reader(JsonLines(shape, name), _prepare_text)
    if input_format == "json":
        return Reader(JsonValues(shape, name), to_utf_8)
    if input_format == "sitemap":
        return Reader(Sitemap(shape, name, remarks), iter)
    asked = [settings.column] if settings.column is not None else []
    if shape.template is not None:
        asked += shape.template.names
    asked += shape.select
    if asked:
        raise InputError(
            f"{name!r} is read as plain lines, which have no column {asked[0]!r}; in a template {{}} stands for the "
            "line. If it is a table or JSON lines, name its format with ",
            keyword("input_format"),
        )
    return Reader(PlainLines(shape), _prepare_text)


def _prepare_text(blocks: Iterator[bytes]) -> Iterator[bytes]:
    return normalise_line_ends(to_utf_8(blocks))
