"""CSV and TSV: columns, quoting, and rows that are broken."""

import csv
import io
import itertools
import tracemalloc

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap64

from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.settings import InputSettings
from penstock.source.opened import open_inputs
from penstock.source.records import MAX_RECORD, Quoted, Tabbed
from penstock.source.rows import Shape
from penstock.source.tables import Table

FIELD_LIMIT = csv.field_size_limit()

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8)


def table(blocks, settled=(), records=Quoted):
    return list(Table(Shape(), records, name="list").read(iter(blocks), BitMap64(settled), 0))


def found(rows):
    return [(row.seq, row.line, row.url, row.fault) for row in rows]


@pytest.mark.parametrize(
    "content",
    [
        b"id,url\n1,http://a/\n2,http://b/\n",
        b"\xef\xbb\xbfid,url\n1,http://a/\n2,http://b/\n",
        b"id,url\r\n1,http://a/\r\n2,http://b/\r\n",
        b"id,url\n1,http://a/\n2,http://b/",
        b'"id","url"\n"1","http://a/"\n"2"," http://b/ "\n',
        b" id ,url\n1,http://a/\n2,http://b/\n",
    ],
    ids=["clean", "BOM", "CRLF", "no final newline", "quoted", "blanks in the header"],
)
def test_the_same_table_written_differently_has_the_same_rows(read, content):
    first, second = Row(0, 2, "http://a/", fields={"id": "1"}), Row(1, 3, "http://b/", fields={"id": "2"})

    assert read(content, "list.csv") == [first, second]
    assert read(content.replace(b",", b"\t").replace(b'"', b""), "list.tsv") == [first, second]


def test_a_table_of_urls_only_has_no_other_fields(read):
    assert read("url\nhttp://a/\n", "list.csv") == [Row(0, 2, "http://a/")]


def test_the_column_may_be_named(read):
    (row,) = read("url,link\nhttp://a/,http://b/\n", "list.csv", column="link")

    assert (row.url, row.fields) == ("http://b/", {"url": "http://a/"})


@pytest.mark.parametrize("header", ["URL", "Url", "url"])
def test_a_columns_case_matters_only_where_it_must(read, header):
    assert read(f"{header}\nhttp://a/\n", "list.csv") == [Row(0, 2, "http://a/")]


def test_a_column_with_the_exact_name_comes_before_one_alike(read):
    (row,) = read("URL,url\nhttp://a/,http://b/\n", "list.csv")

    assert row.url == "http://b/"


@pytest.mark.parametrize(
    ("content", "settings", "said"),
    [
        ("id,link\n1,http://a/\n", {}, "has no column 'url'; it has 'id', 'link'. Say which with column"),
        ("URL,Url\nhttp://a/,x\n", {}, "has no column 'url'; it has 'URL', 'Url'"),
        ("id,url\n", {"column": "link"}, "has no column 'link'; it has 'id', 'url'"),
        (",".join("abcdefghijklmnopqrstuvwxyz"), {}, "'t' and 6 more"),
        ("\x1b[2J\n", {}, r"'\\x1b\[2J'"),
        ("\udc80\n".encode("utf-8", "surrogatepass"), {}, r"it has '\\\\xed"),
        ("", {}, "is empty; a table begins with a row of column names"),
        ("\n\n", {}, "is empty"),
        ('"url\nhttp://a/\n', {}, "the row of column names cannot be read: a quote that is never closed"),
        (
            "id\n1\n",
            {"url_template": "http://a/{isbn}"},
            "has no column 'isbn'; it has 'id'. Say which with url_template",
        ),
        ("id\n1\n", {"url_template": "http://a/{}/{id}"}, "has no column 'url'"),
    ],
)
def test_a_table_without_the_column_is_refused_when_it_is_opened(read, content, settings, said):
    with pytest.raises(InputError, match=said):
        read(content, "list.csv", **settings)


def test_columns_of_one_name_are_numbered(read):
    (row,) = read("url,note,note,,\nhttp://a/,1,2,3,4\n", "list.csv")

    assert row.fields == {"note": "1", "note_2": "2", "": "3", "_2": "4"}


def test_lines_are_physical_and_rows_are_a_spreadsheets(read):
    rows = read('\nurl,note\n\nhttp://a/,"two\nlines"\n   \nhttp://b/,1,2\n', "list.csv")

    assert found(rows) == [
        (0, 4, "http://a/", None),
        (1, 7, "http://b/", None),
    ]
    assert rows[0].fields == {"note": "two\nlines"}


@pytest.mark.parametrize(("name", "comma"), [("list.csv", ","), ("list.tsv", "\t")])
def test_a_ragged_row_has_null_for_what_it_lacks_and_keeps_what_is_too_much(write, name, comma):
    """What has no name is called by the number of its column; a name that is there already gets another."""
    content = "id,url,4,note\n1,http://a/\n\n2\n3,http://c/,x,y,z,\n4,http://d/,,\n".replace(",", comma)
    opened = open_inputs([write(content, name)], InputSettings())
    rows = list(opened.rows(BitMap64()))

    assert [(row.line, row.url, row.fault) for row in rows] == [
        (2, "http://a/", None),
        (4, "", "row 4: no 'url' in it"),
        (5, "http://c/", None),
        (6, "http://d/", None),
    ]
    assert [row.fields for row in rows] == [
        {"id": "1", "4": None, "note": None},
        {"id": "2", "4": None, "note": None},
        {"id": "3", "4": "x", "note": "y", "5": "z", "6": ""},
        {"id": "4", "4": "", "note": ""},
    ]
    (said,) = opened.remarks()
    assert "has 2 fields in row 2 and 4 columns" in said
    assert opened.remarks() == []


def test_a_surplus_field_does_not_take_the_place_of_a_column(read):
    (row,) = read("url,3\nhttp://a/,x,y\n", "list.csv")

    assert row.fields == {"3": "x", "3_2": "y"}


def test_a_hash_is_no_comment_in_a_table(read):
    (row,) = read("note,url\n# 1,http://a/\n", "list.csv")

    assert (row.url, row.fields) == ("http://a/", {"note": "# 1"})


def test_an_empty_cell_is_an_input_like_any_other(read):
    assert found(read('url\n""\n', "list.csv")) == [(0, 2, "", None)]
    assert found(read("id,url\n,\n", "list.csv")) == [(0, 2, "", None)]


@pytest.mark.parametrize(
    ("broken", "url", "said"),
    [
        ('"open,1', "open", "a quote that is never closed"),
        ('"open,1,2', "", "a quote that is never closed"),
        ('"a"b,1', 'a"b', "',' expected after '\"'"),
        ("a\rb,1", "a\rb", "a carriage return in a field that is not quoted"),
        ("x" * (FIELD_LIMIT + 1) + ",1", "", "field larger than field limit (131072)"),
        ("x," * (MAX_RECORD // 2) + "x", "", "a record of over 1,048,576 bytes"),
        ("x" * 3 * MAX_RECORD, "", "a record of over 1,048,576 bytes"),
    ],
    ids=["open quote", "ragged", "text after a quote", "lone CR", "field too long", "record too long", "line too long"],
)
def test_a_broken_row_costs_itself_and_not_the_rows_after_it(read, broken, url, said):
    """Its url is what the line says when it is split at the commas alone."""
    rows = read(f"url,id\nhttp://a/,1\n{broken}\nhttp://b/,2\nhttp://c/,3\n", "list.csv")

    assert found(rows) == [
        (0, 2, "http://a/", None),
        (1, 3, url, f"row 3: {said}"),
        (2, 4, "http://b/", None),
        (3, 5, "http://c/", None),
    ]


def test_a_quote_that_opens_far_above_swallows_nothing(read):
    """The record ends at the field limit; all lines after the first are read again, each by itself."""
    lines = [f"http://a/{number},x" for number in range(20_000)]
    rows = read("\n".join(["url,id", 'http://a/,"open', *lines]), "list.csv")

    assert rows[0].fault == "row 2: field larger than field limit (131072)"
    assert [row.url for row in rows[1:]] == [line.removesuffix(",x") for line in lines]
    assert [row.line for row in rows] == list(range(2, 20_003))


ROWS = "title,url\n%s,http://a/\n%s,http://b/\nc,http://c/\n"


@pytest.mark.parametrize(
    ("first", "second"), [('"a', 'b"'), ('"a"', "b"), ('a"', '"b'), ('"', '"'), ('""a', 'b""'), ("a", '"b"b')]
)
def test_a_quote_is_a_character_in_a_tsv(read, first, second):
    """https://www.iana.org/assignments/media-types/text/tab-separated-values: a field has no tab, and that is all."""
    rows = read((ROWS % (first, second)).replace(",", "\t"), "list.tsv")

    assert found(rows) == [(0, 2, "http://a/", None), (1, 3, "http://b/", None), (2, 4, "http://c/", None)]
    assert [row.fields["title"] for row in rows] == [first, second, "c"]


@given(st.lists(st.lists(st.text('a"\r \t', max_size=4), min_size=1, max_size=4), max_size=5))
def test_each_line_of_a_tsv_is_one_row(cells):
    lines = ["\t".join(("x", *line)) for line in cells]
    rows = table([("url\tnote\n" + "\n".join(lines)).encode()], records=Tabbed)

    assert [row.line for row in rows] == list(range(2, len(lines) + 2))
    for row, line in zip(rows, lines, strict=True):
        found_cells = line.removesuffix("\r").split("\t")
        assert row.fault is None
        assert row.fields["note"] == found_cells[1]


@pytest.mark.parametrize("line", ["x\t" * 600_000, "x" * 3_000_000])
def test_a_line_of_a_tsv_that_is_too_long_costs_itself(read, line):
    rows = read(f"url\tid\nhttp://a/\t1\n{line}\nhttp://b/\t2\n", "list.tsv")

    assert [(row.line, row.fault) for row in rows] == [
        (2, None),
        (3, "row 3: a record of over 1,048,576 bytes"),
        (4, None),
    ]


@pytest.mark.parametrize(
    ("first", "second", "bad"),
    [
        ('"a', 'b"', [0]),
        ('"a', '"b', [0, 1]),
        ('"a', "b", [0]),
        ("a", '"b', [1]),
        ('"a"', '"b"c', [1]),
        ('a"', 'b"', []),
    ],
)
def test_a_stray_quote_in_a_csv_costs_its_own_row_at_most(read, first, second, bad):
    """Two that would close each other over whole rows are stray, too."""
    rows = read(ROWS % (first, second), "list.csv")

    assert [(row.line, row.url) for row in rows] == [(2, "http://a/"), (3, "http://b/"), (4, "http://c/")]
    assert [row.seq for row in rows if row.fault] == bad


def test_a_line_break_in_quotes_is_part_of_its_field(read):
    """Also with commas and a URL on the lines inside: only what is a row by itself on each of its lines is none."""
    note = "Dear Sir,\nsee http://c/, it is, as you say, good\nhttp://d/,\n,\nYours"
    first, second = read(f'url,note\nhttp://a/,"{note}"\nhttp://b/,"x,\n""http://e/"",\ny"\n', "list.csv")

    assert (first.url, first.fields, first.fault) == ("http://a/", {"note": note}, None)
    assert (second.url, second.fields, second.fault) == ("http://b/", {"note": 'x,\n"http://e/",\ny'}, None)


def test_quotes_that_are_never_closed_take_time_in_proportion_to_the_file(monkeypatch):
    """Each line of these leaves a quote open, whether one was open before or not. What counts is the lines parsed."""
    parsed = 0

    def counting(lines, **given):
        def counted():
            nonlocal parsed
            for line in lines:
                parsed += len(line)
                yield line

        return reader(counted(), **given)

    reader = csv.reader
    monkeypatch.setattr(csv, "reader", counting)
    for times in (6_000, 100_000):
        parsed, content = 0, b'a",""",\n' * times
        rows = table([b"url,id\n", *(content[at : at + 60_000] for at in range(0, len(content), 60_000))])
        assert [row.line for row in rows] == list(range(2, times + 2))
        assert all(row.fault for row in rows)
        assert parsed <= 2 * len(content) + 3 * MAX_RECORD


def test_a_quote_that_opens_above_fifty_megabytes_swallows_nothing():
    blocks = itertools.chain([b'url,id\nhttp://a/,"x\n'], itertools.repeat(b"http://b/,%s\n" % (b"y" * 980), 50_000))
    rows = Table(Shape(), Quoted, name="list").read(blocks, BitMap64(), 0)

    assert next(rows).fault == "row 2: field larger than field limit (131072)"
    assert sum(row.fault is None for row in rows) == 50_000


def test_an_endless_record_costs_no_memory():
    blocks = itertools.chain([b"url,id\n"], itertools.repeat(b'"%s\n",' % (b"a" * 100) * 500, 1_000))

    tracemalloc.start()
    rows = Table(Shape(), Quoted, name="list").read(blocks, BitMap64(), 0)
    row = next(rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert row.fault == "row 2: a record of over 1,048,576 bytes"
    assert peak < 10_000_000


def test_bytes_that_are_no_utf_8_spoil_the_url_but_not_the_row(read):
    title, url = read(b"url,title\nhttp://a/,caf\xe9\nhttp://b/\xff,\xc3\xa9\n", "list.csv")

    assert title == Row(0, 2, "http://a/", fields={"title": r"caf\xe9"})
    assert url == Row(1, 3, r"http://b/\xff", fields={"title": "\u00e9"}, fault="row 3: not valid UTF-8")


def test_a_template_takes_its_values_by_column(read):
    (row,) = read("id,lang\n1/2,d\u00e9\n", "list.csv", url_template="http://h/{lang}?id={id}")

    assert (row.url, row.fields) == ("http://h/d%C3%A9?id=1%2F2", {"id": "1/2", "lang": "d\u00e9"})


def test_with_a_template_the_column_it_is_filled_from_comes_back_too(read):
    (row,) = read("Url,n\na b,1\n", "list.csv", url_template="http://h/{}")

    assert (row.url, row.fields) == ("http://h/a%20b", {"Url": "a b", "n": "1"})


def test_a_template_with_nothing_to_put_in_is_a_fault(read):
    (row,) = read("id,n\n,1\n", "list.csv", url_template="http://h/{id}")

    assert row.fault == "row 2: nothing to put in the place of {id}"


def test_only_as_much_is_read_as_is_asked_for():
    taken = []

    def blocks():
        for number in itertools.count():
            taken.append(number)
            yield b"http://a/\n" if number else b"url\n"

    rows = Table(Shape(), Quoted, name="list").read(blocks(), BitMap64(), 0)
    next(rows)

    assert taken == [0, 1]


@pytest.mark.parametrize("dialect", ["excel", "unix"])
@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_what_the_csv_module_writes_is_read_back(dialect, rows):
    """But for rows of nothing but blanks, which are no inputs; and for blanks around a URL."""
    written = io.StringIO(newline="")
    csv.writer(written, dialect).writerows([("url", "note"), *rows])

    got = table([written.getvalue().encode()])

    expected = [
        (url.strip(" \t\n\v\f\r"), note)
        for url, note in rows
        if dialect == "unix" or "\n" in url + note or (url + "," + note).strip(" \t\v\f")
    ]
    assert [(row.url, row.fields["note"]) for row in got] == expected
    assert not any(row.fault for row in got)


@given(st.binary(max_size=300), st.sets(st.integers(0, 10)))
def test_any_bytes_under_a_header_are_rows_that_can_be_written_as_json(content, settled):
    """No exception, seqs 0 to n - 1, lines that rise; skipping changes nothing else."""
    rows = table([b"url,note\n", content])

    assert [row.seq for row in rows] == list(range(len(rows)))
    assert [row.line for row in rows] == sorted({row.line for row in rows})
    orjson.dumps([(row.url, row.fields) for row in rows])
    assert table([b"url,note\n", content], settled) == [row for row in rows if row.seq not in settled]


@given(st.text('",\nx', max_size=60))
def test_no_line_is_lost_however_the_quotes_stand(content):
    """The first line that is not blank begins a row, and so does the one after a row that cannot be read."""
    rows = table([b"url,note\n", content.encode()])
    starts = [row.line for row in rows]
    filled = [number for number, line in enumerate(content.split("\n"), 2) if line.strip()]

    assert starts[:1] == filled[:1]
    for row in rows:
        if row.fault and "fields where" not in row.fault:
            assert next((number for number in filled if number > row.line), None) in (*starts, None)
