"""The pages in the sitemaps that an index names are fetched, and each of them is an input."""

from __future__ import annotations

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

import penstock
from penstock.cli.signals import STOPPING
from penstock.core.web.documents import Document, Nested
from penstock.core.web.model import Fetched, Job, Row, Via
from penstock.core.web.requests import Requests
from penstock.errors import FolderDamaged, InputChanged, OutputError
from penstock.fetching.auditing import leftover, plan
from penstock.fetching.documents import DocumentDesk, FlowEnded
from penstock.runs.documents import DocumentStore, StoredDocument
from penstock.runs.files import refuse_foreign
from penstock.runs.session import LogReport
from penstock.settings import Settings
from penstock.source import sitemaps
from penstock.testing.web import LocalWeb

FAST = {"delay": 0, "per_host": 10, "concurrency": 20, "attempts": 1}


@pytest.fixture
def web():
    with LocalWeb(hosts=3) as local:
        yield local


def sitemap(*urls):
    return ("<urlset>" + "".join(f"<url><loc>{url}</loc></url>" for url in urls) + "</urlset>").encode()


def index_of(*urls):
    return (
        "<sitemapindex>" + "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls) + "</sitemapindex>"
    ).encode()


@pytest.fixture
def listed(web, tmp_path):
    """Write an index of sitemaps at the web's first host, as a file."""

    def write(*paths, name="index.xml"):
        file = tmp_path / name
        file.write_bytes(index_of(*(web.url(0, path) for path in paths)))
        return file

    return write


@pytest.fixture
def pages(web):
    """The URLs of so many pages, from the page *first* on."""
    return lambda count, first=0: [web.url(1, f"/page/{number}") for number in range(first, first + count)]


@pytest.fixture
def fetched(tmp_path, each_once):
    """The outcomes of a run over an input, in its order."""

    def fetch(inputs, count, **changed):
        folder = tmp_path / "run"
        penstock.run(inputs, folder, **FAST | changed)
        assert penstock.verify(folder).ok
        return sorted(each_once(outcomes(folder), count), key=lambda outcome: outcome["seq"])

    return fetch


def outcomes(folder):
    return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]


def urls_of(found):
    return [outcome["url"] for outcome in found]


def asked(web, path, host=0):
    return web.traffic().paths.get((web.host(host), path), 0)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_pages_in_the_sitemaps_of_an_index_are_the_inputs(web, listed, pages, fetched, pack):
    web.files |= {"/a.xml": pack(sitemap(*pages(3))), "/b.xml": pack(sitemap(*pages(2, 3)))}

    assert urls_of(fetched(listed("/a.xml", "/b.xml"), 5)) == pages(5)
    assert asked(web, "/a.xml") == asked(web, "/b.xml") == 1


@pytest.mark.parametrize("within", [sitemap, index_of], ids=["a sitemap", "an index"])
def test_a_url_can_be_that_of_a_sitemap(web, pages, fetched, within):
    web.files |= {"/top.xml": within(*pages(2)), "/page": b"", "/0": sitemap(*pages(1, 8)), "/1": sitemap(*pages(1, 9))}
    found = fetched(web.url(0, "/top.xml"), 2, input_format="sitemap")

    assert urls_of(found) == (pages(2) if within is sitemap else pages(2, 8))


def test_outcomes_of_a_stream_are_those_of_the_pages_alone(web, listed, pages):
    web.files["/a.xml"] = sitemap(*pages(2))
    ran = subprocess.run(
        [sys.executable, "-m", "penstock", "fetch", listed("/a.xml"), "--delay", "0"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert sorted(json.loads(line)["url"] for line in ran.stdout.splitlines()) == pages(2)


def test_a_sitemap_is_fetched_only_when_its_pages_have_their_turn(web, listed, pages, fetched):
    """The look-ahead of the thread and the window bound how far that is."""
    web.files |= {"/a.xml": sitemap(*pages(200)), "/b.xml": sitemap(*pages(1, 200))}
    seen = []
    fetched(
        listed("/a.xml", "/b.xml"),
        201,
        window=1,
        concurrency=1,
        on_page=lambda page: seen.append((page.seq, asked(web, "/b.xml"))),
    )
    assert max(seq for seq, often in seen if not often) >= 100


def test_a_sitemap_is_tried_again_as_a_page_is(web, listed, pages, fetched):
    web.files["/a.xml"] = sitemap(*pages(1))

    assert urls_of(fetched(listed("/flaky/1/a.xml"), 1, attempts=2)) == pages(1)
    assert asked(web, "/flaky/1/a.xml") == 2


def test_robots_txt_holds_for_sitemaps(web, listed, pages, fetched):
    web.files["/a.xml"] = sitemap(*pages(1))
    web.robots[web.host(0)] = "User-agent: *\nDisallow: /a.xml\n"
    (found,) = fetched(listed("/a.xml"), 1)

    assert (found["url"], found["error"]) == (web.url(0, "/a.xml"), "robots_disallowed")
    assert asked(web, "/a.xml") == 0


BROKEN = [
    (b"<urlset><url><loc>URL</loc></url><url></loc>", "is not well-formed XML"),
    (b"<urlset><url><loc>URL</loc></url><url/></urlset>", "has more than 1 entries"),
    (b"<urlset><url><loc>URL</loc></url></urlset>", "is a damaged archive"),
    (b"<urlset><url><loc>URL</loc></url>" + b" " * 70_000 + b"</urlset>", "has more than 70,000 bytes"),
]
REFUSED = [
    (b"<html></html>", "is no sitemap"),
    (b"<!DOCTYPE urlset SYSTEM 'x'><urlset><url><loc>URL</loc></url></urlset>", "has a document type declaration"),
    (index_of("URL"), "is an index within an index"),
    (b"", "is not well-formed XML"),
]


@pytest.fixture
def _narrow(monkeypatch):
    monkeypatch.setattr(sitemaps, "MOST_ENTRIES", 1)
    monkeypatch.setattr(sitemaps, "MOST_BYTES", 70_000)


@pytest.mark.usefixtures("_narrow")
@pytest.mark.parametrize("broken", BROKEN + REFUSED, ids=lambda broken: broken[1])
def test_a_sitemap_that_cannot_be_read_to_its_end_is_an_input_itself(  # noqa: PLR0917 - fixtures
    web, listed, pages, fetched, caplog, broken
):
    content, said = broken
    content = content.replace(b"URL", pages(1)[0].encode())
    web.files |= {
        "/a.xml": gzip.compress(content)[:-9] if "archive" in said else content,
        "/b.xml": sitemap(*pages(1, 1)),
    }
    before = pages(1) if broken in BROKEN else []
    found = fetched(listed("/a.xml", "/b.xml"), 2 + len(before), report=LogReport())

    assert urls_of(found) == [*before, web.url(0, "/a.xml"), *pages(1, 1)]
    assert f"the sitemap {web.url(0, '/a.xml')!r} {said}" in caplog.text


@pytest.mark.parametrize("path", ["/status/404/a.xml", "/close/a.xml"])
def test_a_sitemap_that_cannot_be_had_is_an_input_itself(web, listed, pages, fetched, path):
    web.files |= {"/a.xml": b"never", "/b.xml": sitemap(*pages(1))}
    first, second = fetched(listed(path, "/b.xml"), 2)

    assert (first["url"], second["url"]) == (web.url(0, path), pages(1)[0])
    assert first["status"] == 404 or first["error"] == "empty_reply"


def test_an_entry_without_a_sitemap_is_an_input_with_a_fault(tmp_path, fetched):
    (tmp_path / "index.xml").write_bytes(
        b"<sitemapindex><sitemap/><sitemap><loc>ftp://a/</loc></sitemap></sitemapindex>"
    )

    assert [outcome["error"] for outcome in fetched(tmp_path / "index.xml", 2)] == ["invalid_url", "blocked_scheme"]


def test_duplicates_across_sitemaps_are_fetched_once(web, listed, pages, tmp_path):
    web.files |= {"/a.xml": sitemap(*pages(2)), "/b.xml": sitemap(*pages(2, 1))}
    ended = penstock.run(listed("/a.xml", "/b.xml"), tmp_path / "run", unique=True, **FAST)

    assert (ended.tally.total, ended.tally.duplicates) == (3, 1)
    assert penstock.verify(tmp_path / "run").ok


class StopsAt(LogReport):
    """A report that stops a session after so many outcomes."""

    every = 0.0

    def __init__(self, count):
        self._count = count

    def update(self, progress):
        if progress.tally.total >= self._count:
            raise KeyboardInterrupt


@pytest.fixture
def stopped(web, listed, pages, tmp_path):
    """A run of two sitemaps that was stopped in the first; then the site changes."""
    missing = web.url(1, "/status/404/page")
    web.files |= {"/a.xml": sitemap(*pages(100)), "/b.xml": sitemap(*pages(100, 100), missing)}
    with pytest.raises(KeyboardInterrupt):
        penstock.run(listed("/a.xml", "/b.xml"), tmp_path / "run", window=1, **FAST, report=StopsAt(10))
    web.files["/a.xml"] = sitemap("http://other.test/")
    return tmp_path / "run"


def test_a_resume_has_the_sitemaps_of_before(web, stopped, pages, each_once):
    """Else every later input would have another number."""
    penstock.resume(stopped)

    found = sorted(each_once(outcomes(stopped), 201), key=lambda outcome: outcome["seq"])
    assert urls_of(found[:200]) == pages(200)
    assert asked(web, "/a.xml") == 1
    refuse_foreign(stopped)


def test_what_is_left_is_told_without_a_request(web, stopped, pages):
    requests = web.traffic().requests
    done = set(urls_of(outcomes(stopped)))

    assert list(leftover(stopped)) == [
        *(url for url in pages(100) if url not in done),
        web.url(0, "/b.xml"),
    ]
    assert web.traffic().requests == requests


def test_a_finished_run_is_verified_and_retried_without_its_sitemaps(web, stopped, pages):
    penstock.resume(stopped)
    requests = web.traffic().requests

    verified = penstock.verify(stopped)
    assert (verified.ok, verified.total) == (True, 201)
    assert penstock.retry(stopped, only="404").again == 1
    assert web.traffic().requests == requests + 1


def test_a_lost_sitemap_is_an_input_that_changed(stopped):
    penstock.resume(stopped)
    for file in stopped.glob("sitemap-*"):
        file.unlink()

    assert not penstock.verify(stopped).ok


def test_a_damaged_sitemap_stops_the_resume_and_costs_nothing(stopped):
    before = outcomes(stopped)
    for file in stopped.glob("sitemap-*"):
        file.write_bytes(file.read_bytes()[:-10])

    with pytest.raises(FolderDamaged, match="put a copy of it back"):
        penstock.resume(stopped)
    assert outcomes(stopped) == before


def test_another_url_of_a_sitemap_is_another_input(web, pages, tmp_path):
    web.files |= {"/a.xml": sitemap(*pages(1)), "/b.xml": sitemap(*pages(1, 1))}
    penstock.run(web.url(0, "/a.xml"), tmp_path / "run", input_format="sitemap", **FAST)

    with pytest.raises(InputChanged, match="it is still a list of 1 sitemaps, but its content has changed"):
        penstock.resume(tmp_path / "run", inputs=web.url(0, "/b.xml"))


def test_a_disk_that_refuses_a_sitemap_ends_the_run(web, listed, pages, tmp_path, monkeypatch):
    web.files["/a.xml"] = sitemap(*pages(1))
    replace = os.replace

    def refuse(old, new, **how):
        if "sitemap-" in str(new):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(old, new, **how)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match="the disk is full"):
        penstock.run(listed("/a.xml"), tmp_path / "run", **FAST)
    monkeypatch.undo()
    assert penstock.resume(tmp_path / "run").tally.total == 1


@pytest.mark.parametrize(("times", "timeout"), [(1, "1"), (2, "600")])
def test_ctrl_c_ends_a_run_that_waits_for_a_sitemap(web, listed, tmp_path, times, timeout):
    """The first lets the request end, at its time-out at the latest; the second drops it."""
    command = [sys.executable, "-m", "penstock", "fetch", listed("/hang/a.xml"), "-o", tmp_path / "run", "--no-robots"]
    with subprocess.Popen([*command, "--timeout", timeout, "--attempts", "1"], stderr=subprocess.PIPE) as ran:
        assert web.wait_for(1)
        ran.send_signal(signal.SIGINT)
        if times == 2:
            assert any(STOPPING.encode() in line for line in ran.stderr)
            ran.send_signal(signal.SIGINT)
        said = ran.communicate(timeout=60)[1].decode()

    assert ran.returncode == 130
    assert "penstock resume" in said
    assert "Traceback" not in said


def test_a_killed_run_goes_on_with_its_sitemaps(web, listed, pages, tmp_path, each_once):
    web.files |= {"/a.xml": sitemap(*pages(300)), "/b.xml": sitemap(*pages(300, 300))}
    options = ["--delay", "0", "--no-robots", "--flush-every", "0.05", "--per-host", "2", "--window", "20"]
    command = [sys.executable, "-m", "penstock", "fetch", listed("/a.xml", "/b.xml"), "-o", tmp_path / "run", *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as ran:
        assert web.wait_for(320, 30)
        ran.kill()
    web.files["/a.xml"] = b"gone"
    penstock.resume(tmp_path / "run")

    found = sorted(each_once(outcomes(tmp_path / "run"), 600), key=lambda outcome: outcome["seq"])
    assert urls_of(found) == pages(600)
    assert penstock.verify(tmp_path / "run").ok


def test_a_plan_counts_sitemaps_and_says_so(web, listed, pages):
    web.files["/a.xml"] = sitemap(*pages(3))
    said = []
    found = plan([str(listed("/a.xml", "/b.xml"))], Settings(), notify=said.append)

    assert found.inputs == 2
    assert said == ["Sitemaps counted as one input each: 2; a plan sends no request, and the pages are in them."]
    assert web.traffic().requests == 0


# What a server names is less trusted than what the user names


def test_headers_of_the_run_stay_at_the_origin_that_the_user_named(web, tmp_path, fetched):
    web.files |= {
        "/top.xml": index_of(web.url(0, "/a.xml"), web.url(1, "/echo/b.xml")),
        "/a.xml": sitemap(web.url(0, "/echo/0"), web.url(2, "/echo/2")),
    }
    web.files |= {"/b.xml": sitemap(web.url(1, "/echo/1"), web.url(0, "/echo/back"))}
    found = fetched(
        web.url(0, "/top.xml"),
        4,
        input_format="sitemap",
        robots=False,
        body="inline",
        headers={"X-Api-Key": "s3cret", "Accept-Language": "de"},
    )
    sent = [dict(json.loads(outcome["body"])["headers"]) for outcome in found]

    assert [headers.get("X-Api-Key") for headers in sent] == ["s3cret", None, None, "s3cret"]
    assert {headers["Accept-Language"] for headers in sent} == {"de"}


def test_the_sitemaps_in_a_file_are_named_by_the_user(web, listed, fetched):
    web.files["/a.xml"] = sitemap(web.url(0, "/echo/0"), web.url(1, "/echo/1"))
    found = fetched(listed("/a.xml"), 2, robots=False, body="inline", headers={"X-Api-Key": "s3cret"})

    assert ["s3cret" in outcome["body"] for outcome in found] == [True, False]


@pytest.mark.parametrize(
    ("via", "public", "known"),
    [(None, True, True), (None, False, False), (Via("https://a.test", True), False, True)],
)
def test_pages_of_a_public_sitemap_may_not_be_at_private_addresses(via, public, known):
    document = Document.of(Nested("https://a.test/map.xml", via), b"", public=public)
    job = Requests().prepare(Row(0, 1, "http://10.0.0.1/", via=document.via), 0.0)

    assert isinstance(job, Job)
    assert job.public is known


@pytest.mark.parametrize(("ip", "public"), [("93.184.216.34", True), (None, True), ("127.0.0.1", False)])
def test_a_document_from_an_unknown_address_counts_as_public(ip, public):
    asked = threading.Event()
    desk = DocumentDesk(Requests(), asked.set)
    got = []
    reader = threading.Thread(target=lambda: got.append(desk.fetch(Nested("http://a.test/"))))
    reader.start()
    assert asked.wait(10)
    job = desk.pull()
    assert (job.seq, job.target, desk.pull()) == (-1, "http://a.test/", None)
    desk.take(Fetched(job.seq, job.url, status=200, body=b"x", ip=ip))
    reader.join(10)

    assert got == [StoredDocument(b"x", public)]


def test_a_closed_desk_asks_for_nothing_more():
    woken = []
    desk = DocumentDesk(Requests(), lambda: woken.append(1))
    desk.close()

    with pytest.raises(FlowEnded):
        desk.fetch(Nested("http://a.test/"))
    assert woken == []


def test_a_link_in_the_place_of_a_sitemap_is_not_followed(tmp_path):
    store = DocumentStore(tmp_path)
    store.put("http://a.test/", StoredDocument(b"x"))
    (file,) = tmp_path.iterdir()
    file.rename(tmp_path / "other")
    file.symlink_to(tmp_path / "other")

    with pytest.raises(FolderDamaged):
        store.get("http://a.test/")


@pytest.mark.parametrize("document", [StoredDocument(), StoredDocument(b""), StoredDocument(b"{}\n\n", True)])
def test_a_store_gives_back_what_it_got(tmp_path, document):
    store = DocumentStore(tmp_path)
    assert store.get("http://a:secret@b/") is None
    store.put("http://a:secret@b/", document)

    assert store.get("http://a:secret@b/") == document
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
