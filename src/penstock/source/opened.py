"""Open the inputs that a caller names: URLs, files and standard input.

Knows what may be named. Does not know how any format is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain, groupby
from typing import Any, Final, Protocol

from penstock.core.extents import SeqSet
from penstock.core.web.documents import Nested, Rows
from penstock.core.web.model import Row
from penstock.errors import InputError, UsageError
from penstock.seams import Contents, Input
from penstock.settings import InputSettings
from penstock.source import fingerprint
from penstock.source.archives import expand
from penstock.source.columnar import ColumnarInput
from penstock.source.digests import read_whole
from penstock.source.iterables import Items
from penstock.source.kinds import recognise_kind
from penstock.source.octets import Octets
from penstock.source.readers import COLUMNAR, choose_reader, guess_format
from penstock.source.remarks import Remarks
from penstock.source.rows import Shape
from penstock.source.sitemaps import Sitemap, SitemapUrls
from penstock.source.sniffing import sniff
from penstock.source.zipped import ZipMember, find_member, is_zip

__all__ = ["STDIN", "ChainedInputs", "FileInput", "open_inputs"]

STDIN: Final = "-"


class Part(Input, Protocol):
    """An input that can follow another."""

    def read(self, settled: SeqSet, first: int, contents: Contents | None = None) -> Generator[Row | Nested, Any, int]:
        """Yield rows as ``rows`` does, numbered from *first*; return the next seq."""

    def progress(self) -> tuple[int, int] | None:
        """Return how much was read, and how much there is; None for a stream."""


class FileInput:
    """An input in one file or descriptor.

    Reading raises InputError: before the first row if the content is plainly no list,
    and after the last good row if the file is damaged or ends early, or the disk fails.
    """

    on_demand = False

    def __init__(
        self, octets: Octets, input_format: str, settings: InputSettings, member: ZipMember | None = None
    ) -> None:
        """*member* is the file to read in a zip archive.

        Raises InputError if *settings* ask for what the format lacks.
        """
        self.blocks = not octets.regular
        self.nests = input_format == "sitemap"
        self._remarks = Remarks()
        self._octets = octets
        self._member = member
        self._input_format = input_format
        self._settings = settings
        self._reader = choose_reader(input_format, octets.name, settings, self._remarks)

    def rows(self, settled: SeqSet, contents: Contents | None = None) -> Rows:
        """Yield every row not in *settled*, in order, reading a block at a time."""
        return read_whole(self.read, settled, contents)

    def read(self, settled: SeqSet, first: int, contents: Contents | None = None) -> Generator[Row | Nested, Any, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq."""
        name, member = self._octets.name, self._member
        with closing(self._octets.blocks() if member is None else member.blocks(self._octets.count)) as packed:
            blocks = self._reader.prepare(self._refuse_foreign(expand(packed, name)))
            rows = self._reader.format.read(blocks, settled, first, contents)
            if self.blocks:
                # The rows of a file were sniffed when it was opened.
                ended = yield from sniff(rows, self._input_format, name, self._settings, self._remarks)
                if ended is not None:
                    return ended
            return (yield from rows)

    def remarks(self) -> list[str]:
        """Remove and return the remarks on it."""
        return self._remarks.take()

    def fingerprint(self) -> dict[str, Any] | None:
        """Return the fingerprint of a file, or None for a stream."""
        where = self._octets.where
        if isinstance(where, int) or not self._octets.regular:
            return None
        return fingerprint.of_file(where, self._input_format)

    def progress(self) -> tuple[int, int] | None:
        """Return bytes read and bytes in all, packed ones.

        None for a stream, and for a sitemap index, which is read long before its pages.
        """
        format_ = self._reader.format
        return None if isinstance(format_, Sitemap) and format_.is_index else self._octets.progress()

    def check(self) -> None:
        """Read and sniff the first rows.

        Raises InputError if none of them can be read.
        """
        seen = 0
        with closing(self.read(SeqSet(), 0)) as rows:
            try:
                for _ in sniff(rows, self._input_format, self._octets.name, self._settings, self._remarks):
                    seen += 1
            except InputError:
                # Damage after a row is reported once the rows before it have their
                # outcomes.
                if not seen:
                    raise
        self._octets.read = 0

    def _refuse_foreign(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Return *blocks*. Raises InputError if they are plainly no list."""
        first = next(blocks, b"")
        kind = recognise_kind(first, markup=self._input_format == "sitemap")
        if kind is not None:
            raise InputError(f"{self._octets.name!r} is no list of URLs; it seems to be ", kind)
        return chain((first,), blocks) if first else blocks


class ChainedInputs:
    """Several inputs, read in turn: seqs continue, line numbers begin at 1 in each."""

    on_demand = False

    def __init__(self, parts: Sequence[Part]) -> None:
        """*parts* are read in this order."""
        self.blocks = any(part.blocks for part in parts)
        self.nests = any(part.nests for part in parts)
        self._parts = parts

    def remarks(self) -> list[str]:
        """Remove and return the remarks on the parts."""
        return [text for part in self._parts for text in part.remarks()]

    def rows(self, settled: SeqSet, contents: Contents | None = None) -> Rows:
        """Yield every row of every part whose seq is not in *settled*, in order."""
        return read_whole(self.read, settled, contents)

    def read(self, settled: SeqSet, first: int, contents: Contents | None = None) -> Generator[Row | Nested, Any, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq."""
        seq = first
        for part in self._parts:
            seq = yield from part.read(settled, seq, contents)
        return seq

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprints of the parts."""
        return fingerprint.of_several(part.fingerprint() for part in self._parts)

    def progress(self) -> tuple[int, int] | None:
        """Return the sums over the parts, or None if one of them is a stream."""
        known = [found for part in self._parts if (found := part.progress()) is not None]
        if len(known) < len(self._parts):
            return None
        return sum(read for read, _ in known), sum(size for _, size in known)


def open_inputs(specs: Sequence[str | os.PathLike[str]], settings: InputSettings, stdin: int | None = None) -> Input:
    """Open *specs* as one input: each is a URL (with ``://``), a file, or ``-``.

    A URL is an input itself, or that of a sitemap if *settings* name this format.
    ``-`` is the descriptor *stdin*, by default that of standard input. Of each file the
    first rows are read at once, so that a missing file or column is an InputError
    before anything else happens. No stream is read yet. Raises UsageError if *specs*
    are empty, or if the URL template is invalid.
    """
    names = [os.fspath(spec) for spec in specs]
    if not names:
        raise UsageError("no input; name a URL, a file, or - for standard input")
    if names.count(STDIN) > 1:
        raise UsageError("- is named more than once; standard input can be read only once")
    parts: list[Part] = []
    for are_urls, group in groupby(names, key=lambda name: "://" in name):
        if are_urls and settings.input_format == "sitemap":
            parts.append(SitemapUrls(tuple(group), Shape.of(settings)))
        elif are_urls:
            parts.append(Items(tuple(group), settings))
        else:
            parts += [_open(name, settings, stdin) for name in group]
    return parts[0] if len(parts) == 1 else ChainedInputs(parts)


def _open(name: str, settings: InputSettings, stdin: int | None) -> FileInput | ColumnarInput:
    if name == STDIN:
        octets = Octets(_find_stdin() if stdin is None else stdin, "standard input")
        return _open_as(octets, guess_format("", settings), settings)
    octets = Octets(name, name)
    member = find_member(name, name) if octets.regular and is_zip(name) else None
    input_format = guess_format(name, settings)
    if member is not None and input_format == "lines":
        input_format = guess_format(member.name, settings)
    opened = _open_as(octets, input_format, settings, member)
    if not opened.blocks:
        opened.check()
    return opened


def _open_as(
    octets: Octets, input_format: str, settings: InputSettings, member: ZipMember | None = None
) -> FileInput | ColumnarInput:
    if input_format in COLUMNAR:
        return ColumnarInput(octets, input_format, settings)
    return FileInput(octets, input_format, settings, member)


def _find_stdin() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        # It was closed before Python started (None), or replaced by an object that is
        # no file.
        raise InputError("standard input is closed; name a file") from None
