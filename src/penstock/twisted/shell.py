"""A shell that runs the driver in a Twisted reactor.

Knows the reactor and the driver. Does not know what the work is, or how outcomes are
used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from penstock.loop.driver import Driver
from penstock.loop.turns import Turns

__all__ = ["ReactorShell", "get_reactor"]


def get_reactor() -> Any:
    """Return the global reactor.

    Importing it installs one, and the program chooses which; so it is imported late.
    """
    from twisted.internet import reactor  # noqa: PLC0415

    return reactor


@implementer(IReadDescriptor)
class ReactorShell:
    """Runs *driver* in *reactor*; *tell* is called for outcomes and the end.

    Unplugged, it does not run, and the reactor holds no reference to it.
    """

    def __init__(self, driver: Driver[Any], reactor: Any, tell: Callable[[], None]) -> None:
        self.turns = Turns(driver, reactor.callLater, tell)
        self._driver = driver
        self._reactor = reactor
        self._plugged = False

    def plug(self) -> None:
        """Let the reactor watch the descriptor, and take a turn soon."""
        if not self._plugged:
            self._plugged = True
            self._reactor.addReader(self)
        self._driver.engine.wake()

    def unplug(self) -> None:
        """Let the reactor forget the descriptor. May be called twice."""
        self.turns.close()
        if self._plugged:
            self._plugged = False
            self._reactor.removeReader(self)

    def fileno(self) -> int:
        """Return the engine's descriptor."""
        return self._driver.engine.fileno()

    def doRead(self) -> None:
        """Take a turn, as the engine's descriptor is readable."""
        self.turns()

    def connectionLost(self, reason: Failure) -> None:  # noqa: ARG002 - the interface has it
        """Note that the reactor shuts down, or found the descriptor closed."""
        self._plugged = False

    def logPrefix(self) -> str:
        """Return the name for the reactor's log."""
        return "penstock"
