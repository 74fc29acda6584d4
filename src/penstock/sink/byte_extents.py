"""What formats share whose extents are stretches of bytes of files that only grow, or are closed at each flush."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from penstock.core.extents import Extent
from penstock.sink.durable import checksum

__all__ = ["ByteExtents"]


class ByteExtents:
    """The base of such a format; it has no other files and none with another name while it is written."""

    __slots__ = ()

    unit: ClassVar[str] = "bytes"
    unfinished: str | None = None
    folder: str | None = None

    def length(self, file: Path) -> int:
        """Return the bytes of *file*."""
        return file.stat().st_size

    def checksum(self, folder: Path, extent: Extent) -> tuple[str, int]:
        """Return the CRC-32 of the bytes of *extent*, and how many of them there are."""
        file = folder / extent.file
        end = min(extent.end, max(extent.start, file.stat().st_size))
        return checksum(file, extent.start, end), end - extent.start
