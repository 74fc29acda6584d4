"""From what the user named on the command line to inputs: URLs, files, standard input, one after the other.

Knows what may be named. Does not know how any format is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain, groupby
from typing import Any, Final, Protocol

from penstock.core.extents import Settled
from penstock.core.web.model import Row
from penstock.errors import InputError, UsageError
from penstock.seams import Contents, Input
from penstock.settings import InputSettings
from penstock.source import fingerprint
from penstock.source.archives import expanded
from penstock.source.columnar import Columnar
from penstock.source.digests import whole
from penstock.source.formats import COLUMNAR, promised, reader_for
from penstock.source.iterables import Items
from penstock.source.kinds import foreign_kind
from penstock.source.looks import look_at
from penstock.source.octets import Octets
from penstock.source.remarks import Remarks
from penstock.source.zipped import Member, is_zip, member_of

__all__ = ["STDIN", "Chain", "Opened", "open_inputs"]

STDIN: Final = "-"


class Part(Input, Protocol):
    """An input that can stand after another."""

    def read(self, settled: Settled, first: int, contents: Contents | None = None) -> Generator[Row, None, int]:
        """As ``rows``, numbered from *first*; returns the next free seq."""

    def progress(self) -> tuple[int, int] | None:
        """How much was read, of how much; None for a stream."""


class Opened:
    """An input in one file or descriptor.

    A file that ends early or is damaged, or a disk that fails, raises InputError after the rows before it; one that is
    plainly no list before the first row.
    """

    def __init__(
        self, octets: Octets, input_format: str, settings: InputSettings, member: Member | None = None
    ) -> None:
        """*member* is what is read of a zip archive. InputError if *settings* ask for what the format does not have."""
        self.blocks = not octets.regular
        self._remarks = Remarks()
        self._octets = octets
        self._member = member
        self._input_format = input_format
        self._settings = settings
        self._reader = reader_for(input_format, octets.name, settings, self._remarks)

    def rows(self, settled: Settled, contents: Contents | None = None) -> Iterator[Row]:
        """Every row whose seq is not in *settled*, in order, read a block at a time."""
        return whole(self.read, settled, contents)

    def read(self, settled: Settled, first: int, contents: Contents | None = None) -> Generator[Row, None, int]:
        """The rows that are not *settled*, numbered from *first*; returns the next free seq."""
        name, member = self._octets.name, self._member
        with closing(self._octets.blocks() if member is None else member.blocks(self._octets.count)) as packed:
            blocks = self._reader.prepare(self._judged(expanded(packed, name)))
            rows = self._reader.format.read(blocks, settled, first, contents)
            if self.blocks:
                # A file was looked at when it was opened.
                ended = yield from look_at(rows, self._input_format, name, self._settings, self._remarks)
                if ended is not None:
                    return ended
            return (yield from rows)

    def remarks(self) -> list[str]:
        """What is to be said of it, each thing once."""
        return self._remarks.taken()

    def fingerprint(self) -> dict[str, Any] | None:
        """What ``fingerprint.of_file`` says of a file; None for a stream."""
        where = self._octets.where
        if isinstance(where, int) or not self._octets.regular:
            return None
        return fingerprint.of_file(where, self._input_format)

    def progress(self) -> tuple[int, int] | None:
        """Bytes read of bytes there are, packed ones for an archive; None for a stream."""
        return self._octets.progress()

    def check(self) -> None:
        """Read the first rows; InputError if there is none that can be. What they seem to be is remarked on."""
        seen = 0
        with closing(self.read(Settled(), 0)) as rows:
            try:
                for _ in look_at(rows, self._input_format, self._octets.name, self._settings, self._remarks):
                    seen += 1
            except InputError:
                # Damage behind a row is said once the rows before it have their outcomes.
                if not seen:
                    raise
        self._octets.read = 0

    def _judged(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """*blocks*; InputError if the first of them is that of a file that is no list."""
        first = next(blocks, b"")
        kind = foreign_kind(first, markup=self._input_format == "sitemap")
        if kind is not None:
            raise InputError(f"{self._octets.name!r} is no list of URLs; it seems to be {kind}")
        return chain((first,), blocks) if first else blocks


class Chain:
    """Several inputs read one after the other; the seqs run on, the line numbers begin anew in each."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """*parts* in the order they are read."""
        self.blocks = any(part.blocks for part in parts)
        self._parts = parts

    def remarks(self) -> list[str]:
        """What is to be said of the parts, each thing once."""
        return [text for part in self._parts for text in part.remarks()]

    def rows(self, settled: Settled, contents: Contents | None = None) -> Iterator[Row]:
        """Every row of every part whose seq is not in *settled*, in order."""
        return whole(self.read, settled, contents)

    def read(self, settled: Settled, first: int, contents: Contents | None = None) -> Generator[Row, None, int]:
        """The rows that are not *settled*, numbered from *first*; returns the next free seq."""
        seq = first
        for part in self._parts:
            seq = yield from part.read(settled, seq, contents)
        return seq

    def fingerprint(self) -> dict[str, Any]:
        """The fingerprints of the parts."""
        return fingerprint.of_several(part.fingerprint() for part in self._parts)

    def progress(self) -> tuple[int, int] | None:
        """The sums over the parts; None where one of them is a stream."""
        known = [found for part in self._parts if (found := part.progress()) is not None]
        if len(known) < len(self._parts):
            return None
        return sum(read for read, _ in known), sum(size for _, size in known)


def open_inputs(
    specs: Sequence[str | os.PathLike[str]], settings: InputSettings, stdin: int | None = None
) -> Items | Opened | Columnar | Chain:
    """The input that *specs* name together: each a URL (it has ``://`` in it), a file, or ``-``.

    ``-`` is the descriptor *stdin*, by default that of standard input. Files are read up to their first row
    at once, so that a missing file or column is an InputError before anything else happens; of streams
    nothing is read. UsageError where nothing is named, or the template is none.
    """
    names = [os.fspath(spec) for spec in specs]
    if not names:
        raise UsageError("no input; name a URL, a file, or - for standard input")
    if names.count(STDIN) > 1:
        raise UsageError("- is named more than once; standard input can be read only once")
    if settings.input_format == "sitemap" and any("://" in name for name in names):
        raise UsageError(
            "a URL that is named is fetched itself; to fetch the pages in a sitemap, get it first and read that: "
            "penstock fetch URL | jq -r .body | penstock fetch - --input-format sitemap"
        )
    parts: list[Items | Opened | Columnar] = []
    for are_urls, group in groupby(names, key=lambda name: "://" in name):
        if are_urls:
            parts.append(Items(tuple(group), settings))
        else:
            parts += [_opened(name, settings, stdin) for name in group]
    return parts[0] if len(parts) == 1 else Chain(parts)


def _opened(name: str, settings: InputSettings, stdin: int | None) -> Opened | Columnar:
    if name == STDIN:
        octets = Octets(_descriptor() if stdin is None else stdin, "standard input")
        return _of_format(octets, promised("", settings), settings)
    octets = Octets(name, name)
    member = member_of(name, name) if octets.regular and is_zip(name) else None
    input_format = promised(name, settings)
    if member is not None and input_format == "lines":
        input_format = promised(member.name, settings)
    opened = _of_format(octets, input_format, settings, member)
    if not opened.blocks:
        opened.check()
    return opened


def _of_format(
    octets: Octets, input_format: str, settings: InputSettings, member: Member | None = None
) -> Opened | Columnar:
    if input_format in COLUMNAR:
        return Columnar(octets, input_format, settings)
    return Opened(octets, input_format, settings, member)


def _descriptor() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        # Closed before we began (None), or replaced by something that is no file.
        raise InputError("standard input is closed; name a file") from None
