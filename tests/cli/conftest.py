"""The command line in this process and in others, and a web for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from penstock.cli import main
from penstock.testing.web import LocalWeb

BRISK = ("--delay", "0", "--per-host", "10")
"""For hosts of our own."""


@pytest.fixture(scope="session")
def web():
    with LocalWeb() as local:
        yield local


@pytest.fixture
def run():
    """Runs ``penstock`` in this process; standard input is empty unless given."""

    def invoke(*arguments, **how):
        return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="penstock", **how)

    return invoke


@pytest.fixture
def listed(tmp_path):
    """Writes a list of lines to a file."""

    def write(*lines, name="urls.txt"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return write


@pytest.fixture
def records():
    """The outcomes in lines of JSON, or in a run folder."""

    def read(where):
        if isinstance(where, Path):
            where = "".join(file.read_text(encoding="utf-8") for file in sorted(where.glob("outcomes-*.jsonl")))
        return [json.loads(line) for line in where.splitlines()]

    return read


class Process(subprocess.Popen):
    """``penstock`` in a process of its own, with pipes at all ends that were not given others."""

    def __init__(self, *arguments, wrapper=("-m", "penstock"), environment=None, **how):
        ends = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "TERM")}
        super().__init__(
            [sys.executable, *wrapper, *map(str, arguments)],
            # communicate() would lose what a buffer had read ahead of a readline().
            bufsize=0,
            env=clean | (environment or {}),
            **ends | how,
        )

    def feed(self, *urls):
        """Hand it more input."""
        self.stdin.write("".join(f"{url}\n" for url in urls).encode())
        self.stdin.flush()

    def outcome(self):
        """The next outcome on its standard output, once it is there."""
        return json.loads(self.stdout.readline())


@pytest.fixture
def process():
    """Starts processes, and ends those that a test left running."""
    started = []

    def start(*arguments, **how):
        started.append(Process(*arguments, **how))
        return started[-1]

    yield start
    for one in started:
        # What a test fed to a process that had ended is still in the pipe's buffer.
        with suppress(BrokenPipeError), one:
            one.kill()


@pytest.fixture
def begun(process, web):
    """A ``fetch`` of standard input that has given its first outcome, so that its signals are handled."""

    @contextmanager
    def begin(*arguments, before=()):
        fetching = process("fetch", "-", "--progress", "none", *BRISK, *arguments)
        fetching.feed(*before, web.url(path="/page/first"))
        assert fetching.outcome()["status"] == 200
        yield fetching

    return begin
