"""A list whose first inputs are no URLs is remarked on once, with the setting that may help."""

import os

import pytest
from pyroaring import BitMap64

from penstock.settings import InputSettings
from penstock.source.opened import open_inputs


@pytest.mark.parametrize(
    ("name", "content", "settings", "said"),
    [
        ("hosts.txt", "a.example\nb.example\n", {}, 'There are hosts: url_template="https://{}"'),
        ("hosts.txt", "a.example:8080\nb.example:81\n", {}, 'url_template="https://{+}"'),
        ("hosts.txt", "10.0.0.1:80\n[::1]:80\n", {}, 'url_template="https://{+}"'),
        ("paths.txt", "crawl-data/a.gz\ncrawl-data/b.gz\n", {}, 'url_template="https://HOST/{+}"'),
        ("hosts.txt", "localhost:80\ncache:81\n", {}, 'url_template="https://{+}"'),
        ("top.csv", "1,a.example\n2,b.example\n", {"header": False}, 'url_template="https://{2}"'),
        ("table.txt", "1;http://a/\n2;http://b/\n", {}, 'input_format="csv", delimiter=";"'),
        ("table.txt", "1,http://a/\n2,http://b/\n", {}, 'input_format="csv", delimiter="comma"'),
        ("table.txt", "1\thttp://a/\n2\thttp://b/\n", {}, 'input_format="csv", delimiter="tab"'),
        ("rows.txt", '{"url": "http://a/"}\n{"url": "http://b/"}\n', {}, 'input_format="jsonl"'),
        ("rows.txt", '[\n"http://a/",\n"http://b/"\n]\n', {}, 'input_format="json"'),
        ("map.txt", "<urlset>\n<url>\n", {}, 'input_format="sitemap"'),
        ("table.csv", "url,link\n1,http://a/\n2,http://b/\n", {}, "column 'link' are: column=\"link\""),
        ("table.csv", "1,http://a/\n2,http://b/\n", {"header": False}, "column '2' are: column=\"2\""),
        ("table.csv", "url\na.example\nb.example\n", {}, 'url_template="https://{url}"'),
        ("table.csv", "1,a.example\n", {"header": False, "column": "2"}, 'url_template="https://{2}"'),
        ("table.csv", "1;http://a/\n", {"header": False}, "parted by ';'"),
        ("list.txt", "nothing\nof the kind\nhttp://a/\n", {}, "2 of its first 3 inputs are no URLs"),
        ("list.jsonl", "nothing\nof the kind\n", {}, "read as jsonl, and 2 of its first 2 inputs are no URLs"),
    ],
)
def test_most_of_the_first_inputs_are_no_urls(write, name, content, settings, said):
    opened = open_inputs([write(content, name)], InputSettings(**settings))
    (remark,) = opened.remarks()

    assert said in remark
    list(opened.rows(BitMap64()))
    assert opened.remarks() == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.txt", ""),
        ("list.txt", "http://a/\nnothing\n"),
        ("list.txt", "mailto:a@b\ndata:,x\n"),
        ("list.txt", "http://a/\n" * 20 + "nothing\n" * 100),
        ("list.csv", "url\nhttp://a/\n"),
    ],
)
def test_a_list_of_urls_is_not_remarked_on(write, name, content):
    opened = open_inputs([write(content, name)], InputSettings())
    list(opened.rows(BitMap64()))

    assert opened.remarks() == []


def test_a_stream_is_looked_at_while_it_is_read():
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0), open(writer, "wb", buffering=0) as end:
        opened = open_inputs(["-", "http://a/"], InputSettings(), reader)
        end.write(b"a.example\nb.example\n")
        rows = opened.rows(BitMap64())
        assert [next(rows).url, next(rows).url] == ["a.example", "b.example"]
        assert opened.remarks() == []
        end.close()
        assert [(row.seq, row.url) for row in rows] == [(2, "http://a/")]
        (remark,) = opened.remarks()
        assert "'standard input' is read as lines, and 2 of its first 2" in remark
