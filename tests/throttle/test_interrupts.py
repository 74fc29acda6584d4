"""Ctrl-C in a plain loop is heard when what is being done is done, and then at once."""

import asyncio
import itertools
import signal
import threading

import pytest
from tests.throttle.trial import Work

from penstock import throttle
from penstock.loop.interrupts import DeferredInterrupt


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_it_is_held_back_until_the_end_of_the_block_which_is_woken():
    done = []
    interrupts = DeferredInterrupt(lambda: done.append("woken"))
    with pytest.raises(KeyboardInterrupt), interrupts:
        assert not interrupts.pending
        interrupt()
        assert interrupts.pending
        done.append("done")
    assert done == ["woken", "done"]
    assert not interrupts.pending


def test_the_second_is_raised_at_once():
    done = []
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt(lambda: None):
        interrupt()
        interrupt()
        done.append("never")
    assert done == []


def test_outside_of_the_block_it_is_raised_at_once():
    with DeferredInterrupt(lambda: None):
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_where_somebody_else_handles_it_they_do():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("theirs"))
    try:
        with DeferredInterrupt(lambda: heard.append("ours")):
            interrupt()
        assert heard == ["theirs"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_is_done():
    seen = []

    def block() -> None:
        with DeferredInterrupt(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_an_error_in_the_block_keeps_its_handler_from_staying():
    with pytest.raises(ZeroDivisionError), DeferredInterrupt(lambda: None):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_work_is_not_interrupted_but_cancelled(virtual):
    """It comes between two of the loop's callbacks, so that none of them is lost, and no task."""
    went_on = []

    async def work(item):
        if item == 7:
            interrupt()
            went_on.append(item)
        await asyncio.sleep(1.0)
        return await counted(item)

    counted = Work(1.0)
    with pytest.raises(KeyboardInterrupt):
        for _ in throttle(work, itertools.count(), concurrency=3):
            pass
    assert went_on == [7]
    assert counted.running == 0
    assert virtual.clock() < 10.0


def test_the_input_is_not_interrupted_either(virtual):
    """So no call is made and then forgotten, which would be a warning."""
    work, pulled = Work(1.0), []

    def items():
        for item in itertools.count():
            if item == 7:
                interrupt()
            pulled.append(item)
            yield item

    with pytest.raises(KeyboardInterrupt):
        list(throttle(work, items(), concurrency=5))
    assert 7 in pulled
    assert len(pulled) <= 10
    assert work.running == 0


def test_while_it_waits_for_what_would_never_end_it_is_heard_at_once(virtual):
    async def endless(item):
        asyncio.get_running_loop().call_later(5.0, interrupt)
        await asyncio.get_running_loop().create_future()

    with pytest.raises(KeyboardInterrupt):
        list(throttle(endless, range(3), concurrency=5))
    assert virtual.clock() == 5.0
