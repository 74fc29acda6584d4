"""A session with a deadline begins nothing more after it, keeps what runs, and can be resumed."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import penstock
from penstock import api
from penstock.cli import main
from penstock.cli.exits import Exit
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.tally import Tally
from penstock.core.web.judge import Judge
from penstock.core.web.model import Job
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.runs.session import Lines, Session
from penstock.settings import Settings
from penstock.source.pulled import Inline
from penstock.testing.engine import Answered, ScriptedEngine
from penstock.testing.outcomes import assert_each_once
from penstock.testing.web import LocalWeb


class Nothing:
    """An input of which nobody knows how far it is read."""

    def progress(self) -> None:
        return None

    def remarks(self) -> list[str]:
        return []


def session(jobs: int, deadline: float | None) -> tuple[Session, ScriptedEngine, list]:
    """Two requests at once, of three seconds each, in virtual time."""
    engine = ScriptedEngine(lambda _job: Answered(after=3.0))
    frontier = Frontier(window=10, concurrency=2, per_key=2)
    source = Inline(Job(seq, "h", f"http://h/{seq}", f"http://h/{seq}") for seq in range(jobs))
    stages = Stages(source, frontier, engine, Judge(), Delivery(Tally()))
    flow = Flow(frontier, lambda _loop: Driver(stages, clock=engine.clock))
    taken = []
    store = Lines(lambda outcome: taken.append(outcome) or b"", lambda _lines: None)
    settings = Settings.of(deadline=deadline)
    return Session(flow, store, Nothing(), settings=settings, clock=engine.clock), engine, taken


def test_nothing_is_begun_after_the_deadline_and_what_runs_is_kept():
    """At 0, 3 and 6 s two begin; the deadline of 7 s finds two running, which end at 9 s."""
    ended, engine, taken = session(100, 7.0)
    summary = ended.execute()
    assert [start.at for start in engine.starts] == [0.0, 0.0, 3.0, 3.0, 6.0, 6.0]
    assert engine.clock() == 9.0
    assert_each_once(taken, 6)
    assert not summary.complete


def test_a_session_that_is_done_in_time_is_complete():
    ended, engine, taken = session(4, 7.0)
    assert ended.execute().complete
    assert (len(taken), engine.clock()) == (4, 6.0)


def test_without_a_deadline_it_goes_on_to_the_end():
    ended, engine, taken = session(20, None)
    assert ended.execute().complete
    assert (len(taken), engine.clock()) == (20, 30.0)


@pytest.mark.parametrize("deadline", [0, -1, 10**9])
def test_a_deadline_that_is_none_is_refused(deadline):
    with pytest.raises(penstock.UsageError, match="deadline"):
        Settings.of(deadline=deadline)


def test_the_rest_can_be_resumed_with_another_deadline(tmp_path):
    """The host asks for an hour's rest, so the first session can't be done with it."""
    with LocalWeb(hosts=2) as web:
        urls = [web.url(0, "/busy/429/3600/x"), *(web.url(1, f"/page/{n}") for n in range(5))]
        (tmp_path / "urls.txt").write_text("\n".join(urls))
        settings = Settings.of(deadline=0.5, delay=0, flush_every=0.01)
        first = api.begin([str(tmp_path / "urls.txt")], str(tmp_path / "out"), settings).execute()
        again = api.go_on(tmp_path / "out", {"deadline": 0.05}).execute()
    assert (first.tally.total, first.complete) == (5, False)
    assert (again.session.total, again.complete) == (0, False)


def test_the_command_says_that_it_can_be_resumed(tmp_path):
    with LocalWeb(hosts=1) as web:
        (tmp_path / "urls.txt").write_text(web.url(0, "/busy/429/3600/x"))
        command = ["fetch", str(tmp_path / "urls.txt"), "-o", str(tmp_path / "out"), "--deadline", "0.05"]
        ended = CliRunner().invoke(main, command)
    assert ended.exit_code == Exit.UNFINISHED
    assert f"penstock resume {tmp_path / 'out'}" in ended.stderr
