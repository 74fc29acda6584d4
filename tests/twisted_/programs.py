"""Programs on a reactor of their own, each in a process of its own: a process has one, and can run it once."""

from __future__ import annotations

import subprocess
import sys
import textwrap

REACTORS = ("select", "epoll", "asyncio")

PROLOGUE = """
import gc, json, sys
from twisted.internet import {reactor}reactor
{reactor}reactor.install()
from twisted.internet import defer, error, reactor, task
from twisted.internet.defer import CancelledError, Deferred, DeferredList, ensureDeferred, gatherResults
from twisted.logger import globalLogPublisher
from twisted.web.error import Error
import penstock
from penstock.testing.pages import page
from penstock.testing.web import LocalWeb
from penstock.twisted import PageError, coiterate, fetch, getPage

globalLogPublisher.addObserver(lambda event: "log_failure" in event and print(event["log_failure"], file=sys.stderr))

POLITE_TO_NOBODY = {{"robots": False, "per_host": 50, "delay": 0, "attempts": 1}}


def turns(count=1):
    "A Deferred that fires after so many turns of the reactor."
    return task.deferLater(reactor, 0, lambda: count > 1 and turns(count - 1))


async def failure_of(deferred):
    try:
        await deferred
    except Exception as error:
        return error
    raise AssertionError("it has not failed")


class Watched:
    "Sees to it that the reactor holds nothing that it did not hold before."

    def __init__(self):
        self.before = self.held()

    def held(self):
        return {{*reactor.getReaders(), *reactor.getWriters(), *reactor.getDelayedCalls()}}

    def check(self):
        left = self.held() - self.before
        assert not left, left
"""

EPILOGUE = """
async def run():
    assert type(reactor).__name__.lower().startswith({reactor!r}), reactor
    await turns()  # until then it does not run, and watches less than when it does
    await main(web)
    gc.collect()  # a Deferred that failed and was left alone says so when it goes


with LocalWeb(hosts=10) as web:
    task.react(lambda _: ensureDeferred(run()))
"""


def run(code: str, reactor: str = "epoll") -> str:
    """What the coroutine ``main(web)`` of *code* prints on *reactor*. It must end well, and without another word."""
    program = PROLOGUE.format(reactor=reactor) + textwrap.dedent(code) + EPILOGUE.format(reactor=reactor)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, ""), f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout
