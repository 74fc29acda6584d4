"""The format ``jsonl``: each outcome a line of JSON. ``record`` has its fields, ``lines`` its files."""

from __future__ import annotations

from typing import Final

from penstock.sink.lines import LineFormat
from penstock.sink.record import encode, read_line

__all__ = ["JSONL"]

JSONL: Final = LineFormat("jsonl", "outcomes", "jsonl", encode, read_line)
