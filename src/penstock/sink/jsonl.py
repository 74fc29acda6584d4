"""The formats ``jsonl``, ``jsonl.zst`` and ``jsonl.gz``: each outcome a line of JSON, perhaps compressed.

``record`` has the fields of a line, ``outcome`` reads them back, ``line_format`` has the files.
"""

from __future__ import annotations

from typing import Final

from penstock.sink.frames import Compression
from penstock.sink.line_format import Decode, Encode, LineFormat, Restore

__all__ = ["JSONL", "JSONL_GZ", "JSONL_ZST"]


def _load() -> tuple[Encode, Decode]:
    from penstock.sink.record import encode, read_line  # noqa: PLC0415 - orjson is not for a help page

    return encode, read_line


def _load_restore(_heading: bytes) -> Restore:
    from penstock.sink.outcome import read_outcome  # noqa: PLC0415 - few need it

    return read_outcome


def _zstd() -> Compression:
    from penstock.sink.compressions import ZSTD  # noqa: PLC0415 - zstd is not for a help page

    return ZSTD


def _gzip() -> Compression:
    from penstock.sink.compressions import GZIP  # noqa: PLC0415 - nor is zstd

    return GZIP


JSONL: Final = LineFormat("jsonl", "outcomes", "jsonl", _load, _load_restore)
JSONL_ZST: Final = LineFormat("jsonl.zst", "outcomes", "jsonl.zst", _load, _load_restore, _zstd)
JSONL_GZ: Final = LineFormat("jsonl.gz", "outcomes", "jsonl.gz", _load, _load_restore, _gzip)
