"""A resolver that answers when a test says so, in virtual time."""

from __future__ import annotations

from collections import deque

from penstock.core.web.model import Reason
from penstock.engine.resolver import IPV4, IPV6, AddressRecords


class Asked:
    """Stands in for ``Resolver``: ``questions`` has what was asked, and ``say`` answers."""

    def __init__(self) -> None:
        self.fds: set[int] = set()
        self.questions: list[tuple[str, int]] = []
        self.cancelled = self.closed = 0
        self._heard: deque[AddressRecords] = deque()

    def ask(self, name: str, family: int) -> None:
        self.questions.append((name, family))

    def take(self) -> AddressRecords | None:
        return self._heard.popleft() if self._heard else None

    def say(self, name: str, family: int, *addresses: str, ttl: int = 60) -> None:
        no = {} if addresses else {"error": Reason.DNS_NOT_FOUND, "detail": "no address"}
        self._heard.append(AddressRecords(name, family, addresses, ttl, **no))

    def fail(self, name: str, family: int, reason: Reason, detail: str = "", *, absent: bool = False) -> None:
        self._heard.append(AddressRecords(name, family, error=reason, detail=detail or str(reason), absent=absent))

    def both(self, name: str, address: str = "1.1.1.1", ttl: int = 60) -> None:
        self.say(name, IPV4, address, ttl=ttl)
        self.say(name, IPV6)

    def process(self, fd: int, events: int) -> None:
        pass

    def tick(self) -> None:
        pass

    def deadline(self) -> float | None:
        return None

    def cancel(self) -> None:
        self.cancelled += 1
        self._heard.clear()

    def close(self) -> None:
        self.closed += 1
