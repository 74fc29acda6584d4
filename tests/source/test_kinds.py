"""What is plainly no list is refused when it is opened, and said what it seems to be."""

import gzip
import io
import os
import struct
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from penstock.errors import InputError
from penstock.settings import InputSettings
from penstock.source.kinds import foreign_kind
from penstock.source.opened import open_inputs


def archive(*names):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as written:
        for name in names:
            written.writestr(name, "http://a/\n")
    return packed.getvalue()


def tape():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as written:
        written.addfile(tarfile.TarInfo("urls.txt"))
    return packed.getvalue()


def picture():
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


FOREIGN = {
    "workbook": (archive("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), "an Excel workbook; save it as CSV"),
    "document": (archive("[Content_Types].xml", "word/document.xml"), "a Word document"),
    "OpenDocument": (archive("mimetype", "content.xml"), "an OpenDocument file; save it as CSV"),
    "several": (archive("a.txt", "b.txt"), r"an archive \(zip\) with 2 files in it \('a.txt', 'b.txt'\)"),
    "many": (archive(*"abcd"), r"4 files in it \('a', 'b', 'c', ...\)"),
    "empty zip": (archive(), "an empty zip archive"),
    "folders alone": (archive("folder/"), "nothing in it"),
    "old Office": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an Office file of the old kind"),
    "tar": (tape(), r"an archive of files \(tar\)"),
    "tar.gz": (gzip.compress(tape()), r"an archive of files \(tar\)"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF file"),
    "PNG": (picture(), r"an image \(PNG\)"),
    "JPEG": (b"\xff\xd8\xff\xe0\x00\x10JFIF", r"an image \(JPEG\)"),
    "WebP": (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "an image, audio or video"),
    "MP4": (b"\x00\x00\x00\x18ftypmp42", "an image or video"),
    "ELF": (b"\x7fELF\x02\x01\x01" + bytes(9), r"a program \(ELF\)"),
    "Windows": (b"MZ\x90\x00\x03\x00\x00\x00", r"a program \(Windows\)"),
    "SQLite": (b"SQLite format 3\x00" + bytes(80), "an SQLite database"),
    "Parquet": (b"PAR1\x15\x04", "a Parquet file"),
    "HTML": (b"\n<!DOCTYPE html>\n<html lang=en>", "an HTML page"),
    "XML": (b'<?xml version="1.0"?>\n<urlset>', 'an XML file; a sitemap is read with input_format="sitemap"'),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
    "UTF-16": ("http://a.example/\n".encode("utf-16-le"), "text in UTF-16 without a byte-order mark"),
    "random": (bytes(range(256)) * 20, "binary data"),
}


@pytest.mark.parametrize("name", ["list.txt", "list.csv", "list.jsonl", "list.json", "list"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_plainly_no_list_is_refused_when_it_is_opened(write, kind, name):
    content, said = FOREIGN[kind]

    with pytest.raises(InputError, match=f"seems to be .*{said}"):
        open_inputs([write(content, name)], InputSettings())


@pytest.mark.parametrize("kind", ["PNG", "tar", "several", "random"])
def test_a_stream_that_is_plainly_no_list_has_no_rows(kind):
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0), open(writer, "wb", buffering=0) as end:
        end.write(FOREIGN[kind][0])
        end.close()
        rows = open_inputs(["-"], InputSettings(), reader).rows(BitMap64())
        with pytest.raises(InputError, match="'standard input' is no list of URLs; it seems to be"):
            next(rows)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\n",
        b"http://a/\0\n" * 3,
        b"http://a/\x1b[2J\n",
        b"MZ.example\n",
        *(b"BM\n", b"ID3,url\n", b"PAR1,url\n", b"WARC/1.gz\n", b"www.ftyp.example\n", b"OggS,url\n", b"ARROW1\n"),
        "http://a/caf\u00e9\n".encode("latin-1") * 50,
        ("\ufeff" + "http://a/\n" * 50).encode("utf-16-le"),
        ("\ufeff" + "http://a/\n" * 50).encode("utf-32-be"),
    ],
)
def test_a_list_with_odd_characters_is_a_list(content):
    assert foreign_kind(content) is None


@given(st.text(max_size=200))
def test_text_without_nuls_is_taken_for_a_list(text):
    assert foreign_kind(("http://a/\n" + text.replace("\0", "")).encode()) is None
