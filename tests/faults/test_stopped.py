"""FAULTS.md, section 5: a process that is stopped and continued, as by Ctrl-Z and fg."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading

import pytest

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
