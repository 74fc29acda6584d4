"""The deadlines of transfers: of the connect phase, of the attempt, and of checks.

Knows the time-outs of the settings, and how long a transfer has taken. Does not know
libcurl, or what happens to a transfer whose time is over. See
docs/decisions/timeout.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from penstock.engine.deadlines import Deadlines
from penstock.engine.transfer import Transfer
from penstock.settings import HttpSettings

__all__ = ["CHECK", "Timeouts"]

CHECK: Final = 1.0
"""Seconds after which a running request is checked: it may be a redirect whose body
does not come (docs/decisions/redirects.md). Later checks come each time it has taken
twice as long."""


class Timeouts(Deadlines[Transfer]):
    """One deadline for each transfer, by the time-outs of *settings*."""

    def __init__(self, settings: HttpSettings) -> None:
        """Start without transfers."""
        super().__init__()
        self._timeout = settings.timeout
        self._connect_timeout = settings.connect_timeout

    def start_connecting(self, transfer: Transfer) -> None:
        """Start the connect time-out of *transfer*, which includes the name look-up."""
        assert transfer.job is not None
        transfer.connecting = True
        check = transfer.connect_from + CHECK
        if self._connect_timeout < CHECK or transfer.started + self._timeout - transfer.job.spent < check:
            check = min(self.find_limit(transfer), check)
        self.set(transfer, check)

    def find_limit(self, transfer: Transfer) -> float:
        """Return when the current phase must be over."""
        end = self.find_end(transfer)
        if not transfer.connecting:
            return end
        return min(transfer.connect_from + transfer.excused + self._connect_timeout, end)

    def find_end(self, transfer: Transfer) -> float:
        """Return when the whole attempt must be over."""
        assert transfer.job is not None
        return transfer.started + transfer.excused + self._timeout - transfer.job.spent

    def excuse(self, gap: float, transfers: Iterable[Transfer]) -> None:
        """Do not count *gap* seconds, in which *transfers* were not served."""
        for transfer in transfers:
            if self.has(transfer):
                transfer.excused += gap
