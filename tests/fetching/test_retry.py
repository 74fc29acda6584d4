"""What failed is tried again, by ``retry`` or in a further pass, and the newest outcome counts."""

from __future__ import annotations

import pytest

import penstock
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.learned import Learned
from penstock.core.schedule.tally import Tally
from penstock.core.web.judge import Judge
from penstock.core.web.model import Job, Reason
from penstock.core.web.retry import Retry
from penstock.errors import FolderError, InputChanged
from penstock.fetching import sessions
from penstock.fetching.lines import stream_lines
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.runs.folder import RunFolder
from penstock.runs.manifest import Manifest
from penstock.runs.progress import RunProgress
from penstock.runs.session import Session
from penstock.runs.store import FolderStore
from penstock.settings import Settings
from penstock.sink.jsonl import JSONL
from penstock.source.pulled import Inline
from penstock.testing.clock import VirtualClock
from penstock.testing.engine import Answered, ScriptedEngine
from penstock.testing.web import LocalWeb

FAST = {"robots": False, "delay": 0, "per_host": 10, "attempts": 1}


@pytest.fixture
def web():
    """The third host closes every connection until it is mended."""
    with LocalWeb(hosts=3) as local:
        local.habits[local.host(2)] = "/close"
        yield local


@pytest.fixture
def listed(web, tmp_path):
    path = tmp_path / "urls.txt"
    path.write_text("\n".join(web.url(seq % 3, f"/page/{seq}") for seq in range(30)))
    return path


@pytest.fixture
def folder(web, listed, tmp_path):
    """A finished run with ten failures; the third host is mended since."""
    folder = tmp_path / "run"
    assert penstock.run(listed, folder, **FAST).tally.reasons[Reason.EMPTY_REPLY] == 10
    web.habits.clear()
    return folder


def test_what_failed_is_tried_again_and_nothing_else(web, folder):
    before = web.traffic().requests
    summary = penstock.retry(folder)
    assert web.traffic().requests - before == summary.session.total == summary.again == 10
    assert (summary.inputs, summary.tally.total, summary.tally.statuses) == (30, 30, {200: 30})
    assert not summary.tally.reasons
    assert summary.complete
    assert penstock.verify(folder).ok


def test_a_retry_on_top_of_a_retry_works(web, folder):
    web.habits[web.host(2)] = "/close"
    penstock.retry(folder)
    penstock.retry(folder)
    web.habits.clear()
    assert penstock.retry(folder).tally.statuses == {200: 30}
    found = penstock.verify(folder)
    assert (found.ok, found.rows, found.replaced) == (True, 60, 30)


@pytest.mark.parametrize(
    ("only", "again"),
    [("timeout", 0), ("empty_reply", 10), (["timeout,reset", "empty_reply"], 10), ("503", 0), (None, 10), ((), 10)],
)
def test_what_is_tried_again_can_be_chosen(folder, only, again):
    assert penstock.retry(folder, only=only).again == again


@pytest.mark.parametrize("only", ["40", 404.0, [404.0], object()])
def test_a_reason_that_is_none_is_refused_with_those_there_are(folder, only):
    with pytest.raises(penstock.UsageError, match=r"' is no reason; name statuses, as 404 and 5xx, or .*host_down"):
        penstock.retry(folder, only=only)


def test_the_pace_may_be_another_and_the_job_may_not(folder):
    assert penstock.retry(folder, per_host=1, timeout=5).complete
    with pytest.raises(penstock.UsageError, match="part of what this run is"):
        penstock.retry(folder, max_redirects=3)


def test_an_input_that_has_changed_is_refused(folder, listed):
    listed.write_text("http://other.test/")
    with pytest.raises(InputChanged):
        penstock.retry(folder)


def test_an_input_in_which_they_are_not_any_more_is_told_of(folder, listed):
    listed.write_text("\n".join(listed.read_text().splitlines()[:5]))
    with pytest.raises(InputChanged, match="9 inputs were to be tried again that are not in the input any more"):
        sessions.retry(folder, (), {}, force=True).execute()
    assert penstock.verify(folder).ok


def test_a_run_that_has_not_finished_is_to_be_finished_first(listed, tmp_path):
    sessions.begin([str(listed)], tmp_path / "run", Settings.of(**FAST)).close()
    with pytest.raises(FolderError, match=r"has not finished; resume it first: penstock\.resume"):
        penstock.retry(tmp_path / "run")


def test_of_those_that_ask_for_the_same_the_first_is_tried_again(web, listed, tmp_path):
    listed.write_text(listed.read_text() + "\n" + listed.read_text())
    penstock.run(listed, tmp_path / "run", unique=True, passes=2, **FAST)
    web.habits.clear()
    summary = penstock.retry(tmp_path / "run")
    assert (summary.inputs, summary.tally.total, summary.tally.duplicates, summary.again) == (60, 30, 30, 10)
    assert penstock.verify(tmp_path / "run").ok


def test_passes_try_what_failed_again_and_count_each_input_once(web, listed, tmp_path):
    summary = penstock.run(listed, tmp_path / "run", passes=3, **FAST)
    assert web.traffic().requests == 30 + 10 + 10
    assert (summary.inputs, summary.tally.total, summary.session.total, summary.again) == (30, 30, 50, 20)
    assert summary.tally.reasons == {"empty_reply": 10}
    assert penstock.verify(tmp_path / "run").replaced == 20


def test_passes_that_are_over_are_not_made_again_and_more_of_them_are(web, listed, tmp_path):
    penstock.run(listed, tmp_path / "run", passes=2, **FAST)
    assert penstock.resume(tmp_path / "run").session.total == 0
    assert penstock.resume(tmp_path / "run", passes=3).again == 10
    web.habits.clear()
    assert penstock.retry(tmp_path / "run", passes=3).again == 10


def test_further_passes_of_a_retry_are_for_its_own_reasons(web, listed, tmp_path):
    """Those of the passes before it are over, also where it finds nothing to do."""
    penstock.run(listed, tmp_path / "run", passes=2, **FAST)
    before = web.traffic().requests
    assert penstock.retry(tmp_path / "run", only="timeout", passes=3).again == 0
    assert web.traffic().requests == before


def test_passes_end_where_nothing_is_left_to_try_again(web, listed, tmp_path):
    web.habits.clear()
    assert penstock.run(listed, tmp_path / "run", passes=10, **FAST).session.total == 30


def test_passes_need_a_folder_and_an_input_that_can_be_read_again(tmp_path):
    with pytest.raises(penstock.UsageError, match=r"^fetch does not use passes; penstock\.run does$"):
        penstock.fetch(["http://a.test/"], passes=2)
    with pytest.raises(penstock.UsageError, match="takes a run folder: -o DIR"):
        stream_lines(["http://a.test/"], Settings.of(passes=2), print)
    with pytest.raises(penstock.UsageError, match="can be read only once"):
        penstock.run((url for url in ["http://a.test/"]), tmp_path / "run", passes=2)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("passes", [0, 11, 1.5])
def test_a_number_of_passes_that_is_none_is_refused(passes):
    with pytest.raises(penstock.UsageError, match="passes"):
        Settings.of(passes=passes)


# -- in virtual time


class Nothing:
    """An input of which nobody knows how far it is read."""

    def progress(self) -> None:
        return None

    def remarks(self) -> list[str]:
        return []


class Passing:
    """A session of two passes over jobs of one host, each failing after a second; a delay of five between starts."""

    def __init__(self, path, jobs=2):
        self.clock = VirtualClock()
        self.engines = []
        self.folder = RunFolder.create(path, Manifest.of(Settings(), (), None))
        self.jobs = jobs
        sinks = [JSONL.open(path, {})]
        self.session = Session(
            RunProgress(self.flow(), Nothing(), self.folder),
            FolderStore(sinks, self.folder, 10.0, self, clock=self.clock),
            settings=Settings.of(delay=5),
            again=self.again,
            clock=self.clock,
        )

    def flow(self, suspended=0.0):
        engine = ScriptedEngine(lambda _job: Answered(error=Reason.RESET, after=1.0), self.clock)
        self.engines.append(engine)
        frontier = Frontier(window=10, concurrency=2, per_key=2, delay=5.0)
        frontier.suspend(self.clock() + suspended)
        source = Inline(Job(seq, "h", f"http://h/{seq}", f"http://h/{seq}") for seq in range(self.jobs))
        stages = Stages(source, frontier, engine, Judge(Retry(1)), Delivery(Tally()))
        return Flow(frontier, lambda _loop: Driver(stages, clock=engine.clock))

    def learned(self):
        return Learned()

    def pause(self):
        raise AssertionError("nothing waits for the disk")

    resume = pause

    def wake(self):
        pass

    def again(self):
        if self.folder.ledger.passes > 1:
            return None
        self.folder.ledger.begin_pass({"reset"}, 2)
        return self.flow(suspended=5.0)


def test_between_two_passes_a_host_has_the_rest_between_two_requests(tmp_path):
    passing = Passing(tmp_path / "run")
    assert passing.session.execute().complete
    first, second = ([start.at for start in engine.starts] for engine in passing.engines)
    assert (first, second) == ([0.0, 5.0], [11.0, 16.0])


def test_who_stops_between_two_passes_has_one_outcome_for_each_and_can_go_on(tmp_path):
    passing = Passing(tmp_path / "run")
    again = passing.again

    def stop_first():
        passing.session.stop()
        return again()

    passing.session._next_flow = stop_first
    summary = passing.session.execute()
    assert not summary.complete
    assert (summary.tally.total, summary.pending, summary.again) == (2, 2, 0)
    assert not passing.engines[1].starts
    assert penstock.verify(tmp_path / "run").ok
