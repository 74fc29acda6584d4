"""Virtual time, alone and as the time of an event loop."""

from __future__ import annotations

import asyncio
import socket

import pytest

from penstock.errors import Stalled
from penstock.testing.clock import VirtualClock, VirtualLoop


def test_a_clock_stands_still_until_told():
    clock = VirtualClock(10.0)
    assert (clock(), clock()) == (10.0, 10.0)
    clock.advance(2.5)
    assert clock() == 12.5
    clock.advance_to(20.0)
    clock.advance_to(15.0)
    assert clock() == 20.0


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_time_does_not_go_back(seconds):
    with pytest.raises(ValueError, match="back"):
        VirtualClock().advance(seconds)


def run(main):
    clock = VirtualClock()
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        runner.run(main(clock))
    return clock


def test_an_hour_on_a_virtual_loop_takes_no_time():
    async def main(clock):
        await asyncio.gather(asyncio.sleep(1800), asyncio.sleep(3600))

    assert run(main)() == pytest.approx(3600)


def test_timers_fire_at_their_exact_time_and_in_order():
    async def main(clock):
        times = []

        async def note(after):
            await asyncio.sleep(after)
            times.append(clock())

        await asyncio.gather(note(0.3), note(0.1), note(0.2))
        assert times == pytest.approx([0.1, 0.2, 0.3])

    run(main)


def test_what_is_ready_is_served_before_any_time_passes():
    async def main(clock):
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            other.send(b"x")
            timer = asyncio.create_task(asyncio.sleep(60))
            await asyncio.get_running_loop().sock_recv(one, 1)
            assert clock() < 1
            await timer

    run(main)


def test_everybody_waiting_and_nobody_to_wake_them_is_an_error():
    async def main(clock):
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stalled):
        run(main)


def test_descriptors_can_be_watched_and_forgotten():
    async def main(clock):
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            read, written = loop.create_future(), loop.create_future()
            loop.add_reader(one, lambda: read.done() or read.set_result(None))
            loop.add_writer(one, lambda: written.done() or written.set_result(None))
            other.send(b"x")
            await asyncio.gather(read, written)
            assert loop.remove_writer(one)
            assert loop.remove_reader(one)

    run(main)
