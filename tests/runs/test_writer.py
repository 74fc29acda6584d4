"""A slow disk never stops the network, and one that never answers ends the run by its deadline, resumable."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from itertools import count

import pytest

import penstock
from penstock.core.schedule.answers import Bottleneck
from penstock.errors import OutputError
from penstock.runs import executor, session, store
from penstock.runs.executor import FlowControl, SerialExecutor
from penstock.runs.ledger import Ledger
from penstock.runs.session import LogReport
from penstock.testing.web import LocalWeb

PATIENCE = 30.0
"""Seconds that nothing takes here."""

MEANWHILE = 200
"""Pages that come while the disk is busy."""

SETTINGS = {"delay": 0, "robots": False, "per_host": 8, "concurrency": 8, "flush_every": 0.01}


@pytest.fixture
def web():
    with LocalWeb() as local:
        yield local


class Gate:
    """Holds the first call of a function that it is put around, until it is opened."""

    def __init__(self):
        self.reached = threading.Event()
        self.opened = threading.Event()

    def around(self, function):
        def gated(*given, **more):
            self.reached.set()
            assert self.opened.wait(PATIENCE), "nobody opened the gate"
            return function(*given, **more)

        return gated


@contextmanager
def slow(monkeypatch, what):
    """A disk that does not come back from a flush, or from a commit, until the gate is opened."""
    gate = Gate()
    before = set(threading.enumerate())
    with monkeypatch.context() as patch:
        if what == "flush":
            real = os.fsync
            # The folder is made by the caller's thread.
            patch.setattr(os, "fsync", lambda fd: gate.around(real)(fd) if is_worker() else real(fd))
        else:
            patch.setattr(Ledger, "commit", gate.around(Ledger.commit))
        yield gate
        gate.opened.set()
        end_workers(before)


def is_worker():
    return threading.current_thread().name in ("penstock-writer", "penstock-committer")


def end_workers(before):
    for thread in set(threading.enumerate()) - before:
        if thread.name in ("penstock-writer", "penstock-committer"):
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.mark.parametrize("what", ["flush", "commit"])
def test_pages_come_while_the_disk_is_busy(web, tmp_path, monkeypatch, what):
    urls = [web.url(path=f"/page/{number}") for number in range(2 * MEANWHILE)]
    with slow(monkeypatch, what) as gate:
        meanwhile = count(1)

        def look(_page):
            if gate.reached.is_set() and next(meanwhile) == MEANWHILE:
                gate.opened.set()

        summary = penstock.run(urls, tmp_path / "pages", on_page=look, **SETTINGS)
    assert summary.complete
    assert next(meanwhile) > MEANWHILE
    assert penstock.verify(tmp_path / "pages").ok


class Listening(LogReport):
    """Keeps what is said, and what bounds the speed."""

    every = 0.0

    def __init__(self):
        self.said = []
        self.bounds = set()

    def remark(self, text):
        self.said.append(text)

    def update(self, progress):
        self.bounds.add(progress.bound)


@pytest.mark.parametrize("what", ["flush", "commit"])
def test_a_disk_that_never_answers_is_named_and_ends_the_run_by_its_deadline(web, tmp_path, monkeypatch, what):
    for module in (store, session, executor):
        monkeypatch.setattr(module, "STUCK", 0.1)
    monkeypatch.setattr(session, "CHECK_EVERY", 0.05)
    monkeypatch.setattr(store, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr(store, "FLUSH_BYTES", 5_000)
    listed, folder = tmp_path / "urls.txt", tmp_path / "pages"
    listed.write_text("".join(f"{web.url(path=f'/page/{number}')}\n" for number in range(1_000)))
    report = Listening()
    with slow(monkeypatch, what), pytest.raises(OutputError, match=r"has not answered .* a resume fetches the rest"):
        penstock.run(listed, folder, report=report, deadline=0.5, memory=10**6, max_body=10**5, **SETTINGS)
    assert [text for text in report.said if "disk has not answered" in text]
    assert Bottleneck.DISK in report.bounds
    asked = web.traffic().requests
    assert asked < 400, "what waits for the disk is bounded"
    assert penstock.resume(folder, deadline=PATIENCE).complete
    assert penstock.verify(folder).ok
    assert web.traffic().requests <= 1_000 + asked


def test_an_executor_runs_one_operation_at_a_time_in_their_order():
    thread, done = SerialExecutor("penstock-test"), []
    for number in range(100):
        thread.submit(lambda number=number: done.append(number))
    assert thread.wait(PATIENCE)
    assert done == list(range(100))
    thread.close(lambda: done.append("last"))
    thread.close(lambda: done.append("twice"))
    assert done[100:] == ["last"]


def test_after_a_failure_nothing_runs_but_the_last_operation():
    thread, done = SerialExecutor("penstock-test"), []
    gate = Gate()
    thread.submit(gate.around(lambda: 1 // 0))
    thread.submit(lambda: done.append("next"))
    assert gate.reached.wait(PATIENCE)
    assert not thread.wait(0)
    assert thread.busy() > 0
    gate.opened.set()
    for call in (lambda: thread.wait(PATIENCE), thread.check, lambda: thread.submit(print)):
        with pytest.raises(ZeroDivisionError):
            call()
    assert thread.busy() == 0
    thread.close(lambda: done.append("last"))
    assert done == ["last"]


def test_what_the_last_operation_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        SerialExecutor("penstock-test").close(lambda: 1 // 0)


def test_an_executor_that_is_stuck_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(executor, "STUCK", 0.0)
    stuck, gate, ended = SerialExecutor("penstock-test"), Gate(), threading.Event()
    stuck.submit(gate.around(print))
    stuck.submit(lambda: pytest.fail("it was dropped"))
    assert gate.reached.wait(PATIENCE)
    stuck.close(ended.set)
    assert not ended.is_set()
    gate.opened.set()
    assert ended.wait(PATIENCE)


def test_flow_control_pauses_once_at_its_bound_and_resumes_once_at_half_of_it():
    said = []
    control = FlowControl(10, lambda: said.append("pause"), lambda: said.append("resume"))
    control.add(9)
    assert not said
    control.add(1)
    control.add(5)
    assert (said, control.full, control.size) == (["pause"], True, 15)
    control.remove(9)
    assert said == ["pause"]
    control.remove(1)
    control.remove(5)
    assert (said, control.full, control.size) == (["pause", "resume"], False, 0)
