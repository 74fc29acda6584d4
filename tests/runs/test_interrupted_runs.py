"""Whatever leaves ``run`` early, all that is complete is committed first; a second run does the rest, and no more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

import penstock
from penstock.errors import OutputError
from penstock.runs.session import LogReport
from penstock.sink import durable
from penstock.sink.line_format import LineSink
from penstock.testing.web import LocalWeb

PAGES = 12
SEVENTH = 7
SETTINGS = {"concurrency": 1, "delay": 0, "robots": False, "flush_every": 3600}
"""One page after the other, and no commit before the end."""


@pytest.fixture
def web():
    with LocalWeb() as local:
        yield local


@pytest.fixture
def urls(web):
    return [web.url(path=f"/page/{number}") for number in range(PAGES)]


class Shown(LogReport):
    """A report that does *action* as soon as so many pages have come, and *last* when it is closed."""

    every = 0.0

    def __init__(self, action, pages=SEVENTH, last=lambda: None):
        self._action = action
        self._pages = pages
        self._last = last

    def update(self, statistics):
        if statistics.tally.total == self._pages:
            self._action()

    def close(self):
        self._last()


def seventh(action):
    """Something that does *action* when it is called for the seventh time."""
    calls = iter(range(1, 10_000))

    def call(*_):
        if next(calls) == SEVENTH:
            action()

    return call


def interrupt():
    signal.raise_signal(signal.SIGINT)


def raising(error):
    def action(*_):
        raise error

    return action


def settled(folder):
    found = penstock.verify(folder)
    assert found.ok
    return found.settled


def resumed(web, urls, folder, each_once, *, asked=PAGES):
    """The run is brought to its end: each input has one outcome, and so many requests were made for them in all."""
    summary = penstock.run(urls, folder, **SETTINGS)
    assert summary.complete
    records = [json.loads(row) for file in folder.glob("outcomes-*.jsonl") for row in file.read_bytes().splitlines()]
    each_once(records, PAGES)
    assert penstock.verify(folder).ok
    assert web.traffic().requests == asked


class Odd(BaseException):
    """What no program but ours catches."""


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(3), ZeroDivisionError(), Odd(), OutputError("theirs")]
)
def test_what_a_report_raises_comes_after_what_is_complete_is_stored(web, urls, tmp_path, error, each_once):
    with pytest.raises(type(error)) as raised:
        penstock.run(urls, tmp_path / "pages", report=Shown(raising(error)), **SETTINGS)
    assert raised.value is error
    assert settled(tmp_path / "pages") == SEVENTH
    resumed(web, urls, tmp_path / "pages", each_once)


@pytest.mark.parametrize(
    ("error", "slow", "stored"),
    [(ZeroDivisionError(), 0.01, 5), (KeyboardInterrupt(), 60, 0), (SystemExit(3), 60, 0), (GeneratorExit(), 60, 0)],
)
def test_an_input_that_raises_no_exception_drops_what_runs(web, tmp_path, error, slow, stored):
    """As an interrupt from outside does; an Exception lets all that was read before be fetched first."""

    def failing():
        for seq in range(5):
            yield web.url(path=f"/slow/{slow}/page/{seq}")
        raise error

    with pytest.raises(type(error)) as raised:
        penstock.run(failing(), tmp_path / "pages", **SETTINGS | {"per_host": 10, "concurrency": 10})
    assert raised.value is error
    assert penstock.verify(tmp_path / "pages").settled == stored


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), Odd()])
def test_what_a_callback_raises_that_is_no_exception_costs_its_own_page_alone(web, urls, tmp_path, error, each_once):
    with pytest.raises(type(error)):
        penstock.run(urls, tmp_path / "pages", on_page=seventh(raising(error)), **SETTINGS)
    assert settled(tmp_path / "pages") == SEVENTH - 1
    resumed(web, urls, tmp_path / "pages", each_once, asked=PAGES + 1)


@pytest.mark.parametrize("where", ["report", "callback"])
def test_ctrl_c_in_what_the_caller_gave_is_heard_when_the_page_is_stored(web, urls, tmp_path, where, each_once):
    how = {"report": Shown(interrupt)} if where == "report" else {"on_page": seventh(interrupt)}
    with pytest.raises(KeyboardInterrupt):
        penstock.run(urls, tmp_path / "pages", **how, **SETTINGS)
    assert settled(tmp_path / "pages") == SEVENTH
    resumed(web, urls, tmp_path / "pages", each_once)


def in_the_sink(monkeypatch, action, *, before):
    take = LineSink.take

    def taking(sink, outcome):
        if before:
            action()
        size = take(sink, outcome)
        if not before:
            action()
        return size

    monkeypatch.setattr(LineSink, "take", taking)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGALRM])
def test_a_signal_in_the_middle_of_storing_waits_until_it_is_stored(
    web, urls, tmp_path, monkeypatch, *, number, before, each_once
):
    """Ctrl-C, and a handler of the program's own that raises, as one for SIGTERM that calls sys.exit."""
    handler = signal.getsignal(number)
    if number != signal.SIGINT:
        signal.signal(number, lambda *_: sys.exit(3))
    try:
        with monkeypatch.context() as patch:
            in_the_sink(patch, seventh(lambda: signal.raise_signal(number)), before=before)
            with pytest.raises((KeyboardInterrupt, SystemExit)):
                penstock.run(urls, tmp_path / "pages", **SETTINGS)
    finally:
        signal.signal(number, handler)
    assert settled(tmp_path / "pages") == SEVENTH
    resumed(web, urls, tmp_path / "pages", each_once)


def test_ctrl_c_while_the_last_commit_is_made_waits_for_it(web, urls, tmp_path, monkeypatch, each_once):
    certain = durable.AppendFile.seal
    with monkeypatch.context() as patch:
        patch.setattr(durable.AppendFile, "seal", lambda *given, **more: (interrupt(), certain(*given, **more))[1])
        with pytest.raises(KeyboardInterrupt):
            penstock.run(urls, tmp_path / "pages", **SETTINGS)
    assert settled(tmp_path / "pages") == PAGES
    resumed(web, urls, tmp_path / "pages", each_once)


def test_an_interrupt_that_is_raised_where_an_outcome_is_taken_costs_that_outcome_alone(
    web, urls, tmp_path, monkeypatch, each_once
):
    with monkeypatch.context() as patch:
        in_the_sink(patch, seventh(raising(KeyboardInterrupt())), before=True)
        with pytest.raises(KeyboardInterrupt):
            penstock.run(urls, tmp_path / "pages", **SETTINGS)
    assert settled(tmp_path / "pages") == SEVENTH - 1
    resumed(web, urls, tmp_path / "pages", each_once, asked=PAGES + 1)


def test_an_outcome_that_is_half_taken_is_never_claimed(web, urls, tmp_path, monkeypatch, each_once):
    """The second Ctrl-C is heard at once. What can't be told apart from half an outcome is fetched again."""
    with monkeypatch.context() as patch:
        in_the_sink(patch, seventh(lambda: (interrupt(), interrupt())), before=False)
        with pytest.raises(KeyboardInterrupt) as raised:
            penstock.run(urls, tmp_path / "pages", **SETTINGS)
    assert "could not be stored" in raised.value.__notes__[0]
    assert settled(tmp_path / "pages") == 0
    resumed(web, urls, tmp_path / "pages", each_once, asked=PAGES + SEVENTH)


def test_a_sink_that_fails_is_not_tried_again(web, urls, tmp_path, monkeypatch):
    failures = []

    def fail(file, data):
        failures.append(data)
        raise OutputError("the disk is full")

    monkeypatch.setattr(durable.AppendFile, "append", fail)
    with pytest.raises(OutputError, match="the disk is full") as raised:
        penstock.run(urls, tmp_path / "pages", **SETTINGS)
    assert len(failures) == 1
    assert not hasattr(raised.value, "__notes__")


def test_an_error_that_comes_with_a_full_disk_says_so(web, urls, tmp_path, monkeypatch):
    def full(fd):
        raise OSError(28, os.strerror(28))

    def fill():
        monkeypatch.setattr(os, "fsync", full)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        penstock.run(urls, tmp_path / "pages", on_page=seventh(fill), **SETTINGS)
    assert "could not be stored: cannot flush" in raised.value.__notes__[0]


def test_a_report_that_does_not_close_leaves_the_folder_unlocked(web, urls, tmp_path, each_once):
    with pytest.raises(ZeroDivisionError):
        penstock.run(urls, tmp_path / "pages", report=Shown(print, last=raising(ZeroDivisionError())), **SETTINGS)
    assert settled(tmp_path / "pages") == PAGES
    resumed(web, urls, tmp_path / "pages", each_once)


def test_a_resume_and_a_retry_keep_what_is_complete_too(web, tmp_path):
    """All of the pages fail, so that a retry has something to do."""
    listed, folder = tmp_path / "urls.txt", tmp_path / "pages"
    listed.write_text("".join(f"{web.url(path=f'/status/503/{number}')}\n" for number in range(PAGES)))
    with pytest.raises(KeyboardInterrupt):
        penstock.run(listed, folder, report=Shown(interrupt, 3), **SETTINGS, attempts=1, pace="fixed")
    assert settled(folder) == 3
    with pytest.raises(KeyboardInterrupt):
        penstock.resume(folder, report=Shown(interrupt, 4))
    assert settled(folder) == 7
    assert penstock.resume(folder).complete
    with pytest.raises(KeyboardInterrupt):
        penstock.retry(folder, only="503", report=Shown(interrupt, 5))
    assert penstock.verify(folder).pending == PAGES - 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_callback_is_heard_when_its_page_is_stored(web, urls, tmp_path, number, each_once):
    """Also one that a program handles by itself: raised in there, it could be lost in libcurl."""
    before = signal.getsignal(number)
    if number != signal.SIGINT:
        signal.signal(number, lambda *_: sys.exit(3))
    try:
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            penstock.run(urls, tmp_path / "pages", on_page=seventh(lambda: signal.raise_signal(number)), **SETTINGS)
    finally:
        signal.signal(number, before)
    assert settled(tmp_path / "pages") == SEVENTH
    resumed(web, urls, tmp_path / "pages", each_once)


SCRIPT = """
import sys, penstock
def page(page):
    print(page.seq, flush=True)
penstock.run(sys.argv[1], sys.argv[2], on_page=page, concurrency=1, delay=0, robots=False, flush_every=3600)
"""


def test_a_script_that_is_interrupted_has_kept_what_it_had(web, urls, tmp_path, each_once):
    """A real process and a real Ctrl-C, while a page is under way that never ends."""
    listed, folder = tmp_path / "urls.txt", tmp_path / "pages"
    listed.write_text("".join(f"{url}\n" for url in [*urls[:SEVENTH], web.url(path="/hang"), *urls[SEVENTH:]]))
    command = [sys.executable, "-c", SCRIPT, listed, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as script:
        assert [script.stdout.readline() for _ in range(SEVENTH)] == [b"%d\n" % seq for seq in range(SEVENTH)]
        script.send_signal(signal.SIGINT)
        _, said = script.communicate()
    assert script.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in said
    assert settled(folder) == SEVENTH
    assert penstock.resume(folder, timeout=0.2, attempts=1).complete
    each_once([json.loads(row) for row in (folder / "outcomes-00000.jsonl").read_bytes().splitlines()], PAGES + 1)
    asked = web.traffic().paths
    assert max(number for (_, path), number in asked.items() if path != "/hang") == 1
