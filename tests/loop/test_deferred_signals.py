"""No handler of a signal is called in the middle of what must not be interrupted; each is called right after it."""

from __future__ import annotations

import signal
import threading

import pytest

from penstock.loop.interrupts import DeferredInterrupt, DeferredSignals


@pytest.fixture
def heard():
    """What handlers of a program's own have heard; one of them raises."""
    heard = []

    def fail(number, frame):
        heard.append(number)
        raise ZeroDivisionError

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, fail),
        signal.SIGUSR1: signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number)),
    }
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def block(heard):
    uninterrupted = DeferredSignals()
    uninterrupted.install()
    yield uninterrupted
    uninterrupted.restore()


def test_a_signal_is_heard_at_the_end_of_the_block(block, heard):
    with block:
        signal.raise_signal(signal.SIGUSR1)
        assert heard == []
    assert heard == [signal.SIGUSR1]
    with block:
        pass
    assert heard == [signal.SIGUSR1]


def test_outside_of_the_block_it_is_heard_at_once(block, heard):
    signal.raise_signal(signal.SIGUSR1)
    assert heard == [signal.SIGUSR1]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_is_raised_when_the_block_is_done(block):
    done = []
    with pytest.raises(KeyboardInterrupt), block:
        signal.raise_signal(signal.SIGINT)
        done.append("all")
    assert done == ["all"]


def test_the_second_of_a_kind_is_heard_at_once(block, heard):
    with pytest.raises(KeyboardInterrupt), block:
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGINT)
        assert heard == []
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it was not heard")
    assert heard == [signal.SIGUSR1]


def test_what_one_handler_raises_keeps_no_other_from_being_called(block, heard):
    with pytest.raises(ZeroDivisionError), block:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGUSR1)
    assert sorted(heard) == sorted([signal.SIGTERM, signal.SIGUSR1])


def test_a_block_that_raises_is_followed_by_the_handlers_too(block, heard):
    with pytest.raises(LookupError), block:
        signal.raise_signal(signal.SIGUSR1)
        raise LookupError
    assert heard == [signal.SIGUSR1]


def test_the_handlers_are_put_back_but_for_those_that_were_set_meanwhile(heard):
    uninterrupted, before = DeferredSignals(), signal.getsignal(signal.SIGTERM)
    uninterrupted.install()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    uninterrupted.restore()
    uninterrupted.restore()
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_left_to_the_system_stays_so():
    before = signal.getsignal(signal.SIGHUP)
    assert not callable(before)
    uninterrupted = DeferredSignals()
    uninterrupted.install()
    assert signal.getsignal(signal.SIGHUP) is before
    uninterrupted.restore()


def test_in_another_thread_than_the_main_nothing_is_done():
    uninterrupted = DeferredSignals()
    thread = threading.Thread(target=uninterrupted.install)
    thread.start()
    thread.join()
    with pytest.raises(KeyboardInterrupt), uninterrupted:
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it was held back")
    uninterrupted.restore()


def test_behind_it_ctrl_c_wakes_what_waits_as_ever(block):
    """A loop that waits holds it back in its own way, and gives the handler back that it found."""
    woken = []
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt(lambda: woken.append("woken")):
        signal.raise_signal(signal.SIGINT)
        assert woken == ["woken"]
    with pytest.raises(KeyboardInterrupt), block:
        signal.raise_signal(signal.SIGINT)
        woken.append("stored")
    assert woken == ["woken", "stored"]


def test_what_waits_behind_it_holds_back_all_that_it_does_and_is_woken(block, heard):
    """libcurl's callbacks run in there: what is raised in one is printed and lost."""
    interrupts = DeferredInterrupt(lambda: heard.append("woken"))
    with pytest.raises(ZeroDivisionError), interrupts:
        signal.raise_signal(signal.SIGTERM)
        assert interrupts.pending
        assert heard == ["woken"]
    assert heard == ["woken", signal.SIGTERM]
    assert not interrupts.pending
    with interrupts:
        signal.raise_signal(signal.SIGUSR1)
    assert heard[2:] == ["woken", signal.SIGUSR1]


def test_what_a_program_does_with_ctrl_c_itself_is_done_at_the_end_too():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("theirs"))
    uninterrupted = DeferredSignals()
    try:
        uninterrupted.install()
        with DeferredInterrupt(lambda: heard.append("woken")):
            signal.raise_signal(signal.SIGINT)
        assert heard == ["woken", "theirs"]
    finally:
        uninterrupted.restore()
        signal.signal(signal.SIGINT, before)
