"""What the tests of the cooperator share: a loop that forgives nothing, and schedulers that count."""

from __future__ import annotations

import asyncio
import gc

from penstock import Cooperator
from penstock.testing.clock import VirtualClock, VirtualLoop


def run(main, *, said=(), factory=None):
    """Run the coroutine function *main* in virtual time: no task may be left, and the loop is told *said* alone.

    *said* are the types of the exceptions that the loop's exception handler is called with.
    """
    heard = []
    clock = VirtualClock()

    async def watched():
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: heard.append(context))
        try:
            return await main()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"left behind: {left}"

    def make():
        loop = VirtualLoop(clock)
        if factory is not None:
            loop.set_task_factory(factory)
        return loop

    try:
        with asyncio.Runner(loop_factory=make) as runner:
            return runner.run(watched())
    finally:
        gc.collect()
        assert [type(context.get("exception")) for context in heard] == list(said), heard


class Turns:
    """A scheduler that calls nothing before it is told to, and slices of a counted number of steps."""

    def __init__(self, steps=1, **options):
        self.calls = []
        self.steps = steps
        self.slices = 0
        self.cooperator = Cooperator(termination_predicate_factory=self.slice, scheduler=self, **options)

    def __call__(self, call):
        self.calls.append(call)
        return self

    def cancel(self):
        self.calls.clear()

    def slice(self):
        self.slices += 1
        done = 0

        def over():
            nonlocal done
            done += 1
            return done >= self.steps

        return over

    def turn(self, count=1):
        for _ in range(count):
            assert len(self.calls) == 1
            self.calls.pop()()


def steps(log, name, count, value=None):
    for number in range(count):
        log.append(f"{name}{number}")
        yield value


async def run_what_is_ready():
    """Let everything happen that can without time."""
    for _ in range(10):
        await asyncio.sleep(0)


class Boom(Exception):
    """What goes wrong."""


async def fail(error):
    await asyncio.sleep(0)
    raise error


async def endless(log):
    """Work that only a cancellation ends."""
    try:
        await asyncio.sleep(1e6)
    except asyncio.CancelledError:
        log.append("cancelled")
        raise
