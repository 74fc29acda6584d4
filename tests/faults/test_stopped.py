"""docs/faults.md, section 5: processes that are stopped and continued (Ctrl-Z, fg), and stepped clocks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time

import pytest

from penstock import fetch
from penstock.testing.web import LocalWeb

PLAINLY = """
import json, sys
import penstock

urls, settings = json.loads(sys.argv[1])
outcomes = penstock.fetch(urls, **settings)
print(json.dumps([[outcome.seq, outcome.status, outcome.error] for outcome in outcomes]))
"""

IN_A_LOOP = """
import asyncio, json, sys
import penstock

async def main():
    urls, settings = json.loads(sys.argv[1])
    return [[outcome.seq, outcome.status, outcome.error] async for outcome in penstock.fetch(urls, **settings)]

print(json.dumps(asyncio.run(main())))
"""

ON_REQUEST = """
import json, sys
import penstock

for page in penstock.fetch(map(str.strip, sys.stdin), **json.loads(sys.argv[1])):
    print(json.dumps([page.status, page.error, page.attempts, page.times.connect > 0]), flush=True)
"""

TIMEOUT = 1.0
STOPPED_FOR = TIMEOUT + 0.6
"""Longer than the time-out and its grace."""


@pytest.mark.parametrize("program", [PLAINLY, IN_A_LOOP], ids=["plainly", "in a loop"])
def test_answers_that_arrive_while_the_process_is_stopped_count(program, limits):
    """Twenty requests are under way when it is stopped, for longer than their time-out; half of them get a redirect."""
    with LocalWeb(hosts=20) as web:
        urls = [web.url(number, f"/slow/0.3/redirect/{number % 2}/page/{number}") for number in range(20)]
        settings = limits | {"timeout": TIMEOUT, "connect_timeout": TIMEOUT}
        arguments = [sys.executable, "-c", program, json.dumps([urls, settings])]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert web.wait_for(20, 30.0)
                process.send_signal(signal.SIGSTOP)
                threading.Event().wait(STOPPED_FOR)
                process.send_signal(signal.SIGCONT)
                out, _ = process.communicate(timeout=30)
            finally:
                process.kill()
        assert sorted(json.loads(out)) == [[number, 200, None] for number in range(20)]
        assert web.traffic().requests == 30


def test_a_connection_that_closed_while_the_process_was_stopped_is_replaced(server, limits):
    """The server closes the kept connection during the stop; the next request gets a new one."""
    arguments = [sys.executable, "-c", ON_REQUEST, json.dumps(limits)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            seen = []
            for _ in range(2):
                print(server.url("closes_when_idle"), file=process.stdin, flush=True)
                seen.append(json.loads(process.stdout.readline()))
                process.send_signal(signal.SIGSTOP)
                threading.Event().wait(STOPPED_FOR)
                process.send_signal(signal.SIGCONT)
            process.communicate(timeout=30)
        finally:
            process.kill()
    assert seen == [[200, None, 1, True]] * 2


@pytest.mark.parametrize("step", [3_600.0, -3_600.0])
def test_a_clock_that_is_stepped_ends_no_request(step, limits, each_once, monkeypatch):
    """Each look at the time of day is an hour off from the one before."""
    real, looks = time.time, []

    def stepped():
        looks.append(None)
        return real() + step * len(looks)

    monkeypatch.setattr(time, "time", stepped)
    with LocalWeb(hosts=5) as web:
        urls = [web.url(number % 5, f"/slow/0.05/redirect/{number % 2}/page/{number}") for number in range(10)]
        outcomes = each_once(fetch(urls, **limits), 10)
    assert {(outcome.status, outcome.error) for outcome in outcomes} == {(200, None)}
    assert all(0 < outcome.times.total < 5 for outcome in outcomes)
    assert looks
