"""Read sitemaps: https://www.sitemaps.org/protocol.html.

Knows the elements of a sitemap, and expat. Does not know the rest of XML: it refuses a
document with a type declaration, which entities and external files need, and opens
nothing but the document itself.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Final
from xml.parsers import expat
from zlib import crc32

from penstock.core.extents import SeqSet
from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.remedies import keyword
from penstock.seams import Contents
from penstock.source.digests import Digests
from penstock.source.remarks import Remarks
from penstock.source.rows import Shape
from penstock.source.text import BLANKS

__all__ = ["Sitemap"]

SETS: Final = {"urlset": "url", "sitemapindex": "sitemap"}
"""The element of the document, and that of an entry in it."""

LOC: Final = "loc"
MOST_TEXT: Final = 131_072
"""Characters kept of one element: four times the longest URL that is accepted."""

Entry = tuple[int, dict[str, str]]
"""The line in which an entry begins, and the texts of its elements by name."""


class Sitemap:
    """The format of a sitemap, or of a sitemap index, whose entries are sitemaps.

    The URL is in ``loc``; the outcome repeats ``lastmod``, ``changefreq`` and
    ``priority``. Elements of extensions, such as images, are left out.
    """

    __slots__ = ("_name", "_remarks", "_shape")

    def __init__(self, shape: Shape, name: str, remarks: Remarks | None = None) -> None:
        """*shape* names the field with the URL; messages call the sitemap *name*."""
        self._shape = shape
        self._name = name
        self._remarks = remarks or Remarks()

    def read(
        self, blocks: Iterator[bytes], settled: SeqSet, first: int, contents: Contents | None = None
    ) -> Generator[Row, None, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq.

        Raises InputError, after the rows before, if the document is not well-formed, is
        no sitemap, or has a type declaration.
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
                    self._remarks.add(
                        "index",
                        f"{self._name!r} is a sitemap index: its sitemaps are the inputs, not the pages in them. "
                        "Read each of them, once it is fetched, with ",
                        keyword("input_format", "sitemap"),
                    )
            yield from parser.feed(b"", last=True)
        except expat.ExpatError as error:
            raise InputError(f"{self._name!r} is not well-formed XML: {error}; the rows before it were read") from error
        except _RefusedError as error:
            raise InputError(f"{self._name!r} {error}") from None


class _RefusedError(ValueError):
    """The document is refused; the message continues its name."""


class _Parser:
    """Expat, and the entries that it has found."""

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
        """Return the entries that end in *block*."""
        self._found = []
        self._expat.Parse(block, last)
        return self._found

    def _refuse(self, *_declared: Any) -> None:
        raise _RefusedError("has a document type declaration, which no sitemap needs; remove it")

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
