"""What tells one input from another, so that a run is not resumed on a list that has changed.

Knows bytes and texts; does not know what they mean. The time of last change is deliberately not used, nor
is the name compared: a copy is the same input, wherever it lies and whenever it was made.
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
"""Files up to 4 MiB are read whole; of larger ones 64 blocks of 64 KiB are, so that 100 GB cost no more."""


def of_file(path: str, input_format: str) -> dict[str, Any]:
    """The fingerprint of the file at *path*, read as *input_format*; InputError where it cannot be read.

    SHA-256 over all of it up to 4 MiB, else over 64 blocks of 64 KiB spread evenly from its first byte to
    its last. A change between the samples that keeps the size is not seen.
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
    """The fingerprint of a list in memory: how many *texts*, and the SHA-256 over them."""
    digest = hashlib.sha256()
    count = 0
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
        count += 1
    return {"kind": "items", "count": count, "sha256": digest.hexdigest()}


def of_several(parts: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    """The fingerprint of inputs read one after the other; None for a part that nothing is known of."""
    return {"kind": "several", "parts": list(parts)}


def _samples(size: int) -> Iterable[int]:
    """Where the blocks begin that are read of a file of *size* bytes."""
    if size <= WHOLE_UP_TO:
        return range(0, size, SAMPLE)
    return (number * (size - SAMPLE) // (SAMPLES - 1) for number in range(SAMPLES))
