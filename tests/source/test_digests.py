"""What is taken of a row, so that it can be told from what it was in another process."""

import subprocess
import sys
from collections import OrderedDict, UserDict, deque
from decimal import Decimal
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from penstock.core.web.model import Row
from penstock.settings import InputSettings
from penstock.source.digests import of_item, packed
from penstock.source.iterables import Items
from penstock.source.opened import open_inputs


class Told:
    """Notes what it is told, and that it comes in order; calls for every row."""

    def __init__(self):
        self.digests, self.rows, self.inputs = b"", [], None

    def check(self, first, digests, row):
        assert first == len(self.digests) // 4
        self.digests += digests
        self.rows += [row(seq) for seq in range(first, first + len(digests) // 4)]

    def end(self, inputs):
        assert self.inputs is None
        self.inputs = inputs


def read(source, settled=()):
    told = Told()
    rows = []
    for row in source.rows(BitMap64(settled), told):
        assert row.seq < len(told.digests) // 4, "it is given out before it was looked at"
        rows.append(row)
    return told, rows


NESTED = {
    "url": "http://a/",
    "headers": {"A": "1"},
    "body": b"\xff",
    "tags": {"x", "y", "zz", "abc"},
    "size": 2**70,
    "price": Decimal("1.10"),
    "path": PurePosixPath("/a"),
    "deep": [deque([1, 2]), UserDict({"k": frozenset({"a", "b", "c"})}), object(), {3: None}],
}


def test_a_value_has_the_same_digest_in_each_process():
    """Sets have another order there, and objects another address."""
    program = "from tests.source.test_digests import *; print(of_item(NESTED), of_item(Row(0, 0, 'http://a/')))"
    said = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert said == {f"{of_item(NESTED)} {of_item(Row(0, 0, 'http://a/'))}\n"}


def test_the_order_of_a_mappings_keys_and_its_type_say_nothing():
    assert of_item({"url": "u", "id": 1}) == of_item({"id": 1, "url": "u"}) == of_item(OrderedDict(id=1, url="u"))
    assert of_item({"id": 2**70, "url": "u"}) == of_item({"url": "u", "id": 2**70})


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://b/"},
        {"method": "POST"},
        {"headers": {"A": "2"}},
        {"headers": {"B": "1"}},
        {"body": b"\xfe"},
        {"body": "\ufffd"},
        {"tags": {"x", "y"}},
        {"size": 2**70 + 1},
        {"price": Decimal("1.1")},
        {"path": PurePosixPath("/b")},
        {"deep": []},
        {"new": None},
        {"url": "http://a/\ud800"},
    ],
)
def test_whatever_is_in_a_mapping_counts(change):
    assert of_item(NESTED | change) != of_item(NESTED)


@pytest.mark.parametrize(
    "other",
    [
        Row(0, 0, "http://b/"),
        Row(0, 0, "http://a/", "POST"),
        Row(0, 0, "http://a/", headers=(("A", "1"),)),
        Row(0, 0, "http://a/", body=b""),
        Row(0, 0, "http://a/", fields={"id": 1}),
        Row(0, 0, "http://a/", fault="broken"),
    ],
)
def test_all_of_a_row_counts_but_its_place(other):
    assert of_item(other) != of_item(Row(0, 0, "http://a/")) == of_item(Row(7, 9, "http://a/"))


def test_a_value_that_holds_itself_ends():
    item = {"url": "http://a/"}
    item["self"] = [item]
    assert of_item(item)


@given(st.text() | st.none() | st.integers() | st.floats() | st.binary() | st.lists(st.text()))
def test_any_item_has_a_digest_that_is_not_zero(item):
    assert 0 < of_item(item) < 2**32


def test_four_bytes_each_the_lowest_first():
    assert packed([1, 0xDDCCBBAA]) == b"\1\0\0\0\xaa\xbb\xcc\xdd"


LINES = b"# a list\nhttp://a/\r\n\n  http://b/\nhttp://c/ \n\xff\nhttp://e/"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.txt", LINES),
        ("list.jsonl", b'# a list\n{"url":"http://a/"}\n\n"http://b/"\n{]\n\xff\n{"url":"http://e/","id":1}'),
        ("list.csv", b'url,id\nhttp://a/,1\n\n"http://b/","2\n3"\n"x,4\nhttp://d/,\xff\nhttp://e/\n'),
        ("list.tsv", b'url\tid\nhttp://a/\t1\n\n"http://b/\t2\nhttp://c/\t3\nhttp://d/\t\xff\nhttp://e/\n'),
    ],
)
@given(settled=st.sets(st.integers(0, 5)))
def test_every_row_of_a_file_is_told_once_before_it_is_given_out(name, content, settled, tmp_path_factory):
    path = tmp_path_factory.mktemp("list") / name
    path.write_bytes(content)
    source = open_inputs([path], InputSettings())
    every = list(source.rows(BitMap64()))

    told, rows = read(source, settled)

    assert rows == [row for row in every if row.seq not in settled]
    assert told.inputs == len(every)
    assert [(row.seq, row.line, row.url) for row in told.rows] == [(row.seq, row.line, row.url) for row in every]
    assert told.digests == read(source)[0].digests


@given(
    items=st.lists(st.text() | st.none() | st.dictionaries(st.text(), st.text()), max_size=5),
    settled=st.sets(st.integers(0, 5)),
)
def test_every_item_is_told_once_before_it_is_given_out(items, settled):
    told, rows = read(Items(iter(items)), settled)
    every = list(Items(items).rows(BitMap64()))

    assert rows == [row for row in every if row.seq not in settled]
    assert (told.rows, told.inputs) == (every, len(items))
    assert told.digests == read(Items(items))[0].digests


def test_the_parts_of_an_input_are_told_as_one(tmp_path):
    for name, content in (("a.txt", "http://a/\nhttp://b/\n"), ("b.csv", "url\nhttp://c/\n")):
        (tmp_path / name).write_text(content)
    source = open_inputs([tmp_path / "a.txt", "http://d/", tmp_path / "b.csv", "http://e/"], InputSettings())
    told, rows = read(source, {1})

    assert [row.url for row in told.rows] == ["http://a/", "http://b/", "http://d/", "http://c/", "http://e/"]
    assert told.inputs == 5
    assert [row.seq for row in rows] == [0, 2, 3, 4]


@pytest.mark.parametrize(
    "written", [LINES.replace(b"\r\n", b"\n"), b"\xef\xbb\xbf" + LINES.replace(b"\n", b"\r\n"), LINES + b"\n"]
)
def test_the_same_list_written_differently_has_the_same_digests(write, written):
    first, second = (read(open_inputs([write(content)], InputSettings()))[0] for content in (LINES, written))

    assert first.digests == second.digests


def test_the_names_of_the_columns_count(write):
    first, second = (
        read(open_inputs([write(f"{header}\nhttp://a/,http://b/\n", "list.csv")], InputSettings()))[0]
        for header in ("url,link", "link,url")
    )

    assert first.digests != second.digests


def test_many_items_are_told_as_they_come():
    """No more than some are remembered while all of them are settled."""
    told, rows = read(Items(map("http://a/{}".format, range(5_000))), range(4_000))

    assert len(told.digests) == 20_000
    assert len(rows) == 1_000
