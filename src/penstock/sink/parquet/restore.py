"""Makes outcomes of the rows of a table again: the reverse of ``columns.build``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from penstock.core.web.model import Hop, Kind, Outcome, Reason, Times
from penstock.sink.outcome import CLASSES, make_head
from penstock.sink.parquet.columns import TIMES

__all__ = ["restore_rows"]


def restore_rows(table: Any) -> Iterator[Outcome]:
    """Yield the outcome of each row of *table*; its body is empty if it was not stored.

    Raises KeyError, TypeError or ValueError if it is no table of outcomes.
    """
    others = table.drop_columns(["body"])
    values = zip(*(column.to_pylist() for column in others.itercolumns()), strict=True)
    for row, body in zip(values, table.column("body"), strict=True):
        yield _restore(dict(zip(others.column_names, row, strict=True)), body.as_py())


def _restore(row: dict[str, Any], body: bytes | None) -> Outcome:
    started, error, status, http = row["started"], row["error"], row["status"], row["http"]
    headers = [(header["name"], header["value"]) for header in row["headers"]]
    return CLASSES[Kind(row["outcome"])](
        seq=row["seq"],
        url=row["url"],
        error=None if error is None else Reason(error),  # type: ignore[call-arg] # by its value
        detail=row["detail"],
        status=status,
        final_url=row["final_url"],
        redirects=tuple(Hop(hop["url"], hop["status"]) for hop in row["redirects"]),
        attempts=row["attempts"],
        started=None if started is None else started.timestamp(),
        times=Times(*(row[f"ms_{name}"] / 1e3 for name in TIMES)),
        ip=row["ip"],
        http=http,
        head=b"" if status is None else make_head(http, status, headers),
        body=body or b"",
        data=_decode(row["data"]),
        input=_decode(row["input"]),
    )


def _decode(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
