"""Recognise a file that is plainly no list by its first bytes.

Knows the signatures of common formats, and how text differs from binary data. Does not
know how lists are read. docs/decisions/plain-lists.md lists the recognised kinds.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Final

from penstock.remedies import Message, keyword

__all__ = ["recognise_kind"]

SIGNATURES: Final = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (.xls, .doc); save it as CSV (UTF-8)"),
    (b"%PDF-", "a PDF file"),
    (b"\x89PNG\r\n\x1a\n", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF87a", "an image (GIF)"),
    (b"GIF89a", "an image (GIF)"),
    (b"II*\x00", "an image (TIFF)"),
    (b"MM\x00*", "an image (TIFF)"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"OggS\x00", "audio or video (Ogg)"),
    (b"ID3\x03", "audio (MP3)"),
    (b"ID3\x04", "audio (MP3)"),
    (b"fLaC\x00", "audio (FLAC)"),
    (b"\x1aE\xdf\xa3", "video (Matroska)"),
    (b"\x7fELF", "a program (ELF)"),
    (b"\xcf\xfa\xed\xfe", "a program (Mach-O)"),
    (b"\xca\xfe\xba\xbe", "a program (Java or Mach-O)"),
    (b"\x00asm", "a program (WebAssembly)"),
    (b"Rar!\x1a\x07", "an archive (RAR); unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7-Zip); unpack it"),
    (b"\x04\x22\x4d\x18", "a file packed with lz4; unpack it"),
    (b"\x1f\x9d", "a file packed with compress; unpack it"),
    (b"!<arch>\n", "an archive (ar); unpack it"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"SQLite format 3\x00", "an SQLite database; write the URLs in it to a text file"),
    (b"{\\rtf", "a document (RTF); save it as plain text (UTF-8)"),
    (b"%!PS", "a PostScript file"),
    (b"WARC/1.0\r\n", "a WARC file, which holds pages"),
    (b"WARC/1.1\r\n", "a WARC file, which holds pages"),
    (b"version https://git-lfs.github.com/spec/", "a pointer of Git LFS, and not the file; get it: git lfs pull"),
    (b"PK\x03\x04", "a zip archive, which can be read only from a file: its contents are listed at its end"),
    (b"PAR1\x15", Message("a Parquet file; it is read from a file, with ", keyword("input_format", "parquet"))),
    (b"ARROW1\x00", Message("an Arrow file; it is read from a file, with ", keyword("input_format", "arrow"))),
)
"""How files of each kind begin. No URL, and no row of a table, begins so."""

XML: Final = Message("an XML file; a sitemap is read with ", keyword("input_format", "sitemap"))

ZIP: Final = b"PK\x03\x04"

TAR: Final = (b"ustar\x00", b"ustar ")
RIFF: Final = (b"WEBP", b"WAVE", b"AVI ")
AT_OF_TAR: Final = 257
"""The offset of ``TAR`` in a tape archive (POSIX.1-2017, pax, "ustar Interchange
Format")."""

_HTML: Final = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML: Final = re.compile(rb"\s*<\?xml\b")

MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""Byte-order marks of text that may have many NULs; that of UTF-32 LE begins as that of
UTF-16 LE does."""

SAMPLE: Final = 4_096
MOST_CONTROLS: Final = 10
"""A file with a NUL is binary data from this share of control characters on: 1 in
10."""

_CONTROLS: Final = bytes({*range(32), 127} - {*b"\t\n\v\f\r\x1b"})


def recognise_kind(head: bytes, *, markup: bool = False) -> str | None:
    """Return what a file beginning with *head* seems to be, or None for a list.

    With *markup* XML is taken for a list, since a sitemap is XML.
    """
    found = [kind for signature, kind in SIGNATURES if head.startswith(signature)]
    found += [kind for kind, is_it in KINDS if is_it(head)]
    if not markup and _XML.match(head):
        found.append(XML)
    return found[0] if found else _recognise_binary(head[:SAMPLE])


KINDS: Final[tuple[tuple[str, Callable[[bytes], object]], ...]] = (
    ("an archive of files (tar); unpack it, and name the files in it", lambda head: head.startswith(TAR, AT_OF_TAR)),
    ("an image, audio or video (RIFF)", lambda head: head[:4] == b"RIFF" and head[8:12] in RIFF),
    ("an image or video (ISO media)", lambda head: head[4:8] == b"ftyp" and head[0] == 0),
    ("a program (Windows)", lambda head: head[:2] == b"MZ" and b"\0" in head[:64]),
    ("an HTML page", _HTML.match),
)
"""Kinds that a comparison of the first bytes does not tell."""


def _recognise_binary(head: bytes) -> str | None:
    if head.startswith(MARKS):
        return None
    nuls = head.count(b"\0")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if not nuls or controls * MOST_CONTROLS < len(head) or len(head) < 16:
        return None
    if nuls * 3 > len(head) and (head[::2].count(b"\0") == nuls or head[1::2].count(b"\0") == nuls):
        return "text in UTF-16 without a byte-order mark; save it as UTF-8"
    return "binary data"
