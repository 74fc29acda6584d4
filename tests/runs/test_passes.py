"""An input may be tried again, and then its newest outcome counts: for the ledger, the proof and the repair."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Failed, Fetched, Reason, Skipped
from penstock.core.web.retry import LATER
from penstock.errors import FolderDamaged, InputChanged, PenstockError
from penstock.runs.folder import RunFolder
from penstock.runs.repair import Repair, repair
from penstock.runs.verify import Recount, verify
from penstock.sink.jsonl import JSONL
from penstock.testing.contracts import flush
from penstock.testing.outcomes import failures_of

FAILED = {3, 8}
"""Of the ten inputs of a finished run those that were reset; 4 and 9 are no URLs."""


def better(seq):
    return Fetched(seq, f"http://host{seq}.test/", status=200, body=b"at last %d" % seq, attempts=1)


def store(folder, *outcomes, file_bytes=1 << 30):
    sink = replace(JSONL, file_bytes=file_bytes).open(folder.path, folder.ledger.lengths("jsonl"))
    tally = Tally()
    for outcome in outcomes:
        sink.take(outcome)
        tally.add(outcome)
    folder.ledger.commit(flush(sink), tally, failures_of(outcomes))
    sink.close()


@pytest.fixture
def half(finished):
    """A finished run of which 3 and 8 are tried again, and 3 has been."""
    with RunFolder.open(finished) as folder:
        folder.ledger.begin_pass(LATER)
        store(folder, better(3))
    return finished


@pytest.fixture
def retried(half):
    with RunFolder.open(half) as folder:
        store(folder, better(8))
        folder.ledger.finish(10)
    return half


def state(path):
    with RunFolder.open(path) as folder:
        ledger = folder.ledger
        failures = {why: set(failed) for why, failed in ledger.failures().items()}
        return set(ledger.pending()), failures, ledger.total


def counted(path):
    with RunFolder.open(path) as folder:
        return folder.ledger.tally()


def execute(path, statement):
    with closing(sqlite3.connect(path / "run.db", isolation_level=None)) as database:
        database.execute(statement)


# -- the ledger


def test_what_failed_is_known_by_its_reason(finished):
    assert state(finished) == (set(), {"reset": {3, 8}, "invalid_url": {4, 9}}, 10)


def test_a_pass_chooses_by_reason_and_outlives_the_process(finished):
    with RunFolder.open(finished) as folder:
        assert set(folder.ledger.begin_pass({"reset", "503"}, 2)) == FAILED
    with RunFolder.open(finished) as folder:
        assert set(folder.ledger.pending()) == FAILED
        assert (folder.ledger.passes, folder.ledger.reasons) == (2, {"reset", "503"})


def test_a_further_pass_in_which_there_is_nothing_to_do_is_not_begun(finished):
    with RunFolder.open(finished) as folder:
        assert not folder.ledger.begin_pass({"timeout"}, 2)
        assert (folder.ledger.passes, folder.ledger.reasons) == (1, frozenset())
        assert not folder.ledger.begin_pass({"timeout"})
        assert (folder.ledger.passes, folder.ledger.reasons) == (1, {"timeout"})


def test_a_pass_in_which_there_is_nothing_to_do_ends_one_that_was_stopped(half):
    with RunFolder.open(half) as folder:
        assert not folder.ledger.begin_pass({"timeout"})
    assert state(half)[0] == set()


def test_what_is_tried_again_keeps_its_outcome_until_it_has_another(half):
    """Every input has one outcome all the time, so the run stays finished."""
    assert state(half) == ({8}, {"reset": {8}, "invalid_url": {4, 9}}, 10)
    tally = counted(half)
    assert (dict(tally.kinds), dict(tally.reasons)) == (
        {"fetched": 7, "failed": 1, "skipped": 2},
        {"reset": 1, "invalid_url": 2},
    )


def test_what_it_took_stays_counted(half):
    """Six pages of one attempt each, two failures of three, and one more attempt that was none."""
    assert counted(half).attempts == 6 + 2 * 3 + 1


def test_an_input_is_tried_again_once_in_a_pass_and_never_outside_of_one(half):
    with RunFolder.open(half) as folder, pytest.raises(PenstockError, match="settled twice"):
        store(folder, better(3))
    with RunFolder.open(half) as folder, pytest.raises(PenstockError, match="settled twice"):
        store(folder, better(0))


def test_what_failed_cannot_be_left_out(finished):
    failure = Skipped(10, "http://a.test/", Reason.HOST_DOWN)
    tally = Tally()
    tally.add(failure)
    with RunFolder.open(finished) as folder:
        sink = JSONL.open(finished, folder.ledger.lengths("jsonl"))
        sink.take(failure)
        with pytest.raises(PenstockError, match="the failures and the tally"):
            folder.ledger.commit(flush(sink), tally)
        sink.close()


def test_a_run_is_not_over_while_inputs_are_to_be_tried_again(half):
    with RunFolder.open(half) as folder, pytest.raises(InputChanged, match="1 inputs were to be tried again"):
        folder.ledger.finish(10)


# -- the proof


@pytest.mark.parametrize("stage", ["half", "retried"])
def test_a_run_with_retries_holds(stage, request):
    path = request.getfixturevalue(stage)
    found = verify(path, Recount(10))
    assert found.ok, found.problems
    assert (found.settled, found.total) == (10, 10)
    assert (found.rows, found.replaced, found.pending) == ((11, 1, 1) if stage == "half" else (12, 2, 0))


def test_a_torn_tail_is_in_order_while_something_is_tried_again_and_only_then(half, retried):
    with (retried / "outcomes-00001.jsonl").open("ab") as file:
        file.write(b'{"v":1,"se')
    assert not verify(retried).ok


def test_a_torn_tail_of_a_retry_that_was_killed_is_in_order(half):
    with (half / "outcomes-00001.jsonl").open("ab") as file:
        file.write(b'{"v":1,"se')
    assert verify(half).ok
    assert verify(half).torn == 10


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM failures WHERE reason = 'invalid_url'", "other inputs have failed"),
        ("UPDATE failures SET reason = 'timeout' WHERE reason = 'invalid_url'", "other inputs have failed"),
        ("UPDATE commits SET tally = replace(tally, '200', '201')", "do not add up"),
    ],
)
def test_an_account_that_is_not_that_of_the_rows_is_found(retried, statement, said):
    execute(retried, statement)
    assert any(said in problem for problem in verify(retried).problems)


def test_an_outcome_that_took_the_place_of_a_page_is_damage(half):
    """The ledger itself can't be opened then: what it says cannot be true."""
    execute(half, "DELETE FROM failures WHERE reason = 'reset'")
    with pytest.raises(FolderDamaged, match="settled twice"):
        verify(half)


# -- the repair


def test_a_repair_of_a_run_in_order_changes_nothing(half):
    before = state(half), counted(half).as_dict()
    assert repair(half) == Repair(settled=10, lost=0)
    assert (state(half), counted(half).as_dict()) == before
    assert verify(half, Recount(10)).ok


@pytest.mark.parametrize("stage", ["half", "retried"])
def test_a_lost_ledger_is_rebuilt_with_the_newest_outcomes(stage, request):
    path = request.getfixturevalue(stage)
    before = state(path)[1], counted(path).as_dict()
    (path / "run.db").unlink()
    assert repair(path) == Repair(settled=10, lost=0)
    assert (state(path)[1], counted(path).as_dict()) == before
    assert verify(path, Recount(10)).ok


def test_where_the_newest_outcome_is_damaged_the_one_before_counts_and_is_tried_again(half):
    (last,) = half.glob("outcomes-00001.jsonl")
    last.write_bytes(last.read_bytes().replace(b"at last 3", b"At last 3"))
    assert repair(half) == Repair(settled=10, lost=1)
    assert state(half) == ({3, 8}, {"reset": {3, 8}, "invalid_url": {4, 9}}, 10)
    assert verify(half, Recount(10)).ok


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("file_bytes", [1, 1 << 30])
def test_what_is_moved_stays_behind_what_is_older_and_before_what_is_newer(path, runs, keep, file_bytes):
    """The first line is broken, so all of its file is moved; the newer outcomes are in it too, or in the next."""
    with RunFolder.create(path, runs.manifest()) as folder:
        runs.settle(folder, *([seq] for seq in range(10)))
        folder.ledger.finish(10)
        folder.ledger.begin_pass(LATER)
        store(folder, better(3), Failed(8, "http://host8.test/", Reason.TIMEOUT, attempts=3), file_bytes=file_bytes)
    file = path / "outcomes-00000.jsonl"
    file.write_bytes(file.read_bytes().replace(b"host0.test", b"ho\x00t0.test"))
    if not keep:
        (path / "run.db").unlink()
    assert repair(path).settled == 9
    _, failures, total = state(path)
    assert (failures, total) == ({"timeout": {8}, "invalid_url": {4, 9}}, None)
    assert verify(path).ok
