"""What the type checker must say of the keywords that are settings. Checked by mypy, never run."""

from pathlib import Path

import penstock
import penstock.twisted


def every_form(urls: list[str], folder: Path) -> None:
    penstock.fetch(urls, concurrency=50, delay="500ms", timeout=9, rate=None, max_body="10MB", memory=10**9)
    penstock.fetch(urls, headers={"Accept": "*/*"}, retry_methods="POST", connect_to=["::a.test:1"])
    penstock.fetch(urls, headers=["A: 1", ("B", "2")], column=2, pace="fixed")
    penstock.run(urls, folder, headers={"A": "1"}, column="2", stop_at="99.9%", pace="fixed", input_format=None)
    penstock.twisted.fetch(urls, print, concurrency=50, on_page=print, ordered=True)
    penstock.run(urls, folder, passes=3, unique=True, body="none", sinks="jsonl", deadline="1h30m")
    penstock.resume(folder, per_host=4, proxy="http://proxy.test", headers=[("Authorization", "x")])
    penstock.retry(folder, only="5xx", url_template="http://a.test/{}", timeout="1m")


async def work(url: str) -> int:
    return len(url)


def misspelled(urls: list[str], folder: Path) -> None:
    penstock.fetch(urls, concurency=5)  # type: ignore[call-arg]
    penstock.run(urls, folder, concurency=5)  # type: ignore[call-arg]
    penstock.resume(folder, concurency=5)  # type: ignore[call-arg]
    penstock.retry(folder, concurency=5)  # type: ignore[call-arg]
    penstock.throttle(work, urls, concurrency=5, atempts=5)  # type: ignore[call-arg]
    penstock.twisted.fetch(urls, concurency=5)  # type: ignore[call-arg]


def for_a_run_alone(urls: list[str]) -> None:
    """A flow reads no file, stores nothing and ends when its consumer leaves."""
    penstock.fetch(urls, sinks="jsonl")  # type: ignore[call-arg]
    penstock.fetch(urls, deadline=60)  # type: ignore[call-arg]
    penstock.twisted.fetch(urls, input_format="csv")  # type: ignore[call-arg]


def fixed(folder: Path) -> None:
    """A resume can't change what the run is."""
    penstock.resume(folder, max_redirects=3)  # type: ignore[call-arg]
    penstock.retry(folder, unique=True)  # type: ignore[call-arg]


def of_another_type(urls: list[str], folder: Path) -> None:
    penstock.fetch(urls, concurrency="50")  # type: ignore[arg-type]
    penstock.fetch(urls, pace="fast")  # type: ignore[arg-type]
    penstock.fetch(urls, headers=5)  # type: ignore[arg-type]
    penstock.run(urls, folder, robots="no")  # type: ignore[arg-type]
    penstock.resume(folder, timeout=None)  # type: ignore[arg-type]
