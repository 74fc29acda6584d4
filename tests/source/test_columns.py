"""Columns by name and by number, tables without names, and other delimiters."""

import codecs

import pytest
from pyroaring import BitMap64

from penstock.core.web.model import Row
from penstock.errors import InputError
from penstock.settings import InputSettings, Settings
from penstock.source.opened import open_inputs

RANKED = "1,a.example\n2,b.example\n"


def test_the_form_of_tranco(read):
    """rank,domain and no header, https://tranco-list.eu."""
    first, second = read(RANKED, "top.csv", header=False, url_template="https://{2}/")

    assert first == Row(0, 1, "https://a.example/", fields={"1": "1", "2": "a.example"})
    assert (second.line, second.url) == (2, "https://b.example/")
    assert [row.url for row in read(RANKED, "top.csv", header=False, column="2")] == ["a.example", "b.example"]
    urls = read(RANKED, "top.txt", header=False, column="2", url_template="https://{}/", select=("1",))
    assert [(row.url, row.fields) for row in urls] == [
        ("https://a.example/", {"1": "1"}),
        ("https://b.example/", {"1": "2"}),
    ]


@pytest.mark.parametrize(
    "encode",
    [str.encode, lambda text: text.encode("utf-8-sig"), lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le")],
    ids=["UTF-8", "UTF-8 with BOM", "UTF-16"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_form_of_a_spreadsheet_in_europe(read, encode, end):
    content = 'Titel;Url;Preis\n"Stra\u00dfe; gro\u00df";http://a/;1,5\n;http://b/;\n'.replace("\n", end)
    first, second = read(encode(content), "list.csv", delimiter=";")

    assert first == Row(0, 2, "http://a/", fields={"Titel": "Stra\u00dfe; gro\u00df", "Preis": "1,5"})
    assert second == Row(1, 3, "http://b/", fields={"Titel": "", "Preis": ""})


@pytest.mark.parametrize("delimiter", [";", "|", "\t", " ", "\u00a6"])
def test_a_stray_quote_costs_its_own_row_with_any_delimiter(read, delimiter):
    content = 'url,note\nhttp://a/,"x\nhttp://b/,y\nhttp://c/,z\n'.replace(",", delimiter)
    rows = read(content, "list.csv", delimiter=delimiter)

    assert [(row.url, row.fault is None) for row in rows] == [
        *(("http://a/", False), ("http://b/", True), ("http://c/", True)),
    ]


def test_a_number_is_a_column_unless_one_has_that_name(read):
    content = "2,url,x\nhttp://a/,http://b/,http://c/\n"

    assert [read(content, "list.csv", column=name)[0].url for name in ("1", "2", "3", "X")] == [
        *("http://a/", "http://a/", "http://c/", "http://c/"),
    ]
    (row,) = read(content, "list.csv", url_template="{+3}?{+2}", select=("url", "3"))
    assert (row.url, row.fields) == ("http://c/?http://a/", {"url": "http://b/", "x": "http://c/"})


def test_without_names_the_first_column_has_the_url_unless_another_is_named(read):
    assert [row.url for row in read("http://a/\n\nhttp://b/\n", "list.csv", header=False)] == ["http://a/", "http://b/"]
    assert read("", "list.csv", header=False) == []


@pytest.mark.parametrize(
    ("content", "settings", "said"),
    [
        ("id;url\n1;http://a/\n", {}, "no column 'url'; it has 'id;url'. .* parted by ';': delimiter=\";\""),
        ("id\turl\n1\thttp://a/\n", {}, 'delimiter="tab"'),
        ("id,url\n1,http://a/\n", {"delimiter": ";"}, 'delimiter=","'),
        ("1,http://a/\n2,http://b/\n", {}, "It seems to have no row of column names: header=False"),
        (RANKED, {}, "It seems to have no row of column names: header=False"),
        (RANKED, {"header": False, "column": "3"}, "no column '3'; it has '1', '2'"),
        (RANKED, {"header": False, "column": "0"}, "no column '0'"),
        (RANKED, {"header": False, "url_template": "https://{3}"}, "no column '3'"),
        (RANKED, {"header": False, "select": ("domain",)}, "no column 'domain'.* Say which with select"),
        ('"open\n', {"header": False}, "the first row cannot be read"),
    ],
)
def test_a_column_that_is_not_there_is_said_when_the_table_is_opened(read, content, settings, said):
    with pytest.raises(InputError, match=said):
        read(content, "list.csv", **settings)


@pytest.mark.parametrize(("name", "setting"), [("list.jsonl", "delimiter"), ("list.json", "header")])
def test_what_only_a_table_has_is_refused_elsewhere(read, name, setting):
    with pytest.raises(InputError, match=f'which has no {setting}; a table is input_format="csv"'):
        read("", name, **{setting: ";" if setting == "delimiter" else False})


def test_fields_are_selected_from_objects_too(read):
    (row,) = read('{"url": "http://a/", "id": 1, "x": 2, "method": "PUT"}\n', "list.jsonl", select=("id", "y"))

    assert row == Row(0, 1, "http://a/", "PUT", fields={"id": 1})


def test_what_is_not_utf_8_is_remarked_on_once_with_its_line(write):
    path = write(b"url,titel\nhttp://a/,x\nhttp://b/,Stra\xdfe\nhttp://c/,\xe9\nhttp://d/\xe9,x\n", "list.csv")
    opened = open_inputs([path], InputSettings())
    rows = list(opened.rows(BitMap64()))

    assert [(row.url, row.fault) for row in rows] == [
        *(("http://a/", None), ("http://b/", None), ("http://c/", None)),
        (r"http://d/\xe9", "row 5: not valid UTF-8"),
    ]
    assert rows[1].fields == {"titel": r"Stra\xdfe"}
    (said,) = opened.remarks()
    assert "is not UTF-8 in line 3" in said
    assert "iconv -f WINDOWS-1252 -t UTF-8" in said


def test_settings_say_the_same_in_several_ways():
    assert Settings.of(delimiter="tab").delimiter == Settings.of(delimiter="\t").delimiter == "\t"
    assert Settings.of(column=2).column == "2"
    assert Settings.of(select="a, b").select == Settings.of(select=["a", "b", "a"]).select == ("a", "b")
