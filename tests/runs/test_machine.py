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

from penstock.core.model import Fetched
from penstock.core.tally import Tally
from penstock.runs.folder import RunFolder
from penstock.runs.manifest import Manifest
from penstock.runs.repair import repair
from penstock.runs.verify import verify
from penstock.settings import OutputSettings, Settings
from penstock.sink.jsonl import JsonlSink

FILE_BYTES = 2_000


class Run(RuleBasedStateMachine):
    """Writes, flushes, commits and crashes in any order; ``committed`` is what must be there afterwards."""

    def __init__(self):
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.path = Path(self.place.name) / "pages"
        self.committed = {}
        self.inputs = 0
        self.begin(RunFolder.create(self.path, Manifest.of(Settings(), (), None)))

    def begin(self, folder):
        self.folder = folder
        self.sink = JsonlSink(self.path, folder.ledger.committed("jsonl"), OutputSettings(), file_bytes=FILE_BYTES)
        self.written, self.flushed, self.extents = {}, {}, []

    def end(self):
        self.sink.close()
        self.folder.close()

    @rule(ahead=st.integers(0, 3), size=st.integers(0, 900))
    def write(self, ahead, size):
        """Outcomes come in any order: the next input, or one of those after it."""
        known = self.committed.keys() | self.written.keys() | self.flushed.keys()
        seq = [seq for seq in range(len(known) + 4) if seq not in known][ahead]
        body = b"%d " % len(known) * size
        self.sink.write(Fetched(seq, "http://a.test/", status=200, body=body))
        self.written[seq] = body

    @rule()
    def flush(self):
        self.extents += self.sink.flush()
        self.flushed |= self.written
        self.written = {}

    @precondition(lambda self: self.extents)
    @rule()
    def commit(self):
        tally = Tally()
        for seq in self.flushed:
            tally.add(Fetched(seq, "http://a.test/", status=200, body=self.flushed[seq]))
        self.folder.ledger.commit(self.extents, tally)
        self.committed |= self.flushed
        self.flushed, self.extents = {}, []

    @rule(torn=st.floats(0, 1))
    def crash(self, torn):
        """Of the bytes that were not committed any part may be left."""
        lengths = self.folder.ledger.committed("jsonl")
        self.end()
        for file in self.path.glob("outcomes-*.jsonl"):
            sure = lengths.get(file.name, 0)
            os.truncate(file, sure + int((file.stat().st_size - sure) * torn))
        self.begin(RunFolder.open(self.path))

    @precondition(lambda self: not self.written and not self.flushed)
    @rule()
    def lose_the_ledger(self):
        self.end()
        (self.path / "run.db").unlink()
        for aside in self.path.glob("*.torn-*"):
            aside.unlink()
        repair(self.path)
        self.begin(RunFolder.open(self.path))

    @invariant()
    def what_was_committed_is_settled(self):
        assert set(self.folder.ledger.settled()) == self.committed.keys()
        assert self.folder.ledger.tally().total == len(self.committed)

    @invariant()
    def what_was_committed_is_on_the_disk_once_and_nothing_else_is_claimed(self):
        found = []
        for extent in self.folder.ledger.extents():
            data = (self.path / extent.file).read_bytes()[extent.start : extent.end]
            found += [(record["seq"], record["body"].encode()) for record in map(json.loads, data.splitlines())]
        assert sorted(found) == sorted(self.committed.items())

    def teardown(self):
        self.end()
        with closing(RunFolder.open(self.path)) as folder:
            JsonlSink(self.path, folder.ledger.committed("jsonl"), OutputSettings()).close()
        found = verify(self.path)
        assert found.ok, found.problems
        assert (found.rows, found.torn) == (len(self.committed), 0)
        self.place.cleanup()


TestRun = Run.TestCase
TestRun.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
