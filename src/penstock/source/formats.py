"""Which format an input is in, and what reads it.

Knows the formats by name. Does not know how any of them is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Final, NamedTuple, Protocol

from penstock.core.extents import Settled
from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.remedies import keyword
from penstock.seams import Contents
from penstock.settings import InputSettings
from penstock.source.jsonlines import JsonLines
from penstock.source.jsonvalues import JsonValues
from penstock.source.lines import Lines
from penstock.source.records import Quoted, Records, Tabbed
from penstock.source.remarks import Remarks
from penstock.source.rows import Shape
from penstock.source.sitemaps import Sitemap
from penstock.source.tables import Table
from penstock.source.transcoded import Prepare, as_utf_8, as_written

__all__ = ["COLUMNAR", "InputFormat", "Reader", "promised", "reader_for"]

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
"""The format of a file by the end of its name; plain lines for all others."""

COLUMNAR: Final = ("parquet", "arrow")
"""Formats that are read from a file, out of order, and not from blocks."""

TABLES: Final = ("csv", "tsv")


class InputFormat(Protocol):
    """How the bytes of one file become rows."""

    def read(
        self, blocks: Iterator[bytes], settled: Settled, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """The rows in *blocks* that are not *settled*, numbered from *first*; returns the next free seq."""


class Reader(NamedTuple):
    """A format, and what its blocks must be made into before."""

    format: InputFormat
    prepare: Prepare


def promised(name: str, settings: InputSettings) -> str:
    """The format of the file *name*: the one that is given, or that the end of its name promises.

    What only a table has, a delimiter or no header, makes a table of lines.
    """
    if settings.input_format is not None:
        return settings.input_format
    stem, suffix = os.path.splitext(name.lower())  # noqa: PTH122 - a path as the user gave it
    if suffix in PACKED:
        suffix = os.path.splitext(stem)[1]  # noqa: PTH122 - as above
    found = ENDS.get(suffix, "lines")
    return "csv" if found == "lines" and (settings.delimiter is not None or not settings.header) else found


def reader_for(input_format: str, name: str, settings: InputSettings, remarks: Remarks) -> Reader:
    """What reads the blocks of the input *name*; InputError if *settings* ask for what the format does not have."""
    shape = Shape.of(settings)
    if input_format in TABLES:
        records: Callable[[Iterator[bytes]], Records] = Tabbed
        delimiter = settings.delimiter or ("," if input_format == "csv" else "\t")
        if input_format == "csv" or delimiter != "\t":
            records = partial(Quoted, delimiter=delimiter)
        return Reader(Table(shape, records, name=name, header=settings.header, remarks=remarks), _text)
    if settings.delimiter is not None or not settings.header:
        setting = "delimiter" if settings.delimiter is not None else "header"
        raise InputError(f'{name!r} is read as {input_format}, which has no {setting}; a table is input_format="csv"')
    if input_format == "jsonl":
        return Reader(JsonLines(shape, name), _text)
    if input_format == "json":
        return Reader(JsonValues(shape, name), as_utf_8)
    if input_format == "sitemap":
        return Reader(Sitemap(shape, name, remarks), iter)
    asked = [settings.column] if settings.column is not None else []
    if shape.template is not None:
        asked += shape.template.names
    asked += shape.select
    if asked:
        raise InputError(
            f"{name!r} is read as plain lines, which have no column {asked[0]!r}; in a template {{}} stands for the "
            "line. If it is a table or JSON lines, say so with ",
            keyword("input_format"),
        )
    return Reader(Lines(shape), _text)


def _text(blocks: Iterator[bytes]) -> Iterator[bytes]:
    return as_written(as_utf_8(blocks))
