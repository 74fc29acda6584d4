"""The table of formats: everything that stores, reads or checks outcomes finds its format here.

A new format is a module of this package and a row of the table; docs/decisions/formats.md says what it must do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from penstock.seams import Format, Sink
from penstock.sink.files import FILES
from penstock.sink.jsonl import JSONL, JSONL_GZ, JSONL_ZST
from penstock.sink.parquet.format import PARQUET
from penstock.sink.sqlite import SQLITE
from penstock.sink.table import CSV
from penstock.sink.warc import WARC

__all__ = ["FORMATS", "STORES_MESSAGES", "open_sinks"]

FORMATS: Final[dict[str, Format]] = {
    JSONL.name: JSONL,
    JSONL_ZST.name: JSONL_ZST,
    JSONL_GZ.name: JSONL_GZ,
    PARQUET.name: PARQUET,
    WARC.name: WARC,
    FILES.name: FILES,
    SQLITE.name: SQLITE,
    CSV.name: CSV,
}
"""Every format by its name. A run that has several is read by the first of them here."""

STORES_MESSAGES: Final = frozenset({WARC.name})
"""Formats that store requests and responses as they were sent. The engine keeps the requests for them alone."""


def open_sinks(
    names: Iterable[str], folder: Path, committed: Callable[[str], Mapping[str, int]], *, inline_body: bool
) -> list[Sink[Any]]:
    """Return a sink for each of the formats *names*, in their order: all or none of them.

    *committed* gives the lengths of a format's files. Raises as of ``Format.open``.
    """
    with ExitStack() as opened:
        sinks = []
        for name in names:
            sinks.append(FORMATS[name].open(folder, committed(name), inline_body=inline_body))
            opened.callback(sinks[-1].close)
        opened.pop_all()
    return sinks
