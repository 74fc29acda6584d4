"""CPU time a page of the output formats: `python -m benchmarks.formats`, or of the gzip levels: `... gzip`.

Pages of 10 kB of HTML go through each sink alone, without flushes, so neither a network nor a disk is measured; then
through a whole run, from a server in another process. Times are the best of several rounds: other processes only add.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sys
import tempfile
import time
import zlib
from pathlib import Path

import penstock
from penstock.core.web.model import Fetched, Times
from penstock.sink import durable
from penstock.sink.formats import FORMATS

PAGES, BYTES, ROUNDS = 3_000, 10_000, 3
WORDS = (Path(__file__).parent.parent / "docs" / "cli.md").read_text(encoding="utf-8").split()
HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 28 Nov 2026 08:00:00 GMT\r\nContent-Type: text/html\r\n"
    b'Content-Length: %d\r\nConnection: keep-alive\r\nETag: "abc"'
)
REQUEST = b"GET /page HTTP/1.1\r\nHost: host.test\r\nAccept: */*\r\nUser-Agent: penstock\r\n\r\n"


def page(seed: int) -> bytes:
    """A page of links and words; *seed* makes it one of its own."""
    draw, parts = random.Random(seed), [f"<!DOCTYPE html><html><head><title>{seed}</title></head><body>"]
    while sum(map(len, parts)) < BYTES:
        link, text = draw.randrange(10**6), " ".join(draw.choices(WORDS, k=25)).replace("<", "&lt;")
        parts.append(f'<div class="item"><a href="/p/{link}.html">{draw.choice(WORDS)}</a><p>{text}</p></div>\n')
    return "".join(parts).encode()[:BYTES]


def make_outcome(seq: int, body: bytes) -> Fetched:
    url, times = f"http://host{seq}.test/page", Times(0.001, 0.002, 0.003, 0.0, 0.02, 0.025)
    seen = {"status": 200, "final_url": url, "started": 1.8e9 + seq, "times": times, "ip": "127.0.0.1", "http": "1.1"}
    return Fetched(seq, url, attempts=1, head=HEAD % BYTES, body=body, request=REQUEST, **seen)


def alone(name: str, pages: list[bytes]) -> str:
    outcomes = [make_outcome(seq, body) for seq, body in enumerate(pages)]
    with tempfile.TemporaryDirectory() as folder:
        sink = FORMATS[name].open(Path(folder), {}, inline_body=True)
        begun = time.process_time()
        for outcome in outcomes:
            sink.take(outcome)
            if outcome.seq % 25 == 24:
                sink.write(sink.cut())
        sink.flush()
        took = time.process_time() - begun
        sink.close()
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    return f"{took / len(pages) * 1e6:6.1f} µs, {size / len(pages):6.0f} bytes"


class Server(asyncio.Protocol):
    """Answers each request with the next page."""

    pages: list[bytes]
    count = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.left = transport, b""

    def data_received(self, data: bytes) -> None:
        *requests, self.left = (self.left + data).split(b"\r\n\r\n")
        for _ in requests:
            Server.count += 1
            self.transport.write(HEAD % BYTES + b"\r\n\r\n" + self.pages[Server.count % len(self.pages)])


def serve(pages: list[bytes]) -> tuple[int, int]:
    """Start a server in another process, and return its process and its port."""
    reader, writer = os.pipe()
    Server.pages = pages
    child = os.fork()
    if child == 0:

        async def forever() -> None:
            server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
            os.write(writer, b"%d" % server.sockets[0].getsockname()[1])
            await server.serve_forever()

        asyncio.run(forever())
    return child, int(os.read(reader, 9))


def run(name: str, port: int) -> str:
    settings = {"robots": False, "delay": 0, "concurrency": 50, "per_host": 50, "pace": "fixed", "sinks": [name]}
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_SELF)
        summary = penstock.run([f"http://127.0.0.1:{port}/{n}" for n in range(PAGES)], Path(folder) / "run", **settings)
        after = resource.getrusage(resource.RUSAGE_SELF)
    assert summary.tally.statuses == {200: PAGES}, summary
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{took / PAGES * 1e6:6.1f} µs"


def compress(pages: list[bytes]) -> None:
    from isal import isal_zlib  # noqa: PLC0415 - an extra

    for name, library, levels in (("isal", isal_zlib, (0, 1, 2, 3)), ("zlib", zlib, (1, 6))):
        for level in levels:
            begun = time.process_time()
            size = sum(len(library.compress(body, level, 31)) for body in pages)
            took = (time.process_time() - begun) / len(pages) * 1e6
            print(f"{name} {level}: {took:6.1f} µs, {size / len(pages) / BYTES:.2f} of the bytes")


def main() -> None:
    pages = [page(seed) for seed in range(PAGES)]
    if sys.argv[1:] == ["gzip"]:
        compress(pages)
        return
    durable.os.fsync = lambda _fd: None
    child, port = serve(pages)
    try:
        for name in sys.argv[1:] or FORMATS:
            for doing, measure in (("alone", lambda: alone(name, pages)), ("in a run", lambda: run(name, port))):  # noqa: B023
                print(f"{name} {doing}: {min(measure() for _ in range(ROUNDS))}")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
