"""The chaos itself: a list, a web, and a program that is killed three times while its resolver fails for a while."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from tests.chaos.listing import Expected, Listing, Sizes
from tests.chaos.servers import Servers

__all__ = ["CONCURRENCY", "DELAY", "PER_HOST", "Chaos", "chaos"]

CONCURRENCY: Final = 200
PER_HOST: Final = 2
DELAY: Final = 0.1

PATIENCE: Final = 10.0
"""Seconds without the requests that are waited for after which to see whether anybody still sends some."""

PACE: Final = (
    *("-c", str(CONCURRENCY), "--per-host", str(PER_HOST), "--delay", str(DELAY)),
    *("--timeout", "2", "--connect-timeout", "1", "--flush-every", "1", "--progress", "json"),
)


class Chaos(Struct, frozen=True):
    """What there was in the end: the *folder*, what was *expected* of it, what the servers had *seen*, and the rest.

    *killed* has the times of the kills, *told* the last session's summary, *said* what was said besides.
    """

    folder: Path
    expected: list[Expected]
    seen: dict[str, Any]
    killed: list[float]
    code: int
    told: dict[str, Any]
    said: str
    verified: int
    elapsed: float


def chaos(sizes: Sizes, where: Path, outage: float) -> Chaos:
    """Do it all in the folder *where*; the resolver fails for *outage* seconds."""
    began = time.monotonic()
    draw = random.Random(sizes.seed)
    kills = [round(sizes.inputs * (place + draw.uniform(-0.08, 0.08))) for place in (0.2, 0.45, 0.7)]
    listed, folder = where / "urls.txt", where / "run"
    killed = []
    with Servers(sizes.hosts, sizes.seed) as servers:
        listing = Listing(sizes, servers.told)
        listed.write_text("\n".join(listing.lines()))
        addresses = ("--resolver", servers.told["resolver"], "--cacert", servers.told["cacert"])
        what = ("--max-body", "1MB", "--window", str(sizes.inputs // 20))
        running = launch(where / "said.txt", "fetch", str(listed), "-o", str(folder), *what, *addresses)
        for number, requests in enumerate(kills):
            if number == 1 and outage:
                # Some names are known by then, and more are not.
                fail(servers, running, outage, after=kills[0] + sizes.hosts // 4)
            until(servers, running, requests)
            killed.append(time.monotonic())
            running.send_signal(signal.SIGKILL)
            running.wait()
            running = launch(where / "said.txt", "resume", str(folder), "--resolver", servers.told["resolver"])
        running.wait()
        seen = servers.traffic()
    said = (where / "said.txt").read_text()
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    told = next((event for event in reversed(events) if event["event"] == "summary"), {})
    rest = "\n".join(line for line in said.splitlines() if not line.startswith('{"event":"progress"'))
    verify = [sys.executable, "-m", "penstock", "verify", str(folder)]
    verified = subprocess.run(verify, check=False, capture_output=True)
    elapsed = time.monotonic() - began
    return Chaos(folder, listing.inputs, seen, killed, running.returncode, told, rest, verified.returncode, elapsed)


def launch(said: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """The real program; what it says goes to the file *said*, since nobody reads it while it runs."""
    command = [sys.executable, "-m", "penstock", *arguments, *PACE]
    with said.open("wb") as file:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=file)


def until(servers: Servers, running: subprocess.Popen[bytes], requests: int) -> None:
    """Wait until so many requests came in all; a program that has ended will send no more."""
    while not servers.wait_for(requests, PATIENCE):
        assert running.poll() is None, (
            f"it has ended after {servers.traffic()['requests']} requests, with {running.returncode}"
        )


def fail(servers: Servers, running: subprocess.Popen[bytes], outage: float, *, after: int) -> None:
    """Once so many requests came in all, let the name server be silent for half of the time, and then refuse."""
    until(servers, running, after)
    for saying in ("silent", "servfail"):
        servers.names(saying)
        try:
            running.wait(timeout=outage / 2)
        except subprocess.TimeoutExpired:
            continue
    servers.names("well")
