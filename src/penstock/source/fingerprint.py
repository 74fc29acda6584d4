"""Fingerprint an input, so that a run is not resumed with another list.

Knows bytes and texts. Does not know what they mean. Uses neither the name nor the time
of the last change: a copy is the same input, wherever it is and whenever it was made.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any, Final

from penstock.errors import InputError

__all__ = ["of_file", "of_several", "of_texts"]

SAMPLE: Final = 65_536
SAMPLES: Final = 64
WHOLE_UP_TO: Final = SAMPLE * SAMPLES
"""Bytes up to which a whole file is read (4 MiB); of a larger one 64 blocks of 64 KiB
are, so 100 GB cost no more."""


def of_file(path: str, input_format: str) -> dict[str, Any]:
    """Return the fingerprint of the file at *path*, read as *input_format*.

    It has the SHA-256 of the whole file up to 4 MiB, else of 64 blocks of 64 KiB,
    spread evenly from the first byte to the last. It misses a change between these
    blocks that keeps the size. Raises InputError if the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a path as the user gave it
            size = os.fstat(file.fileno()).st_size
            for start in _samples(size):
                digest.update(os.pread(file.fileno(), SAMPLE, start))
    except OSError as error:
        raise InputError(f"{path!r} cannot be read: {error.strerror}") from error
    return {
        "kind": "file",
        "name": os.path.basename(path),  # noqa: PTH119 - a path as the user gave it
        "format": input_format,
        "bytes": size,
        "sha256": digest.hexdigest(),
    }


def of_texts(texts: Iterable[str]) -> dict[str, Any]:
    """Return the fingerprint of a list in memory: its length and its SHA-256."""
    digest = hashlib.sha256()
    count = 0
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
        count += 1
    return {"kind": "items", "count": count, "sha256": digest.hexdigest()}


def of_several(parts: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    """Return the fingerprint of several inputs; None stands for that of a stream."""
    return {"kind": "several", "parts": list(parts)}


def _samples(size: int) -> Iterable[int]:
    """Yield the offsets of the blocks to read of a file of *size* bytes."""
    if size <= WHOLE_UP_TO:
        return range(0, size, SAMPLE)
    return (number * (size - SAMPLE) // (SAMPLES - 1) for number in range(SAMPLES))
