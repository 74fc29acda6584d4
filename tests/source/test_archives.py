"""Gzip, zstd, bzip2 and xz: told by content, of several parts, cut off, damaged, and bombs."""

import bz2
import gzip
import lzma
import random
import tracemalloc
import zlib

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.extents import SeqSet
from penstock.errors import InputError
from penstock.source.archives import STEP, XZ_MEMORY, expand
from penstock.source.opened import open_inputs

RANDOM = random.Random(1)
TEXT = b"".join(b"http://a/%d\n" % RANDOM.getrandbits(64) for _ in range(5_000))
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00note"


def checked_zstd(text):
    return zstd.compress(text, options={zstd.CompressionParameter.checksum_flag: 1})


PACKS = pytest.mark.parametrize(
    "pack", [gzip.compress, checked_zstd, bz2.compress, lzma.compress], ids=["gzip", "zstd", "bzip2", "xz"]
)


def blocks_of(content, size=1_000):
    return (content[at : at + size] for at in range(0, len(content), size))


def until_error(blocks):
    """What came before the InputError, and the error."""
    came = bytearray()
    with pytest.raises(InputError) as caught:
        for text in expand(blocks, "list.gz"):
            came += text
    return bytes(came), caught.value


@PACKS
@pytest.mark.parametrize(
    "name", ["list.txt", "list", "list.gz", "list.zst", "list.csv.gz", "list.csv.bz2", "list.csv.xz"]
)
def test_an_archive_is_told_by_its_content_whatever_its_name(write, pack, name, read):
    content = b"url\nhttp://a/\n" if "csv" in name else b"http://a/\n"
    (row,) = read(pack(content), name)

    assert row.url == "http://a/"


def test_a_plain_file_with_an_archives_name_is_plain(read):
    assert [row.url for row in read("http://a/\n", "list.gz")] == ["http://a/"]


@PACKS
def test_members_and_frames_follow_each_other(pack):
    packed = pack(TEXT[:1_000]) + pack(b"") + pack(TEXT[1_000:])

    assert b"".join(expand(blocks_of(packed), "list")) == TEXT


def test_zeros_after_the_last_gzip_member_are_padding():
    packed = gzip.compress(TEXT) + bytes(3_000)

    assert b"".join(expand(blocks_of(packed), "list")) == TEXT


def test_a_skippable_zstd_frame_may_come_first():
    packed = SKIPPABLE + zstd.compress(TEXT) + SKIPPABLE

    assert b"".join(expand(blocks_of(packed), "list")) == TEXT


@PACKS
@pytest.mark.parametrize("size", [STEP - 1, STEP, 2 * STEP])
def test_text_that_just_fills_the_steps_is_whole(pack, size):
    assert b"".join(expand(blocks_of(pack(bytes(size)), 7), "list")) == bytes(size)


@PACKS
@given(st.integers(0, 40), st.integers(1, 50))
def test_bytes_may_come_in_any_pieces(pack, length, size):
    text = TEXT[:length]

    assert b"".join(expand(blocks_of(pack(text), size), "list")) == text
    assert b"".join(expand(blocks_of(text, size), "list")) == text


@PACKS
def test_an_archive_cut_anywhere_gives_what_is_there_and_then_says_so(pack):
    packed = pack(TEXT)
    for end in (11, len(packed) // 2, len(packed) - 1):
        came, error = until_error(blocks_of(packed[:end]))

        assert TEXT.startswith(came)
        assert "'list.gz': the " in str(error)
        assert "ends too early; the rows before that were read. Get an intact copy" in str(error)
    assert came == TEXT


def test_a_cut_archive_gives_the_text_that_its_last_byte_holds_too():
    """A step may be full and the archive's bytes used up, with text still inside the library."""
    packed = gzip.compress(bytes(3 * STEP))
    for end in range(3, len(packed)):
        came, _ = until_error(iter([packed[:end]]))

        assert came == zlib.decompressobj(31).decompress(packed[:end])


@PACKS
def test_a_cut_off_line_is_no_row(write, settings, pack):
    """The end of the last line is missing: its URL would be another one."""
    text = TEXT * (20 if pack is bz2.compress else 4)  # a block of bzip2's has 900 kB
    packed = pack(text)
    rows = open_inputs([write(packed[:-1_000])], settings).rows(SeqSet())

    urls = []
    with pytest.raises(InputError, match="ends too early"):
        urls.extend(row.url.encode() for row in rows)

    assert len(urls) > 1_000
    assert urls == text.split()[: len(urls)]


@PACKS
def test_an_archive_that_ends_before_its_first_row_is_refused_when_it_is_opened(write, settings, pack):
    with pytest.raises(InputError, match="ends too early"):
        open_inputs([write(pack(TEXT)[:12])], settings)


def test_damaged_gzip_gives_every_byte_before_the_damage():
    packed = gzip.compress(TEXT)
    wrong_checksum = packed[:-8] + b"\0" + packed[-7:]

    came, error = until_error(blocks_of(wrong_checksum, 10**6))

    assert came == TEXT
    assert "damaged (Error -3 while decompressing data: incorrect data check)" in str(error)


def test_damaged_gzip_in_the_middle_gives_what_an_unhurried_reader_gets():
    packed = bytearray(gzip.compress(TEXT))
    packed[len(packed) // 2 : len(packed) // 2 + 20] = bytes(20)
    patient, expected = zlib.decompressobj(31), bytearray()
    with pytest.raises(zlib.error):
        for byte in packed:
            expected += patient.decompress(bytes([byte]))

    came, _ = until_error(blocks_of(bytes(packed), 10**6))

    assert came == expected


def test_damaged_zstd_gives_what_was_decoded_before_the_last_step():
    text = TEXT * 4
    packed = bytearray(checked_zstd(text))
    packed[-1] ^= 1

    came, error = until_error(blocks_of(bytes(packed)))

    assert text.startswith(came)
    assert len(came) >= len(text) - STEP
    assert "damaged" in str(error)


@PACKS
def test_what_follows_an_archive_and_is_none_is_damage(pack):
    came, _ = until_error(blocks_of(pack(TEXT) + b"and then some text", 10**6))

    assert came == TEXT


@PACKS
def test_a_bomb_costs_no_memory(pack):
    packed = pack(bytes(30_000_000))

    tracemalloc.start()
    size = sum(map(len, expand(iter([packed]), "list")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size == 30_000_000
    # An xz stream has a dictionary, of 8 MiB unless more is asked for.
    assert peak < (10_000_000 if pack is lzma.compress else 2_000_000)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BZ",
        b"BZh91AY&S",
        b"BZh0",
        b"\xfd7zX",
        b"\x1f",
        b"\x1f\x8b",
        b"\x28\xb5",
        b"\x50\x2a\x4d",
        b"P",
        b"(",
        b"\x28\xb5\x2f\xfc",
    ],
)
def test_the_beginning_of_an_archives_first_bytes_is_no_archive(head):
    assert b"".join(expand(blocks_of(head, 1), "list")) == head


def test_a_text_is_given_on_before_the_next_block_is_read():
    """The first bytes are waited for only while they may still become an archive's."""

    def blocks():
        yield b"h"
        raise AssertionError

    assert next(expand(blocks(), "list")) == b"h"


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress], ids=["bzip2", "xz"])
def test_damage_is_said_after_what_was_decoded_before(pack):
    """What comes of the damaged block itself, of up to 900 kB, is wrong with bzip2: its sum stands behind it."""
    text = TEXT * 30
    packed = bytearray(pack(text))
    packed[-30] ^= 1

    came, error = until_error(blocks_of(bytes(packed)))

    assert text[: len(came) - 900_000] == came[:-900_000]
    assert "damaged" in str(error)


def test_an_xz_stream_that_asks_for_too_much_memory_is_refused():
    """What unpacks it needs as much memory as the dictionary has bytes, however little is in it."""
    packed = lzma.compress(TEXT, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": XZ_MEMORY * 2, "preset": 0}])

    _, error = until_error(blocks_of(packed))

    assert "the xz archive is damaged" in str(error) or "memory" in str(error).lower()
