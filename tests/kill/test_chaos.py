"""A bad web and a program that is killed three times: one outcome for each input, and no limit broken all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter

import orjson

import penstock
from penstock.testing.names import SERVFAIL, NameServer
from penstock.testing.outcomes import assert_each_once
from penstock.testing.web import LocalWeb

HOSTS = 20
FRONT = 200
"""Inputs of one slow host, in front of all others and four times as many as the window has room for."""

KINDS = (
    *("/page/{0}",) * 6,
    "/flaky/1/page/{0}",
    "/status/404/page/{0}",
    "/status/500/page/{0}",
    "/redirect/2/page/{0}",
    "/busy/503/0/page/{0}",
    "/close/{0}",
    "/slow/0.01/page/{0}",
)
PACE = ("--delay", "0", "--per-host", "3", "-c", "30", "--window", "50", "--attempts", "2", "--flush-every", "0.05")


def lines(web: LocalWeb) -> list[str]:
    found = [web.url(0, f"/slow/0.005/page/{number}") for number in range(FRONT)]
    for number in range(400):
        found.append(web.url(1 + number % (HOSTS - 1), KINDS[number % len(KINDS)].format(number)))
        if number % 20 == 0:
            found += ["not a URL", f"http://gone.test/{number}"]
    # No more of one that can't be reached than are tried before it is left alone for a while, which takes real time.
    return [*found, web.refusing("/1"), web.refusing("/2"), "http://sick.test/"]


def launch(*arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "penstock", *arguments, *PACE, "--progress", "none"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_a_bad_web_and_three_kills_leave_one_outcome_for_each_input(tmp_path):
    """The server pulls the trigger: each kill comes when it has seen so many requests more."""
    listed, folder = tmp_path / "urls.txt", tmp_path / "out"
    with LocalWeb(hosts=HOSTS) as web, NameServer({"sick.test": SERVFAIL}) as names:
        inputs = lines(web)
        listed.write_text("\n".join(inputs))
        arguments = ["fetch", str(listed), "-o", str(folder), "--resolver", names.address]
        for requests in (100, 250, 400):
            running = launch(*arguments)
            assert web.wait_for(requests, 30.0)
            running.send_signal(signal.SIGKILL)
            running.communicate()
            arguments = ["resume", str(folder), "--resolver", names.address]
        running = launch(*arguments)
        said = running.communicate()[1]
        seen = web.seen()
    assert running.returncode == 0, said
    records = [orjson.loads(line) for file in folder.glob("*.jsonl") for line in file.read_bytes().splitlines()]
    assert_each_once(records, len(inputs))
    assert penstock.verify(folder).ok
    assert seen.most <= 30
    assert max(host.most for host in seen.hosts.values()) <= 3
    errors = Counter(record["error"] for record in records)
    assert errors["invalid_url"] == errors["dns_not_found"] == 20
    assert errors["dns_temporary"] == 1
    assert errors["connect_refused"] == 2
    statuses = Counter(record["status"] for record in records)
    assert statuses[404] == sum("/404/" in url for url in inputs)
    assert f"all {len(inputs)} inputs" in " ".join(said.split())
