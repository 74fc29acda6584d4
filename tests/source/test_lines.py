"""Plain lines: what is an input, what number it gets, and what becomes of damage."""

import bz2
import codecs
import gzip
import io
import lzma
import tracemalloc
import zipfile

import orjson
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from penstock.core.web.hosts import RejectedUrl, locate
from penstock.core.web.model import Row
from penstock.source.lines import KEPT, MAX_LINE, PlainLines, split
from penstock.source.rows import Shape
from penstock.source.transcoding import normalise_line_ends, to_utf_8

CLEAN = "http://a/\nhttp://b/\n\n# note\nhttp://c/\u00e9\n"

A, B, C = Row(0, 1, "http://a/"), Row(1, 2, "http://b/"), Row(2, 5, "http://c/\u00e9")


def zipped(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", b"")
        archive.writestr("folder/list", content)
        archive.writestr("__MACOSX/folder/._list", b"what macOS adds")
    return packed.getvalue()


def plain(blocks, settled=()):
    return list(PlainLines(Shape()).read(iter(blocks), BitMap64(settled), 0))


def in_pieces(content, sizes):
    """*content* cut into blocks of these sizes, over and over."""
    blocks, at = [], 0
    while at < len(content):
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(content[at : at + size])
        at += size
    return blocks


@pytest.mark.parametrize(
    "content",
    [
        CLEAN.encode(),
        b"\xef\xbb\xbf" + CLEAN.encode(),
        CLEAN.replace("\n", "\r\n").encode(),
        CLEAN.encode().removesuffix(b"\n"),
        CLEAN.replace("\n", " \t\r\n").replace("http", "  http").encode(),
        b"\xef\xbb\xbf" + CLEAN.replace("\n", "\r\n").encode().removesuffix(b"\r\n"),
        CLEAN.replace("\n", "\r").encode(),
        CLEAN.replace("\n", "\r").encode().removesuffix(b"\r"),
        CLEAN.replace("http", "\ufeffhttp").encode(),
        codecs.BOM_UTF16_LE + CLEAN.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + CLEAN.replace("\n", "\r\n").encode("utf-16-be"),
        codecs.BOM_UTF16_LE + CLEAN.replace("http", "\ufeffhttp").replace("\n", "\r").encode("utf-16-le"),
        codecs.BOM_UTF32_LE + CLEAN.encode("utf-32-le"),
    ],
    ids=[
        *("clean", "BOM", "CRLF", "no final newline", "blanks around", "all of it", "CR", "CR, no final one"),
        *("BOMs in the middle", "UTF-16 LE", "UTF-16 BE, CRLF", "UTF-16 LE, BOMs, CR", "UTF-32 LE"),
    ],
)
@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, zstd.compress, bz2.compress, lzma.compress, zipped],
    ids=["plain", "gzip", "zstd", "bzip2", "xz", "zip"],
)
def test_the_same_list_written_differently_has_the_same_seqs(read, content, pack):
    assert read(pack(content)) == [A, B, C]


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_blocks_a_list_comes_in_makes_no_difference(mark, end):
    """One byte at a time, a mark, a character or a line end lies in several blocks."""
    text = ("\ufeff" if mark == "utf-16-be" else "") + f"http://a/{end}{end}http://b/\U0001f600{end}"
    packed = text.encode(mark)
    for size in (1, 2, 3, 5, len(packed)):
        blocks = normalise_line_ends(to_utf_8(packed[at : at + size] for at in range(0, len(packed), size)))
        rows = list(PlainLines(Shape()).read(blocks, BitMap64(), 0))
        assert [(row.line, row.url) for row in rows] == [(1, "http://a/"), (3, "http://b/\U0001f600")]


def test_half_of_a_character_in_utf_16_is_marked(read):
    rows = read(codecs.BOM_UTF16_LE + "http://a/\ud800\nhttp://b/".encode("utf-16-le", "surrogatepass") + b"x")

    assert [(row.url, row.fault) for row in rows] == [
        (r"http://a/\xed\xa0\x80", "not valid UTF-8"),
        ("http://b/\ufffd", None),
    ]


def test_blank_lines_and_comments_are_no_inputs_and_keep_their_line_numbers(read):
    rows = read("\n   \n\t\n# one\n  # two\nhttp://a/\n\r\nhttp://a/#fragment\n#")

    assert [(row.seq, row.line, row.url) for row in rows] == [(0, 6, "http://a/"), (1, 8, "http://a/#fragment")]


def test_an_empty_file_has_no_rows(read):
    assert read(b"") == read(b"\xef\xbb\xbf") == read(b"\n\n") == []


def test_a_byte_order_mark_is_one_only_at_the_beginning_of_a_line(read):
    rows = read(b"\xef\xbb\xbf\xef\xbb\xbfhttp://a/\n\xef\xbb\xbf# c\nhttp://a/\xef\xbb\xbf/b\n")

    assert [row.url for row in rows] == ["http://a/", "http://a/\ufeff/b"]


def test_settled_rows_are_left_out_and_still_counted(read):
    assert read(CLEAN, settled=[0, 1]) == [C]
    assert read(CLEAN, settled=[1]) == [A, C]
    assert read(CLEAN, settled=range(10)) == []


def test_what_is_not_utf_8_is_shown_escaped_and_marked(read):
    first, second = read(b"http://a/\xff\xe9\nhttp://b/\n")

    assert first == Row(0, 1, r"http://a/\xff\xe9", fault="not valid UTF-8")
    assert second == Row(1, 2, "http://b/")


@pytest.mark.parametrize("text", ["http://a/\0b", "http://a/\x1b[2J", "http://a/\rb", "no url", "\ufffe"])
def test_odd_characters_pass_and_are_refused_by_whoever_judges_urls(read, text):
    (row,) = read("# lines end in line feeds\n" + text + "\n")

    assert (row.url, row.fault) == (text, None)
    assert isinstance(locate(row.url), RejectedUrl)


def test_a_line_over_the_bound_is_a_fault_and_the_next_is_fine(read):
    long = "http://a/" + "x" * MAX_LINE
    first, second = read(f"{long}\nhttp://b/\n")

    assert first == Row(0, 1, long[:KEPT], fault="a line of over 131,072 bytes")
    assert second == Row(1, 2, "http://b/")


def test_the_longest_line_held_is_still_whole(read):
    longest = "http://a/" + "x" * (MAX_LINE - len("http://a/"))

    assert read(longest) == [Row(0, 1, longest)]


def test_an_endless_line_costs_no_memory():
    block = b"x" * 65_536
    blocks = (block for _ in range(1_000))

    tracemalloc.start()
    (row,) = plain(blocks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert row.fault
    assert peak < 1_000_000


def test_only_the_lines_asked_for_are_read():
    """A witness says how far reading went: to the block of the last line taken, and no further."""
    taken = []

    def blocks():
        for number in range(100):
            taken.append(number)
            yield b"http://a/\n"

    rows = PlainLines(Shape()).read(blocks(), BitMap64(), 0)
    assert taken == []
    next(rows)
    assert taken == [0]
    next(rows)
    assert taken == [0, 1]


def test_a_line_is_given_as_soon_as_its_end_is_there():
    """Nobody waits for a full block: the second block would raise."""

    def blocks():
        yield b"http://a/\nhttp://b"
        raise AssertionError

    assert next(PlainLines(Shape()).read(blocks(), BitMap64(), 0)).url == "http://a/"


@given(st.binary(max_size=200), st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(40, 80))
def test_what_blocks_the_bytes_come_in_makes_no_difference(content, sizes, limit):
    whole = [line[: limit + 1] for line in content.split(b"\n")]
    whole[0] = whole[0].removeprefix(b"\xef\xbb\xbf")
    if content.endswith(b"\n") or not content:
        whole.pop()

    lists = list(split(iter(in_pieces(content, sizes)), limit))

    assert [line for lines in lists for line in lines] == whole
    assert all(lists)


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_rows_that_can_be_written_as_json(content):
    """No exception, seqs 0 to n - 1, lines that rise, and texts that orjson takes."""
    rows = plain([content])

    assert [row.seq for row in rows] == list(range(len(rows)))
    assert [row.line for row in rows] == sorted({row.line for row in rows})
    orjson.dumps([row.url for row in rows])


@given(st.binary(max_size=300), st.sets(st.integers(0, 30)))
def test_skipping_changes_nothing_else(content, settled):
    assert plain([content], settled) == [row for row in plain([content]) if row.seq not in settled]
