"""A crawl into WARC files: what a server got and sent, and how other readers find it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.http2 import GivesUp
from tests.sink.raw_server import RawServer
from tests.sink.warc_files import kinds, records, records_in, refer

import penstock
from penstock.settings import Settings

warcio = pytest.importorskip("warcio.archiveiterator")
fastwarc = pytest.importorskip("fastwarc.warc")


HTML = b"<p>a page</p>" * 100
FAST = {"robots": False, "pace": "fixed", "delay": 0, "concurrency": 1, "attempts": 1}


# -- through the engine


def answer(body, *fields, status=b"200 OK"):
    return b"".join((b"HTTP/1.1 ", status, b"\r\n", *(field + b"\r\n" for field in fields), b"\r\n", body))


CODED = gzip.compress(HTML)
ANSWERS = {
    "/plain": answer(HTML, b"Content-Length: %d" % len(HTML), b"X-Odd:  \xff \xe9", b"x-lower: a"),
    "/gzip": answer(CODED, b"Content-Encoding: gzip", b"Content-Length: %d" % len(CODED)),
    "/chunked": answer(b"%x\r\n%b\r\n0\r\n\r\n" % (len(HTML), HTML), b"Transfer-Encoding: chunked"),
    "/post": answer(b"posted", b"Content-Length: 6"),
    "/empty": answer(b"", b"Content-Length: 0", status=b"404 Not Found"),
    "/old": answer(b"", b"Location: /plain", b"Content-Length: 0", status=b"301 Moved"),
}
ROWS = [
    *({"url": path} for path in ("/plain", "/gzip", "/chunked", "/empty", "/old", "/plain?a=%c3")),
    {
        "url": "/post",
        "body": "a=1",
        "headers": {"Authorization": "Basic c2VjcmV0", "Accept": "text/*", "Content-Type": "text/plain"},
    },
    {"url": "/head", "method": "HEAD"},
    {"url": "/close"},
]


@pytest.fixture
def crawled(tmp_path):
    """The run folder of a crawl of all answers, and what the server got."""
    answers = {**ANSWERS, "/plain?a=%c3": ANSWERS["/plain"], "/head": answer(b"", b"Content-Length: 99")}
    with RawServer(answers) as server:
        rows = [{**row, "url": server.url(row["url"])} for row in ROWS]
        penstock.run(rows, tmp_path / "run", sinks=["warc", "jsonl"], **FAST)
        yield tmp_path / "run", server.got
    assert penstock.verify(tmp_path / "run").ok


def blocks(folder, wanted):
    found = {}
    for kind, fields, block in records_in(folder):
        if kind in wanted:
            found.setdefault(fields["WARC-Target-URI"].split("/", 3)[3], []).append(block)
    return found


def test_a_request_is_stored_as_the_server_got_it_without_secrets(crawled):
    folder, got = crawled
    stored = blocks(folder, ["request"])
    for path, sent in got.items():
        if path not in ("/old", "/close"):
            hidden = [request.replace(b"Basic c2VjcmV0", b"***") for request in sent]
            # The first request for /plain is the row's own, the second is that of the redirect to it.
            assert stored[path[1:]] == hidden
    assert b"c2VjcmV0" not in b"".join(gzip.decompress(file.read_bytes()) for file in folder.glob("*.warc.gz"))
    assert stored["post"][0].endswith(b"\r\nContent-Length: 3\r\n\r\na=1")


def test_a_response_is_stored_as_it_came_but_for_what_does_not_hold(crawled):
    folder, _ = crawled
    stored = blocks(folder, ["response", "revisit"])
    assert stored["plain"][0] == ANSWERS["/plain"], "byte for byte"
    length = b"Content-Length: %d" % len(HTML)
    assert stored["gzip"][0] == answer(
        b"", b"X-Crawl-Content-Encoding: gzip", b"X-Crawl-Content-Length: %d" % len(CODED), length
    )
    assert stored["chunked"][0] == answer(b"", b"X-Crawl-Transfer-Encoding: chunked", length)
    assert stored["head"][0] == answer(b"", b"X-Crawl-Content-Length: 99", b"Content-Length: 0")
    assert stored["empty"][0] == ANSWERS["/empty"]
    assert "close" not in stored


def test_the_connection_is_described_as_far_as_it_is_known(crawled):
    folder, _ = crawled
    fields = next(fields for kind, fields, _ in records_in(folder) if kind == "response")
    assert (fields["WARC-IP-Address"], fields["WARC-Protocol"]) == ("127.0.0.1", "http/1.1")
    assert "WARC-Cipher-Suite" not in fields


def test_a_cookie_of_the_jar_is_there_without_its_value(tmp_path):
    with RawServer(
        {"/set": answer(b"", b"Set-Cookie: a=secret", b"Content-Length: 0"), "/next": ANSWERS["/post"]}
    ) as server:
        urls = [server.url("/set"), server.url("/next")]
        penstock.run(urls, tmp_path / "run", sinks=["warc"], cookies=True, **FAST)
        (got,) = server.got["/next"]
    (stored,) = blocks(tmp_path / "run", ["request"])["next"]
    assert b"Cookie: a=secret\r\n" in got
    assert stored == got.replace(b"a=secret", b"***")


@pytest.mark.parametrize("given", [{}, {"http_version": "2"}, {"http_version": "1.1"}])
def test_servers_are_asked_for_http_1_1_unless_told_otherwise(tmp_path, given):
    with GivesUp(tmp_path) as server:
        url = server.url("/reset/0/0/page")
        penstock.run([url], tmp_path / "run", sinks=["warc"], cacert=server.cacert, **FAST, **given)
    request, response = records_in(tmp_path / "run")[1:3]
    two = given.get("http_version") == "2"
    assert response[1]["WARC-Protocol"] == request[1]["WARC-Protocol"] == ("h2" if two else "http/1.1")
    assert request[2].startswith(b"GET /reset/0/0/page HTTP/2\r\n" if two else b"GET /reset/0/0/page HTTP/1.1\r\n")


def test_requests_are_kept_for_a_sink_that_stores_them_alone():
    assert Settings.of(sinks=["jsonl", "warc"]).http().keep_requests
    assert not Settings.of().http().keep_requests
    assert Settings.of().http().http_version is None


@pytest.mark.parametrize("sinks", [("warc",), ("warc", "jsonl"), ("jsonl", "warc")])
@pytest.mark.parametrize("ledger", [True, False])
def test_a_repair_drops_what_refers_to_a_lost_body_and_a_resume_fetches_it(tmp_path, sinks, ledger):
    """The damage is in whichever format comes first."""
    body = b"x" * 2_000
    answers = {f"/{number}": answer(body, b"Content-Length: 2000", b"X: %d" % number) for number in range(6)}
    path = tmp_path / "run"
    with RawServer(answers) as server:
        urls = [server.url(page) for page in answers]
        penstock.run(urls, path, sinks=sinks, **FAST)
        (file,) = path.glob("pages-*.warc.gz" if sinks[0] == "warc" else "outcomes-*.jsonl")
        data = bytearray(file.read_bytes())
        data[600] ^= 1
        file.write_bytes(data)
        if not ledger:
            (path / "run.db").unlink()
        assert not penstock.verify(path, repair=True).problems
        assert penstock.verify(path).settled == 0, "all other pages have the body of the first"
        assert penstock.resume(path, inputs=urls).complete
    assert penstock.verify(path).ok
    assert len(refer(path)) == 5


# -- other readers


def command(*arguments):
    """A command of a package in this environment, by the name of its script."""
    script = Path(sys.executable).with_name(arguments[0])
    return subprocess.run([script, *arguments[1:]], capture_output=True, text=True, check=False, timeout=60)


def test_warcio_and_fastwarc_find_no_fault(crawled):
    folder, _ = crawled
    (file,) = folder.glob("*.warc.gz")
    checked = command("warcio", "check", "-v", file)
    assert (checked.returncode, "fail" in checked.stdout) == (0, False), checked.stdout
    revisits = kinds(folder).count("revisit")
    assert checked.stdout.count("not checked (revisit)") == revisits > 0
    assert checked.stdout.count("digest pass") == len(records(file)) - revisits
    checked = command("fastwarc", "check", file)
    assert f"{len(records(file))} records were verified successfully" in checked.stdout + checked.stderr


def test_both_read_the_pages(crawled):
    folder, _ = crawled
    (file,) = folder.glob("*.warc.gz")
    with file.open("rb") as stream:
        found = warcio.ArchiveIterator(stream)
        one = [
            (record.rec_headers["WARC-Target-URI"], record.content_stream().read())
            for record in found
            if record.rec_type == "response"
        ]
    with file.open("rb") as stream:
        found = fastwarc.ArchiveIterator(stream, record_types=fastwarc.WarcRecordType.response)
        other = [(record.headers["WARC-Target-URI"], record.reader.read()) for record in found]
    assert one == other
    assert [body for _, body in one].count(HTML) == 1


def test_an_index_has_the_captures_and_no_failure(crawled):
    folder, _ = crawled
    (file,) = folder.glob("*.warc.gz")
    lines = command("cdxj-indexer", "-s", file).stdout.splitlines()
    assert len(lines) == sum(kind in ("response", "revisit") for kind in kinds(folder)) == len(ROWS) - 1
    assert "close" not in "".join(lines)


def test_what_the_records_say_of_the_payload_is_true(crawled):
    """By the bytes themselves: length and digest of what follows the header block."""
    folder, _ = crawled
    for kind, fields, block in records_in(folder):
        if kind == "response":
            head, _, body = block.partition(b"\r\n\r\n")
            digest = hashlib.sha1(body).digest()
            assert fields["WARC-Payload-Digest"] == "sha1:" + base64.b32encode(digest).decode()
            stated = [int(line.partition(b":")[2]) for line in io.BytesIO(head) if line.startswith(b"Content-Length:")]
            assert stated == [len(body)]
