"""Outcomes as tables of other libraries: Arrow, pandas, polars.

Knows the columns of Parquet, which are the columns here too. The libraries are imported
when they are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Final

from penstock.core.web.model import Outcome
from penstock.errors import UsageError
from penstock.sink.parquet.columns import Taken, arrow, build, schema

__all__ = ["read_batches", "to_pandas", "to_polars"]

BATCH_BYTES: Final = 8 << 20
"""Bytes of a record batch, about; a reader of batches holds one at a time."""


def read_batches(outcomes: Iterable[Outcome]) -> Any:
    """Return *outcomes* as a ``pyarrow.RecordBatchReader``, read as its consumer asks.

    Raises UsageError if pyarrow is not installed.
    """
    return arrow().RecordBatchReader.from_batches(schema(), _batch(outcomes))


def to_pandas(outcomes: Iterable[Outcome]) -> Any:
    """Return *outcomes* as a ``pandas.DataFrame``. Raises UsageError if pandas or pyarrow is not installed."""
    _require("pandas")
    return read_batches(outcomes).read_pandas()


def to_polars(outcomes: Iterable[Outcome]) -> Any:
    """Return *outcomes* as a ``polars.DataFrame``. Raises UsageError if polars or pyarrow is not installed."""
    return _require("polars").from_arrow(read_batches(outcomes).read_all())


def _batch(outcomes: Iterable[Outcome]) -> Iterator[Any]:
    rows: list[Taken] = []
    size = 0
    for outcome in outcomes:
        rows.append(Taken.of(outcome))
        size += rows[-1].size
        if size >= BATCH_BYTES:
            yield build(rows, inline_body=True)
            rows, size = [], 0
    if rows:
        yield build(rows, inline_body=True)


def _require(library: str) -> Any:
    try:
        return import_module(library)
    except ImportError:
        raise UsageError(f"this takes {library}, which is not installed: pip install {library}") from None
