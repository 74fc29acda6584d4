"""Read sitemaps, and each sitemap that an index names: https://www.sitemaps.org/protocol.html.

Knows the elements of a sitemap, and expat. Does not know the rest of XML: it refuses a
document with a type declaration, which entities and external files need. Opens nothing
but the document itself: the reader of the rows gets the sitemaps that an index names.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final
from xml.parsers import expat
from zlib import crc32

from msgspec.structs import replace

from penstock.core.extents import SeqSet
from penstock.core.web.documents import Document, Nested, Rows
from penstock.core.web.hosts import redact
from penstock.core.web.model import Row, Via
from penstock.errors import InputError
from penstock.seams import Contents
from penstock.source import fingerprint
from penstock.source.archives import expand
from penstock.source.digests import Digests, read_whole
from penstock.source.remarks import Remarks
from penstock.source.rows import Shape
from penstock.source.text import BLANKS

__all__ = ["Sitemap", "SitemapUrls"]

SETS: Final = {"urlset": "url", "sitemapindex": "sitemap"}
"""The element of the document, and that of an entry in it."""

INDEX: Final = "sitemapindex"
LOC: Final = "loc"
MOST_TEXT: Final = 131_072
"""Characters kept of one element: four times the longest URL that is accepted."""

MOST_ENTRIES: Final = 50_000
MOST_BYTES: Final = 52_428_800
"""Bounds of a document that was fetched, by the protocol: URLs in a sitemap, sitemaps
in an index, and bytes that it takes decompressed."""

BLOCK: Final = 65_536

Entry = tuple[int, dict[str, str]]
"""The line in which an entry begins, and the texts of its elements by name."""


class Sitemap:
    """The format of a sitemap, or of a sitemap index, whose sitemaps are read as well.

    The URL is in ``loc``; the outcome repeats ``lastmod``, ``changefreq`` and
    ``priority``. Elements of extensions, such as images, are left out.
    """

    __slots__ = ("_entries", "_name", "_remarks", "_shape")

    def __init__(self, shape: Shape, name: str, remarks: Remarks | None = None) -> None:
        """*shape* names the field with the URL; messages call the sitemap *name*."""
        self._shape = shape
        self._name = name
        self._remarks = remarks or Remarks()
        self._entries: _Entries | None = None

    @property
    def is_index(self) -> bool:
        """Whether the document has turned out to be an index."""
        return self._entries is not None and self._entries.is_index

    def read(
        self, blocks: Iterator[bytes], settled: SeqSet, first: int, contents: Contents | None = None
    ) -> Generator[Row | Nested, Any, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq.

        A sitemap that an index names is asked for with a ``Nested``. If it can't be
        had, or read to its end, its URL is a row, after the rows that could be read.

        Raises InputError, after the rows before, if the document is not well-formed, is
        no sitemap, or has a type declaration.
        """
        rows = _Rows(self._shape, settled, first, contents)
        self._entries = entries = _Entries(blocks, self._shape.column)
        try:
            yield from _Walk(self._shape.column, rows, self._remarks).read(entries, None, depth=1)
        except _RefusedError as error:
            raise InputError(f"{self._name!r} {error}; the rows before it were read") from error
        rows.flush()
        return rows.seq


class SitemapUrls:
    """Sitemaps, or indexes of them, that are fetched themselves."""

    blocks = False
    nests = True
    on_demand = False

    def __init__(self, urls: Sequence[str], shape: Shape) -> None:
        """*urls* are read in this order."""
        self._urls = urls
        self._shape = shape
        self._remarks = Remarks()

    def rows(self, settled: SeqSet, contents: Contents | None = None) -> Rows:
        """Yield every row not in *settled*, in order, one document after the other."""
        return read_whole(self.read, settled, contents)

    def read(self, settled: SeqSet, first: int, contents: Contents | None = None) -> Generator[Row | Nested, Any, int]:
        """Yield the rows not *settled*, numbered from *first*; return the next seq."""
        column = self._shape.column
        rows = _Rows(self._shape, settled, first, contents)
        walk = _Walk(column, rows, self._remarks)
        for line, url in enumerate(self._urls, 1):
            yield from walk.follow((line, {column: url}), None, depth=2)
        rows.flush()
        return rows.seq

    def remarks(self) -> list[str]:
        """Remove and return the remarks on the documents."""
        return self._remarks.take()

    def fingerprint(self) -> dict[str, Any]:
        """Return a digest of the URLs; what they say is kept, not compared."""
        return fingerprint.of_texts(self._urls) | {"kind": "sitemaps"}

    def progress(self) -> None:
        """Return None: how much there is to read is never known."""


class _Rows:
    """Numbers and compares the rows of all documents of one input."""

    def __init__(self, shape: Shape, settled: SeqSet, first: int, contents: Contents | None) -> None:
        self.seq = first
        self._make = make = shape.row_of_values
        self._settled = settled
        self._digests = (
            None if contents is None else Digests[Entry](contents, first, lambda seq, entry: make(seq, *entry))
        )

    def take(self, entry: Entry, via: Via | None) -> Row | None:
        """Return the row of the next *entry*, or None if it is settled."""
        seq, digests = self.seq, self._digests
        digest = 0 if digests is None else crc32(repr(entry[1]).encode("utf-8", "surrogatepass")) or 1
        self.seq += 1
        if seq in self._settled:
            if digests is not None:
                digests.add(digest, entry)
            return None
        if digests is not None:
            digests.tell(digest, entry)
        row = self._make(seq, *entry)
        return row if via is None else replace(row, via=via)

    def flush(self) -> None:
        """Compare what has not been compared yet."""
        if self._digests is not None:
            self._digests.flush()


class _Walk:
    """Goes through the entries of a document, and of the documents that it names."""

    def __init__(self, column: str, rows: _Rows, remarks: Remarks) -> None:
        """*column* is the field of an entry with its URL."""
        self._column = column
        self._rows = rows
        self._remarks = remarks

    def read(self, entries: _Entries, via: Via | None, depth: int) -> Rows:
        """Yield the rows of *entries*; follow the entries of an index *depth* levels."""
        for entry in entries:
            if entries.is_index:
                if not depth:
                    raise _RefusedError("is an index within an index")
                yield from self.follow(entry, via, depth)
            elif (row := self._rows.take(entry, via)) is not None:
                yield row

    def follow(self, entry: Entry, via: Via | None, depth: int) -> Rows:
        """Yield the rows of the document that *entry* names, else its own row."""
        url = entry[1].get(self._column, "")
        document = (yield Nested(url, via)) if url else None
        if document is not None:
            try:
                yield from self.read(_open_fetched(document, self._column), document.via, depth - 1)
            except _RefusedError as error:
                self._remarks.add("sitemap", f"the sitemap {redact(url)!r} {error}, so its own URL is an input too")
            else:
                return
        if (row := self._rows.take(entry, via)) is not None:
            yield row


class _RefusedError(ValueError):
    """The document is refused; the message continues its name."""


class _Entries:
    """Iterates over the entries of a document; ``is_index`` is known with the first."""

    def __init__(self, blocks: Iterable[bytes], column: str, most: int | None = None) -> None:
        """More than *most* entries are refused."""
        self._parser = _Parser(column)
        self._blocks = blocks
        self._most = most

    @property
    def is_index(self) -> bool:
        """Whether the document is an index."""
        return self._parser.root == INDEX

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries. Raises a refusal, after the entries before it."""
        count, parser = 0, self._parser
        for block in chain(self._blocks, (b"",)):
            refusal = parser.feed(block)
            for entry in parser.take():
                count += 1
                if self._most is not None and count > self._most:
                    raise _RefusedError(f"has more than {self._most:,} entries")
                yield entry
            if refusal is not None:
                raise refusal


def _open_fetched(document: Document, column: str) -> _Entries:
    """Return the entries of *document*, packed or not, within the bounds."""
    body = document.body
    blocks = (body[at : at + BLOCK] for at in range(0, len(body), BLOCK))
    return _Entries(_bound(expand(blocks, "")), column, MOST_ENTRIES)


def _bound(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield *blocks*, up to the bound. Raises a refusal for more, or for damage."""
    size = 0
    try:
        for block in blocks:
            size += len(block)
            if size > MOST_BYTES:
                raise _RefusedError(f"has more than {MOST_BYTES:,} bytes")
            yield block
    except InputError as error:
        raise _RefusedError("is a damaged archive") from error


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

    def feed(self, block: bytes) -> _RefusedError | None:
        """Parse *block*; b"" is the end. Return why the document is refused, if it is."""
        try:
            self._expat.Parse(block, not block)
        except expat.ExpatError as error:
            return _RefusedError(f"is not well-formed XML: {error}")
        except _RefusedError as refusal:
            return refusal
        return None

    def take(self) -> list[Entry]:
        """Remove and return the entries that were found."""
        found, self._found = self._found, []
        return found

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
