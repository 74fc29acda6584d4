"""The format ``jsonl``: each outcome a line of JSON. ``record`` has its fields, ``line_format`` its files."""

from __future__ import annotations

from typing import Final

from penstock.sink.line_format import Decode, Encode, LineFormat

__all__ = ["JSONL"]


def _load() -> tuple[Encode, Decode]:
    from penstock.sink.record import encode, read_line  # noqa: PLC0415 - orjson is not for a help page

    return encode, read_line


JSONL: Final = LineFormat("jsonl", "outcomes", "jsonl", _load)
