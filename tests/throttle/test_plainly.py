"""In a plain loop: a script, a thread, Ctrl-C; nothing runs between two results that nobody asked for."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading

import pytest
from tests.throttle.trial import AsyncWitness, Witness, Work

from penstock import UsageError, throttle

PATIENCE = 20.0


def test_a_plain_loop_needs_no_event_loop(witness):
    work = Work(0.0)
    found = [result.item for result in throttle(work, witness(range(100)), concurrency=7)]
    assert sorted(found) == list(range(100))
    assert work.most <= 7


def test_it_leaves_no_event_loop_behind_and_takes_none_over():
    """The thread's own loop is the one that it was."""
    mine = asyncio.new_event_loop()
    asyncio.set_event_loop(mine)
    try:
        assert len(list(throttle(Work(0.0), range(9), concurrency=3))) == 9
        assert asyncio.get_event_loop_policy().get_event_loop() is mine
        assert not mine.is_closed()
    finally:
        asyncio.set_event_loop(None)
        mine.close()
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_in_a_thread_it_is_the_same():
    found = []
    thread = threading.Thread(
        target=lambda: found.extend(result.item for result in throttle(Work(0.0), range(50), concurrency=5))
    )
    thread.start()
    thread.join(PATIENCE)
    assert sorted(found) == list(range(50))


def test_two_plain_loops_may_take_turns(virtual):
    one, two = (throttle(Work(1.0), range(20), concurrency=3, ordered=True) for _ in range(2))
    assert [a.item + b.item for a, b in zip(one, two, strict=True)] == list(range(0, 40, 2))


def test_inside_of_a_loop_it_is_refused_with_a_remedy(virtual):
    async def wrong() -> None:
        flow = throttle(Work(0.0), range(3), concurrency=2)
        with pytest.raises(UsageError, match="async for result in flow"):
            list(flow)
        assert len([result async for result in flow]) == 3

    virtual.run(wrong())


@pytest.mark.parametrize("kind", [Witness, AsyncWitness])
def test_leaving_it_early_drops_what_runs_and_closes_the_input(virtual, kind):
    """An async generator's clean-up is run to its end as well."""
    work = Work(lambda item: 1.0 + item)
    items = kind(itertools.count(), work, **({"seconds": 0.1} if kind is AsyncWitness else {}))
    for result in throttle(work, items, concurrency=3):
        assert result.item == 0
        break
    assert work.running == 0
    assert work.dropped in (2, 3)
    assert items.closed


def test_leaving_it_by_an_error_is_the_same(virtual):
    work, items = Work(lambda item: 1.0 + item), AsyncWitness(itertools.count(), seconds=0.1)
    with pytest.raises(KeyError):
        for _ in throttle(work, items, concurrency=3):
            raise KeyError
    assert work.running == 0
    assert items.closed


def test_close_inside_of_it_ends_it_with_what_had_completed(virtual):
    work, items = Work(lambda item: 1.0 + item % 4), AsyncWitness(itertools.count(), seconds=0.1)
    flow = throttle(work, items, concurrency=3)
    for count, _ in enumerate(flow, 1):
        if count == 3:
            flow.close()
            assert work.running == 0
            assert items.closed
    assert count in (3, 4)
    assert work.running == 0


def test_a_block_closes_it(virtual):
    work = Work(1.0)
    with throttle(work, itertools.count(), concurrency=3) as flow:
        assert next(iter(flow)).error is None
    assert work.running == 0


def test_the_works_own_generators_and_threads_are_over_when_it_is_left():
    ended = []

    async def generator():
        try:
            yield 1
            yield 2
        finally:
            ended.append("generator")

    async def work(item):
        async for _ in generator():
            await asyncio.to_thread(ended.append, "thread")
            break
        return item

    assert [result.value for result in throttle(work, [0], concurrency=2)] == [0]
    assert sorted(ended) == ["generator", "thread"]


def test_nothing_goes_on_while_the_consumer_does_something_else(virtual):
    """The loop runs only while a result is waited for."""
    work = Work(1.0)
    results = iter(throttle(work, itertools.count(), concurrency=3))
    next(results)
    calls, time = len(work.calls), virtual.clock()
    assert (len(work.calls), virtual.clock()) == (calls, time)
    results.close()


def test_descriptors_are_given_back():
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        flow = throttle(Work(0.0), AsyncWitness(range(9)), concurrency=3)
        for _ in flow:
            break
        list(throttle(Work(0.0), range(3), concurrency=3))
    assert len(os.listdir("/proc/self/fd")) == before


SCRIPT = """
import asyncio, itertools, penstock

async def work(item):
    if item == 7:
        asyncio.get_running_loop().call_later(0.05, print_ready)
    try:
        await asyncio.sleep(0 if item < 5 else 3600)
    finally:
        if item >= 5:
            await asyncio.sleep(0)
            print("over", item, flush=True)

def print_ready():
    print("ready", flush=True)

def items():
    try:
        yield from itertools.count()
    finally:
        print("closed", flush=True)

try:
    for result in penstock.throttle(work, items(), concurrency=3):
        pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_it_and_cleans_up():
    """Whatever is waited for: what runs is cancelled and over, the input closed, KeyboardInterrupt comes out."""
    with subprocess.Popen([sys.executable, "-X", "dev", "-c", SCRIPT], stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    lines = out.splitlines()
    assert sorted(lines[:-2]) == ["over 5", "over 6", "over 7"]
    assert lines[-2:] == ["closed", "interrupted"]
    assert err == ""
    assert process.returncode == 0
