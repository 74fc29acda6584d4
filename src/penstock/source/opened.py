"""From what the user named on the command line to inputs: URLs, files, standard input, one after the other.

Knows which format a name promises. Does not know how any format is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from typing import Any, Final, Protocol

from penstock.core.model import Row
from penstock.errors import InputError, UsageError
from penstock.remedies import keyword
from penstock.seams import Contents, Input, Settled
from penstock.settings import InputSettings
from penstock.source import fingerprint
from penstock.source.archives import expanded
from penstock.source.digests import whole
from penstock.source.iterables import Items
from penstock.source.jsonlines import JsonLines
from penstock.source.lines import Lines
from penstock.source.octets import Octets
from penstock.source.records import Quoted, Tabbed
from penstock.source.rows import Shape
from penstock.source.tables import Table

__all__ = ["STDIN", "Chain", "Opened", "open_inputs"]

STDIN: Final = "-"

PACKED: Final = (".gz", ".zst")

FORMATS: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json-lines": "jsonl",
}
"""The format of a file by the end of its name; plain lines for all others."""


class Format(Protocol):
    """How the bytes of one file become rows."""

    def read(
        self, blocks: Iterator[bytes], settled: Settled, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """The rows in *blocks* that are not *settled*, numbered from *first*; returns the next free seq."""


class Part(Input, Protocol):
    """An input that can stand after another."""

    def read(self, settled: Settled, first: int, contents: Contents | None = None) -> Generator[Row, None, int]:
        """As ``rows``, numbered from *first*; returns the next free seq."""

    def progress(self) -> tuple[int, int] | None:
        """How much was read, of how much; None for a stream."""


class Opened:
    """An input in one file or descriptor.

    A file that ends early or is damaged, or a disk that fails, raises InputError after the rows before it.
    """

    def __init__(self, octets: Octets, settings: InputSettings) -> None:
        """InputError where *settings* ask for what the format does not have."""
        self.blocks = not octets.regular
        self._octets = octets
        self._input_format = settings.input_format or _promised(octets.name)
        self._format = _format(self._input_format, octets.name, settings)

    def rows(self, settled: Settled, contents: Contents | None = None) -> Iterator[Row]:
        """Every row whose seq is not in *settled*, in order, read a block at a time."""
        return whole(self.read, settled, contents)

    def read(self, settled: Settled, first: int, contents: Contents | None = None) -> Generator[Row, None, int]:
        """The rows that are not *settled*, numbered from *first*; returns the next free seq."""
        with closing(self._octets.blocks()) as blocks:
            return (yield from self._format.read(expanded(blocks, self._octets.name), settled, first, contents))

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
        """Read up to the first row; InputError where that cannot be done."""
        with closing(self.read(Settled(), 0)) as rows:
            next(rows, None)
        self._octets.read = 0


class Chain:
    """Several inputs read one after the other; the seqs run on, the line numbers begin anew in each."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """*parts* in the order they are read."""
        self.blocks = any(part.blocks for part in parts)
        self._parts = parts

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
) -> Items | Opened | Chain:
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
    parts: list[Items | Opened] = []
    for are_urls, group in groupby(names, key=lambda name: "://" in name):
        if are_urls:
            parts.append(Items(tuple(group), settings))
        else:
            parts += [_opened(name, settings, stdin) for name in group]
    return parts[0] if len(parts) == 1 else Chain(parts)


def _opened(name: str, settings: InputSettings, stdin: int | None) -> Opened:
    if name == STDIN:
        return Opened(Octets(_descriptor() if stdin is None else stdin, "standard input"), settings)
    opened = Opened(Octets(name, name), settings)
    if not opened.blocks:
        opened.check()
    return opened


def _descriptor() -> int:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        # Closed before we began (None), or replaced by something that is no file.
        raise InputError("standard input is closed; name a file") from None


def _promised(name: str) -> str:
    """The format that the end of *name* promises."""
    stem, suffix = os.path.splitext(name.lower())  # noqa: PTH122 - a path as the user gave it
    if suffix in PACKED:
        suffix = os.path.splitext(stem)[1]  # noqa: PTH122 - as above
    return FORMATS.get(suffix, "lines")


def _format(input_format: str, name: str, settings: InputSettings) -> Format:
    shape = Shape.of(settings)
    if input_format == "csv":
        return Table(shape, Quoted, name=name)
    if input_format == "tsv":
        return Table(shape, Tabbed, name=name)
    if input_format == "jsonl":
        return JsonLines(shape)
    asked = [settings.column] if settings.column is not None else []
    if shape.template is not None:
        asked += shape.template.names
    if asked:
        raise InputError(
            f"{name!r} is read as plain lines, which have no column {asked[0]!r}; in a template {{}} stands for the "
            "line. If it is a table or JSON lines, say so with ",
            keyword("input_format"),
        )
    return Lines(shape)
