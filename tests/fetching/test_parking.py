"""Retry-After as the servers see it: over real sockets, and across a restart."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

import penstock
from penstock.core.schedule.learned import Learned
from penstock.fetching import sessions
from penstock.runs.folder import RunFolder
from penstock.runs.store import FolderStore
from penstock.settings import Settings
from penstock.testing.web import LocalWeb

FAST = {"robots": False, "delay": 0, "per_host": 1, "concurrency": 4}
STORED = FAST | {"flush_every": 0.01}


@pytest.fixture
def web():
    with LocalWeb(hosts=3) as local:
        yield local


def urls(web: LocalWeb, seconds: int = 3600) -> list[str]:
    """Ten of a host that is busy for *seconds*, mixed with ten of each of two others."""
    paths = [(f"/busy/429/{seconds}/{n}", f"/page/{n}", f"/page/{n}") for n in range(10)]
    return [web.url(host, path) for three in paths for host, path in enumerate(three)]


def asked(web: LocalWeb, host: int) -> int:
    return web.traffic().hosts[web.host(host)].requests


def test_a_busy_host_is_asked_once_and_the_others_are_done_meanwhile(web):
    with penstock.fetch(urls(web), **FAST) as flow:
        outcomes = iter(flow)
        others = [next(outcomes) for _ in range(20)]
        waiting = flow.waiting()
    assert {outcome.status for outcome in others} == {200}
    assert asked(web, 0) == 1
    assert {(entry.key, entry.bound) for entry in waiting} >= {(web.host(0).split(":")[0], penstock.Bottleneck.PARKED)}


class UntilTheRestIsParked:
    """A report that ends its session, in the *way* it is told, when nothing more can come within the hour."""

    every = 0.01

    def __init__(self, way) -> None:
        self.session = None
        self._way = way

    def remark(self, text) -> None:
        pass

    def update(self, statistics) -> None:
        if statistics.tally.total == 20 or (statistics.before == 20 and statistics.exhausted):
            getattr(self.session, self._way)()

    def close(self) -> None:
        pass


@pytest.mark.parametrize("way", ["abort", "stop"])
def test_it_is_left_alone_after_a_restart_too(way, web, tmp_path):
    (tmp_path / "urls.txt").write_text("\n".join(urls(web)))
    report = UntilTheRestIsParked(way)
    report.session = sessions.begin([str(tmp_path / "urls.txt")], str(tmp_path / "out"), Settings.of(**STORED))
    assert report.session.execute(report).tally.total == 20
    assert asked(web, 0) == 1

    report.session = sessions.resume(tmp_path / "out", {})
    summary = report.session.execute(report)
    assert (summary.session.total, summary.complete) == (0, False)
    assert asked(web, 0) == 1


def parked_after_restart(web, tmp_path, monkeypatch, *, seconds, set_back, forget=""):
    """The seconds for which hosts are parked by a session that goes on after the clock was *set_back* by so many."""
    (tmp_path / "urls.txt").write_text("\n".join(urls(web, seconds)))
    report = UntilTheRestIsParked("abort")
    report.session = sessions.begin([str(tmp_path / "urls.txt")], str(tmp_path / "out"), Settings.of(**STORED))
    report.session.execute(report)
    with closing(sqlite3.connect(tmp_path / "out" / "run.db")) as database, database:
        database.executescript(forget)
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() - set_back)
    session = sessions.resume(tmp_path / "out", {})
    left = [until - time.time() for until in session._progress.flow.parked().values()]
    session.close()
    return left


@pytest.mark.parametrize("set_back", [0, 30, 3_600, 10 * 365 * 86_400])
def test_a_clock_that_is_set_back_makes_no_host_wait_for_longer_than_it_asked_for(web, tmp_path, monkeypatch, set_back):
    [left] = parked_after_restart(web, tmp_path, monkeypatch, seconds=400, set_back=set_back)
    assert 390.0 < left <= 400.0


@pytest.mark.parametrize("undated", ["DROP TABLE noted", "DELETE FROM noted", "UPDATE noted SET at = 'x'"])
def test_what_an_older_version_noted_without_a_date_holds_for_an_hour_at_most(undated, web, tmp_path, monkeypatch):
    [left] = parked_after_restart(web, tmp_path, monkeypatch, seconds=400, set_back=100_000, forget=undated)
    assert left == pytest.approx(3_600.0, abs=5.0)


def test_what_is_over_is_forgotten(web, tmp_path):
    (tmp_path / "urls.txt").write_text(web.url(0, "/busy/503/0/x"))
    penstock.run(tmp_path / "urls.txt", tmp_path / "out", attempts=2, **STORED)
    assert asked(web, 0) == 2
    folder = RunFolder.open(tmp_path / "out")
    assert folder.ledger.learned().parked == {}
    folder.close()


PATIENCE = 30.0
"""Seconds that no test takes."""


class Notes:
    """A run folder, as far as it keeps what was learned of hosts; ``kept`` is all of it, one after the other."""

    def __init__(self) -> None:
        self.kept = []

    def commit(self, extents, tally, failures, learned) -> None:
        if learned is not None:
            self.kept.append(learned)

    def close(self) -> None:
        pass

    def confirm(self):
        """Return itself in place of a ledger: no file is lost."""
        return self


class Told:
    """What feeds a store, and says what it has learned, one thing after the other."""

    def __init__(self, told) -> None:
        self._told = told

    def learned(self):
        return next(self._told)

    def pause(self) -> None:
        raise AssertionError("nothing waits for the disk")

    resume = pause

    def wake(self) -> None:
        pass


def test_a_host_that_is_left_alone_for_longer_is_noted_again_and_one_that_is_not_is_not():
    """The time is worked out anew each time from two clocks, which never agree to the last digit."""
    said = [Learned({"a": 1_000.0}), Learned({"a": 1_000.0001}), Learned({"a": 4_000.0}), Learned({"a": 4_000.0})]
    said += [Learned({"a": 4_000.0}, {"b": 0.25}), Learned({"a": 4_000.0}, {"b": 8.0})]
    notes, told = Notes(), iter([Learned(), *said])
    store = FolderStore([], notes, 0.0, Told(told))
    for _ in said:
        store.take([])
        assert store.wait(PATIENCE)
    store.close()
    assert notes.kept == [said[0], said[2], said[4], said[5]]
