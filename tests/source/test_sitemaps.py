"""Sitemaps and indexes of them, as https://www.sitemaps.org/protocol.html has them."""

import gzip
import re
import tracemalloc

import pytest
from pyroaring import BitMap64

from penstock.core.web.documents import Document, Nested
from penstock.core.web.model import Row, Via
from penstock.errors import InputError
from penstock.settings import InputSettings
from penstock.source.opened import open_inputs
from penstock.source.rows import Shape
from penstock.source.sitemaps import Sitemap

NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
IMAGES = 'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
MAP = f"""<?xml version="1.0" encoding="UTF-8"?>
<urlset {NAMESPACE} {IMAGES}>
  <!-- <url><loc>http://no/</loc></url> -->
  <url>
    <loc> http://a/?x=1&amp;y=2
    </loc>
    <lastmod>2026-01-01</lastmod><priority>0.5</priority>
    <image:image><image:loc>http://image/</image:loc></image:image>
    <image:loc>http://image/</image:loc>
  </url>
  <url><loc><![CDATA[http://b/]]></loc></url>
  <url><lastmod>2026</lastmod></url>
</urlset>
"""
FIELDS = {"lastmod": "2026-01-01", "priority": "0.5"}


@pytest.mark.parametrize(
    "content",
    [
        MAP.encode(),
        MAP.encode("utf-8-sig"),
        MAP.replace("UTF-8", "UTF-16").encode("utf-16"),
        MAP.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        MAP.replace(f" {NAMESPACE}", "").encode(),
        re.sub("(</?)(url|loc|last|prio)", r"\1s:\2", MAP.replace("xmlns=", "xmlns:s=")).encode(),
    ],
    ids=["clean", "BOM", "UTF-16", "Latin-1", "no namespace", "prefixes"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_urls_of_a_sitemap_are_inputs(read, content, pack):
    first, second, third = read(pack(content), "sitemap.xml")

    assert first == Row(0, 4, "http://a/?x=1&y=2", fields=FIELDS)
    assert second == Row(1, 11, "http://b/")
    assert (third.url, third.fault, third.fields) == ("", "no 'url' in it", {"lastmod": "2026"})


@pytest.mark.parametrize("size", [1, 3, 50])
def test_blocks_make_no_difference(size):
    content = MAP.encode()
    blocks = (content[at : at + size] for at in range(0, len(content), size))

    rows = list(Sitemap(Shape(), "map").read(blocks, BitMap64([1]), 0))
    assert [(row.seq, row.line) for row in rows] == [(0, 4), (2, 12)]


def test_an_index_asks_for_each_sitemap_in_it(write):
    content = f"<sitemapindex {NAMESPACE}><sitemap><loc>http://a/1.xml.gz</loc></sitemap></sitemapindex>"
    opened = open_inputs([write(content, "index.xml")], InputSettings())

    rows = opened.rows(BitMap64())
    assert next(rows) == Nested("http://a/1.xml.gz")
    assert rows.send(None).url == "http://a/1.xml.gz"
    rows.close()

    rows = opened.rows(BitMap64())
    assert next(rows) == Nested("http://a/1.xml.gz")
    via = Via("http://a", public=True)
    assert rows.send(Document(MAP.encode(), via)) == Row(0, 4, "http://a/?x=1&y=2", fields=FIELDS, via=via)
    assert opened.progress() is None
    assert opened.remarks() == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('<!DOCTYPE urlset [<!ENTITY x "http://b/">]><urlset><url><loc>&x;</loc></url></urlset>', "type declaration"),
        ('<!DOCTYPE urlset SYSTEM "http://b/x.dtd"><urlset/>', "has a document type declaration"),
        ("<urlset><url><loc>&x;</loc></url></urlset>", "is not well-formed XML: undefined entity"),
        ("<rss><channel/></rss>", "is no sitemap: its element is 'rss'"),
        ("<html><body/></html>", "seems to be an HTML page"),
        ("<urlset><url>", "is not well-formed XML: no element found"),
        ("http://a/\n", "is not well-formed XML"),
        ("", "is not well-formed XML: no element found"),
    ],
)
def test_what_is_no_sitemap_is_refused_when_it_is_opened(write, content, said):
    with pytest.raises(InputError, match=said):
        open_inputs([write(content, "sitemap.xml")], InputSettings())


def test_what_comes_before_the_damage_is_read():
    rows = Sitemap(Shape(), "map").read(
        iter([b"<urlset><url><loc>http://a/</loc></url>", b"<url></loc>"]), BitMap64(), 0
    )

    assert next(rows).url == "http://a/"
    with pytest.raises(InputError, match=r"mismatched tag: .*; the rows before it were read"):
        next(rows)


def test_an_element_of_any_length_takes_no_memory():
    blocks = [b"<urlset><url><loc>", *[b"x" * 65_536] * 500, b"</loc></url></urlset>"]
    tracemalloc.start()
    (row,) = Sitemap(Shape(), "map").read(iter(blocks), BitMap64(), 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 32_768 < len(row.url) <= 131_072
    assert peak < 2_000_000


def test_a_url_is_asked_for_as_a_sitemap():
    opened = open_inputs(["http://a/sitemap.xml"], InputSettings(input_format="sitemap"))

    assert next(opened.rows(BitMap64())) == Nested("http://a/sitemap.xml")
    assert opened.progress() is None


def test_a_template_takes_the_elements_by_name(read):
    rows = read(MAP, "sitemap.xml", url_template="http://archive/{lastmod}/{+}", select=("priority",))

    assert [(row.url, row.fields) for row in rows[:1]] == [
        ("http://archive/2026-01-01/http://a/?x=1&y=2", {"priority": "0.5"})
    ]
