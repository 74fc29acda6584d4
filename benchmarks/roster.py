"""The clients: Penstock in its forms and its neighbours, with their requirements."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from typing import Final, NamedTuple

import penstock
from benchmarks import disk
from benchmarks.builds import INSTALLED, Build

__all__ = ["BARE", "ROSTER", "TASKGROUP", "THROTTLES", "Client"]


class Client(NamedTuple):
    """One row of the table: the *name* of a file in ``clients/`` or ``throttles/``.

    It fetches *pages* from one host, or one page from each of *hosts*: fewer if it is
    slow, so that a run takes seconds. A throttle has *pages* items. *fast* clients also
    run with 2 and 500 at once. *python* is the module that it needs, *command* the
    program, *public* the name in Penstock. *build* is the penstock that it imports. With
    *slow_disk*, its every fsync takes a second. If *scenarios* are given, it takes part
    in these alone.
    """

    name: str
    title: str
    pages: int = 20_000
    hosts: int = 20_000
    fast: bool = False
    python: str | None = None
    command: str | None = None
    public: str | None = None
    build: Build = INSTALLED
    slow_disk: bool = False
    scenarios: frozenset[str] = frozenset()

    @property
    def is_ours(self) -> bool:
        """Whether it is Penstock, or a reference written here."""
        return self.public is not None or (self.python is None and self.command is None)

    def missing(self) -> str | None:
        """Return how to install its requirements, or None if it has all of them."""
        if self.python is not None and importlib.util.find_spec(self.python) is None:
            return f"{sys.executable} -m pip install -r benchmarks/requirements.txt"
        if self.command is not None and shutil.which(self.command) is None:
            return f"apt-get install {self.command}"
        if self.public is not None and not _is_public(self.public):
            return f"a Penstock that has penstock.{self.public}; this one is {penstock.__version__}"
        return disk.missing() if self.slow_disk else None


def _is_public(name: str) -> bool:
    """Return whether Penstock has *name*, without loading it."""
    return name in penstock.__all__ or importlib.util.find_spec(f"penstock.{name}") is not None


SLOW: Final = frozenset({"slow"})

BARE: Final = Client("bare", "bare engine loop", fast=True)

ROSTER: Final = (
    BARE,
    Client("engine", "penstock's engine alone", fast=True),
    Client("penstock_for", "penstock, for", fast=True),
    Client("penstock_async", "penstock, async for", fast=True),
    Client("penstock_generator", "penstock, for, generator"),
    Client("penstock_stdout", "penstock fetch >/dev/null"),
    Client("penstock_run", "penstock, run folder", fast=True),
    Client("penstock_command", "penstock fetch -o", fast=True),
    Client("penstock_flushing", "penstock fetch -o --flush-every 2", pages=120_000, scenarios=SLOW),
    Client(
        "penstock_slow_disk",
        "penstock fetch -o --flush-every 2, slow fsync",
        pages=120_000,
        slow_disk=True,
        scenarios=SLOW,
    ),
    Client("wreq_workers", "wreq", fast=True, python="wreq"),
    Client("curl_parallel", "curl --parallel", hosts=5_000, fast=True, command="curl"),
    Client("wget2_files", "wget2, saving files", pages=15_000, hosts=10_000, fast=True, command="wget2"),
    Client("aiohttp_uvloop", "aiohttp on uvloop", pages=15_000, hosts=10_000, python="uvloop"),
    Client("aiohttp_workers", "aiohttp", pages=10_000, hosts=5_000, fast=True, python="aiohttp"),
    Client("twisted_cooperator", "Twisted Agent, Cooperator", pages=5_000, hosts=3_000, python="twisted"),
    Client("minet_fetch", "minet fetch, bodies dropped", pages=3_000, hosts=2_500, python="minet"),
    Client("scrapy_spider", "Scrapy", pages=1_000, hosts=1_000, python="scrapy"),
    Client("httpx_workers", "httpx", pages=1_000, hosts=1_000, python="httpx"),
)

TASKGROUP: Final = Client("taskgroup", "TaskGroup, semaphore", 200_000)

THROTTLES: Final = (
    Client("pool", "bare worker pool", 2_000_000),
    TASKGROUP,
    Client("taskgroup_all", "TaskGroup, all tasks made first", 100_000),
    Client("throttle_async", "penstock.throttle, async for", 300_000, public="throttle"),
    Client("throttle_for", "penstock.throttle, for", 300_000, public="throttle"),
    Client("throttle_keys", "penstock.throttle, async for, keys", 300_000, public="throttle"),
    Client("coiterate", "penstock.coiterate", 300_000, public="coiterate"),
    Client("cooperator_coroutines", "Twisted's Cooperator, coroutines", 200_000, python="twisted"),
    Client("cooperator", "Twisted's Cooperator, Deferreds", 200_000, python="twisted"),
    Client("penstock_cooperator", "penstock.twisted, Deferreds", 200_000, python="twisted", public="twisted"),
    Client("aiometer_amap", "aiometer", 40_000, python="aiometer"),
    Client("aiostream_map", "aiostream", 20_000, python="aiostream"),
)
