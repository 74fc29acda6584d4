"""A sink alone: the processor time and the bytes on disk of a stored page.

    python -m benchmarks.parts.sinks FORMAT FOLDER [EVERY]

takes the HTML files of 6 to 16 kB below FOLDER, each once a round, flushes after EVERY
pages or at the end, and prints the microseconds a page in the session's thread and in all,
and the bytes a page. Imports are not counted.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from penstock.core.web.model import Fetched, Outcome, Times
from penstock.sink.formats import FORMATS

PAGES: Final = 6_000
FILES: Final = 1_500
"""Files used, 12 MB or more, so that no row group has a page twice."""

BLOCK_BYTES: Final = 256 << 10
"""Bytes taken before a block is cut, as in a run."""

HEAD: Final = b"".join(
    f"{line}\r\n".encode()
    for line in (
        "HTTP/1.1 200 OK",
        "Server: nginx/1.24.0",
        "Date: Sat, 28 Nov 2026 08:00:%02d GMT",
        "Content-Type: text/html; charset=utf-8",
        "Last-Modified: Sat, 28 Nov 2026 07:00:00 GMT",
        "Connection: keep-alive",
        'ETag: "%08x-2710"',
        "Cache-Control: max-age=3600",
        "Vary: Accept-Encoding",
        "Accept-Ranges: bytes",
        "",
    )
)


def main(name: str, folder: Path, every: int = PAGES) -> None:
    outcomes = list(make_outcomes(folder))
    store(name, outcomes[:1])
    took, thread, size = store(name, outcomes, every)
    count = len(outcomes)
    print(f"{name}: {thread / count * 1e6:.1f} and {took / count * 1e6:.1f} µs, {size / count:.0f} bytes")


def make_outcomes(folder: Path) -> Iterator[Outcome]:
    """Yield outcomes as a server sends them, with the files below *folder* as bodies."""
    found = sorted(file for file in folder.rglob("*.html") if 6_000 < file.stat().st_size < 16_000)
    draw = random.Random(1)
    draw.shuffle(found)
    bodies = [file.read_bytes() for file in found[:FILES]]
    for seq in range(PAGES):
        url = f"http://host{seq % 200}.example/catalogue/item-{seq}.html"
        yield Fetched(
            seq,
            url,
            status=200,
            final_url=url,
            attempts=1,
            started=1_790_000_000 + seq / 100,
            times=Times(draw.random() / 100, 0, 0, 0, draw.random() / 10, draw.random() / 5),
            ip=f"192.0.2.{seq % 200}",
            http="1.1",
            head=HEAD % (seq % 60, seq * 7919),
            body=bodies[seq % len(bodies)],
        )


def store(name: str, outcomes: list[Outcome], every: int = PAGES) -> tuple[float, float, int]:
    """Store *outcomes*; return the seconds in all and in ``take``, and the bytes of the files."""
    with TemporaryDirectory() as folder:
        sink = FORMATS[name].open(Path(folder), {}, inline_body=True)
        began = time.process_time()
        thread, taken = 0.0, 0
        for count, outcome in enumerate(outcomes, 1):
            before = time.process_time()
            taken += sink.take(outcome)
            thread += time.process_time() - before
            if taken >= BLOCK_BYTES:
                sink.write(sink.cut())
                taken = 0
            if count % every == 0:
                sink.write(sink.cut())
                sink.flush()
        sink.write(sink.cut())
        sink.flush()
        took = time.process_time() - began
        sink.close()
        return took, thread, sum(file.stat().st_size for file in Path(folder).iterdir())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
