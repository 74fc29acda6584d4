"""Inputs that are Python objects: lists, generators, and what they may hold."""

import itertools
from collections import deque

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pyroaring import BitMap64

from penstock.core.web.model import Reason, Row
from penstock.errors import UsageError
from penstock.settings import InputSettings
from penstock.source.iterables import Items


def rows_of(items, settled=(), **settings):
    return list(Items(items, InputSettings(**settings)).rows(BitMap64(settled)))


def test_texts_and_mappings_are_rows():
    items = ["http://a/", " http://b/\n", {"url": "http://c/", "method": "PUT", "body": b"\0", "id": 7}]

    assert rows_of(items) == [
        Row(0, 1, "http://a/"),
        Row(1, 2, "http://b/"),
        Row(2, 3, "http://c/", "PUT", body=b"\0", fields={"id": 7}),
    ]


def test_an_open_file_of_lines_is_an_iterable_like_any_other(write):
    with open(write("http://a/\n\nhttp://b/"), encoding="utf-8") as file:
        rows = rows_of(file)
        assert not file.closed

    assert [row.url for row in rows] == ["http://a/", "", "http://b/"]


def test_every_item_is_an_input_so_that_items_and_outcomes_pair_up():
    assert [(row.seq, row.line, row.url) for row in rows_of(["", "# x", " "])] == [
        (0, 1, ""),
        (1, 2, "# x"),
        (2, 3, ""),
    ]


def test_a_subclass_of_text_becomes_plain_text():
    class Name(str):
        __slots__ = ()

    (row,) = rows_of([Name("http://a/")])

    assert type(row.url) is str


def test_a_mapping_is_left_as_it_was():
    item = {"url": "http://a/", "method": "GET", "id": 1}
    rows_of([item])

    assert item == {"url": "http://a/", "method": "GET", "id": 1}


def test_rows_pass_with_a_new_place():
    given_row = Row(90, 90, " http://a/", "post", (("A", " b "),), b"x", {"id": 1})

    assert rows_of([given_row]) == [Row(0, 1, "http://a/", "POST", (("A", "b"),), b"x", {"id": 1})]
    assert rows_of([Row(90, 90, "u", fault="broken")]) == [Row(0, 1, "u", fault="broken")]


def test_a_broken_row_passes_with_its_reason():
    broken = Row(90, 90, "u", fault="broken", reason=Reason.INVALID_REQUEST, fields={"id": 1})

    assert rows_of([broken]) == [replace(broken, seq=0, line=1)]


@pytest.mark.parametrize(
    "row",
    [
        Row(0, 0, "u", body=5),
        Row(0, 0, "u", body="\ud800"),
        Row(0, 0, "u", method="A B"),
        Row(0, 0, "u", headers=(("Connection", "close"),)),
        Row(0, 0, "u", headers=(("A", "\u20ac"),)),
    ],
)
def test_a_row_whose_request_cannot_be_sent_says_so(row):
    (broken,) = rows_of([row])

    assert (broken.url, broken.reason) == ("u", Reason.INVALID_REQUEST)
    assert broken.fault


def test_a_row_is_held_to_the_types_of_its_fields():
    """A program makes it, and no type checker has to have seen it."""
    no_url, text = rows_of([Row(0, 0, None), Row(0, 0, "u", body="\u00e9")])

    assert (no_url.fault, no_url.reason, no_url.url) == ("the URL is null, not text", Reason.INVALID_URL, "")
    assert text.body == "\u00e9".encode()


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        (None, "null: neither a URL nor an object with 'url'"),
        (5, "int: neither a URL nor an object with 'url'"),
        (b"http://a/", "bytes: neither a URL nor an object with 'url'"),
        (["http://a/"], "list: neither a URL nor an object with 'url'"),
        ({"link": "http://a/"}, "no 'url' in it"),
        (
            Row(0, 0, "u", headers=(("A", "b\r\nC: d"),)),
            "the value of header A has a control character or is not Latin-1",
        ),
        ({"url": "u", "body": {"x": {1}}}, "the body cannot be written as JSON: Type is not JSON serializable: set"),
        ({"url": "u", "body": {"x": "\ud800"}}, "the body cannot be written as JSON: "),
        ({"url": "u", "body": "\ud800"}, "lone surrogates, which are no characters"),
    ],
)
def test_an_item_of_another_kind_is_a_fault_and_the_next_is_fine(item, fault):
    broken, fine = rows_of([item, "http://b/"])

    assert broken.fault.startswith(fault)
    assert fine == Row(1, 2, "http://b/")


@pytest.mark.parametrize(
    ("text", "shown", "fault"),
    [
        ("http://a/\ud800", r"http://a/\ud800", "lone surrogates, which are no characters"),
        ("http://a/\udcff\u00e9", "http://a/\\xff\u00e9", "not valid UTF-8"),
        ("http://a/\udcff\ud800", r"http://a/\udcff\ud800", "lone surrogates, which are no characters"),
    ],
)
def test_text_that_is_no_unicode_is_shown_escaped_and_marked(text, shown, fault):
    """Python makes U+DC80 to U+DCFF of bytes that are no UTF-8, in arguments and file names."""
    assert rows_of([text]) == [Row(0, 1, shown, fault=fault)]
    assert rows_of([{"url": text}]) == [Row(0, 1, shown, fault=fault)]
    assert rows_of([Row(0, 0, text)]) == [Row(0, 1, shown, fault=fault)]
    assert rows_of([text], url_template="http://h/{}") == [Row(0, 1, shown, fault=fault)]


def test_a_template_is_filled_from_texts_and_mappings():
    rows = rows_of(["a b", {"url": "c", "id": 1}], url_template="http://h/{}")

    assert [(row.url, row.fields) for row in rows] == [("http://h/a%20b", None), ("http://h/c", {"url": "c", "id": 1})]


@pytest.mark.parametrize("items", [[], (), set(), {}, frozenset(), range(0), deque(), {}.keys(), {}.values()])
def test_a_collection_does_not_block(items):
    assert not Items(items).blocks


@pytest.mark.parametrize("items", [iter([]), (x for x in ()), map(str, []), itertools.count(), zip((), strict=True)])
def test_an_iterator_may_block(items):
    assert Items(items).blocks


@pytest.mark.parametrize("items", ["http://a/", b"http://a/", 5, None])
def test_what_is_no_list_of_urls_is_refused_at_once(items):
    with pytest.raises(UsageError, match="given where"):
        Items(items)


def test_an_iterator_is_asked_for_one_item_at_a_time():
    taken = []

    def urls():
        for number in itertools.count():
            taken.append(number)
            yield f"http://a/{number}"

    rows = Items(urls()).rows(BitMap64())
    assert taken == []
    next(rows)
    assert taken == [0]
    next(rows)
    assert taken == [0, 1]


def test_settled_items_are_passed_over():
    rows = Items(map("http://a/{}".format, itertools.count())).rows(BitMap64(range(100)))

    assert next(rows) == Row(100, 101, "http://a/100")


def test_what_the_iterator_raises_comes_out_after_what_it_gave():
    def urls():
        yield "http://a/"
        raise LookupError("gone")

    rows = Items(urls()).rows(BitMap64())

    assert next(rows) == Row(0, 1, "http://a/")
    with pytest.raises(LookupError, match="gone"):
        next(rows)


def test_a_generator_is_closed_when_reading_ends_early():
    ended = []

    def urls():
        try:
            yield "http://a/"
            yield "http://b/"
        finally:
            ended.append(True)

    generator = urls()
    rows = Items(generator).rows(BitMap64())
    next(rows)
    rows.close()

    assert ended == [True]


def test_progress_is_known_for_collections():
    items = Items(["http://a/", "http://b/", "http://c/"])
    rows = items.rows(BitMap64([1]))
    assert items.progress() == (0, 3)
    next(rows)
    assert items.progress() == (1, 3)
    next(rows)
    assert items.progress() == (3, 3)
    assert Items(iter([])).progress() is None


@given(st.lists(st.text() | st.none() | st.dictionaries(st.text(), st.text() | st.integers(), max_size=3), max_size=5))
def test_any_items_are_rows_with_urls_that_can_be_written_as_json(items):
    rows = rows_of(items)

    assert [row.seq for row in rows] == list(range(len(items)))
    orjson.dumps([(row.url, row.fault) for row in rows])


class PandasLike:
    columns = ("url",)

    def iterrows(self):
        raise AssertionError

    def __iter__(self):
        return iter(self.columns)


class PolarsLike:
    columns = ("url",)

    def iter_rows(self):
        raise AssertionError

    def __iter__(self):
        return iter([["http://a/"]])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (PandasLike(), 'df["url"], or its rows: df.to_dict("records")'),
        (PolarsLike(), 'df["url"], or its rows: df.to_dicts()'),
        (pa.table({"url": ["http://a/"]}), 'df["url"].to_pylist(), or its rows: df.to_pylist()'),
    ],
)
def test_a_table_is_refused_since_it_would_be_read_column_by_column(table, said):
    with pytest.raises(UsageError) as told:
        Items(table)

    assert f"give one of its columns: {said}" in str(told.value)


def test_a_column_of_a_table_is_a_list():
    """As one of pandas it has no columns of its own."""
    assert [row.url for row in rows_of(pa.table({"url": ["http://a/"]})["url"].to_pylist())] == ["http://a/"]
