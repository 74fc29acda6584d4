"""Where a run stands: the flow's own statistics, and what spans its passes and sessions."""

from __future__ import annotations

import penstock
from penstock.core.results import Progress
from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.statistics import Statistics
from penstock.core.schedule.tally import Tally
from penstock.remedies import Message, Remedy
from penstock.runs.notices import Notices
from penstock.runs.progress import RunProgress

OF_A_RUN = {"before", "again", "read", "alone", "parked", "spacing", "inputs"}


class Flowing:
    """A flow that stands where a test says."""

    def __init__(self, done=0, *, pulled=0, parked=None, busiest=None, duplicates=0, elapsed=1.0):
        tally = Tally()
        tally.kinds["fetched"] = done
        tally.duplicates = duplicates
        self.complete = True
        self._learned = Learned(parked or {}, {}, 1_000.0)
        self._now = Statistics(elapsed, 0, 0, 0, pulled, True, Bottleneck.NOTHING, busiest, tally)

    def statistics(self):
        return self._now

    def learned(self):
        return self._learned


class Folded:
    """A run folder whose ledger says how much is settled, pending and known."""

    path = "pages"

    def __init__(self, settled=0, pending=(), total=None):
        self.ledger = self
        self.total = total
        self._settled = settled
        self._pending = pending

    def tally(self):
        tally = Tally()
        tally.kinds["fetched"] = self._settled
        return tally

    def pending(self):
        return self._pending


class Read:
    """An input of which 5 of 10 bytes are read."""

    def progress(self):
        return 5, 10


def test_a_progress_is_a_statistics_with_the_fields_of_a_run():
    """A report that was written for the one can read the other."""
    own = set(Statistics.__struct_fields__)
    assert set(Progress.__struct_fields__) - own == OF_A_RUN
    assert issubclass(Progress, Statistics)
    assert penstock.Progress is Progress


def test_earlier_sessions_and_passes_are_added():
    """Ten were settled, two of them are retried; a pass of three outcomes ends, and another begins."""
    folder = Folded(10, pending=(1, 2))
    run = RunProgress(Flowing(3, pulled=5, duplicates=2, elapsed=4.0), Read(), folder)
    first = run.snapshot()
    assert (first.before, first.again, first.done, first.total) == (10, 2, 13, 13)
    assert first.read == (5, 10)
    folder.total = 13
    run.begin_pass(Flowing(1, pulled=3, duplicates=2, elapsed=2.0))
    second = run.snapshot()
    assert (second.elapsed, second.tally.total, second.tally.duplicates) == (6.0, 4, 2)
    assert (second.again, second.done, second.inputs) == (4, 12, 13)


def test_a_list_that_has_grown_has_no_known_number_of_inputs():
    assert RunProgress(Flowing(1, pulled=1), Read(), Folded(9, total=10)).snapshot().inputs == 10
    assert RunProgress(Flowing(1, pulled=2), Read(), Folded(9, total=10)).snapshot().inputs is None


def test_the_busiest_paused_host_is_named_first_and_then_those_whose_pause_ends_first():
    parked = {"a": 1_050.0, "b": 1_010.0, "c": 1_020.0, "d": 990.0, "e": 1_030.0}
    now = RunProgress(Flowing(parked=parked, busiest=("a", 7)), Read()).snapshot()
    assert now.alone == 5
    assert now.parked == (("a", 50.0), ("d", 0.0), ("b", 10.0))


def test_each_notice_is_given_once_in_its_order_and_the_input_is_asked_last():
    said = iter([["of the input"], []])
    notices = Notices(lambda: next(said))
    notices.notify("first")
    notices.notify(Message("do ", Remedy("f()", "-f")))
    first, second, third = notices.take()
    assert (first, second, third) == ("first", "do f()", "of the input")
    assert [*notices.take()] == []
