"""The formats ``jsonl``, ``jsonl.zst`` and ``jsonl.gz``: each outcome a line of JSON, perhaps compressed.

``record`` has the fields of a line, ``line_format`` the files.
"""

from __future__ import annotations

from typing import Final

from penstock.sink.frames import Compression
from penstock.sink.line_format import Decode, Encode, LineFormat

__all__ = ["JSONL", "JSONL_GZ", "JSONL_ZST"]


def _load() -> tuple[Encode, Decode]:
    from penstock.sink.record import encode, read_line  # noqa: PLC0415 - orjson is not for a help page

    return encode, read_line


def _zstd() -> Compression:
    from penstock.sink.compressions import ZSTD  # noqa: PLC0415 - nor is zstd

    return ZSTD


def _gzip() -> Compression:
    from penstock.sink.compressions import GZIP  # noqa: PLC0415 - nor is zstd

    return GZIP


JSONL: Final = LineFormat("jsonl", "outcomes", "jsonl", _load)
JSONL_ZST: Final = LineFormat("jsonl.zst", "outcomes", "jsonl.zst", _load, _zstd)
JSONL_GZ: Final = LineFormat("jsonl.gz", "outcomes", "jsonl.gz", _load, _gzip)
