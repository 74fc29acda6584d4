"""docs/decisions/memory.md: the peak of a real process, whatever its bodies are, is within what is stated."""

from __future__ import annotations

import functools
import gzip
import os
import subprocess
import sys
import zlib

import pytest
from tests.faults.listener import Listener

MEMORY = 16_000_000
MAX_BODY = 24_000_000
COUNTED = max(MEMORY, MEMORY // 2 + MAX_BODY)
FACTOR = 2

MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
unit = 1 if sys.platform == "darwin" else 1024
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit)
"""
"""Run a command and print its status and its peak. A process of its own: a child's peak begins with its parent's."""

LOOP = """
import sys
import penstock
seen = 0
urls = open(sys.argv[1]).read().split()
memory, max_body = map(int, sys.argv[2:4])
for page in penstock.fetch(urls, memory=memory, max_body=max_body, per_host=20, delay=0, robots=False):
    assert page.outcome == "fetched", page
    seen += len(page.body)
    del page
assert seen == int(sys.argv[4]), seen
"""


def text(size, pattern):
    return (pattern * (size // len(pattern) + 1))[:size]


def bomb(size):
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    block = bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(size >> 20)]
    return b"".join([*parts, packer.compress(block[: size % (1 << 20)]), packer.flush()])


KINDS = {
    "plain": lambda size: text(size, b"<p>plain text</p>\n"),
    "random": lambda size: os.urandom(1000) * (size // 1000),
    "escapes": lambda size: text(size, b'\x01\x02\\"\n'),
    "wide": lambda size: text(size - size % 1004, b"a" * 1000 + "\U0001f600".encode()),
    "bomb": bomb,
}


@functools.cache
def body(kind, size):
    return KINDS[kind](size)


def serve(line):
    """Serve ``/KIND/SIZE/...``."""
    _, kind, size, *_ = line.recv(65536).split()[1].decode().split("/")
    content = body(kind, int(size))
    coded = b"Content-Encoding: gzip\r\n" if kind == "bomb" else b""
    line.sendall(b"HTTP/1.1 200 OK\r\n%sConnection: close\r\nContent-Length: %d\r\n\r\n" % (coded, len(content)))
    line.sendall(content)


@pytest.fixture(scope="module")
def bodies():
    served = Listener(serve)
    yield served
    served.close()


@pytest.fixture
def peak_of(bodies, tmp_path):
    """Returns the peak in bytes of a process that fetches *number* bodies, and the folder it was to fill."""

    def measure(kind, size, number, to):
        urls = tmp_path / f"{kind}-{size}-{to}.txt"
        urls.write_text("".join(f"{bodies.url(f'{kind}/{size}/{seq}')}\n" for seq in range(number)))
        command = [sys.executable, "-m", "penstock", "fetch", urls, "--memory", MEMORY, "--max-body", MAX_BODY]
        command += ["--per-host", 20, "--delay", 0, "--no-robots", "--quiet"]
        if to == "folder":
            command += ["-o", tmp_path / f"{urls.stem}"]
        elif to == "loop":
            command = [sys.executable, "-c", LOOP, urls, MEMORY, MAX_BODY, number * size]
        measured = [sys.executable, "-c", MEASURE, *map(str, command)]
        done = subprocess.run(measured, capture_output=True, text=True, check=False)
        status, peak = map(int, done.stdout.split())
        assert status == 0, done.stderr
        return peak

    return measure


@pytest.mark.parametrize(
    ("kind", "size", "number", "to"),
    [
        ("plain", 24_000_000, 3, "folder"),
        ("random", 24_000_000, 3, "folder"),
        ("escapes", 24_000_000, 3, "folder"),
        ("wide", 24_000_000, 3, "folder"),
        ("bomb", 24_000_000, 8, "folder"),
        ("random", 3_000_000, 40, "folder"),
        ("escapes", 24_000_000, 3, "stdout"),
        ("random", 24_000_000, 3, "stdout"),
        ("plain", 24_000_000, 4, "loop"),
        ("plain", 3_000_000, 40, "loop"),
    ],
)
def test_the_peak_of_a_process_is_what_is_stated(peak_of, kind, size, number, to):
    idle = peak_of("plain", 1_000, 3, to)
    peak = peak_of(kind, size, number, to)
    assert peak <= idle + FACTOR * COUNTED, f"{(peak - idle) / COUNTED:.2f} times what is counted"


def test_a_bomb_is_one():
    """Else the test above shows nothing."""
    packed = bomb(24_000_000)
    assert len(packed) < 30_000
    assert len(gzip.decompress(packed)) == 24_000_000
