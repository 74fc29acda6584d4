"""The first signal ends the work gently, the second at once, the third kills."""

from __future__ import annotations

import signal

import pytest

from penstock.cli.signals import ABORTING, HANDLED, STOPPING, Signals


class Work:
    def __init__(self):
        self.told = []

    def stop(self):
        self.told.append("stop")

    def abort(self):
        self.told.append("abort")


@pytest.fixture
def work():
    return Work()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_first_signal_stops_and_names_the_code(work, number, code):
    with Signals(work, work.told.append) as signals:
        assert signals.code is None
        signal.raise_signal(number)
        assert work.told == ["stop", STOPPING]
        assert signals.code == code


def test_the_second_aborts_whichever_it_is_and_the_code_is_the_first_ones(work):
    with Signals(work, work.told.append) as signals:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert work.told == ["stop", STOPPING, "abort", ABORTING]
        assert signals.code == 143


def test_the_third_would_kill(work):
    with Signals(work, work.told.append):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert [signal.getsignal(number) for number in HANDLED] == [signal.SIG_DFL] * 3


def test_afterwards_signals_are_handled_as_before(work):
    before = [signal.getsignal(number) for number in HANDLED]
    with Signals(work, work.told.append):
        assert [signal.getsignal(number) for number in HANDLED] != before
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in HANDLED] == before


def test_a_signal_that_was_ignored_stays_ignored(work):
    """As by nohup, or for a background job of a shell script."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals(work, work.told.append):
            signal.raise_signal(signal.SIGHUP)
            assert work.told == []
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
