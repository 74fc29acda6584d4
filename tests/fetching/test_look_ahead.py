"""How far an iterator is read ahead: what it gave and the consumer did not get is within the concurrency.

A witness counts both sides, against a real web: each item as it is given, each outcome as the consumer gets it.
"""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest
from tests.twisted_.programs import run as run_in_a_reactor

import penstock
from penstock.testing.web import LocalWeb

CONCURRENCY = 8
HOSTS = 20
COUNT = 1_000
FAST = {"concurrency": CONCURRENCY, "delay": 0, "per_host": 2, "attempts": 2}
PATIENCE = 10.0


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=HOSTS) as local:
        yield local


class Witness:
    """Gives URLs, counts them, and knows how many of them at most the consumer had not got."""

    def __init__(self, urls) -> None:
        self.given = self.got = self.lead = 0
        self._urls = urls

    def __iter__(self):
        for url in self._urls:
            self._give()
            yield url

    async def __aiter__(self):
        for url in self._urls:
            await asyncio.sleep(0)
            self._give()
            yield url

    def take(self, _outcome=None) -> None:
        self.got += 1

    def _give(self) -> None:
        self.given += 1
        self.lead = max(self.lead, self.given - self.got)


class Plain(Witness):
    __aiter__ = None


class Asynchronous(Witness):
    __iter__ = None


def urls_of(web, kind, count=COUNT):
    """One host with pages alone; or many, with redirects, retries and what is no URL."""
    if kind == "one host":
        return (web.url(0, f"/page/{number}") for number in range(count))
    paths = ("/page/{}", "/redirect/2/page/{}", "/status/404/{}")
    rare = {7: "no URL", 407: web.refusing(), 807: web.url(1, "/close")}
    mixed = (web.url(number % HOSTS, paths[number % 3].format(number)) for number in range(count))
    return (rare.get(number, url) for number, url in enumerate(mixed))


KINDS = pytest.mark.parametrize("kind", ["one host", "many hosts"])


@KINDS
def test_a_plain_loop_reads_a_generator_no_further_than_the_concurrency(web, kind, each_once):
    witness, outcomes = Plain(urls_of(web, kind)), []
    for outcome in penstock.fetch(iter(witness), robots=True, **FAST):
        witness.take()
        outcomes.append(outcome)
    each_once(outcomes, COUNT)
    assert CONCURRENCY - 1 <= witness.lead <= CONCURRENCY + 1


@KINDS
@pytest.mark.parametrize("form", [Plain, Asynchronous])
def test_an_async_loop_reads_a_generator_no_further_than_the_concurrency(web, kind, form, each_once):
    witness, outcomes = form(urls_of(web, kind)), []

    async def consume() -> None:
        async for outcome in penstock.fetch(witness, robots=False, **FAST):
            witness.take()
            outcomes.append(outcome)

    asyncio.run(consume())
    each_once(outcomes, COUNT)
    assert CONCURRENCY - 1 <= witness.lead <= CONCURRENCY + 1


@KINDS
def test_a_run_reads_a_generator_no_further_than_the_concurrency(web, kind, tmp_path):
    hosts = 1 if kind == "one host" else HOSTS
    witness = Plain(web.url(number % hosts, f"/page/{number}") for number in range(COUNT))
    summary = penstock.run(witness, tmp_path / "run", on_page=witness.take, robots=True, **FAST)
    assert (summary.complete, witness.got) == (True, COUNT)
    assert CONCURRENCY - 1 <= witness.lead <= CONCURRENCY + 1


@pytest.mark.parametrize("hosts", [1, 10])
def test_twisted_reads_a_generator_no_further_than_the_concurrency(hosts):
    """Each outcome counts once its Deferred has fired."""
    said = run_in_a_reactor(
        f"""
        async def main(web):
            given = got = lead = 0

            def urls():
                nonlocal given, lead
                for number in range({COUNT}):
                    given += 1
                    lead = max(lead, given - got)
                    yield web.url(number % {hosts}, f"/page/{{number}}")

            def each(outcome):
                def take(_):
                    nonlocal got
                    got += 1

                return turns().addCallback(take) if outcome.seq % 10 == 0 else take(None)

            await fetch(urls(), each=each, concurrency={CONCURRENCY}, robots=False, delay=0, per_host=2)
            print(got, lead)
        """
    )
    got, lead = map(int, said.split())
    assert got == COUNT
    assert CONCURRENCY - 1 <= lead <= CONCURRENCY + 1


def test_while_the_consumer_takes_nothing_only_the_concurrency_is_read(web):
    """Its outcomes wait; the loop turns on, and the thread that reads has all the time it wants."""
    witness = Plain(web.url(number % HOSTS, f"/{number}") for number in itertools.count())

    async def consume() -> None:
        async with penstock.fetch(iter(witness), robots=False, **FAST) as flow:
            async for _ in flow:
                witness.take()
                if witness.got in (1, 30):
                    while flow.statistics().running:
                        await asyncio.sleep(0)
                    for _ in range(100):
                        await asyncio.sleep(0)
                    assert witness.given - witness.got <= CONCURRENCY
                if witness.got == 60:
                    break

    asyncio.run(consume())
    assert witness.lead <= CONCURRENCY + 1


@pytest.mark.parametrize("inside", [False, True])
def test_after_a_stop_nothing_more_is_read(web, inside):
    """But for the one item that the generator may be making at that moment."""
    witness, at_stop = Plain(web.url(number % HOSTS, f"/{number}") for number in itertools.count()), []
    flow = penstock.fetch(iter(witness), robots=False, **FAST)

    def take() -> None:
        witness.take()
        if witness.got == 50:
            flow.stop()
            at_stop.append(witness.given)

    async def consume() -> None:
        async for _ in flow:
            take()

    if inside:
        asyncio.run(consume())
    else:
        for _ in flow:
            take()
    assert witness.given <= at_stop[0] + 1
    assert witness.lead <= CONCURRENCY + 1


def test_a_stop_takes_back_what_the_generator_was_asked_for(web):
    """Eight items were wanted, and it makes the first, when another thread stops the flow: the others never come."""
    inside, gate = threading.Event(), threading.Event()
    given = 0

    def slow():
        nonlocal given
        for number in itertools.count():
            inside.set()
            assert gate.wait(PATIENCE)
            given += 1
            yield web.url(0, f"/{number}")

    flow = penstock.fetch(slow(), robots=False, **FAST)

    def stop() -> None:
        assert inside.wait(PATIENCE)
        flow.stop()
        gate.set()

    stopping = threading.Thread(target=stop)
    stopping.start()
    found = list(flow)
    stopping.join(PATIENCE)
    assert (given <= 1, found) == (True, [])


def test_a_lower_concurrency_holds_for_the_iterator_too(web):
    witness = Plain(web.url(0, f"/{number}") for number in range(400))
    with penstock.fetch(iter(witness), robots=False, **FAST) as flow:
        for _ in flow:
            witness.take()
            if witness.got == 100:
                flow.concurrency = 3
            if witness.got == 120:
                witness.lead = 0
    assert witness.got == 400
    assert witness.lead <= 3 + 1


def test_a_window_that_is_given_bounds_instead(web):
    """It finds the second host behind fifty pages of the first, which the default does not."""
    urls = [web.url(number >= 50, f"/slow/0.01/{number}") for number in range(60)]

    def first_of_the_second(**window):
        witness = Plain(urls)
        order = []
        for outcome in penstock.fetch(iter(witness), robots=False, **FAST, **window):
            witness.take()
            order.append(outcome.seq)
        assert witness.lead <= CONCURRENCY + window.get("window", 1)
        return min(map(order.index, range(50, 60)))

    assert first_of_the_second(window=100) < 20 < first_of_the_second()


def test_what_bounds_a_generator_of_one_busy_host_is_the_window(web):
    bounds = set()
    with penstock.fetch((web.url(0, f"/slow/0.01/{number}") for number in range(40)), robots=False, **FAST) as flow:
        for _ in flow:
            bounds.add(flow.statistics().bound)
    assert penstock.Bottleneck.WINDOW in bounds


def test_a_resume_skips_what_is_settled_and_then_keeps_the_bound(web, tmp_path):
    """Settled items need no room, and those that are left are read as always."""
    urls = [web.url(number % HOSTS, f"/{number}") for number in range(600)]
    penstock.run(iter(urls[:400]), tmp_path / "run", robots=False, **FAST)
    witness = Plain(urls)
    witness.got = 400
    summary = penstock.run(witness, tmp_path / "run", on_page=witness.take, robots=False, **FAST)
    assert (summary.complete, witness.got) == (True, 600)
    assert witness.lead <= CONCURRENCY + 1


def test_duplicates_need_no_room(web):
    """A thousand of them, each finished once it is known, and one page at a time."""
    urls = [web.url(0, "/a")] * 1_000 + [web.url(0, "/b"), web.url(0, "/c")]
    options = {**FAST, "concurrency": 1, "unique": True}
    assert [outcome.seq for outcome in penstock.fetch(iter(urls), robots=False, **options)] == [0, 1_000, 1_001]
