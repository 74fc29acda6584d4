"""fetch on a reactor: a list of URLs, one Deferred, and as much under way as there is room for."""

from __future__ import annotations

import pytest
from tests.twisted_.programs import REACTORS, run


@pytest.mark.parametrize("reactor", REACTORS)
def test_without_a_callback_all_outcomes_come_in_the_order_of_the_urls(reactor):
    """Whatever became of them, and however long each took."""
    said = run(
        """
        async def main(web):
            held = Watched()
            urls = [
                web.url(0, "/slow/0.1/page/1"), "nothing", web.url(1, "/status/404/x"), web.refusing(), web.url(2, "/")
            ]
            for outcome in await fetch(iter(urls), **POLITE_TO_NOBODY):
                print(outcome.seq, outcome.url == urls[outcome.seq], outcome.status or outcome.error)
            await turns()
            held.check()
        """,
        reactor,
    )
    assert said.splitlines() == [
        "0 True 200",
        "1 True invalid_url",
        "2 True 404",
        "3 True connect_refused",
        "4 True 200",
    ]


def test_an_empty_list_gives_an_empty_list():
    run("""
        async def main(web):
            assert await fetch([]) == []
            assert (await fetch([], each=print)).tally.total == 0
    """)


@pytest.mark.parametrize("reactor", REACTORS)
def test_each_is_called_with_every_outcome_and_the_end_tells_how_it_went(reactor):
    """Deferreds that have fired when they are returned are as good as no Deferred, however many."""
    run(
        """
        async def main(web):
            seen = []

            def each(outcome):
                seen.append(outcome.seq)
                done = Deferred()
                done.callback(None)
                return done

            statuses = [404, *[200] * 9] * 30
            urls = [web.url(number % 10, f"/status/{status}/{number}") for number, status in enumerate(statuses)]
            statistics = await fetch(urls, each=each, concurrency=20, **POLITE_TO_NOBODY)
            assert sorted(seen) == list(range(300))
            assert statistics.tally.total == 300
            assert web.traffic().most <= 20
        """,
        reactor,
    )


@pytest.mark.parametrize("reactor", REACTORS)
def test_while_a_deferred_of_each_has_not_fired_nothing_more_is_begun(reactor):
    """Of 30 URLs, 2 at once: one is with the consumer, and two may have been fetched behind his back."""
    run(
        """
        async def main(web):
            taken, gate = [], Deferred()

            def each(outcome):
                taken.append(outcome.seq)
                return gate if len(taken) == 1 else None

            urls = [web.url(0, f"/page/{number}") for number in range(30)]
            done = fetch(urls, each=each, concurrency=2, **POLITE_TO_NOBODY)
            while not taken:
                await turns()
            for _ in range(5):  # time enough for a whole request to another host, five times
                await getPage(web.url(1, "/page/1"))
            assert len(taken) == 1
            assert web.traffic().hosts[web.host(0)].requests <= 3
            gate.callback(None)
            assert (await done).tally.total == 30
            assert sorted(taken) == list(range(30))
        """,
        reactor,
    )


@pytest.mark.parametrize(
    "how", ["raise Boom", "return fail(Boom())", "return turns().addCallback(lambda _: fail(Boom()))"]
)
def test_what_each_raises_ends_it_and_nothing_is_left(how):
    run(f"""
        from twisted.internet.defer import fail

        class Boom(Exception):
            pass

        async def main(web):
            held, taken = Watched(), []

            def each(outcome):
                taken.append(outcome)
                if len(taken) == 2:
                    {how}

            urls = [web.url(number % 10, f"/page/{{number}}") for number in range(50)]
            assert type(await failure_of(fetch(urls, each=each, concurrency=5))) is Boom
            await turns()
            held.check()
            assert len(taken) == 2
    """)


@pytest.mark.parametrize("reactor", REACTORS)
def test_what_the_iterator_raises_comes_after_what_was_read_before(reactor):
    run(
        """
        class Boom(Exception):
            pass

        async def main(web):
            held, taken = Watched(), []

            def urls():
                yield from (web.url(number, "/page/1") for number in range(5))
                raise Boom

            assert type(await failure_of(fetch(urls(), each=taken.append))) is Boom
            assert sorted(outcome.seq for outcome in taken) == list(range(5))
            assert type(await failure_of(fetch(urls()))) is Boom
            await turns()
            held.check()
        """,
        reactor,
    )


@pytest.mark.parametrize("reactor", REACTORS)
@pytest.mark.parametrize("each", ["None", "taken.append", "lambda _: Deferred()"])
def test_cancelled_it_drops_what_runs_and_gives_everything_back(reactor, each):
    run(
        f"""
        async def main(web):
            held, taken = Watched(), []
            urls = [web.url(0, "/page/1"), *(web.url(number, "/hang") for number in range(1, 10))]
            done = fetch(urls, each={each}, concurrency=4)
            while web.traffic().requests < 4:
                await turns()
            done.cancel()
            assert isinstance(await failure_of(done), CancelledError)
            await turns()
            held.check()
        """,
        reactor,
    )


@pytest.mark.parametrize("reactor", REACTORS)
def test_a_shutdown_in_the_midst_of_it_is_quiet(reactor):
    run(
        """
        async def main(web):
            fetch([web.url(number, "/hang") for number in range(5)])
            fetch([web.url(number, "/page/1") for number in range(5)], each=lambda _: Deferred())
            await getPage(web.url(1, "/page/1"))
        """,
        reactor,
    )


def test_a_wrong_setting_is_told_at_once():
    """Nothing has begun, so nothing is left."""
    run("""
        async def main(web):
            held = Watched()
            for wrong in ({"concurrency": 0}, {"per_hots": 2}, {"timeout": "soon"}):
                try:
                    fetch([web.url()], **wrong)
                except penstock.UsageError as error:
                    assert next(iter(wrong)) in str(error), error
                else:
                    raise AssertionError(wrong)
            held.check()
    """)


def test_a_failure_costs_no_lane_even_where_there_is_one():
    run("""
        async def main(web):
            urls = [web.refusing(), "nothing", web.url(0, "/reset"), web.url(0, "/page/1")]
            outcomes = await fetch(urls, concurrency=1, **POLITE_TO_NOBODY)
            assert [outcome.outcome for outcome in outcomes] == ["failed", "skipped", "failed", "fetched"]
    """)
