"""The web of the chaos in a process of its own, which outlives the program that is killed.

Knows the local web, the hostile server and the name server, and commands that come as lines of JSON. Ends by itself
when nobody can send a command any more.
"""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

from tests.chaos.kinds import cast

from penstock.testing.hostile import FAULTS, HostileServer
from penstock.testing.names import SERVFAIL, SILENT, NameServer, Says
from penstock.testing.traffic import TrafficCounter
from penstock.testing.web import LocalWeb

SAYINGS = {"silent": {"*": SILENT}, "servfail": {"*": SERVFAIL}}


def name_of(host: int) -> str:
    return f"h{host}.test"


class Servers:
    """The process, from outside."""

    def __init__(self, hosts: int, seed: int) -> None:
        command = [sys.executable, "-m", "tests.chaos.servers", str(hosts), str(seed)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.told = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            self._process.stdin.close()

    def wait_for(self, requests: int, seconds: float) -> bool:
        """Wait until so many requests came in all, *seconds* at most; whether they did."""
        return self._ask(wait=requests, seconds=seconds)

    def names(self, saying: str) -> None:
        """Let the name server be ``silent``, answer ``servfail`` to everything, or be ``well``."""
        self._ask(names=saying)

    def traffic(self) -> dict[str, Any]:
        """What came: requests, the most at once, and both for each host, with the times of their starts."""
        return self._ask(seen=True)

    def _ask(self, **command: Any) -> Any:
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        line = self._process.stdout.readline()
        assert line, "the servers have ended"
        return json.loads(line)


def script(hosts: int, seed: int, hostile: HostileServer) -> dict[str, Says | str]:
    """What the name server says of each host."""
    found: dict[str, Says | str] = {}
    for host, kind in enumerate(cast(hosts, seed)):
        address = LocalWeb.host(host)
        if kind.fault is not None:
            address = hostile.url(kind.fault.name).split("/")[2].rpartition(":")[0]
        found[name_of(host)] = kind.says or Says((address,), ttl=300)
    return found


def serve(hosts: int, seed: int) -> None:
    """Serve until standard input ends."""
    counter = TrafficCounter()
    with LocalWeb(hosts=hosts, counter=counter) as web, HostileServer(counter=counter) as hostile:
        said = script(hosts, seed, hostile)
        with NameServer(said) as names:
            told = {
                "resolver": names.address,
                "cacert": hostile.cacert,
                "ports": [web.port(host) for host in range(hosts)],
                "faults": {name: hostile.url(name) for name in FAULTS},
            }
            print(json.dumps(told), flush=True)
            for line in sys.stdin:
                command = json.loads(line)
                reply: Any = None
                if "wait" in command:
                    reply = web.wait_for(command["wait"], command["seconds"])
                elif "names" in command:
                    names.script = SAYINGS.get(command["names"], said)
                else:
                    seen = counter.traffic()
                    kept = {host: [each.requests, each.most, each.starts] for host, each in seen.hosts.items()}
                    reply = {"requests": seen.requests, "most": seen.most, "hosts": kept}
                print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
