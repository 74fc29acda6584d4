"""The documents of an input, such as the sitemaps of an index, as files of a run folder.

Knows the names and the form of the files. Does not know what the documents say.

Each is a gzip file of one line of JSON, which says whether the document was had, and of
the document, as it was fetched. Its name has a digest of the URL, since a URL may hold
credentials.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from penstock.errors import FolderDamaged
from penstock.runs.files import DOCUMENT_FILE
from penstock.sink.durable import write_file

__all__ = ["DocumentStore", "StoredDocument"]

DIGITS: Final = 32
"""Hexadecimal digits of a URL's SHA-256 in the name of a file: 128 bits."""

LEVEL: Final = 6
"""The usual level of zlib."""


class StoredDocument(Struct, frozen=True):
    """The *body* of a document, or None if it can't be had.

    *public* says that it came from a public or unknown address.
    """

    body: bytes | None = None
    public: bool = False


class _Head(Struct, frozen=True):
    """The first line of a file."""

    found: bool
    public: bool


class DocumentStore:
    """Stores documents by their URLs in the run folder *folder*."""

    def __init__(self, folder: Path) -> None:
        """Open no file before it is used."""
        self._folder = folder

    def get(self, url: str) -> StoredDocument | None:
        """Return what is stored for *url*, or None.

        Raises FolderDamaged if the file can't be read.
        """
        file = self._locate(url)
        try:
            with open(file, "rb", opener=_open_plain) as opened:
                head, _, body = gzip.decompress(opened.read()).partition(b"\n")
            said = msgspec.json.decode(head, type=_Head)
        except FileNotFoundError:
            return None
        except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as error:
            raise FolderDamaged(
                f"{file} is damaged: {error}; put a copy of it back. It has the sitemap that later inputs came from"
            ) from error
        return StoredDocument(body if said.found else None, said.public)

    def put(self, url: str, document: StoredDocument) -> None:
        """Store *document* durably. Raises OutputError if that fails."""
        head = msgspec.json.encode(_Head(document.body is not None, document.public))
        packed = gzip.compress(head + b"\n" + (document.body or b""), LEVEL, mtime=0)
        write_file(self._locate(url), packed)

    def _locate(self, url: str) -> Path:
        digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / DOCUMENT_FILE.format(digest[:DIGITS])


def _open_plain(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
