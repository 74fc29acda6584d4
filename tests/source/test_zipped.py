"""A zip archive with one file in it is that file."""

import io
import os
import tracemalloc
import zipfile

import pytest
from pyroaring import BitMap64

from penstock.core.extents import SeqSet
from penstock.errors import InputError
from penstock.settings import InputSettings
from penstock.source.opened import open_inputs


def zipped(content, name="urls.txt", method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize(
    ("name", "member"), [("list.csv.zip", "x"), ("list.zip", "folder/list.csv"), ("list", "list.csv")]
)
def test_the_archives_name_or_that_of_the_file_in_it_promises_the_format(read, name, member, method):
    (row,) = read(zipped("id,url\n1,http://a/\n", member, method), name)

    assert (row.url, row.fields) == ("http://a/", {"id": "1"})


def test_a_settled_row_is_left_out_and_progress_is_that_of_the_archive(write):
    path = write(zipped(os.urandom(300_000).hex() + "\nhttp://b/\n"))
    opened = open_inputs([path], InputSettings())

    assert [row.seq for row in opened.rows(BitMap64([0]))] == [1]
    read, size = opened.progress()
    assert size == os.path.getsize(path)
    assert 0.9 * size < read <= size


def test_damage_is_said_after_what_came_before(write):
    packed = bytearray(zipped("".join(f"http://a/{number}\n" for number in range(50_000)), method=zipfile.ZIP_STORED))
    packed[700_000] ^= 1
    rows = open_inputs([write(bytes(packed))], InputSettings()).rows(SeqSet())

    urls = []
    with pytest.raises(InputError, match="zip archive cannot be read: Bad CRC-32"):
        urls.extend(row.url for row in rows)
    assert urls[:30_000] == [f"http://a/{number}" for number in range(30_000)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda packed: packed[:-30], "not a zip file"),
        (lambda packed: packed.replace(b"\x00\x00\x08\x00", b"\x01\x00\x08\x00"), "encrypted"),
    ],
    ids=["cut", "encrypted"],
)
def test_an_archive_that_cannot_be_read_is_refused_when_it_is_opened(write, change, said):
    with pytest.raises(InputError, match=f"the zip archive cannot be read: .*{said}"):
        open_inputs([write(change(zipped("http://a/\n")))], InputSettings())


def test_an_archive_that_holds_much_more_than_it_seems_to_is_a_long_list(write):
    path = write(zipped(b"x" * 50_000_000))

    tracemalloc.start()
    rows = list(open_inputs([path], InputSettings()).rows(SeqSet()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [row.fault for row in rows] == ["a line of over 131,072 bytes"]
    assert peak < 5_000_000
