"""What was committed is settled, once, for all sinks; what cannot be true is refused."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from contextlib import closing

import pytest
from msgspec.structs import replace
from pyroaring import BitMap64

from penstock.core.extents import Extent
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Fetched
from penstock.errors import FolderDamaged, FolderError, FolderMismatch, OutputError, PenstockError
from penstock.runs import ledger as module
from penstock.runs.ledger import Ledger
from penstock.runs.schema import pack

RUN = "4f6d"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.db"


@pytest.fixture
def ledger(path):
    with closing(Ledger.create(path, RUN)) as ledger:
        yield ledger


def extent(seqs, start, end, *, sink="jsonl", file="outcomes-00000.jsonl"):
    return Extent(sink, file, start, end, len(seqs), "crc32:00000000", BitMap64(seqs))


def tally(seqs, status=200):
    counted = Tally()
    for seq in seqs:
        counted.add(Fetched(seq, "http://a.test/", status=status, body=b"page", attempts=1))
    return counted


def reopened(path):
    return closing(Ledger(path, RUN))


def test_what_was_committed_is_there_for_the_next_process(path, ledger):
    ledger.commit([extent([0, 1, 5], 0, 100)], tally([0, 1, 5]))
    ledger.commit([extent([2], 100, 130)], tally([2], status=404), {"404": BitMap64([2])})
    for seen in (ledger, Ledger(path, RUN)):
        assert list(seen.settled()) == [0, 1, 2, 5]
        assert seen.lengths("jsonl") == {"outcomes-00000.jsonl": 130}
        assert seen.lengths("parquet") == {}
        assert seen.tally().as_dict() == {
            "outcomes": {"fetched": 4},
            "statuses": {"200": 3, "404": 1},
            "errors": {},
            "bytes": 16,
            "attempts": 4,
            "redirects": 0,
            "duplicates": 0,
        }
        assert seen.total is None
        assert [(e.start, e.end, list(e.seqs)) for e in seen.extents()] == [(0, 100, [0, 1, 5]), (100, 130, [2])]
        seen.close()


def test_the_extents_of_all_sinks_are_committed_together(path, ledger):
    ledger.commit([extent([0, 1], 0, 9), extent([0, 1], 0, 50, sink="warc", file="pages.warc.gz")], tally([0, 1]))
    assert ledger.lengths("jsonl") == {"outcomes-00000.jsonl": 9}
    assert ledger.lengths("warc") == {"pages.warc.gz": 50}


def test_one_sink_may_commit_two_stretches_at_once(ledger):
    ledger.commit([extent([0], 0, 9), extent([1], 9, 12)], tally([0, 1]))
    assert ledger.lengths("jsonl") == {"outcomes-00000.jsonl": 12}


def test_no_extents_are_no_commit(ledger):
    ledger.commit([], Tally())
    assert list(ledger.extents()) == []


def test_the_settled_set_belongs_to_who_asked_for_it(ledger):
    ledger.settled().add(7)
    ledger.tally().add(Fetched(7, "http://a.test/", status=200))
    assert not ledger.settled()
    assert ledger.tally().total == 0


@pytest.mark.parametrize(
    ("extents", "seqs", "said"),
    [
        ([extent([3], 99, 120)], [3], "continues at 99, but 100 was committed"),
        ([extent([3], 101, 120)], [3], "continues at 101"),
        ([extent([3], 100, 100)], [3], "continues at 100"),
        ([extent([3], 5, 9, file="new")], [3], "continues at 5, but 0 was committed"),
        ([extent([3], 100, 120), extent([4], 121, 130)], [3, 4], "continues at 121"),
        ([extent([1, 3], 100, 120)], [1, 3], "settled twice"),
        ([extent([3], 100, 120), extent([3], 120, 130)], [3], "settled twice"),
        ([replace(extent([3], 100, 120), rows=2)], [3], "2 rows hold 1 inputs"),
        ([extent([3], 100, 120), extent([4], 0, 9, sink="warc")], [3], "same outcomes"),
        ([extent([3], 100, 120)], [3, 4], "same outcomes"),
        ([extent([3], 100, 120)], [], "same outcomes"),
    ],
)
def test_what_cannot_be_true_is_not_committed(path, ledger, extents, seqs, said):
    ledger.commit([extent([0, 1], 0, 100)], tally([0, 1]))
    with pytest.raises(PenstockError, match=said):
        ledger.commit(extents, tally(seqs))
    with reopened(path) as seen:
        assert list(seen.settled()) == list(ledger.settled()) == [0, 1]
    ledger.commit([extent([2], 100, 120)], tally([2]))


def test_a_run_finishes_when_every_input_is_settled(path, ledger):
    ledger.commit([extent([0, 2], 0, 9)], tally([0, 2]))
    with pytest.raises(PenstockError, match="1 of 3 inputs have no outcome"):
        ledger.finish(3)
    ledger.commit([extent([1], 9, 12)], tally([1]))
    ledger.finish(3)
    with reopened(path) as seen:
        assert seen.total == ledger.total == 3


def test_a_run_without_inputs_finishes(ledger):
    ledger.finish(0)
    assert ledger.total == 0


def test_a_finished_run_that_is_gone_on_with_is_not_finished(path, ledger):
    """As when a list has grown, and its owner insists."""
    ledger.commit([extent([0], 0, 9)], tally([0]))
    ledger.finish(1)
    ledger.commit([extent([1], 9, 12)], tally([1]))
    with reopened(path) as seen:
        assert seen.total is ledger.total is None


def test_many_extents_are_opened_quickly_and_held_as_sums_only(path, ledger):
    for number in range(300):
        ledger._database.execute("INSERT INTO commits VALUES (?, ?)", (number, json.dumps(Tally().as_dict())))
        ledger._database.execute(
            "INSERT INTO extents VALUES (?, 'jsonl', 'outcomes-00000.jsonl', ?, ?, 100, 'crc32:0', ?)",
            (number, number, number + 1, pack(BitMap64(range(number * 100, number * 100 + 100)))),
        )
    with reopened(path) as seen:
        assert len(seen.settled()) == 30_000
        assert seen.lengths("jsonl") == {"outcomes-00000.jsonl": 300}


# -- a disk that refuses


def test_a_disk_that_is_full_commits_nothing_and_is_not_asked_again(path, ledger):
    ledger.commit([extent([0], 0, 9)], tally([0]))
    pages = ledger._scalar("PRAGMA page_count")
    ledger._database.execute(f"PRAGMA max_page_count = {pages}")
    many = range(1, 100_000, 2)
    with pytest.raises(OutputError, match=r"disk is full.*free some space"):
        ledger.commit([extent(many, 9, 20)], tally(many))
    with pytest.raises(OutputError, match="unknown state"):
        ledger.commit([extent([1], 9, 20)], tally([1]))
    with pytest.raises(OutputError, match="unknown state"):
        ledger.finish(1)
    with reopened(path) as seen:
        assert list(seen.settled()) == [0]


def test_an_interrupt_in_a_commit_ends_all_use_of_the_ledger(path, ledger, monkeypatch):
    def interrupted(seqs):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "pack", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ledger.commit([extent([0], 0, 9)], tally([0]))
    monkeypatch.undo()
    with pytest.raises(OutputError):
        ledger.commit([extent([0], 0, 9)], tally([0]))
    with reopened(path) as seen:
        assert not seen.settled()


def test_somebody_who_reads_the_ledger_all_the_time_is_told_of(path, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.0)
    with closing(Ledger.create(path, RUN)) as ledger, closing(sqlite3.connect(path)) as reader:
        cursor = reader.execute("SELECT 1 FROM run, sqlite_master")
        cursor.fetchone()
        with pytest.raises(OutputError, match="close what else reads it"):
            ledger.commit([extent([0], 0, 9)], tally([0]))


def test_a_ledger_that_cannot_be_made_says_so(tmp_path, monkeypatch):
    with pytest.raises(OutputError):
        Ledger.create(tmp_path / "missing" / "run.db", RUN)
    monkeypatch.setattr(module, "SCHEMA", "this is not SQL")
    with pytest.raises(OutputError, match="syntax error"):
        Ledger.create(tmp_path / "run.db", RUN)
    assert not (tmp_path / "run.db").exists()


# -- a file that is not what it was


@pytest.mark.parametrize(("version", "wanted"), [(3, "older"), (6, "newer")])
def test_a_ledger_of_another_version_is_refused(path, ledger, version, wanted):
    ledger._database.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(
        FolderMismatch, match=f"version {version} of its tables, this Penstock knows 5; use the {wanted}"
    ):
        Ledger(path, RUN)


def test_a_ledger_of_another_run_is_refused(path, ledger):
    with pytest.raises(FolderMismatch, match="another run"):
        Ledger(path, "other")


def test_a_database_of_somebody_else_is_refused(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(FolderMismatch, match="not the ledger of a run"):
        Ledger(path, RUN)


@pytest.mark.parametrize("data", [b"x" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_damaged(path, data):
    path.write_bytes(data)
    with pytest.raises(FolderDamaged, match=r"run\.db is damaged.*penstock\.verify\(.*, repair=True\)"):
        Ledger(path, RUN)


def test_a_ledger_that_is_missing_is_damaged_and_not_made(path):
    with pytest.raises(FolderDamaged, match="it is missing"):
        Ledger(path, RUN)
    assert not path.exists()


def test_a_ledger_that_cannot_be_opened_is_refused(path):
    path.mkdir()
    with pytest.raises(FolderError):
        Ledger(path, RUN)


def test_a_ledger_cut_short_is_damaged(path, ledger):
    many = range(0, 100_000, 2)
    ledger.commit([extent(many, 0, 20)], tally(many))
    ledger.close()
    path.write_bytes(path.read_bytes()[: 3 * 4096])
    with pytest.raises(FolderDamaged):
        Ledger(path, RUN)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 50, 99, 100, 511, 512, 4095, 4096])
def test_a_ledger_cut_to_any_length_is_damaged_and_not_another(path, ledger, length):
    """Also to nothing, as a file system may leave it after a crash; then verify --repair makes it again."""
    ledger.close()
    os.truncate(path, length)
    with pytest.raises(FolderDamaged, match=r"penstock\.verify\(.*, repair=True\)"):
        Ledger(path, RUN)


def test_a_set_of_inputs_that_changed_is_found(path, ledger):
    """SQLite would hand it out as it is, and a broken bitmap may crash whoever looks into it."""
    ledger.commit([extent([0, 1], 0, 9)], tally([0, 1]))
    blob = bytearray(pack(BitMap64([0, 1])))
    blob[-1] ^= 1
    ledger._database.execute("UPDATE extents SET seqs = ?", (bytes(blob),))
    with pytest.raises(FolderDamaged, match="has changed"):
        Ledger(path, RUN)
    blob[:4] = zlib.crc32(blob[4:]).to_bytes(4, "big")
    ledger._database.execute("UPDATE extents SET seqs = ?", (bytes(blob[:4] + b"junk"),))
    with pytest.raises(FolderDamaged):
        Ledger(path, RUN)


@pytest.mark.parametrize("counts", ["", "{}", "[]", "7"])
def test_a_tally_that_changed_is_found(path, ledger, counts):
    ledger.commit([extent([0, 1], 0, 9)], tally([0, 1]))
    ledger._database.execute("UPDATE commits SET tally = ?", (counts,))
    with pytest.raises(FolderDamaged):
        Ledger(path, RUN)


@pytest.mark.parametrize("value", ["'soon'", "x'00'", "9e999", "-1.0"])
def test_what_was_learned_of_a_host_may_be_lost(path, ledger, value):
    """A damaged value costs what is known of that host, and nothing else."""
    ledger.learn(Learned({"a": 5.0, "b": 6.0}, {"a": 1.0, "b": 2.0}))
    ledger.close()
    with closing(sqlite3.connect(path)) as database:
        for table, column in (("parked", "until"), ("slowed", "seconds")):
            database.execute(f"UPDATE {table} SET {column} = {value} WHERE host = 'a'")
        database.execute("UPDATE slowed SET host = x'ff' WHERE host = 'b'")
        database.commit()
    with reopened(path) as seen:
        assert seen.learned() == Learned({"b": 6.0}, {})
        seen.learn(Learned({"a": 7.0}))
        assert seen.learned() == Learned({"a": 7.0})


def test_what_is_wrong_deeper_in_the_file_is_found_by_looking_at_all_of_it(path, ledger):
    assert ledger.fault() is None
    ledger.commit([extent([0, 1], 0, 9)], tally([0, 1]))
    ledger._database.execute("PRAGMA writable_schema = ON")
    ledger._database.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'rows INTEGER', 'rows INTEGER CHECK (rows = 9)')"
    )
    ledger.close()
    with reopened(path) as seen:
        assert "CHECK" in seen.fault()


def test_a_journal_left_beside_a_lost_database_does_not_harm_the_new_one(path, ledger):
    """SQLite would take it for the new one's, and roll its old pages back into it."""
    ledger.commit([extent([7, 8], 0, 9)], tally([7, 8]))
    ledger._database.execute("PRAGMA cache_size = 1")
    ledger._database.execute("BEGIN IMMEDIATE")
    ledger._database.executemany("INSERT INTO commits VALUES (?, ?)", [(n, "{}" * 1000) for n in range(9, 99)])
    journal = path.with_name("run.db-journal")
    hot = journal.read_bytes()
    ledger.close()
    journal.write_bytes(hot)
    path.unlink()
    with closing(Ledger.create(path, RUN)) as new:
        new.commit([extent([0], 0, 9)], tally([0]))
    with reopened(path) as seen:
        assert list(seen.settled()) == [0]
        assert seen.tally().total == 1


def test_an_old_database_never_stands_there_without_its_journal(path, ledger, monkeypatch):
    """It may be the middle of a transaction."""
    steps = []
    for name in ("unlink", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *given, name=name, real=real: steps.append((name, given[-1].name)) or real(*given)
        )
    path.with_name("run.db-journal").touch()
    Ledger.create(path, RUN).close()
    sides = [("unlink", f"run.db{side}") for side in ("-journal", "-wal", "-shm")]
    assert steps[-5:] == [("unlink", "run.db"), *sides, ("replace", "run.db")]
