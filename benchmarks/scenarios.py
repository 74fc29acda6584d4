"""The lists of URLs, and the clients of each."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.nginx import HTML, LARGE, PLAIN, SIZES
from benchmarks.roster import Client
from benchmarks.tls import DOMAIN

__all__ = ["SCENARIOS", "Scenario"]


class Scenario(NamedTuple):
    """A list of URLs of one *page*, on one host or each on its own.

    With *named*, the hosts are names to look up, each with its own address; it has a
    digit for each family that the client must believe to have a route. Only the clients
    in *only*, if any, and none in *without* take part. With *tls*, each of that many
    hosts is a name that leads to the one server, over TLS. *beside* is a scenario that runs
    with this one, as a number to reach compares the two. Lists are *shorter* by this
    factor. A scenario that is not *usual* runs only if it is named.
    """

    name: str
    title: str
    page: str = HTML
    concurrency: int = 50
    many_hosts: bool = False
    named: str = ""
    only_fast: bool = False
    only: frozenset[str] = frozenset()
    beside: str | None = None
    without: frozenset[str] = frozenset()
    tls: int = 0
    shorter: int = 1
    usual: bool = True

    @property
    def size(self) -> int:
        """The bytes of each page."""
        return SIZES[self.page]

    def takes(self, client: Client) -> bool:
        """Return whether *client* takes part."""
        if self.only and client.name not in self.only:
            return False
        if client.scenarios and self.name not in client.scenarios:
            return False
        return client.name not in self.without and (client.fast or not self.only_fast)

    def pages(self, client: Client) -> int:
        """Return the number of pages of *client*, without ``--pages``."""
        if self.tls:
            return TLS_PAGES
        return (client.hosts if self.many_hosts else client.pages) // self.shorter

    def write_urls(self, file: Path, port: int, pages: int) -> None:
        """Write a list of *pages* URLs, one a line.

        All differ, since wget2 fetches each once, and in the page too, since it names
        its files by the page.
        """
        with file.open("w") as lines:
            for number in range(pages):
                host = self._host(number)
                lines.write(f"{'https' if self.tls else 'http'}://{host}:{port}/{self.page}?{number}\n")

    def addresses(self, pages: int) -> dict[str, str]:
        """Return the addresses of the names in a list of *pages*."""
        return {_name(number): _address(number) for number in range(pages if self.named else 0)}

    def _host(self, number: int) -> str:
        if self.tls:
            return f"h{number % self.tls}.{DOMAIN}"
        if not self.many_hosts:
            return "127.0.0.1"
        return _name(number) if self.named else _address(number)


def _name(number: int) -> str:
    return f"h{number}.test"


def _address(number: int) -> str:
    """Return one of 15 million addresses of this machine, none ending in .0 or .255."""
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


NAMING: Final = frozenset({"engine", "penstock_for", "penstock_run", "penstock_command"})
"""The clients that take a name server."""

TLS_PAGES: Final = 3_000
"""A page of a new host takes a millisecond, most of it for the handshake."""

SPEAKING_TLS: Final = frozenset({"bare", "penstock_for", "penstock_run", "aiohttp_workers"})
"""The clients that take an authority and an address for all names."""

SCENARIOS: Final = (
    Scenario("50", "10 kB of HTML, one host, 50 at once"),
    Scenario(
        "plain",
        "10 kB that JSON need not escape, one host, 50 at once",
        page=PLAIN,
        # They store nothing, so the page makes no difference.
        without=frozenset(
            {"penstock_async", "penstock_generator", "aiohttp_uvloop", "twisted_cooperator", "httpx_workers"}
        ),
    ),
    Scenario("hosts", "10 kB of HTML, as many hosts as pages, 50 at once", many_hosts=True),
    Scenario("names", "the same, each host a name, IPv4 alone", many_hosts=True, named="4", only=NAMING, beside="one"),
    Scenario(
        "names46",
        "the same with IPv6 too: two questions a name",
        many_hosts=True,
        named="46",
        only=NAMING,
        beside="one",
    ),
    Scenario("one", "10 kB of HTML, one host, 50 at once, only the clients that take a name server", only=NAMING),
    Scenario("tls", "10 kB of HTML over TLS, as many hosts as pages, 50 at once", only=SPEAKING_TLS, tls=TLS_PAGES),
    Scenario("tls20", "10 kB of HTML over TLS, 20 hosts kept alive, 50 at once", only=SPEAKING_TLS, tls=20),
    Scenario("2", "10 kB of HTML, one host, 2 at once", concurrency=2, only_fast=True),
    Scenario("500", "10 kB of HTML, one host, 500 at once", concurrency=500, only_fast=True),
    Scenario(
        "large",
        "250 kB of HTML with some characters beyond ASCII, one host, 50 at once",
        page=LARGE,
        only=frozenset({"bare", "penstock_for", "penstock_run", "penstock_command", "aiohttp_workers"}),
        shorter=10,
    ),
    Scenario(
        "slow",
        "10 kB of HTML, one host, 50 at once, a commit every 2 s",
        only=frozenset({"penstock_flushing", "penstock_slow_disk"}),
        usual=False,
    ),
)
