"""A run is read back: the newest outcome of each input, whatever happened on the way."""

from __future__ import annotations

import itertools
import json
import shutil
import sys

import pytest
from tests.runs.toys import TABS

import penstock
from penstock.errors import FolderDamaged, FolderError, UsageError
from penstock.sink.formats import FORMATS
from penstock.sink.jsonl import JSONL
from penstock.testing.web import LocalWeb

SETTINGS = {"delay": 0, "robots": False, "attempts": 1, "pace": "fixed"}
PAGES = 20


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=3) as local:
        yield local


@pytest.fixture(scope="module")
def urls(web):
    """Pages, one that is busy, one that is no URL, one that breaks off."""
    pages = [web.url(path=f"/page/{number}") for number in range(PAGES)]
    return [*pages, web.url(1, "/status/503/x"), "no URL", web.url(2, "/hang")]


@pytest.fixture(scope="module")
def folder(urls, tmp_path_factory):
    path = tmp_path_factory.mktemp("read") / "pages"
    penstock.run(urls, path, timeout=0.3, **SETTINGS)
    return path


def test_each_input_has_its_outcome(folder, urls):
    run = penstock.open(folder)
    found = list(run)
    assert sorted(outcome.seq for outcome in found) == list(range(len(urls)))
    assert len(run) == len(urls) == run.tally.total
    assert [outcome.url for outcome in run.outcomes(order="seq")] == urls
    assert list(run) == found, "it can be read again"


def test_bodies_and_headers_come_back(folder, web):
    wanted = {page.url: (page.body, page.headers) for page in penstock.fetch([web.url(path="/page/3")], **SETTINGS)}
    page = penstock.open(folder).find(3)
    body, headers = wanted[page.url]
    assert page.body == body
    assert {name for name, _ in page.headers} == {name for name, _ in headers}


@pytest.mark.parametrize(
    ("where", "count"),
    [
        (("outcome=fetched",), PAGES + 1),
        (("outcome=skipped,failed",), 2),
        (("status=2xx",), PAGES),
        (("status=503,404",), 1),
        (("reason=5xx",), 1),
        (("reason=invalid_url,timeout_first_byte,timeout",), 2),
        (("host=127.1.0.2",), 1),
        (("host=127.1.0.2", "outcome=skipped"), 0),
        (("HOST = 127.1.0.2 , 127.1.0.3",), 2),
    ],
)
def test_conditions_choose(folder, where, count):
    assert len(list(penstock.open(folder).outcomes(*where))) == count


@pytest.mark.parametrize("where", ["outcome=lost", "status=20", "reason=nonsense", "host", "host=", "=x", "size=3"])
def test_no_condition_is_refused(folder, where):
    with pytest.raises(UsageError):
        list(penstock.open(folder).outcomes(where))


def test_failed_are_those_that_were_tried_in_vain(folder):
    assert [outcome.seq for outcome in penstock.open(folder).failed()] == [PAGES + 2]


def test_find_takes_a_url_or_a_position(folder, urls):
    run = penstock.open(folder)
    assert run.find(urls[7]).seq == run.find(7).seq == 7
    assert run.find(1_000) is None
    assert run.find("http://nobody.test/") is None


def test_the_newest_outcome_counts_after_a_retry(web, tmp_path):
    busy = web.url(path="/busy/503/0/again")
    folder = tmp_path / "pages"
    listed = tmp_path / "urls.txt"
    listed.write_text(f"{busy}\n{web.url(path='/page/1')}\n")
    penstock.run(listed, folder, **SETTINGS)
    before = list(penstock.open(folder))
    assert sorted(outcome.status for outcome in before) == [200, 503]
    penstock.retry(folder, only="503")
    after = penstock.open(folder)
    assert len(after) == len(list(after)) == 2
    assert [outcome.seq for outcome in after.outcomes(order="seq")] == [0, 1]


def test_a_run_that_goes_on_is_read_as_far_as_it_is_committed(web, tmp_path):
    read = []

    def look(page):
        if page.seq == PAGES // 2:
            read.append(len(list(penstock.open(tmp_path / "pages"))))

    urls = [web.url(path=f"/page/{number}") for number in range(PAGES)]
    penstock.run(urls, tmp_path / "pages", on_page=look, concurrency=1, flush_every=0.01, **SETTINGS)
    assert len(read) == 1
    assert read[0] <= PAGES // 2
    assert len(penstock.open(tmp_path / "pages")) == PAGES


def test_a_format_without_json_is_read_too(web, tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, TABS.name, TABS)
    urls = [web.url(path=f"/page/{number}") for number in range(3)]
    penstock.run(urls, tmp_path / "pages", sinks=["tabs"], **SETTINGS)
    assert [outcome.url for outcome in penstock.open(tmp_path / "pages").outcomes(order="seq")] == urls


def test_a_damaged_line_and_a_missing_file_say_so(folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    file = broken / "outcomes-00000.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], b"x" * (len(lines[1]) - 1) + b"\n", *lines[2:]]))
    run = penstock.open(broken)
    assert len(list(itertools.islice(run, 1))) == 1
    with pytest.raises(FolderDamaged, match="verify"):
        list(run)
    file.unlink()
    with pytest.raises(FolderDamaged, match="verify"):
        list(run)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(FolderError):
        penstock.open(tmp_path)


@pytest.mark.parametrize("order", ["commit", "seq"])
def test_an_export_holds_what_was_chosen(folder, urls, tmp_path, order):
    count = penstock.export(folder, tmp_path / "out", to="jsonl", where=["outcome=fetched"], order=order)
    records = [json.loads(line) for line in (tmp_path / "out" / "outcomes-00000.jsonl").read_bytes().splitlines()]
    assert count == len(records) == PAGES + 1
    seqs = [record["seq"] for record in records]
    assert sorted(seqs) == list(range(PAGES + 1))
    assert order == "commit" or seqs == sorted(seqs)
    stored = {
        json.loads(line)["seq"]: json.loads(line)
        for line in (folder / "outcomes-00000.jsonl").read_bytes().splitlines()
    }
    assert all(record == stored[record["seq"]] for record in records)


def test_an_export_flushes_on_the_way_and_leaves_out_bodies(folder, urls, tmp_path, monkeypatch):
    monkeypatch.setattr("penstock.reading.export.FLUSH_BYTES", 1)
    assert penstock.export(folder, tmp_path / "out", to="jsonl", bodies=False) == len(urls)
    records = [json.loads(line) for line in (tmp_path / "out" / "outcomes-00000.jsonl").read_bytes().splitlines()]
    assert {record["body"] for record in records} == {None}
    assert {record["bytes"] > 0 for record in records if record["status"] == 200} == {True}


def test_an_export_never_overwrites_and_appears_whole(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    penstock.export(folder, out, to="jsonl")
    with pytest.raises(UsageError, match="exists"):
        penstock.export(folder, out, to="jsonl")
    with pytest.raises(UsageError, match="no format"):
        penstock.export(folder, tmp_path / "other", to="docx")
    with pytest.raises(UsageError, match="no condition"):
        penstock.export(folder, tmp_path / "other", to="jsonl", where="x")
    assert not list(tmp_path.glob("other*"))


def test_jsonl_is_read_first_if_there_are_several(folder):
    assert next(iter(FORMATS)) == JSONL.name


def test_outcomes_become_tables(folder, urls):
    run = penstock.open(folder)
    table = run.to_arrow(order="seq").read_all()
    assert table.column("url").to_pylist() == urls
    assert table.column("body").to_pylist() == [page.body or None for page in run.outcomes(order="seq")]
    frame = run.to_pandas("outcome=fetched")
    assert len(frame) == PAGES + 1
    assert frame["status"].max() == 503


def test_a_reader_of_batches_is_as_lazy_as_the_run(folder, monkeypatch):
    monkeypatch.setattr("penstock.reading.tables.BATCH_BYTES", 1)
    reader = penstock.open(folder).to_arrow()
    assert reader.read_next_batch().num_rows == 1
    assert sum(batch.num_rows for batch in reader) == PAGES + 2


@pytest.mark.parametrize(("library", "call"), [("pandas", "to_pandas"), ("polars", "to_polars")])
def test_a_library_that_is_missing_is_named(folder, monkeypatch, library, call):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=f"pip install {library}"):
        getattr(penstock.open(folder), call)()
