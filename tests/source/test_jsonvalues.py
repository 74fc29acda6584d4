"""JSON arrays: their items are inputs, read one at a time."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.source.jsonlines import MAX_ROW
from penstock.source.jsonvalues import JsonValues
from penstock.source.rows import Shape

TEXTS = st.text(max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def values(content, size=None, settled=()):
    size = size or len(content) or 1
    blocks = (content[at : at + size] for at in range(0, len(content), size))
    return list(JsonValues(Shape(), "list").read(blocks, BitMap64(settled), 0))


def found(rows):
    return [(row.seq, row.line, row.url) for row in rows]


CLEAN = b'[{"url": "http://a/", "id": [1, {"x": "],"}]},\n\n  "http://b/",\n {\n"url": "http://c/"}\n]\n'
ROWS = [(0, 1, "http://a/"), (1, 3, "http://b/"), (2, 4, "http://c/")]


@pytest.mark.parametrize(
    "content",
    [
        CLEAN,
        b"\xef\xbb\xbf" + CLEAN,
        CLEAN.replace(b"\n]", b",\n]"),
        CLEAN.decode().encode("utf-16"),
        CLEAN.replace(b"http://b", rb"http:\/\/b"),
        CLEAN.rstrip(),
    ],
    ids=["clean", "BOM", "comma at the end", "UTF-16", "escapes", "no line end"],
)
def test_items_of_an_array_are_inputs(read, content):
    rows = read(content, "list.json")

    assert found(rows) == ROWS
    assert rows[0].fields == {"id": [1, {"x": "],"}]}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_blocks_make_no_difference(size):
    assert values(CLEAN, size) == values(CLEAN)


@given(st.lists(VALUES, max_size=5), st.integers(1, 20), st.sampled_from([None, 1]), st.booleans())
def test_an_array_has_the_rows_of_the_same_values_as_an_iterable(items, size, indent, escaped):
    content = json.dumps(items, indent=indent, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    rows = values(content, size)
    expected = [Shape().row(seq, 0, json.loads(json.dumps(item))) for seq, item in enumerate(items)]

    assert [row.seq for row in rows] == list(range(len(items)))
    if escaped:
        assert [(row.url, row.fault, repr(row.fields)) for row in rows] == [
            (row.url, row.fault, repr(row.fields)) for row in expected
        ]


@pytest.mark.parametrize(
    "content",
    [
        b'{"url": "http://a/"}\n{"url": "http://b/"}\n\n"http://c/"',
        b'{\n"url":\n"http://a/"}{"url": "http://b/"} "http://c/"\n',
        b'["http://a/"]\n["http://b/", "http://c/"]\n',
        b'["http://a/", "http://b/"]["http://c/"]',
    ],
    ids=["lines", "over several lines", "arrays of lines", "cat"],
)
def test_values_one_after_the_other_are_inputs_too(content):
    for size in (1, 5, None):
        assert [row.url for row in values(content, size)] == ["http://a/", "http://b/", "http://c/"]


def test_a_broken_item_costs_itself():
    rows = values(b'["http://a/", {"url": "http://b/",, "x"}, nonsense, , "http://c/"]')

    assert [(row.url, (row.fault or "")[:9]) for row in rows] == [
        *(("http://a/", ""), ("http://b/", "not JSON:"), ("", "not JSON:"), ("http://c/", "")),
    ]


def test_an_item_that_is_too_long_costs_itself_and_is_not_held():
    blocks = [b'["http://a/",\n{"url": "http://b/", "x": "', *[b"\\n" * 30_000] * 1_000, b'"},\n"http://c/"]']
    tracemalloc.start()
    rows = list(JsonValues(Shape(), "list").read(iter(blocks), BitMap64(), 0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [(row.line, row.url, row.fault) for row in rows] == [
        (1, "http://a/", None),
        (2, "http://b/", f"a row of over {MAX_ROW:,} bytes"),
        (3, "http://c/", None),
    ]
    assert peak < 12 * MAX_ROW


@pytest.mark.parametrize(
    ("end", "whole"),
    [("", True), (",", True), (" ", True), (', {"url": "http://b/', True), (', "', True), ('"', False)],
)
def test_an_array_that_is_never_closed_gives_what_is_there_and_then_says_so(end, whole):
    content = b'["http://x/", "http://a/' + (b'"' if whole else b"") + (end.encode() if whole else b"")
    reader = JsonValues(Shape(), "list").read(iter([content]), BitMap64(), 0)
    urls = []
    with pytest.raises(InputError, match="the JSON array is never closed; the rows before that were read"):
        urls.extend(row.url for row in reader)

    assert urls == (["http://x/", "http://a/"] if whole else ["http://x/"])


def test_a_value_that_ends_with_the_text_is_an_input_like_any_other():
    rows = values(b'{"url": "http://a/"}\n{"url": "http://b/", "x": "')

    assert [(row.url, row.fault is None) for row in rows] == [("http://a/", True), ("http://b/", False)]


def test_settled_items_are_left_out_and_still_counted():
    assert [row.seq for row in values(CLEAN, settled=[0, 2])] == [1]


@pytest.mark.parametrize("content", [b"", b"[]", b" [ ] ", b"\n"])
def test_nothing_is_no_input(content):
    assert values(content) == []


def test_fields_and_templates_are_those_of_json_lines(read):
    (row,) = read('[{"id": 7, "x": 1}]', "list.json", url_template="http://h/{id}", select=("x",))

    assert row == Row(0, 1, "http://h/7", fields={"x": 1})
