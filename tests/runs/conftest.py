"""Runs to begin, to break and to look at."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Failed, Fetched, Reason, Skipped
from penstock.runs import ledger
from penstock.runs.folder import RunFolder
from penstock.runs.manifest import Manifest
from penstock.settings import Settings
from penstock.sink.jsonl import JSONL
from penstock.testing.contracts import flush
from penstock.testing.outcomes import failures_of


@pytest.fixture(scope="module", autouse=True)
def spared_disk():
    """Nothing is flushed here, since nothing here loses power; tests/kill is about that."""
    connect = ledger._connect

    def unflushed(path):
        database = connect(path)
        database.execute("PRAGMA synchronous = OFF")
        return database

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda fd: None)
        patch.setattr(ledger, "_connect", unflushed)
        yield


def manifest(inputs=("list.txt",), fingerprint=None, **settings):
    return Manifest.of(Settings.of(**settings), inputs, fingerprint or {"kind": "items", "count": 100, "sha256": "aa"})


def outcome(seq):
    """A page, a failure or a skipped input, by turns."""
    url = f"http://host{seq}.test/"
    if seq % 5 == 3:
        return Failed(seq, url, Reason.RESET, attempts=3)
    if seq % 5 == 4:
        return Skipped(seq, url, Reason.INVALID_URL)
    return Fetched(seq, url, status=200, body=b"page %d" % seq, attempts=1)


def settle(folder, *batches, file_bytes=1 << 30):
    """Store the outcomes of each batch of seqs, and commit after each."""
    sink = replace(JSONL, file_bytes=file_bytes).open(folder.path, folder.ledger.lengths("jsonl"))
    for batch in batches:
        tally = Tally()
        for seq in batch:
            sink.take(outcome(seq))
            tally.add(outcome(seq))
        folder.ledger.commit(flush(sink), tally, failures_of(map(outcome, batch)))
    sink.close()


@pytest.fixture
def runs():
    """The functions above."""
    return SimpleNamespace(manifest=manifest, outcome=outcome, settle=settle)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pages"


@pytest.fixture
def finished(path):
    """The folder of a run of ten inputs that has finished: five extents, in two files."""
    with RunFolder.create(path, manifest()) as folder:
        settle(folder, *([seq, seq + 5] for seq in range(5)), file_bytes=2300)
        folder.ledger.finish(10)
    assert len(list(path.glob("outcomes-*.jsonl"))) == 2
    return path
