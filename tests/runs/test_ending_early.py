"""A session that has enough, or goes too slowly, takes no more, keeps what runs, and can be resumed."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

import penstock
from penstock import api
from penstock.cli import main
from penstock.cli.exits import Exit
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.tally import Tally
from penstock.core.web.judge import Judge
from penstock.core.web.model import Job
from penstock.errors import FolderError, FolderInUse, InputChanged
from penstock.loop.delivery import Delivery
from penstock.loop.driver import Driver, Stages
from penstock.loop.flow import Flow
from penstock.runs import session
from penstock.runs.session import Lines, Session
from penstock.settings import Settings
from penstock.source.pulled import Inline
from penstock.testing.engine import Answered, ScriptedEngine
from penstock.testing.web import LocalWeb


class Nothing:
    """An input of which nobody knows how far it is read."""

    def progress(self) -> None:
        return None

    def remarks(self) -> list[str]:
        return []


def ended(script, jobs, at_once, **settings):
    """The summary, the engine and the outcomes of a session in virtual time; each job has a host of its own."""
    engine = ScriptedEngine(script)
    frontier = Frontier(window=10, concurrency=at_once, per_key=1)
    source = Inline(Job(seq, f"h{seq}", f"http://h{seq}/", f"http://h{seq}/") for seq in range(jobs))
    stages = Stages(source, frontier, engine, Judge(), Delivery(Tally()))
    flow = Flow(frontier, lambda _loop: Driver(stages, clock=engine.clock))
    taken = []
    store = Lines(lambda outcome: taken.append(outcome) or b"", lambda _lines: None)
    begun = Session(flow, store, Nothing(), settings=Settings.of(**settings), clock=engine.clock)
    return begun.execute(), engine, taken


def busy_first(job):
    """The first host wants to be left alone for an hour; the others answer after a second."""
    answer = Answered(after=1.0)
    return answer if job.seq else replace(answer, status=503, headers=(("Retry-After", "3600"),))


def test_enough_is_when_the_share_has_its_outcome():
    """Two at once: at 5 s nine of ten are done, which is seen a second later; the tenth would take an hour."""
    summary, engine, taken = ended(busy_first, 10, 2, stop_at="90%")
    assert engine.clock() == 6.0
    assert sorted(outcome.seq for outcome in taken) == list(range(1, 10))
    assert (summary.complete, summary.ended_by) == (False, "stop_at")


def test_what_runs_when_there_is_enough_is_finished():
    summary, engine, taken = ended(lambda job: Answered(after=1.0 if job.seq else 20.0), 10, 2, stop_at=0.9)
    assert engine.clock() == 20.0
    assert len(taken) == 10
    assert summary.complete


def test_a_share_that_is_not_reached_ends_nothing():
    summary, engine, _ = ended(busy_first, 10, 2, stop_at=0.95)
    assert engine.clock() > 3600.0
    assert (summary.complete, summary.ended_by) == (True, None)


def test_too_slow_is_an_average_over_the_last_minute():
    """One a second for a minute, then one in ten: 29 in a minute at 94 s; the one that runs then ends at 100 s."""
    summary, engine, taken = ended(lambda job: Answered(after=1.0 if job.seq < 60 else 10.0), 200, 1, min_speed=0.5)
    assert engine.clock() == 100.0
    assert len(taken) == 64
    assert (summary.complete, summary.ended_by) == (False, "min_speed")


def test_too_slow_from_the_start_is_told_after_a_minute():
    summary, engine, _ = ended(lambda _job: Answered(after=7.0), 200, 1, min_speed=0.5)
    assert [start.at for start in engine.starts][-1] == 56.0
    assert engine.clock() == 63.0
    assert not summary.complete


def test_fast_enough_is_not_ended():
    assert ended(lambda _job: Answered(after=1.0), 100, 1, min_speed=0.9)[0].complete


@pytest.mark.parametrize("wrong", ["100.5%", "some", "1.5", "0%", 0, 2, "-1"])
def test_a_share_that_is_none_is_refused(wrong):
    with pytest.raises(penstock.UsageError, match="stop_at"):
        Settings.of(stop_at=wrong)


@pytest.mark.parametrize("wrong", [0, -1, "fast"])
def test_a_speed_that_is_none_is_refused(wrong):
    with pytest.raises(penstock.UsageError, match="min_speed"):
        Settings.of(min_speed=wrong)


def test_a_share_may_be_written_either_way():
    assert Settings.of(stop_at="99.9%").stop_at == Settings.of(stop_at="0.999").stop_at == 0.999


# -- what is left


@pytest.fixture
def web():
    with LocalWeb(hosts=2) as local:
        yield local


@pytest.fixture
def often(monkeypatch):
    """A session that looks a hundred times a second whether it has enough, so that none has to last for one."""
    monkeypatch.setattr(session, "OFTEN", 0.01)


@pytest.fixture
def stopped(web, often, tmp_path):
    """A run in which the first host's inputs have no outcome, nor a secret and a duplicate of it."""
    busy = web.url(0, "/busy/429/3600/x")
    lines = [busy, *(web.url(1, f"/page/{n}") for n in range(5)), busy.replace("//", "//me:hush@"), f"{busy}#again"]
    (tmp_path / "urls.txt").write_text("\n".join(lines))
    folder = tmp_path / "run"
    # Seven of eight: the five pages, and the two duplicates. With less it would depend on what runs at that moment.
    settings = Settings.of(stop_at="87%", delay=0, flush_every=0.01, unique=True)
    summary = api.begin([str(tmp_path / "urls.txt")], folder, settings).execute()
    assert (summary.tally.total, summary.ended_by) == (5, "stop_at")
    return folder


def test_what_is_left_can_be_listed(web, stopped):
    """Duplicates are not: they share an outcome. The secret is nowhere."""
    busy = web.url(0, "/busy/429/3600/x")
    assert list(api.leftover(stopped)) == [busy]
    assert list(penstock.resume(stopped, deadline=0.05).tally.statuses) == [200]


def test_a_url_with_credentials_is_a_comment_without_them(web, stopped, tmp_path):
    busy = web.url(0, "/busy/429/3600/x").replace("//", "//me:hush@")
    (tmp_path / "secret.txt").write_text(busy)
    folder = tmp_path / "secret"
    api.begin([str(tmp_path / "secret.txt")], folder, Settings.of(deadline=0.05)).execute()
    assert list(api.leftover(folder)) == ["# " + busy.replace("me:hush", "***")]


def test_the_command_writes_the_list_and_changes_nothing(web, stopped):
    before = {file.name: file.read_bytes() for file in stopped.iterdir()}
    listed = CliRunner().invoke(main, ["leftover", str(stopped)])
    assert (listed.exit_code, listed.stdout) == (0, web.url(0, "/busy/429/3600/x") + "\n")
    assert {file.name: file.read_bytes() for file in stopped.iterdir()} == before


def test_nothing_is_left_of_a_finished_run(web, tmp_path):
    penstock.run([web.url(1, "/page/1")], tmp_path / "run")
    assert list(api.leftover(tmp_path / "run")) == []


def test_a_list_that_cannot_be_made_is_refused(stopped, tmp_path):
    with pytest.raises(FolderError, match="holds no run"):
        list(api.leftover(tmp_path))
    begun = api.go_on(stopped, {})
    with pytest.raises(FolderInUse):
        list(api.leftover(stopped))
    begun.close()
    (tmp_path / "urls.txt").write_text("http://other.test/")
    with pytest.raises(InputChanged):
        list(api.leftover(stopped))


def test_standard_input_is_gone(stopped):
    manifest = stopped / "run.json"
    manifest.write_text(manifest.read_text().replace(str(stopped.parent / "urls.txt"), "-"))
    with pytest.raises(penstock.UsageError, match="standard input"):
        list(api.leftover(stopped))


def test_an_iterable_is_gone(tmp_path):
    def failing():
        yield "http://127.0.0.1:1/"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        penstock.run(failing(), tmp_path / "run", attempts=1)
    with pytest.raises(penstock.UsageError, match="iterable of a program"):
        list(api.leftover(tmp_path / "run"))


def test_the_command_says_by_what_it_was_ended(web, often, tmp_path):
    (tmp_path / "urls.txt").write_text("\n".join([web.url(0, "/busy/429/3600/x"), web.url(1, "/page/1")]))
    command = ["fetch", str(tmp_path / "urls.txt"), "-o", str(tmp_path / "out"), "--stop-at", "50%"]
    told = CliRunner().invoke(main, command)
    assert told.exit_code == Exit.UNFINISHED
    assert "\nStopped by --stop-at after 0." in told.stderr
    # Without that, a resume would have enough at once.
    assert f"penstock resume --stop-at 100% {tmp_path / 'out'}\n" in told.stderr
