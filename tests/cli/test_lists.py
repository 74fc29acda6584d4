"""Lists as they are found in the world, through the command."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pytest

import penstock
from penstock.errors import FolderMismatch, InputError
from penstock.testing.web import LocalWeb

BRISK = ("--delay", "0", "--per-host", "10", "--no-robots")


@pytest.fixture
def local():
    """A web that has seen nothing yet, which is where every name leads."""
    with LocalWeb() as web:
        yield web


@pytest.fixture
def fetched(run, local, records, tmp_path):
    """Fetches a list with this content; the URLs with their status and their other fields, in order."""

    def fetch(name, content, *arguments):
        path = tmp_path / name
        path.write_bytes(content)
        connect_to = [part for spec in local.connect_to for part in ("--connect-to", spec)]
        ended = run("fetch", path, *BRISK, *connect_to, *arguments)
        assert ended.exit_code == 0, ended.stderr
        found = sorted(records(ended.stdout), key=lambda record: record["seq"])
        return [(record["url"], record["status"], record["input"]) for record in found]

    return fetch


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return packed.getvalue()


@pytest.mark.parametrize("how", [("--url-template", "http://{2}/"), ("--column", "2", "--url-template", "http://{}/")])
def test_the_top_sites_of_tranco(fetched, how):
    content = zipped(top_csv=b"1,a.test\r\n2,b.test\r\n")

    assert fetched("tranco.csv.zip", content, "--no-header", "--select", "1", *how) == [
        ("http://a.test/", 200, {"1": "1"}),
        ("http://b.test/", 200, {"1": "2"}),
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_spreadsheet_saved_by_excel(fetched, encoding):
    content = "Name;Adresse\r\nStra\u00dfe;http://a.test/\r\n".encode(encoding)

    assert fetched("Mappe1.csv", content, "--delimiter", ";", "--column", "adresse") == [
        ("http://a.test/", 200, {"Name": "Stra\u00dfe"})
    ]


def test_the_list_of_paths_of_common_crawl(fetched, local):
    content = gzip.compress(b"crawl-data/CC-MAIN-2026-05/a.gz\ncrawl-data/CC-MAIN-2026-05/b.gz\n")
    base = f"http://127.0.0.1:{local.port()}"

    assert fetched("warc.paths.gz", content, "--url-template", f"{base}/{{+}}") == [
        (f"{base}/crawl-data/CC-MAIN-2026-05/a.gz", 200, None),
        (f"{base}/crawl-data/CC-MAIN-2026-05/b.gz", 200, None),
    ]


def test_hosts_with_their_ports(fetched, local):
    content = f"127.0.0.1:{local.port()}\na.test:80\n".encode()

    assert fetched("hosts.txt", content, "--url-template", "http://{+}/") == [
        (f"http://127.0.0.1:{local.port()}/", 200, None),
        ("http://a.test:80/", 200, None),
    ]


def test_a_sitemap(fetched):
    content = b"<urlset><url><loc>http://a.test/1</loc><lastmod>2026</lastmod></url></urlset>"

    assert fetched("sitemap.xml.gz", gzip.compress(content)) == [("http://a.test/1", 200, {"lastmod": "2026"})]


def test_a_json_array(fetched):
    assert fetched("list.json", b'["http://a.test/1",\n{"url": "http://a.test/2", "id": 2}]') == [
        ("http://a.test/1", 200, None),
        ("http://a.test/2", 200, {"id": 2}),
    ]


def test_what_json_does_not_have_is_valid_json_in_the_outcome(fetched):
    """NaN and Infinity are null, as orjson and JavaScript write them; a half of a character is U+FFFD."""
    item = {"url": "http://a.test/", "score": float("nan"), "most": float("inf"), "title": "\ud83d"}

    assert fetched("list.jsonl", json.dumps(item).encode()) == [
        ("http://a.test/", 200, {"score": None, "most": None, "title": "\ufffd"})
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("list.xlsx", zipped(xl="", **{"xl/workbook_xml": ""}), "an Excel workbook; save it as CSV (UTF-8)"),
        ("list.zip", zipped(a_txt=b"http://a.test/", b_txt=b"http://a.test/"), "an archive (zip) with 2 files"),
        ("list.txt", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "an image (PNG)"),
        ("list.csv", b"%PDF-1.7\nhttp://a.test/\n", "a PDF file"),
        ("list.txt", b"<?xml version='1.0'?><urlset/>", "--input-format sitemap"),
    ],
)
def test_what_is_plainly_no_list_stops_before_any_request(run, tmp_path, local, name, content, said):  # noqa: PLR0917
    (tmp_path / name).write_bytes(content)
    for arguments in ((), ("-o", tmp_path / "run")):
        ended = run("fetch", local.url(), tmp_path / name, *BRISK, *arguments)

        assert (ended.exit_code, ended.stdout) == (2, "")
        assert said in " ".join(ended.stderr.split())
    assert local.traffic().requests == 0
    assert not (tmp_path / "run").exists()


def test_what_is_plainly_no_list_in_a_stream_stops_before_any_request(run, local):
    ended = run("fetch", "-", *BRISK, input=b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")

    assert (ended.exit_code, local.traffic().requests) == (2, 0)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("hosts.txt", "a.test\nb.test\n", "--url-template 'https://{}'"),
        ("list.csv", "url,link\n1,http://a.test/\n", "--column link"),
        ("list.csv", "1,http://a.test/\n", "--no-header"),
        ("list.csv", "id;url\n1;http://a.test/\n", "--delimiter ';'"),
        ("rows.txt", '{"url": "http://a.test/"}\n', "--input-format jsonl"),
    ],
)
def test_the_option_that_may_help_is_said(run, tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    ended = run("fetch", tmp_path / name, *BRISK, "--progress", "plain")

    assert said in " ".join(ended.stderr.split())


def test_a_plan_says_it_too(run, tmp_path):
    (tmp_path / "hosts.txt").write_text("a.test\nb.test\n")

    assert "--url-template 'https://{}'" in run("plan", tmp_path / "hosts.txt").stderr


def test_in_python_the_keyword_is_said(tmp_path):
    (tmp_path / "list.csv").write_text("1,http://a.test/\n")
    with pytest.raises(InputError, match="no row of column names: header=False"):
        penstock.run(tmp_path / "list.csv", tmp_path / "run")


def test_ragged_rows_are_fetched_and_said_once(run, tmp_path, local, records):
    (tmp_path / "list.csv").write_text(f"id,url\n1,{local.url()}\n2,{local.url()},x\n3,{local.url()},y,z\n4\n")
    ended = run("fetch", tmp_path / "list.csv", *BRISK, "--progress", "plain", "--passes", "2", "-o", tmp_path / "run")
    found = sorted(records(tmp_path / "run"), key=lambda record: record["seq"])

    assert [(record["status"], record["input"]) for record in found] == [
        (200, {"id": "1"}),
        (200, {"id": "2", "3": "x"}),
        (200, {"id": "3", "3": "y", "4": "z"}),
        (None, {"id": "4"}),
    ]
    assert " ".join(ended.stderr.split()).count("surplus ones are called by the numbers") == 1


def test_a_run_is_resumed_with_the_settings_it_reads_its_list_by(run, tmp_path, local, records):
    (tmp_path / "list.csv").write_text(f"1;{local.url()};x\n2;{local.url()};y\n")
    folder = tmp_path / "run"
    how = ("--no-header", "--delimiter", ";", "--column", "2", "--select", "3")
    assert run("fetch", tmp_path / "list.csv", *BRISK, *how, "-o", folder).exit_code == 0
    assert run("resume", folder).exit_code == 0
    assert run("verify", folder).exit_code == 0
    assert sorted(record["input"]["3"] for record in records(folder)) == ["x", "y"]
    assert penstock.run(
        tmp_path / "list.csv",
        folder,
        delay=0,
        per_host=10,
        robots=False,
        header=False,
        delimiter=";",
        column=2,
        select="3",
    ).complete
    with pytest.raises(FolderMismatch, match="delimiter"):
        penstock.run(
            tmp_path / "list.csv",
            folder,
            delay=0,
            per_host=10,
            robots=False,
            header=False,
            delimiter="|",
            column="1",
            select="1",
        )
