"""A run is not gone on with on another input, whatever kind of input it is: fetch, run, resume, retry, verify."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from itertools import islice
from pathlib import Path

import orjson
import pytest
from tests.kill.instant import Instant

import penstock
from penstock.core.extents import SeqSet
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Attempt, Fetched, Reason
from penstock.errors import FolderMismatch, InputChanged, UsageError
from penstock.fetching import wiring
from penstock.fetching.auditing import leftover
from penstock.runs import store
from penstock.runs.folder import RunFolder
from penstock.sink.jsonl import JSONL
from penstock.source import fingerprint
from penstock.source.iterables import Items
from penstock.source.opened import FileInput
from penstock.testing.contracts import flush

FAST = {"robots": False, "delay": 0, "per_host": 4, "concurrency": 4, "flush_every": 0.01}
URLS = [f"http://host{number}.test/" for number in range(12)]


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    """An engine that needs no web, in the place of the real one; every outcome is a commit of its own."""
    Instant.asked = []
    monkeypatch.setattr(wiring, "CurlEngine", Instant)
    monkeypatch.setattr(store, "FLUSH_BYTES", 1)
    return Instant


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


class BrokenListError(Exception):
    """What the input raises in the middle."""


def broken(items, after):
    yield from items[:after]
    raise BrokenListError


def begin(folder, items=URLS, after=4):
    """A run that has the outcomes of the first few *items*."""
    with pytest.raises(BrokenListError):
        penstock.run(broken(items, after), folder, **FAST)


def stored(folder: Path) -> dict[int, str]:
    lines = [
        orjson.loads(line)
        for file in sorted(folder.glob("outcomes-*.jsonl"))
        for line in file.read_bytes().splitlines()
    ]
    assert len({line["seq"] for line in lines}) == len(lines)
    return {line["seq"]: line["url"] for line in lines}


KINDS = [list, tuple, iter, lambda items: dict.fromkeys(items).keys(), lambda items: map(str, items)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_goes_on_with_any_kind_of_the_same_items_and_of_more(folder, kind):
    begin(folder)
    assert penstock.run(kind(URLS), folder, **FAST).complete
    summary = penstock.run(kind([*URLS, "http://new.test/"]), folder, **FAST)
    assert (summary.complete, summary.inputs, summary.session.total) == (True, 13, 1)
    assert stored(folder) == dict(enumerate([*URLS, "http://new.test/"]))


@pytest.mark.parametrize("kind", KINDS)
def test_other_items_are_refused_and_what_was_pulled_before_is_kept(folder, engine, kind):
    begin(folder, after=4)
    engine.asked.clear()
    with pytest.raises(InputChanged, match=r"input 2 .* was 'http://host2.test/' and is 'http://other.test/'"):
        penstock.run(kind([*URLS[:2], "http://other.test/", *URLS[3:]]), folder, **FAST)
    assert engine.asked == []
    assert penstock.run(kind(URLS), folder, **FAST).complete
    assert stored(folder) == dict(enumerate(URLS))


def test_what_was_pulled_before_the_difference_finishes_and_is_committed(folder):
    """Item 1 has no outcome yet and comes before item 2, which has one and is another now."""
    begin(folder, after=1)
    with RunFolder.open(folder) as half_done:
        list(Items(URLS).rows(SeqSet(), half_done.ledger.contents()))
        sink, tally = JSONL.open(folder, half_done.ledger.lengths("jsonl")), Tally()
        page = Fetched(2, URLS[2], status=200)
        sink.take(page)
        tally.add(page)
        half_done.ledger.commit(flush(sink), tally)
        sink.close()
    with pytest.raises(InputChanged, match="input 2 "):
        penstock.run([*URLS[:2], "http://other.test/", *URLS[3:]], folder, **FAST)
    assert stored(folder) == {0: URLS[0], 1: URLS[1], 2: URLS[2]}
    assert penstock.run(URLS, folder, **FAST).complete
    assert stored(folder) == dict(enumerate(URLS))


def test_fewer_items_are_refused(folder):
    begin(folder)
    with pytest.raises(InputChanged, match="it has 2 inputs now, and input 3, counted from 0, is done"):
        penstock.run((url for url in URLS[:2]), folder, **FAST)


def test_forced_it_goes_on_with_what_there_is_and_keeps_to_that(folder):
    begin(folder)
    changed = ["http://other.test/", *URLS[1:]]
    assert penstock.run(changed, folder, force=True, **FAST).complete
    assert stored(folder) == dict(enumerate(URLS))
    assert penstock.run(changed, folder, **FAST).complete
    with pytest.raises(InputChanged, match="input 0 "):
        penstock.run(URLS, folder, **FAST)


def test_force_forces_the_input_alone(folder):
    begin(folder)
    with pytest.raises(FolderMismatch, match="max_redirects"):
        penstock.run(URLS, folder, force=True, max_redirects=3, **FAST)


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_is_refused_before_there_is_a_folder(folder, kind):
    with pytest.raises(UsageError, match=r"has another order in each process.*penstock.run\(sorted\(urls\)"):
        penstock.run(kind(URLS), folder, **FAST)
    assert not folder.exists()


def test_a_set_may_be_fetched_since_no_later_process_asks_for_its_order():
    assert {page.url for page in penstock.fetch(set(URLS), robots=False, delay=0)} == set(URLS)


def test_the_order_of_a_set_behind_an_iterator_is_compared(folder):
    """As it differs in each process: what was asked for under one number is not taken for another."""
    program = "import sys, penstock; print(' '.join(map(str, {f'http://h/{n}' for n in range(20)})))"
    first, second = (
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    )
    assert first != second
    assert set(first) == set(second)
    begin(folder, first, 10)
    with pytest.raises(InputChanged):
        penstock.run(iter(second), folder, **FAST)


@pytest.mark.parametrize("item", [{"method": "POST"}, {"headers": {"A": "1"}}, {"body": "x"}, {"id": 1}])
def test_all_of_a_mapping_is_compared(folder, item):
    begin(folder, [{"url": url} for url in URLS])
    with pytest.raises(InputChanged, match=r"input 1 .* still has the URL 'http://host1.test/', but the rest"):
        penstock.run([{"url": URLS[0]}, {"url": URLS[1]} | item], folder, **FAST)


def test_no_secret_is_shown(folder):
    begin(folder, ["http://me:old-secret@a.test/"], 1)
    with pytest.raises(InputChanged) as told:
        penstock.run(["http://me:new-secret@b.test/"], folder, **FAST)
    assert "secret" not in str(told.value)
    assert "'http://***@a.test/' and is 'http://***@b.test/'" in str(told.value)


def test_what_a_retry_has_yet_to_try_is_compared(folder, engine, monkeypatch):
    monkeypatch.setattr(
        engine,
        "answer",
        lambda self, job: Attempt(job, Reason.RESET) if "host3" in job.target else Attempt(job, status=200),
    )
    path = folder.with_name("urls.txt")
    path.write_text("\n".join(URLS))
    penstock.run(path, folder, attempts=1, **FAST)
    unsampled = fingerprint.of_file(str(path), "lines")
    path.write_text("\n".join([*URLS[:3], "http://host9.test/", *URLS[4:]]))
    monkeypatch.setattr(fingerprint, "of_file", lambda *_: unsampled)
    with pytest.raises(InputChanged, match=r"input 3 .* was 'http://host3.test/' and is 'http://host9.test/'"):
        penstock.retry(folder)
    assert penstock.retry(folder, force=True).tally.as_dict()["outcomes"] == {"fetched": 12}
    assert penstock.resume(folder).complete


def write(path, urls):
    """*urls* as the name of the file has it."""
    if path.suffix == ".csv":
        text = "url,id\n" + "".join(f"{url},1\n" for url in urls)
    elif path.suffix == ".jsonl":
        text = "".join(json.dumps({"url": url}) + "\n" for url in urls)
    else:
        text = "".join(f"{url}\n" for url in urls)
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())


@pytest.mark.parametrize("name", ["urls.txt", "urls.csv", "urls.jsonl", "urls.txt.gz"])
def test_a_change_between_the_samples_of_a_large_file_is_found(folder, tmp_path, monkeypatch, name):
    """The fingerprint is of 64 samples; here as if nothing had changed in any of them."""
    monkeypatch.setattr(fingerprint, "of_file", lambda *_: {"kind": "file", "name": name, "format": "x", "bytes": 1})
    write(tmp_path / name, URLS)
    penstock.run(tmp_path / name, folder, **FAST)
    assert penstock.verify(folder).ok

    write(tmp_path / name, [*URLS[:6], "http://host6.test/other", *URLS[7:]])

    for go_on in (penstock.resume, lambda folder: penstock.run(tmp_path / name, folder, **FAST), penstock.retry):
        with pytest.raises(InputChanged, match=r"input 6 .* was 'http://host6.test/' and is 'http://host6.test/other'"):
            go_on(folder)
    (problem,) = penstock.verify(folder).problems
    assert "input 6 " in problem
    assert penstock.resume(folder, force=True).complete
    assert penstock.verify(folder).ok


def test_with_unique_all_is_compared_as_well(folder):
    doubled = [url for url in URLS for _ in range(2)]
    penstock.run(doubled, folder, unique=True, **FAST)
    for at in (4, 5):
        with pytest.raises(InputChanged, match=f"input {at} "):
            penstock.run([*doubled[:at], "http://other.test/", *doubled[at + 1 :]], folder, unique=True, **FAST)
    assert penstock.run(doubled, folder, unique=True, **FAST).complete


def test_what_is_left_is_not_listed_of_another_input(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "of_file", lambda *_: {"kind": "file", "name": "x", "format": "x", "bytes": 1})
    path = tmp_path / "urls.txt"
    path.write_text("\n".join(URLS))
    monkeypatch.setattr(FileInput, "rows", lambda self, settled, contents=None: cut(self.read(settled, 0, contents), 5))
    with pytest.raises(BrokenListError):
        penstock.run(path, folder, **FAST)
    monkeypatch.undo()
    monkeypatch.setattr(fingerprint, "of_file", lambda *_: {"kind": "file", "name": "x", "format": "x", "bytes": 1})
    assert list(leftover(folder)) == URLS[5:]
    path.write_text("\n".join(["http://other.test/", *URLS[1:]]))
    with pytest.raises(InputChanged, match="input 0 "):
        list(leftover(folder))


def cut(rows, after):
    yield from islice(rows, after)
    raise BrokenListError


def test_a_list_of_the_build_before_is_compared_by_its_fingerprint(folder):
    """It has no digests."""
    begin(folder, list(URLS), 4)
    downgrade(folder, fingerprint.of_texts(URLS))
    with pytest.raises(InputChanged, match="its content has changed"):
        penstock.run([*URLS[:2], "http://other.test/", *URLS[3:]], folder, **FAST)
    assert penstock.run(URLS, folder, **FAST).complete
    assert penstock.verify(folder).ok


def downgrade(folder, of_input):
    """Make *folder* one as 932e14d left it."""
    with closing(sqlite3.connect(folder / "run.db")) as database:
        database.execute("DROP TABLE contents")
        database.execute("PRAGMA user_version = 4")
        database.commit()
    manifest = json.loads((folder / "run.json").read_bytes())
    (folder / "run.json").write_text(json.dumps(manifest | {"fingerprint": of_input}))


def test_a_generator_that_waits_is_read_on_a_thread_and_compared_there(folder):
    begin(folder)
    threads = set()

    def urls():
        for url in ["http://other.test/", *URLS[1:]]:
            threads.add(threading.current_thread())
            yield url

    with pytest.raises(InputChanged, match="input 0 "):
        penstock.run(urls(), folder, **FAST)
    assert threading.main_thread() not in threads
