"""Whatever was damaged: what can still be trusted is kept, the rest is set aside and fetched again."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

from penstock.core.schedule.learned import Learned
from penstock.errors import FolderDamaged, FolderError, FolderInUse, OutputError
from penstock.runs import repair as module
from penstock.runs.folder import RunFolder
from penstock.runs.repair import repair
from penstock.runs.verify import Recount, verify
from penstock.sink import line_format
from penstock.sink.formats import FORMATS
from penstock.sink.jsonl import JSONL
from penstock.sink.record import read_line


@pytest.fixture
def first(finished):
    return finished / "outcomes-00000.jsonl"


def settled(path):
    with RunFolder.open(path) as folder:
        return list(folder.ledger.settled())


def completed(path, runs):
    """Go on with the run until all ten inputs are settled, and prove it."""
    with RunFolder.open(path) as folder:
        missing = [seq for seq in range(10) if seq not in folder.ledger.settled()]
        runs.settle(folder, missing)
        folder.ledger.finish(10)
    found = verify(path, Recount(10))
    assert found.ok, found.problems
    return missing


def test_a_ledger_that_is_lost_is_rebuilt_from_the_outputs(finished, runs):
    with RunFolder.open(finished) as folder:
        before = folder.ledger.tally().as_dict()
    (finished / "run.db").unlink()
    assert repair(finished) == module.Repair(settled=10, lost=0)
    with RunFolder.open(finished) as folder:
        assert folder.ledger.tally().as_dict() == before
        assert folder.ledger.total is None
    assert completed(finished, runs) == []


def test_a_ledger_without_the_tables_of_what_may_be_lost_is_made_again(finished):
    with closing(sqlite3.connect(finished / "run.db")) as database:
        database.execute("DROP TABLE parked")
    repair(finished)
    with RunFolder.open(finished) as folder:
        assert folder.ledger.learned() == Learned()
        assert len(folder.ledger.settled()) == folder.ledger.total == 10


def test_a_damaged_ledger_is_set_aside(finished, runs):
    (finished / "run.db").write_bytes(b"no database")
    assert repair(finished).settled == 10
    assert [file.read_bytes() for file in finished.glob("run.db.torn-*")] == [b"no database"]
    assert completed(finished, runs) == []


def test_a_run_in_order_stays_as_it_is(finished):
    before = {file.name: file.read_bytes() for file in finished.glob("outcomes-*")}
    assert repair(finished) == module.Repair(settled=10, lost=0)
    assert {file.name: file.read_bytes() for file in finished.glob("outcomes-*")} == before
    assert verify(finished, Recount(10)).ok
    assert verify(finished).finished


def test_a_changed_byte_costs_its_own_line_where_the_ledger_is_lost(finished, first, runs):
    first.write_bytes(first.read_bytes().replace(b"page 5", b"Page 5"))
    (finished / "run.db").unlink()
    assert repair(finished).settled == 9
    assert completed(finished, runs) == [5]
    assert any(b"Page 5" in file.read_bytes() for file in finished.glob("*.torn-*"))


def test_a_changed_byte_costs_its_extent_where_the_ledger_is_good(finished, first, runs):
    """A header that changed cannot be told from one that did not; that the bytes around it did, can."""
    first.write_bytes(first.read_bytes().replace(b"host5.test", b"host6.test"))
    assert repair(finished) == module.Repair(settled=8, lost=2)
    assert completed(finished, runs) == [0, 5]


def test_missing_bytes_cost_what_was_in_them(finished, first, runs):
    first.write_bytes(first.read_bytes()[:-10])
    found = repair(finished)
    assert found.lost == 2
    assert len(completed(finished, runs)) == 2


def test_a_missing_file_costs_what_was_in_it(finished, first, runs):
    first.unlink()
    found = repair(finished)
    assert found.lost == 10 - found.settled > 0
    assert len(completed(finished, runs)) == found.lost


def test_a_line_torn_off_is_not_kept_and_not_thrown_away(path, runs):
    with RunFolder.create(path, runs.manifest()) as folder:
        runs.settle(folder, range(5))
    with (path / "outcomes-00000.jsonl").open("ab") as file:
        file.write(b'{"v":1,"se')
    (path / "run.db").unlink()
    assert repair(path).settled == 5
    assert [file.read_bytes() for file in path.glob("*.torn-*")] == [b'{"v":1,"se']
    assert completed(path, runs) == [5, 6, 7, 8, 9]


def test_whole_lines_that_were_never_committed_are_as_good_as_others(path, runs):
    """Nobody has to fetch them again."""
    with RunFolder.create(path, runs.manifest()) as folder:
        runs.settle(folder, range(5))
    data = (path / "outcomes-00000.jsonl").read_bytes()
    cut = data.index(b'{"v":1,"seq":3')
    (path / "outcomes-00000.jsonl").write_bytes(data[:cut])
    (path / "outcomes-00000.jsonl.torn-0-d8ea2281").write_bytes(data[cut:])
    (path / "run.db").unlink()
    assert repair(path).settled == 5


def test_of_two_lines_for_one_input_the_first_is_kept(path, runs):
    with RunFolder.create(path, runs.manifest()) as folder:
        runs.settle(folder, range(3))
    file = path / "outcomes-00000.jsonl"
    file.write_bytes(file.read_bytes() + file.read_bytes().replace(b"page", b"copy"))
    (path / "run.db").unlink()
    assert repair(path).settled == 3
    assert b"copy" not in file.read_bytes()
    assert completed(path, runs) == list(range(3, 10))


def test_a_file_without_a_single_good_line_is_set_aside_whole(finished, first, runs):
    size = first.stat().st_size
    first.write_bytes(bytes(size))
    (finished / "run.db").unlink()
    repair(finished)
    assert not first.exists()
    assert [file.stat().st_size for file in finished.glob("outcomes-*.torn-*")] == [size]
    completed(finished, runs)


def test_a_run_without_outputs_can_be_repaired(path, runs):
    RunFolder.create(path, runs.manifest()).close()
    (path / "run.db").write_bytes(b"no database")
    assert repair(path).settled == 0
    assert completed(path, runs) == list(range(10))


def test_what_a_crash_left_half_done_is_cleared_away(finished):
    (finished / "outcomes-00000.jsonl.torn.part").write_bytes(b"half")
    repair(finished)
    assert not list(finished.glob("*.part"))


def test_repairing_again_changes_nothing(finished, first):
    first.write_bytes(first.read_bytes().replace(b"page 5", b"Page 5"))
    found = repair(finished)
    before = settled(finished)
    assert repair(finished) == module.Repair(settled=found.settled, lost=0)
    assert settled(finished) == before


def test_much_is_divided_into_extents(finished, first, runs, monkeypatch):
    monkeypatch.setattr(line_format, "EXTENT_BYTES", 500)
    first.write_bytes(first.read_bytes().replace(b"page 0", b"Page 0"))
    (finished / "run.db").unlink()
    assert repair(finished).settled == 9
    found = verify(finished)
    assert found.ok
    assert found.extents > 4


def test_a_line_longer_than_any_can_be_is_not_read_into_memory(finished, first, monkeypatch):
    """A stretch of zeros without a line feed may be as long as the disk."""
    monkeypatch.setattr(module, "OVERHEAD_BYTES", 300 - 6 * 100_000_000)
    longest = []

    def spy(row, place):
        longest.append(len(row))
        return read_line(row, place)

    monkeypatch.setitem(FORMATS, "jsonl", replace(JSONL, load=lambda: (None, spy)))
    first.write_bytes(bytes(5000) + first.read_bytes())
    (finished / "run.db").unlink()
    repair(finished)
    assert max(longest) == 300


def test_what_cannot_be_repaired_is_refused(finished, tmp_path):
    with pytest.raises(FolderError, match="holds no run"):
        repair(tmp_path)
    with RunFolder.open(finished), pytest.raises(FolderInUse):
        repair(finished)
    (finished / "run.json").unlink()
    with pytest.raises(FolderDamaged, match=r"run\.json"):
        repair(finished)


def test_a_disk_that_refuses_stops_the_repair(finished, first, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    (finished / "run.db").unlink()
    first.write_bytes(b"x" + first.read_bytes())
    monkeypatch.setattr("os.write", refuse)
    with pytest.raises(OutputError):
        repair(finished)
    monkeypatch.undo()
    assert repair(finished).settled == 9
