"""docs/faults.md, section 3: descriptors or ephemeral ports used up. Fewer run at once; never an outcome of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from penstock.testing.names import NameServer
from penstock.testing.web import LocalWeb

HOSTS = 120

EMBEDDING = """
import collections, json, os, resource, sys
import penstock

said = json.load(sys.stdin)
flow = penstock.fetch(said["urls"], concurrency=60, per_host=60, delay=0, **said["settings"])
came, bounds, taken = [], set(), []
for page in flow:
    came.append((page.seq, page.outcome, page.error, page.attempts))
    bounds.add(str(flow.statistics().bound))
    if len(came) == 5:
        most = len(os.listdir("/dev/fd")) + 8
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        for _ in range(said["takes"]):
            try:
                taken.append(os.dup(0))
            except OSError:
                break
json.dump({"came": came, "bounds": sorted(bounds), "concurrency": flow.concurrency}, sys.stdout)
"""
"""A program that needs descriptors itself, in the middle of a fetch."""

FEW_PORTS = """
import fcntl, socket, struct, sys
from pathlib import Path
from penstock.testing.web import LocalWeb
import penstock

with socket.socket() as up:  # the loopback interface of this namespace, which is new
    fcntl.ioctl(up, 0x8914, struct.pack("16sh", b"lo", 0x41))
with LocalWeb() as web:
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("20000 20009")
    urls = [web.url(0, f"/slow/0.05/{number}") for number in range(60)]
    pages = list(penstock.fetch(urls, concurrency=30, per_host=30, delay=0))
    print(len(pages), {(page.outcome, page.attempts) for page in pages})
"""


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=HOSTS) as local:
        yield local


@pytest.fixture
def embedded():
    """What comes of URLs fetched inside of a program that *takes* so many descriptors for itself."""

    def run(urls, takes, **settings):
        asked = json.dumps({"urls": urls, "takes": takes, "settings": settings})
        said = subprocess.run(
            [sys.executable, "-c", EMBEDDING], input=asked, capture_output=True, text=True, check=True, timeout=60
        )
        return json.loads(said.stdout), said.stderr

    return run


def assert_all_fetched_at_once(came, inputs):
    assert sorted(seq for seq, *_ in came) == list(range(inputs))
    assert Counter(tuple(rest) for _, *rest in came) == {("fetched", None, 1): inputs}


def test_a_run_fits_into_64_descriptors(web, tmp_path, each_once):
    """With default settings: fewer at once, said once, and the right outcome for each."""
    urls = tmp_path / "urls.txt"
    urls.write_text("".join(f"{web.url(number % HOSTS, f'/slow/0.01/{number}')}\n" for number in range(400)))
    fetched = tmp_path / "pages"
    said = subprocess.run(
        ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", sys.executable, "-m", "penstock", "fetch", urls, "-o", fetched],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    records = [
        json.loads(line)
        for file in fetched.glob("outcomes-*.jsonl")
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    each_once(records, 400)
    assert {(record["outcome"], record["status"], record["attempts"]) for record in records} == {("fetched", 200, 1)}
    assert said.stderr.count("64 file descriptors") == 1


def test_a_program_that_takes_the_descriptors_costs_no_outcome(web, embedded):
    """What could not be begun is not tried, and not counted; the concurrency is lowered, which is said once."""
    urls = [web.url(number % HOSTS, f"/slow/0.02/{number}") for number in range(240)]
    found, log = embedded(urls, 5)
    assert_all_fetched_at_once(found["came"], 240)
    assert found["concurrency"] < 60
    assert "descriptors" in found["bounds"]
    assert log.count("no file descriptors left") == 1


def test_names_that_could_not_be_asked_for_cost_no_outcome(web, embedded):
    """c-ares has its sockets to open, and at the start its own files."""
    with NameServer({"*": "127.0.0.1"}) as names:
        urls = [web.url(number, f"/slow/0.02/{number}") for number in range(60)]
        urls += [f"http://h{number}.test:{web.port()}/{number}" for number in range(60)]
        found, log = embedded(urls, 8, resolver=names.address)
    assert_all_fetched_at_once(found["came"], 120)
    assert log.count("no file descriptors left") == 1


def test_ports_that_are_used_up_cost_no_outcome():
    """Ten ephemeral ports, in a network of its own."""
    alone = subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True)
    if sys.platform != "linux" or alone.returncode or os.geteuid():
        pytest.skip("a network namespace takes root and Linux")
    said = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", FEW_PORTS], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout == "60 {('fetched', 1)}\n"
    assert said.stderr.count("no ports for connections left") == 1
