"""Promise 3 on the real program: ``penstock fetch`` killed in the middle, resumed, killed again, and compared.

The server itself pulls the trigger, at a request of a chosen number, so that every kill falls into the work.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

import penstock
from penstock.fetching.sessions import begin
from penstock.settings import Settings
from penstock.testing.outcomes import assert_each_once
from penstock.testing.ports import refusing_socket

INPUTS = 200
SHIM = Path(__file__).parent / "shim.py"
PACE = ("--flush-every", "0.02", "--delay", "0", "--per-host", "4", "--progress", "none")


class Trap(ThreadingHTTPServer):
    """Serves pages on 127.0.0.1, and kills its client at the request that it was armed for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self._lock = threading.Lock()
        self._count = 0
        self._at = 0
        self._victim: subprocess.Popen | None = None

    def arm(self, at: int) -> None:
        with self._lock:
            self._count, self._at, self._victim = 0, at, None

    def watch(self, victim: subprocess.Popen) -> None:
        with self._lock:
            self._victim = victim
            self._spring_if_due()

    def count(self) -> None:
        with self._lock:
            self._count += 1
            self._spring_if_due()

    def _spring_if_due(self) -> None:
        if self._victim is not None and 0 < self._at <= self._count:
            self._victim.send_signal(signal.SIGKILL)


class _Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536

    def do_GET(self) -> None:
        self.server.count()
        kind, _, number = self.path[1:].partition("/")
        body = b"page %s " % number.encode() * 200
        self.send_response({"moved": 302, "gone": 404}.get(kind, 200))
        self.send_header("Content-Length", str(len(body)))
        if kind == "moved":
            self.send_header("Location", f"/page/{number}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def trap():
    with Trap() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def listed(trap, tmp_path_factory):
    """A list with pages, redirects, 404s, refused connections, and a line that is no URL: each always the same.

    A connection that is dropped may be seen as reset or as an empty reply, so there is none of those.
    """
    with refusing_socket("127.0.0.1") as refusing:
        here, nobody = (f"http://127.0.0.1:{port}" for port in (trap.server_port, refusing.getsockname()[1]))
        kinds = (f"{here}/page", f"{here}/page", f"{here}/moved", f"{here}/gone", f"{nobody}/page")
        lines = [f"{kinds[seq % 5]}/{seq}" for seq in range(INPUTS)]
        lines[17] = "not a URL"
        path = tmp_path_factory.mktemp("list") / "urls.txt"
        path.write_text("\n".join(lines))
        yield path


@pytest.fixture(scope="module")
def expected(listed, tmp_path_factory):
    """The outcomes of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert launch("fetch", str(listed), "-o", str(folder), "--attempts", "1").wait() == 0
    return identities(folder)


def launch(*arguments: str, shim: tuple[str, ...] = ()) -> subprocess.Popen:
    program = [str(SHIM), *shim, "--", "-m", "penstock"] if shim else ["-m", "penstock"]
    return subprocess.Popen(
        [sys.executable, *program, *arguments, *PACE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def records(folder: Path) -> list[dict]:
    return [orjson.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]


def identities(folder: Path) -> list[tuple]:
    found = records(folder)
    assert_each_once(found, INPUTS)
    return sorted(tuple(record[name] for name in ("seq", "outcome", "error", "status", "sha256")) for record in found)


def first_or_next(listed: Path, folder: Path) -> tuple[str, ...]:
    if (folder / "run.json").exists():
        return ("resume", str(folder), "--attempts", "1")
    return ("fetch", str(listed), "-o", str(folder), "--attempts", "1")


def test_killed_ten_times_it_ends_as_if_nobody_had(trap, listed, expected, tmp_path):
    folder = tmp_path / "run"
    draw = random.Random(20261123)
    killed = 0
    for _ in range(10):
        trap.arm(draw.randint(1, 60))
        process = launch(*first_or_next(listed, folder))
        trap.watch(process)
        killed += process.wait() == -signal.SIGKILL
    trap.arm(0)
    assert launch(*first_or_next(listed, folder)).wait() == 0
    assert killed >= 5, "the kills missed the work"
    assert identities(folder) == expected
    assert penstock.verify(folder).problems == ()
    assert penstock.verify(folder).finished


@pytest.mark.parametrize("seed", range(4))
def test_ended_at_any_operation_on_its_files_it_ends_as_if_nobody_had(listed, expected, tmp_path, seed):
    """The shim counts what the process does to its folder, and ends it there, by a kill or a power cut."""
    draw = random.Random(seed)
    folder = tmp_path / "root" / "run"
    folder.parent.mkdir()
    for cut in (None, "NAMES_KEPT_DATA_LOST", "NAMES_KEPT_DATA_HALF", "NAMES_LOST_DATA_LOST"):
        shim = ("--root", str(folder.parent), "--at", str(draw.randint(1, 25)), *(("--cut", cut) if cut else ()))
        launch(*first_or_next(listed, folder), shim=shim).wait()
    assert launch(*first_or_next(listed, folder)).wait() == 0
    assert identities(folder) == expected
    assert penstock.verify(folder).problems == ()


def test_a_second_process_is_refused_while_the_first_is_at_work(listed, tmp_path):
    folder = tmp_path / "run"
    session = begin([str(listed)], folder, Settings.of())
    refused = launch("resume", str(folder)).wait()
    session.close()
    assert refused == 4
    assert launch("resume", str(folder), "--attempts", "1").wait() == 0
