"""What the type checker must say of the public names. Checked by mypy, never run."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

import penstock
from penstock import Failed, Fetched, Flow, Outcome, Reason, Skipped, Statistics, Summary, Tally


def a_plain_loop(urls: list[str]) -> None:
    flow = penstock.fetch(urls, concurrency=50)
    assert_type(flow, Flow[Outcome])
    assert_type(iter(flow), Iterator[Outcome])
    for page in flow:
        assert_type(page, Outcome)
        assert_type(page.url, str)
        assert_type(page.status, int | None)
        assert_type(page.body, bytes)
        assert_type(page.text(), str)
        assert_type(page.headers, list[tuple[str, str]])
        assert_type(page.header("etag"), str | None)
        assert_type(page.error, Reason | None)
        assert_type(page.data, Any)


async def a_loop_in_a_coroutine(urls: Iterator[dict[str, Any]]) -> None:
    async with penstock.fetch(urls) as flow:
        assert_type(flow, Flow[Outcome])
        assert_type(aiter(flow), AsyncIterator[Outcome])
        async for page in flow:
            assert_type(page, Outcome)


def a_callback(page: Fetched) -> int:
    return len(page.body)


class Counting:
    """A report of a user's own."""

    every: float | None = 1.0

    def remark(self, text: str) -> None:
        print(text)

    def update(self, statistics: Statistics) -> None:
        print(statistics.tally.total)

    def close(self) -> None:
        print()


a_report: penstock.Report = Counting()


def the_durable_job() -> None:
    summary = penstock.run("urls.txt", "pages", on_page=a_callback, force=True, per_host=1)
    assert_type(summary, Summary)
    assert_type(summary.tally, Tally)
    assert_type(summary.complete, bool)
    assert_type(summary.inputs, int | None)
    assert_type(summary.inputs_left, int | None)
    assert_type(summary.ended_by, str | None)
    assert_type(penstock.retry("pages", only=[404, "5xx"], inputs=["http://a.test/"]), Summary)
    assert_type(penstock.resume("pages", inputs=(url for url in ["http://a.test/"])), Summary)
    assert_type(penstock.resume("pages", force=True), Summary)
    penstock.run("urls.txt", "pages", report=print)
    penstock.resume("pages", report=Counting())
    penstock.retry("pages", report=print)
    assert_type(penstock.verify("pages").ok, bool)


def by_kind(page: Outcome) -> str:
    match page:
        case Fetched(status=200):
            return "good"
        case Fetched() | Failed() | Skipped():
            return page.outcome
        case _:
            return "never"
