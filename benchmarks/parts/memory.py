"""A whole durable run without bodies, for its peak memory; the engine is a fake.

    python -m benchmarks.parts.memory KIND INPUTS FOLDER

where KIND is ``inputs`` (one host, all well), ``hosts`` (a host for each input) or
``failures`` (one host, and every input fails). The benchmark measures the memory from
outside.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import penstock
from penstock.core.web.model import Attempt, Job, Reason

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n"


class Instant:
    """An ``Engine`` whose jobs end at their start: all succeed, or all fail."""

    def __init__(self, *, failing: bool) -> None:
        self.error = Reason.DNS_NOT_FOUND if failing else None
        self.finished: deque[Attempt] = deque()

    def start(self, job: Job, now: float) -> None:
        if self.error is not None:
            attempt = Attempt(job, self.error, "no such host", started=now)
        else:
            attempt = Attempt(job, status=200, head=HEAD, body=b"page", started=now, ip="127.0.0.1", http="1.1")
        self.finished.append(attempt)

    def collect(self, timeout: float | None) -> Sequence[Attempt]:
        if not self.finished and timeout:
            time.sleep(timeout)
        attempts = list(self.finished)
        self.finished.clear()
        return attempts

    def fileno(self) -> int:
        raise AssertionError("no descriptor to wait for")

    def deadline(self) -> float | None:
        return None

    def wake(self) -> None:
        pass

    def bound(self) -> None:
        """Return None: it has no limit of its own."""

    def inside(self) -> bool:
        return False

    def cancel(self) -> None:
        self.finished.clear()

    def close(self) -> None:
        self.finished.clear()


def main(kind: str, inputs: int, folder: Path) -> None:
    file = folder / "urls.txt"
    host = "host-{}.example" if kind == "hosts" else "host.example"
    with file.open("w") as urls:
        urls.writelines(f"http://{host.format(number)}/page-{number}.html\n" for number in range(inputs))
    # There is no setting for this: only a measurement needs a run without the web.
    with patch("penstock.fetching.wiring.CurlEngine", return_value=Instant(failing=kind == "failures")):
        summary = penstock.run(file, folder / "run", body="none", concurrency=100, per_host=100, delay=0)
    assert summary.tally.total == inputs


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
