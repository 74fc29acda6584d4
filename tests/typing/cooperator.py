"""What the type checker must say of the cooperator. Checked by mypy, never run."""

import asyncio
from collections.abc import Awaitable, Generator, Iterator
from typing import assert_type

import penstock
from penstock import CooperativeTask, Cooperator

Work = Generator[Awaitable[bytes] | None, None, None]


async def the_default(work: Work) -> None:
    task = penstock.cooperate(work)
    assert_type(task, CooperativeTask[Work])
    assert_type(task.when_done(), asyncio.Future[Work])
    assert_type(await task.when_done(), Work)
    assert_type(penstock.coiterate(work), asyncio.Future[Work])
    assert_type(await penstock.coiterate(work), Work)


async def any_iterator_will_do(work: Iterator[object]) -> None:
    cooperator = Cooperator(
        termination_predicate_factory=lambda: lambda: True,
        scheduler=asyncio.get_running_loop().call_soon,
        started=False,
    )
    assert_type(cooperator.running, bool)
    assert_type(cooperator.cooperate(work, on_error=print), CooperativeTask[Iterator[object]])
    assert_type(cooperator.coiterate(work, on_error=print), asyncio.Future[Iterator[object]])


async def a_list_is_no_iterator(works: list[None]) -> None:
    penstock.cooperate(works)  # type: ignore[type-var]
