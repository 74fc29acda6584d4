"""Folders in which an older build noted only some statuses hold, and are tried again for any reason."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

import penstock
from penstock.core.web.retry import STATUSES
from penstock.errors import FolderDamaged
from penstock.fetching import sessions
from penstock.runs.folder import RunFolder
from penstock.testing.web import LocalWeb

FAST = {"robots": False, "delay": 0, "per_host": 10, "attempts": 1}


@pytest.fixture
def web():
    with LocalWeb() as local:
        yield local


@pytest.fixture
def folder(web, tmp_path):
    """A finished run with 404, 500 and pages by turns, as an older build left it."""
    path, listed = tmp_path / "run", tmp_path / "urls.txt"
    asks = ("/status/404", "/status/500", "")
    listed.write_text("\n".join(web.url(path=f"{asks[seq % 3]}/page/{seq}") for seq in range(12)))
    assert penstock.run(listed, path, **FAST).tally.statuses == {200: 4, 404: 4, 500: 4}
    age(path)
    return path


def age(path):
    """Take out what an older build did not note."""
    kept = ", ".join(f"'{status}'" for status in STATUSES)
    with closing(sqlite3.connect(path / "run.db", isolation_level=None)) as database:
        database.execute(f"DELETE FROM failures WHERE reason GLOB '[0-9]*' AND reason NOT IN ({kept})")


def failures(path):
    with RunFolder.open(path) as opened:
        return {why: set(seqs) for why, seqs in opened.ledger.failures().items()}, opened.ledger.count_unnoted()


def test_what_was_only_counted_is_in_order(folder):
    assert failures(folder) == ({"500": {1, 4, 7, 10}}, {"404": 4})
    assert penstock.verify(folder).ok
    assert penstock.resume(folder).complete


def test_it_is_found_in_the_outputs_when_it_is_asked_for(web, folder):
    before = web.traffic().requests
    assert penstock.retry(folder, only=404).again == 4
    assert web.traffic().requests == before + 4
    assert failures(folder) == ({"404": {0, 3, 6, 9}, "500": {1, 4, 7, 10}}, {})
    assert penstock.verify(folder).ok


def test_a_retry_for_other_reasons_reads_no_output(folder, monkeypatch):
    monkeypatch.setattr("penstock.runs.failed.read_failures", None)
    assert penstock.retry(folder).again == 4
    assert failures(folder)[1] == {"404": 4}
    assert penstock.verify(folder).ok


def test_older_and_newer_commits_in_one_folder_hold_together(web, folder, tmp_path):
    listed = tmp_path / "urls.txt"
    listed.write_text(listed.read_text() + "\n" + web.url(path="/status/404/page/12"))
    with RunFolder.open(folder) as opened:
        assert opened.ledger.count_unnoted() == {"404": 4}
    assert sessions.resume(folder, {}, force=True).execute().complete
    assert failures(folder) == ({"404": {12}, "500": {1, 4, 7, 10}}, {"404": 4})
    assert penstock.verify(folder).ok
    assert sessions.retry(folder, "4xx", {}, force=True).execute().again == 5


def test_a_repair_notes_all_of_it(folder):
    assert penstock.verify(folder, repair=True).ok
    assert failures(folder) == ({"404": {0, 3, 6, 9}, "500": {1, 4, 7, 10}}, {})


def test_more_than_an_older_build_left_out_is_damage(folder):
    with closing(sqlite3.connect(folder / "run.db", isolation_level=None)) as database:
        database.execute("DELETE FROM failures")
    assert any("other inputs have failed" in problem for problem in penstock.verify(folder).problems)


def test_an_output_that_cannot_be_read_is_told_of(folder):
    (file,) = folder.glob("outcomes-*.jsonl")
    data = file.read_bytes()
    file.write_bytes(b"?" + data[1:])
    with pytest.raises(FolderDamaged, match="can't be read"):
        penstock.retry(folder, only="404")
