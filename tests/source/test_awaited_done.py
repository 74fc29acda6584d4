"""An async iterator is closed with its source, and whoever looked at its items is told."""

from __future__ import annotations

import asyncio

import pytest

from penstock.seams import Signal
from penstock.source.awaited import Awaited


def drive(items, told):
    async def pulled():
        stirred = asyncio.Event()
        loop = asyncio.get_running_loop()
        source = Awaited(items, str, loop=loop, wake=stirred.set, done=lambda: told.append("done"))
        found = []
        while (item := source.pull()) is not Signal.EXHAUSTED:
            if item is Signal.NOT_YET:
                await stirred.wait()
                stirred.clear()
            else:
                found.append(item)
        told.append("exhausted")
        await source.aclose()
        return found

    return asyncio.run(pulled())


def test_whoever_looked_at_the_items_is_told_after_the_iterator_is_closed():
    told = []

    async def items():
        try:
            yield 1
            yield 2
        finally:
            told.append("closed")

    assert drive(items(), told) == ["1", "2"]
    assert told == ["closed", "exhausted", "done"]


def test_an_iterator_that_cannot_be_closed_well_keeps_nobody_from_being_told():
    told = []

    class Items:
        def __aiter__(self):
            return self

        async def __anext__(self):
            raise StopAsyncIteration

        async def aclose(self):
            raise OSError("it does not want to")

    with pytest.raises(OSError, match="does not want"):
        drive(Items(), told)
    assert told == ["exhausted", "done"]
