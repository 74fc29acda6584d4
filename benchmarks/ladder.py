"""Counts for the steps of docs/ladder.md, with Penstock and without.

    python -m benchmarks.ladder [ITEMS]

It runs the unchanged scripts of ``examples/``, each in its own process. Only the fetch
of one page is a fake: ``get`` answers in virtual time with pages of 10 kB, and the
engine answers at once.

Knows the scripts, and counts tasks, lines and memory. Does not know which result is
good.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import inspect
import io
import json
import os
import resource
import subprocess
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from msgspec.structs import replace

from benchmarks.parts.memory import Instant
from penstock.core.web.model import Attempt, Job, Reason
from penstock.testing.clock import VirtualClock, VirtualLoop

EXAMPLES: Final = Path(__file__).parent.parent / "examples"

ITEMS: Final = 100_000
PAGE: Final = 10_000
"""Bytes of a page."""

LINKS: Final = 10
"""Links of a page, to pages of higher numbers; one page links to each page."""

HOSTS_SHARE: Final = 20
"""Pages of one host, spread over the list."""

STRETCH: Final = 100
"""Pages of one host in a row, if the list is sorted by host."""

FAILING: Final = 1_000
"""One URL in this many fails in the scenario ``failing``."""

SCENARIOS: Final = {"plain": "all well", "failing": f"one URL in {FAILING:,} fails"}

TIMED: Final = {
    "uneven": ("one answer in fifty takes 1 s, the others 0.1 s", ("6_without_penstock", "7_a_semaphore")),
    "sorted": (f"each takes 0.1 s; sorted by host, {STRETCH} of each", ("7_without_penstock", "7_a_semaphore")),
}
"""Scenarios that measure time, and their scripts."""


class Web:
    """The web of the scripts.

    Counts concurrent fetches, and the tasks made before the first answer.
    """

    def __init__(self, scenario: str, items: int) -> None:
        self.scenario = scenario
        # One more, so that slow and failing pages are not always on the same hosts.
        self.hosts = items // HOSTS_SHARE + 1
        self.running = 0
        self.most = 0
        self.tasks = 0
        self.tasks_first: int | None = None

    def url(self, number: int) -> str:
        host = number // STRETCH if self.scenario == "sorted" else number % self.hosts
        return f"http://host-{host}.example/{number}"

    def urls(self, items: int) -> Iterator[str]:
        return map(self.url, range(1, items + 1))

    def fails(self, number: int) -> bool:
        return self.scenario == "failing" and number % FAILING == 0

    def body(self, number: int) -> bytes:
        links = range(LINKS * number + 1, LINKS * number + LINKS + 1)
        text = f"<title>{number}</title>" + "".join(f'<a href="{self.url(link)}">' for link in links)
        return text.encode().ljust(PAGE)

    def begin(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)

    def end(self) -> None:
        self.running -= 1
        if self.tasks_first is None:
            self.tasks_first = self.tasks

    def seconds(self, number: int) -> float:
        match self.scenario:
            case "uneven":
                return 1.0 if number % 50 == 0 else 0.1
            case "sorted":
                return 0.1
        return number * 7_919 % 1_009 / 1_009  # up to a second, in another order than that of the list

    async def get(self, url: str) -> bytes:
        """Replace ``examples/get.py``."""
        number = number_of(url)
        self.begin()
        try:
            await asyncio.sleep(self.seconds(number))
        finally:
            self.end()
        if self.fails(number):
            raise OSError(f"{url} has failed")
        return self.body(number)

    def make_task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        self.tasks += 1
        return asyncio.Task(work, loop=loop, **options)


class Answering(Instant):
    """An ``Engine`` that answers from *web*, also in an event loop."""

    def __init__(self, web: Web) -> None:
        super().__init__(failing=False)
        self.web = web
        self.alarm = os.eventfd(0, os.EFD_NONBLOCK)

    def start(self, job: Job, now: float) -> None:
        self.web.begin()
        super().start(job, now)
        self.wake()

    def collect(self, timeout: float | None) -> Sequence[Attempt]:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.alarm)
        return [self.answer(attempt) for attempt in super().collect(timeout)]

    def answer(self, attempt: Attempt) -> Attempt:
        self.web.end()
        number = number_of(attempt.job.target)
        if self.web.fails(number):
            return Attempt(attempt.job, Reason.DNS_NOT_FOUND, "no such host", started=attempt.started)
        return replace(attempt, body=self.web.body(number))

    def fileno(self) -> int:
        return self.alarm

    def wake(self) -> None:
        os.eventfd_write(self.alarm, 1)

    async def join_cancelled(self) -> None:
        pass


class Lines(io.TextIOBase):
    """A standard output that counts its lines."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, text: str) -> int:
        self.count += text.count("\n")
        return len(text)


def number_of(url: str) -> int:
    return int(url.rpartition("/")[2])


def load(name: str) -> Any:
    """Return the script *name* as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(name: str, scenario: str, items: int) -> dict[str, Any]:
    """Run the script *name* to its end in this process, and return the counts."""
    web, clock, lines, error = Web(scenario, items), VirtualClock(), Lines(), None
    sys.modules["get"] = stand_in = types.ModuleType("get")
    vars(stand_in)["get"] = web.get
    module, urls = load(name), web.urls(items)
    if hasattr(module, "LIMIT"):
        module.LIMIT, urls = items, web.urls(1)  # its pages link to the others
    if hasattr(module, "POLITE"):
        module.POLITE["rate"] = None  # this limit alone would take a quarter of an hour
    # The flow that fetches needs real time for its delays, and so does its loop.
    virtual = "fetch(" not in inspect.getsource(module)

    def loop() -> asyncio.AbstractEventLoop:
        made = VirtualLoop(clock) if virtual else asyncio.new_event_loop()
        made.set_task_factory(web.make_task)
        made.set_exception_handler(lambda *_: None)
        return made

    with (
        patch("penstock.fetching.wiring.CurlEngine", lambda _, **_given: Answering(web)),
        patch("penstock.twisted.pages.CurlEngine", lambda _: Answering(web)),
        contextlib.redirect_stdout(lines),
    ):
        try:
            if inspect.iscoroutinefunction(module.main):
                with asyncio.Runner(loop_factory=loop) as runner:
                    runner.run(module.main(urls))
            else:
                module.main(urls)
        except Exception as raised:  # noqa: BLE001 - the count of scripts that raise
            error = type(raised).__name__
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "most": web.most,
        "tasks": web.tasks_first,
        "megabytes": round(peak * 1024 / 1e6),
        "lines": lines.count,
        "seconds": round(clock()),
        "error": error,
    }


def run(name: str, scenario: str, items: int) -> dict[str, Any]:
    """Run ``measure`` in another process."""
    command = [sys.executable, "-m", "benchmarks.ladder", str(items), name, scenario]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=EXAMPLES.parent)
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def main(items: int) -> None:
    """Print all tables."""
    names = sorted(path.stem for path in EXAMPLES.glob("[1-9]*.py"))
    for scenario, what in SCENARIOS.items():
        print(f"{items:,} items, {what}\n")
        print(f"{'script':30}{'at once':>10}{'tasks first':>13}{'MB':>8}{'lines':>10}  raised")
        for name in names:
            found = run(name, scenario, items)
            print(
                f"{name:30}{found['most']:>10,}{found['tasks'] or 0:>13,}{found['megabytes']:>8,}"
                f"{found['lines']:>10,}  {found['error'] or '-'}",
                flush=True,
            )
        print()
    for scenario, (what, timed) in TIMED.items():
        print(f"{items:,} items, {what}\n")
        for name in timed:
            print(f"{name:30}{run(name, scenario, items)['seconds']:>10,} s", flush=True)
        print()


if __name__ == "__main__":
    match sys.argv[1:]:
        case [items, name, scenario]:
            print(json.dumps(measure(name, scenario, int(items))))
        case [items]:
            main(int(items))
        case _:
            main(ITEMS)
