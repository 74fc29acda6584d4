"""The format ``jsonl``: each outcome a line of JSON.

``record`` has its fields, ``outcome`` reads them back, ``line_format`` has its files.
"""

from __future__ import annotations

from typing import Final

from penstock.sink.line_format import Decode, Encode, LineFormat, Restore

__all__ = ["JSONL"]


def _load() -> tuple[Encode, Decode]:
    from penstock.sink.record import encode, read_line  # noqa: PLC0415 - orjson is not for a help page

    return encode, read_line


def _load_restore() -> Restore:
    from penstock.sink.outcome import read_outcome  # noqa: PLC0415 - few need it

    return read_outcome


JSONL: Final = LineFormat("jsonl", "outcomes", "jsonl", _load, _load_restore)
