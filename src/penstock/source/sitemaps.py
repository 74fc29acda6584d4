"""Sitemaps (https://www.sitemaps.org/protocol.html): the URLs a site names, with what it says of them.

Knows the elements of a sitemap, and expat. Does not know XML beyond that: a document with a type declaration, which
entities and external files need, is refused; nothing but the document itself is ever opened.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Final
from xml.parsers import expat
from zlib import crc32

from penstock.core.extents import Settled
from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.seams import Contents
from penstock.source.digests import Digests
from penstock.source.remarks import Remarks
from penstock.source.rows import Shape
from penstock.source.text import BLANKS

__all__ = ["Sitemap"]

SETS: Final = {"urlset": "url", "sitemapindex": "sitemap"}
"""The document's element, and the one in it that is an entry."""

LOC: Final = "loc"
MOST_TEXT: Final = 131_072
"""Characters of one element kept: four times the longest URL that is taken."""

Entry = tuple[int, dict[str, str]]
"""The line an entry begins in, and the texts of its elements by name."""


class Sitemap:
    """The format of a sitemap, or of an index of them, whose entries are the sitemaps themselves.

    The URL is ``loc``, or what *shape* names; ``lastmod``, ``changefreq`` and ``priority`` come back with it. Elements
    of extensions, as of images, are left out.
    """

    __slots__ = ("_name", "_remarks", "_shape")

    def __init__(self, shape: Shape, name: str, remarks: Remarks | None = None) -> None:
        """*name* is what messages call the sitemap."""
        self._shape = shape
        self._name = name
        self._remarks = remarks or Remarks()

    def read(
        self, blocks: Iterator[bytes], settled: Settled, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """The rows in *blocks* that are not *settled*, numbered from *first*; returns the next free seq.

        InputError, after the rows before, if it is not well-formed, is no sitemap, or has a type declaration.
        """
        seq, shape = first, self._shape
        digests = (
            None
            if contents is None
            else Digests[Entry](contents, first, lambda seq, entry: shape.row_of_values(seq, *entry))
        )
        for entry in self._entries(blocks):
            digest = 0 if digests is None else crc32(repr(entry[1]).encode("utf-8", "surrogatepass")) or 1
            if seq not in settled:
                if digests is not None:
                    digests.tell(digest, entry)
                yield shape.row_of_values(seq, *entry)
            elif digests is not None:
                digests.add(digest, entry)
            seq += 1
        if digests is not None:
            digests.flush()
        return seq

    def _entries(self, blocks: Iterator[bytes]) -> Iterator[Entry]:
        parser = _Parser(self._shape.column)
        try:
            for block in blocks:
                yield from parser.feed(block)
                if parser.root == "sitemapindex":
                    self._remarks.say(
                        "index",
                        f"{self._name!r} is an index of sitemaps: they are the inputs, not the pages in them. Read "
                        'each of them with input_format="sitemap" once it is fetched',
                    )
            yield from parser.feed(b"", last=True)
        except expat.ExpatError as error:
            raise InputError(f"{self._name!r} is not well-formed XML: {error}; what came before was read") from error
        except _RefusedError as error:
            raise InputError(f"{self._name!r} {error}") from None


class _RefusedError(ValueError):
    """It is not read any further."""


class _Parser:
    """Expat, and the entries that it has come upon."""

    def __init__(self, column: str) -> None:
        self.root: str | None = None
        self._namespace = ""
        self._url = column
        self._path: list[str] = []
        self._entry: dict[str, str] | None = None
        self._line = 0
        self._text: list[str] = []
        self._length = 0
        self._found: list[Entry] = []
        self._expat = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._take

    def feed(self, block: bytes, *, last: bool = False) -> list[Entry]:
        """The entries that end in *block*."""
        self._found = []
        self._expat.Parse(block, last)
        return self._found

    def _refuse(self, *_declared: Any) -> None:
        raise _RefusedError("has a document type declaration, which no sitemap needs; take it out")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if self.root is None:
            if local not in SETS:
                raise _RefusedError(f"is no sitemap: its element is {local[:40]!r}, not urlset or sitemapindex")
            self.root, self._namespace = local, namespace
        depth = len(self._path)
        self._path.append(local if namespace == self._namespace else "")
        if depth == 1 and local == SETS[self.root]:
            self._entry, self._line = {}, self._expat.CurrentLineNumber
        self._text.clear()
        self._length = 0

    def _take(self, text: str) -> None:
        if self._entry is not None and len(self._path) == 3:
            self._length += len(text)
            if self._length <= MOST_TEXT:
                self._text.append(text)

    def _end(self, _name: str) -> None:
        local = self._path.pop()
        depth = len(self._path)
        if self._entry is None:
            return
        if depth == 2 and local:
            name = self._url if local == LOC else local
            self._entry.setdefault(name, "".join(self._text).strip(BLANKS))
        elif depth == 1:
            self._found.append((self._line, self._entry))
            self._entry = None
