"""JSON lines: what a row may say of its request, and what becomes of one that is broken."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from penstock.core.web.model import Reason, Row
from penstock.errors import InputError
from penstock.source.jsonlines import MAX_ROW, JsonLines
from penstock.source.rows import Shape

JSON_TYPE = ("Content-Type", "application/json")

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=5,
)


def json_lines(content, settled=()):
    return list(JsonLines(Shape(), "list.jsonl").read(iter([content]), BitMap64(settled), 0))


@pytest.fixture
def row_of(read):
    """The one row of a file with this object in it."""

    def row_of(item, **settings):
        (row,) = read(orjson.dumps(item) + b"\n", "list.jsonl", **settings)
        return row

    return row_of


@pytest.mark.parametrize(
    "content",
    [
        b'{"url":"http://a/"}\n"http://b/"\n',
        b'\xef\xbb\xbf{"url":"http://a/"}\r\n"http://b/"\r\n',
        b' {"url" : " http://a/ "} \n"http:\\/\\/b\\/\\n"',
    ],
    ids=["clean", "BOM and CRLF", "blanks and no final newline"],
)
@pytest.mark.parametrize("name", ["list.jsonl", "list.ndjson", "list.json-lines", "list.jsonl.gz", "LIST.JSONL"])
def test_a_row_is_an_object_with_a_url_or_the_url_itself(read, content, name):
    assert read(content, name) == [Row(0, 1, "http://a/"), Row(1, 2, "http://b/")]


@pytest.mark.parametrize(
    "content",
    [
        b'[{"url":"http://a/"},{"url":"http://b/"}]',
        b'\xef\xbb\xbf\n# list\n ["http://a/", "http://b/"]\n',
        b'[\n{"url":"http://a/"},\n{"url":"http://b/"}\n]\n',
        b'[{"url":"' + b"x" * MAX_ROW + b'"}]',
    ],
    ids=["objects", "texts", "many lines", "longer than a row"],
)
def test_an_array_is_refused_rather_than_taken_for_one_input(read, content):
    with pytest.raises(InputError, match=r"begins with a JSON array; .* input_format='json'"):
        read(content, "list.jsonl")


def test_an_array_further_down_and_one_of_numbers_are_rows_that_are_no_requests(read):
    for content in (b'"http://a/"\n["http://b/"]\n', b"[1]\n"):
        *_, last = read(content, "list.jsonl")
        assert last.fault


def test_blank_lines_and_comments_are_no_inputs(read):
    rows = read('\n  \n# {"url": 1}\n"http://a/"\n', "list.jsonl")

    assert rows == [Row(0, 4, "http://a/")]


def test_a_row_may_describe_its_request(row_of):
    row = row_of({"url": "http://a/", "method": "put", "headers": {"X-A": "1", "x-b": " \u00e9\t"}, "body": "\u00e9"})

    assert row == Row(0, 1, "http://a/", "PUT", (("X-A", "1"), ("x-b", "\u00e9")), "\u00e9".encode())


def test_headers_may_be_pairs_so_that_a_name_may_come_twice(row_of):
    row = row_of({"url": "http://a/", "headers": [["A", "1"], ["A", "2"]]})

    assert row.headers == (("A", "1"), ("A", "2"))


@pytest.mark.parametrize("body", [{"q": [1, "\u00e9"]}, [1], {}, []])
def test_a_body_that_is_an_object_or_a_list_is_sent_as_json(row_of, body):
    row = row_of({"url": "http://a/", "body": body})

    assert (orjson.loads(row.body), row.headers) == (body, (JSON_TYPE,))


def test_a_content_type_given_stays(row_of):
    row = row_of({"url": "http://a/", "body": {}, "headers": {"content-type": "application/ld+json"}})

    assert row.headers == (("content-type", "application/ld+json"),)


@pytest.mark.parametrize(
    ("item", "method"),
    [({}, "GET"), ({"body": ""}, "POST"), ({"body": "x", "method": "GET"}, "GET"), ({"method": None}, "GET")],
)
def test_a_body_makes_the_method_post_where_none_is_given(row_of, item, method):
    assert row_of({"url": "http://a/", **item}).method == method


def test_all_other_fields_come_back_unchanged(row_of):
    fields = {"id": 7, "data": {"a": [None, True, 1.5]}, "line": "x", "seq": -1, "fault": "no", "": ""}

    assert row_of({"url": "http://a/", "method": "GET", **fields}) == Row(0, 1, "http://a/", fields=fields)


def test_the_field_with_the_url_may_be_named(row_of):
    row = row_of({"link": "http://a/", "url": 5}, column="link")

    assert (row.url, row.fields) == ("http://a/", {"url": 5})


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ({"id": 1}, "no 'url' in it"),
        ({"url": None}, "no 'url' in it"),
        ({"url": 5}, "'url' is int, not text"),
        ({"url": ["http://a/"]}, "'url' is list, not text"),
        (["http://a/"], "list: neither a URL nor an object with 'url'"),
        (5, "int: neither a URL nor an object with 'url'"),
        (None, "null: neither a URL nor an object with 'url'"),
        ({"url": "u", "method": "GET /"}, "the method is invalid; it is a token such as GET or POST"),
        ({"url": "u", "method": ""}, "the method is invalid; it is a token such as GET or POST"),
        ({"url": "u", "method": "G\r\nX: y"}, "the method is invalid; it is a token such as GET or POST"),
        ({"url": "u", "method": 1}, "the method is invalid; it is a token such as GET or POST"),
        ({"url": "u", "headers": "A: b"}, "the headers are str, neither an object nor a list of pairs"),
        ({"url": "u", "headers": ["A: b"]}, "a header is not a pair of texts, its name and its value"),
        ({"url": "u", "headers": {"A": 1}}, "a header is not a pair of texts, its name and its value"),
        ({"url": "u", "headers": {"A": None}}, "a header is not a pair of texts, its name and its value"),
        ({"url": "u", "headers": {"A b": "1"}}, "the header name 'A b' is not a token"),
        ({"url": "u", "headers": {"": "1"}}, "the header name '' is not a token"),
        ({"url": "u", "headers": {"A\n\u00e9": "1"}}, r"the header name 'A\n\xe9' is not a token"),
        (
            {"url": "u", "headers": {"A": "b\r\nC: d"}},
            "the value of header A has a control character or is not Latin-1",
        ),
        ({"url": "u", "headers": {"A": "b\n"}}, "the value of header A has a control character or is not Latin-1"),
        ({"url": "u", "headers": {"A": "\0"}}, "the value of header A has a control character or is not Latin-1"),
        ({"url": "u", "headers": {"A": "\u0100"}}, "the value of header A has a control character or is not Latin-1"),
        (
            {"url": "u", "headers": {"Transfer-ENCODING": "chunked"}},
            "the header Transfer-ENCODING frames the message or belongs to the connection; leave it out",
        ),
        (
            {"url": "u", "headers": [["a", "b"], ["proxy-x", "\u0100"]]},
            "the header proxy-x frames the message or belongs to the connection; leave it out",
        ),
        ({"url": "u", "method": "connect"}, "the method CONNECT requests a tunnel, not a resource"),
        ({"url": "u", "method": "head", "body": ""}, "a body cannot be sent with HEAD"),
        ({"url": "u", "body": 5}, "the body is int; it is text, an object or a list"),
        ({"url": "u", "body": True}, "the body is bool; it is text, an object or a list"),
    ],
)
def test_a_broken_row_is_a_fault_and_keeps_its_url_and_its_fields(read, item, fault):
    line = orjson.dumps({**item, "keep": 1} if isinstance(item, dict) else item)
    fine, broken = read(b'{"url":"http://a/"}\n' + line + b"\n", "list.jsonl")

    assert (broken.seq, broken.line, broken.fault) == (1, 2, fault)
    assert broken.url == (str(item["url"]) if isinstance(item, dict) and item.get("url") in ("u", 5) else "")
    assert (broken.fields or {}).get("keep") == (1 if isinstance(item, dict) else None)
    assert (broken.method, broken.headers, broken.body) == ("GET", (), None)
    assert broken.reason is (Reason.INVALID_REQUEST if broken.url == "u" else Reason.INVALID_URL)
    assert fine == Row(0, 1, "http://a/")


def test_a_row_whose_url_is_broken_as_well_has_that_fault(row_of):
    row = row_of({"url": 5, "method": "GET /", "headers": {"TE": "x"}})

    assert (row.fault, row.reason) == ("'url' is int, not text", Reason.INVALID_URL)


def test_a_request_that_cannot_be_sent_has_the_url_that_it_was_for(row_of):
    """With a template it is the URL that was filled in."""
    row = row_of({"id": 7, "method": "GET /"}, url_template="http://h/{id}")

    assert (row.url, row.reason, row.fields) == ("http://h/7", Reason.INVALID_REQUEST, {"id": 7})


@pytest.mark.parametrize(
    ("line", "url", "fault"),
    [
        (b"{'url': 'http://a/'}", "", "not JSON: "),
        (b'{"secret": "http://a/"', "", "not JSON: "),
        (b'{"url": "http://a/", "secret": "', "http://a/", "not JSON: "),
        (b'{"url" : "http://a/\\"', "", "not JSON: "),
        (b"http://a/", "http://a/", "not JSON: "),
        (b'{"id": 1, "url": "http:\\/\\/a/\\u00e9"},', "http://a/\u00e9", "not JSON: "),
        (b'{"url": "http://a/\\ud800",}', r"http://a/\ud800", "not JSON: "),
        (b"[" * 10_000 + b"]" * 10_000, "", "not JSON: "),
        (b'{"url": "http://a/", "x": "' + b"x" * MAX_ROW + b'"}', "http://a/", "a row of over 1,048,576 bytes"),
    ],
)
def test_a_line_that_cannot_be_parsed_shows_its_url_if_it_can_be_read_and_no_more(read, line, url, fault):
    broken, fine = read(line + b'\n{"url":"http://a/"}\n', "list.jsonl")

    assert (broken.seq, broken.line, broken.url, broken.fields) == (0, 1, url, None)
    assert broken.fault.startswith(fault)
    assert fine == Row(1, 2, "http://a/")


@pytest.mark.parametrize(
    ("item", "url", "fault"),
    [
        ({"id": 7}, "http://h/7?q=", "nothing to put in the place of {q}"),
        ({"id": 7, "q": "a/b"}, "http://h/7?q=a%2Fb", None),
        ({"id": 1.5, "q": "\u00e9"}, "http://h/1.5?q=%C3%A9", None),
        ({"id": "7", "q": ""}, "", "nothing to put in the place of {q}"),
        ({"id": None, "q": "x"}, "", "nothing to put in the place of {id}"),
        ({"id": True, "q": "x"}, "", "{id} is bool, neither text nor a number"),
        ({"id": [1], "q": "x"}, "", "{id} is list, neither text nor a number"),
        ("http://a/", "http://a/", "nothing to put in the place of {id}"),
    ],
)
def test_a_template_is_filled_from_the_fields_which_come_back(row_of, item, url, fault):
    row = row_of(item, url_template="http://h/{id}?q={q}")

    assert row.fault == fault
    assert row.fields == (item if isinstance(item, dict) else None)
    if fault is None:
        assert row.url == url


def test_in_a_template_the_braces_alone_stand_for_the_url_field(row_of):
    assert row_of({"url": "a b"}, url_template="http://h/{}").url == "http://h/a%20b"
    assert row_of("a b", url_template="http://h/{}").url == "http://h/a%20b"
    assert row_of({"n": 5}, url_template="http://h/{}", column="n").url == "http://h/5"


def test_settled_rows_are_not_even_parsed(read):
    assert read('not json\n"http://a/"\n', "list.jsonl", settled=[0]) == [Row(1, 2, "http://a/")]


@given(
    st.lists(st.dictionaries(TEXTS.filter(lambda name: name not in {"method", "headers", "body"}), VALUES, max_size=3))
)
def test_what_is_written_as_json_is_read_back(items):
    items = [{**item, "url": f"http://a/{number}"} for number, item in enumerate(items)]

    rows = json_lines(b"".join(orjson.dumps(item) + b"\n" for item in items))

    assert [{"url": row.url, **(row.fields or {})} for row in rows] == items
    assert not any(row.fault for row in rows)


@given(st.binary(max_size=200) | VALUES.map(orjson.dumps), st.sets(st.integers(0, 10)))
def test_any_bytes_are_rows_that_can_be_written_as_json(content, settled):
    """No exception behind a first row that is none either, seqs 0 to n - 1; skipping changes nothing else."""
    content = b'"http://a/"\n' + content
    rows = json_lines(content)

    assert [row.seq for row in rows] == list(range(len(rows)))
    orjson.dumps([(row.url, row.fields, row.fault) for row in rows])
    assert json_lines(content, settled) == [row for row in rows if row.seq not in settled]


def test_what_json_does_not_have_is_read_as_python_writes_it(read):
    """json.dumps writes NaN, Infinity and half surrogate pairs unless it is told not to."""
    item = {"url": "http://a/", "score": float("nan"), "most": float("-inf"), "title": "\ud83d", "big": 2**70}
    (row,) = read(json.dumps(item) + "\n", "list.jsonl")

    assert (row.url, row.fault) == ("http://a/", None)
    assert repr(row.fields) == repr({name: item[name] for name in ("score", "most", "title", "big")})


def test_bytes_that_are_no_utf_8_cost_a_row_only_if_they_are_in_its_url(read):
    good, bad = read(b'{"url": "http://a/", "title": ["caf\xe9"]}\n{"url": "http://a/\xe9"}\n', "list.jsonl")

    assert (good.url, good.fields, good.fault) == ("http://a/", {"title": [r"caf\xe9"]}, None)
    assert (bad.url, bad.fault) == (r"http://a/\xe9", "not valid UTF-8")


@pytest.mark.parametrize("name", ["method", "headers", "body"])
def test_a_number_that_is_none_is_an_empty_cell(read, name):
    """So pandas writes a row without that value."""
    (row,) = read(f'{{"url": "http://a/", "{name}": NaN}}\n', "list.jsonl")

    assert row == Row(0, 1, "http://a/")


def test_a_url_that_is_none_is_missing(read):
    (row,) = read('{"url": NaN}\n', "list.jsonl")

    assert row.fault == "no 'url' in it"
