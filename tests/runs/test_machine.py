"""The sink and the ledger as a state machine: what was committed is there, once; what was not, is not."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Failed, Fetched, Reason
from penstock.runs.folder import RunFolder
from penstock.runs.manifest import Manifest
from penstock.runs.repair import repair
from penstock.runs.verify import verify
from penstock.settings import Settings
from penstock.sink.jsonl import JSONL
from penstock.testing.contracts import flush
from penstock.testing.outcomes import failures_of

FILE_BYTES = 2_000
SIZES = st.integers(0, 900)


class Run(RuleBasedStateMachine):
    """Writes, flushes, commits, passes and crashes in any order; ``committed`` is what must be there afterwards.

    An outcome is a page, or for an odd number of bytes a failure; ``pending`` is what a pass has left to try again.
    """

    def __init__(self):
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.path = Path(self.place.name) / "pages"
        self.committed = {}
        self.replaced = 0
        self.pending = set()
        self.begin(RunFolder.create(self.path, Manifest.of(Settings(), (), None)))

    def begin(self, folder):
        self.folder = folder
        self.sink = replace(JSONL, file_bytes=FILE_BYTES).open(self.path, folder.ledger.lengths("jsonl"))
        self.written, self.flushed, self.extents = {}, {}, []

    def end(self):
        self.sink.close()
        self.folder.close()

    @rule(some=st.lists(st.tuples(st.integers(0, 3), SIZES), min_size=1, max_size=4))
    def write(self, some):
        """Outcomes come in any order: the next input, or one of those after it."""
        for ahead, size in some:
            known = self.committed.keys() | self.written.keys() | self.flushed.keys()
            self.take([seq for seq in range(len(known) + 4) if seq not in known][ahead], size)

    @precondition(lambda self: self.pending - self.written.keys() - self.flushed.keys())
    @rule(sizes=st.lists(SIZES, min_size=1, max_size=4))
    def write_again(self, sizes):
        """Some of those that are to be tried again; they may fail again."""
        left = sorted(self.pending - self.written.keys() - self.flushed.keys())
        for seq, size in zip(left, sizes, strict=False):
            self.take(seq, size)

    def take(self, seq, size):
        if size % 2:
            reason = (Reason.RESET, Reason.TIMEOUT)[size // 2 % 2]
            outcome = Failed(seq, "http://a.test/", reason, f"{len(self.written)} " * size, attempts=size)
        else:
            outcome = Fetched(seq, "http://a.test/", status=200, body=b"%d " % seq * size)
        self.sink.take(outcome)
        self.written[seq] = outcome

    @precondition(lambda self: not self.written and not self.flushed and self.committed)
    @rule(reasons=st.sampled_from([{"reset", "timeout"}, {"reset", "503"}]))
    def begin_pass(self, reasons):
        chosen = {seq for seq, outcome in self.committed.items() if outcome.error in reasons}
        assert set(self.folder.ledger.begin_pass(reasons)) == chosen
        self.pending = chosen

    @rule()
    def flush(self):
        self.extents += flush(self.sink)
        self.flushed |= self.written
        self.written = {}

    @precondition(lambda self: self.extents or self.written)
    @rule()
    def commit(self):
        self.flush()
        tally = Tally()
        for outcome in self.flushed.values():
            tally.add(outcome)
        self.folder.ledger.commit(self.extents, tally, failures_of(self.flushed.values()))
        self.replaced += len(self.committed.keys() & self.flushed.keys())
        self.committed |= self.flushed
        self.pending -= self.flushed.keys()
        self.flushed, self.extents = {}, []

    @rule(torn=st.floats(0, 1))
    def crash(self, torn):
        """Of the bytes that were not committed any part may be left."""
        lengths = self.folder.ledger.lengths("jsonl")
        self.end()
        for file in self.path.glob("outcomes-*.jsonl"):
            sure = lengths.get(file.name, 0)
            os.truncate(file, sure + int((file.stat().st_size - sure) * torn))
        self.begin(RunFolder.open(self.path))

    @precondition(lambda self: not self.written and not self.flushed)
    @rule()
    def repair_what_is_in_order(self):
        self.end()
        repair(self.path)
        self.begin(RunFolder.open(self.path))

    @precondition(lambda self: not self.written and not self.flushed)
    @rule()
    def lose_the_ledger(self):
        """Which of the failures are still to be tried again was in it alone."""
        self.end()
        (self.path / "run.db").unlink()
        for aside in self.path.glob("*.torn-*"):
            aside.unlink()
        repair(self.path)
        self.pending = set()
        self.begin(RunFolder.open(self.path))

    @invariant()
    def what_was_committed_is_settled(self):
        assert set(self.folder.ledger.settled()) == self.committed.keys()
        tally = Tally()
        for outcome in self.committed.values():
            tally.add(outcome)
        found = self.folder.ledger.tally()
        assert (found.kinds, found.statuses, found.reasons) == (tally.kinds, tally.statuses, tally.reasons)
        assert self.folder.ledger.failures() == failures_of(self.committed.values())
        assert set(self.folder.ledger.pending()) == self.pending

    @invariant()
    def of_what_is_on_the_disk_the_last_counts_and_nothing_else_is_claimed(self):
        found, lines = {}, 0
        for extent in self.folder.ledger.extents():
            data = (self.path / extent.file).read_bytes()[extent.start : extent.end]
            for record in map(json.loads, data.splitlines()):
                found[record["seq"]] = (record["error"], record["detail"], (record["body"] or "").encode())
                lines += 1
        expected = {seq: (outcome.error, outcome.detail, outcome.body) for seq, outcome in self.committed.items()}
        assert found == expected
        assert lines == len(self.committed) + self.replaced

    def teardown(self):
        self.end()
        with closing(RunFolder.open(self.path)) as folder:
            JSONL.open(self.path, folder.ledger.lengths("jsonl")).close()
        found = verify(self.path)
        assert found.ok, found.problems
        assert (found.rows, found.replaced, found.torn) == (len(self.committed) + self.replaced, self.replaced, 0)
        self.place.cleanup()


TestRun = Run.TestCase
TestRun.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
