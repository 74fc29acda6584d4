"""A proof that finds whatever is wrong: each way a folder can go bad is tried."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

from penstock.core.results import Verification
from penstock.errors import FolderDamaged, FolderError, FolderInUse
from penstock.runs.folder import RunFolder
from penstock.runs.verify import MOST_PROBLEMS, Recount, verify
from penstock.sink.record import line


def first(path):
    return path / "outcomes-00000.jsonl"


def execute(path, statement):
    with closing(sqlite3.connect(path / "run.db", isolation_level=None)) as database:
        database.execute(statement)


def test_a_finished_run_in_order(finished):
    size = sum(file.stat().st_size for file in finished.glob("outcomes-*.jsonl"))
    assert verify(finished) == verify(finished, Recount(10))
    assert verify(finished) == Verification(
        files=2,
        extents=5,
        rows=10,
        bytes=size,
        settled=10,
        replaced=0,
        pending=0,
        total=10,
        duplicates=0,
        torn=0,
        problem_count=0,
        problems=(),
    )
    assert verify(finished).ok
    assert verify(finished).finished


def test_an_unfinished_run_with_a_torn_tail_is_in_order(path, runs):
    with RunFolder.create(path, runs.manifest()) as folder:
        runs.settle(folder, [0, 4])
    with first(path).open("ab") as file:
        file.write(b'{"v":1,"se')
    found = verify(path, Recount(10))
    assert found.ok
    assert not found.finished
    assert (found.settled, found.torn, found.total) == (2, 10, None)


def test_a_run_that_has_not_stored_anything_is_in_order(path, runs):
    RunFolder.create(path, runs.manifest()).close()
    assert verify(path).ok


def test_nothing_is_changed_by_looking(finished):
    before = {file.name: file.read_bytes() for file in finished.iterdir()}
    verify(finished)
    assert {file.name: file.read_bytes() for file in finished.iterdir()} == before


# -- the files


def test_any_changed_byte_is_found(finished):
    good = first(finished).read_bytes()
    for place in range(0, len(good), 97):
        bad = bytearray(good)
        bad[place] ^= 1
        first(finished).write_bytes(bad)
        assert not verify(finished).ok, f"byte {place}"


def test_a_changed_byte_is_told_by_its_place(finished):
    data = first(finished).read_bytes()
    first(finished).write_bytes(data.replace(b"page 5", b"Page 5"))
    (body, bytes_changed) = verify(finished).problems
    assert "the body of input 5 is not the one that was fetched" in body
    assert "outcomes-00000.jsonl from 0 to" in body
    assert "the bytes have changed" in bytes_changed


def test_a_row_that_is_no_record_is_found_even_if_its_checksum_is_right(finished):
    data = first(finished).read_bytes()
    bad = data.replace(b'{"v":1,"seq":0', b'{"v":1;"seq":0')
    assert bad != data
    first(finished).write_bytes(bad)
    assert any("a row is broken" in problem for problem in verify(finished).problems)


def test_missing_bytes_are_found(finished):
    data = first(finished).read_bytes()
    first(finished).write_bytes(data[:-10])
    assert any("10 bytes are missing" in problem for problem in verify(finished).problems)


def test_a_missing_file_is_found(finished):
    first(finished).unlink()
    assert any("cannot be read: No such file" in problem for problem in verify(finished).problems)


def test_bytes_after_the_end_of_a_finished_run_are_found(finished):
    last = finished / "outcomes-00001.jsonl"
    with last.open("ab") as file:
        file.write(b"more")
    assert verify(finished).problems == (
        "outcomes-00001.jsonl: 4 bytes more than were committed, though the run has finished",
    )
    (finished / "outcomes-00007.jsonl").write_bytes(b"x")
    assert verify(finished).problem_count == 2


def test_bytes_set_aside_must_be_what_their_name_says(finished):
    aside = finished / "outcomes-00000.jsonl.torn-0-363a3020"
    aside.write_bytes(b"torn")
    assert not verify(finished).ok
    aside.rename(aside.with_name("outcomes-00000.jsonl.torn-0-d8ea2281"))
    problems = verify(finished).problems
    assert len(problems) == 1
    assert problems[0].endswith("it does not hold what its name says")


# -- the account


def test_an_extent_that_was_dropped_is_found(finished):
    execute(finished, "DELETE FROM extents WHERE \"start\" > 0 AND file = 'outcomes-00000.jsonl'")
    found = verify(finished)
    assert any("but 8 have outcomes" in problem or "have outcomes" in problem for problem in found.problems)
    assert any("more than were committed" in problem for problem in found.problems)


def test_a_gap_between_extents_is_found(finished):
    execute(finished, "DELETE FROM extents WHERE \"start\" = 0 AND file = 'outcomes-00000.jsonl'")
    assert any("the extent before it ends at 0" in problem for problem in verify(finished).problems)


def test_two_outcomes_for_one_input_are_found(path, runs):
    """The account says 0 and 1, the rows say 0 twice; the checksum is right."""
    with RunFolder.create(path, runs.manifest()) as folder:
        runs.settle(folder, [0, 1])
    data = first(path).read_bytes()
    row = line(replace(runs.outcome(1), seq=0), inline_body=True)
    changed = data[: data.index(b"\n") + 1] + row
    first(path).write_bytes(changed)
    problems = verify(path).problems
    assert any("input 0 has two outcomes" in problem for problem in problems)
    assert any("not those of the inputs that were committed" in problem for problem in problems)


def test_a_sink_that_lacks_an_input_is_found(finished):
    execute(
        finished,
        'INSERT INTO extents SELECT "commit", \'other\', file, "start", "end", rows, checksum, seqs FROM extents '
        "WHERE \"start\" = 0 AND file = 'outcomes-00000.jsonl'",
    )
    assert any("other: its rows are not those" in problem for problem in verify(finished).problems)


def test_a_number_of_inputs_that_does_not_fit_is_found(finished):
    problems = verify(finished, Recount(11)).problems
    assert any("there are 11 inputs, but the run has finished with 10" in problem for problem in problems)
    assert any("input 9 has an outcome" in problem for problem in verify(finished, Recount(9)).problems)


def test_more_outcomes_than_inputs_are_found(finished):
    execute(finished, "UPDATE run SET total = 9")
    assert any("finished with 9 inputs, but 10" in problem for problem in verify(finished).problems)


def test_a_ledger_that_is_broken_inside_is_found(finished):
    execute(finished, "PRAGMA writable_schema = ON")
    with closing(sqlite3.connect(finished / "run.db", isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, 'rows INTEGER', 'rows INTEGER CHECK (rows = 9)')")
    assert verify(finished).problems[0].startswith("run.db: CHECK")


def test_all_problems_are_counted_and_the_first_are_told(path, runs):
    with RunFolder.create(path, runs.manifest()) as folder:
        runs.settle(folder, range(200))
    first(path).write_bytes(first(path).read_bytes().replace(b'"v":1', b'"v":7'))
    found = verify(path)
    assert found.problem_count > 200
    assert len(found.problems) == MOST_PROBLEMS


# -- what cannot be looked at


def test_what_cannot_be_verified_is_refused(finished, tmp_path):
    with pytest.raises(FolderError, match="holds no run"):
        verify(tmp_path)
    with RunFolder.open(finished), pytest.raises(FolderInUse):
        verify(finished)
    (finished / "run.db").write_bytes(b"not a database, and not empty")
    with pytest.raises(FolderDamaged, match=r"penstock\.verify\(.*, repair=True\)"):
        verify(finished)
