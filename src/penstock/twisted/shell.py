"""A shell that waits in a Twisted reactor, which watches the engine's one descriptor.

Knows the reactor and the driver. Does not know what the work is, or who takes the outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from penstock.loop.driver import Driver
from penstock.loop.turns import Turns

__all__ = ["ReactorShell", "the_reactor"]


def the_reactor() -> Any:
    """The global reactor. Importing it installs one, and which one is the program's to say: so not before need be."""
    from twisted.internet import reactor  # noqa: PLC0415

    return reactor


@implementer(IReadDescriptor)
class ReactorShell:
    """Plugs *driver* into *reactor*. *tell* is called when there are outcomes, an end, or a ``failure``.

    Unplugged, nothing goes on; nor does the reactor then hold anything of it.
    """

    def __init__(self, driver: Driver[Any], reactor: Any, tell: Callable[[], None]) -> None:
        self.turns = Turns(driver, reactor.callLater, tell)
        self._driver = driver
        self._reactor = reactor
        self._plugged = False

    def plug(self) -> None:
        """Let the reactor watch, and take a turn as soon as it can."""
        if not self._plugged:
            self._plugged = True
            self._reactor.addReader(self)
        self._driver.engine.wake()

    def unplug(self) -> None:
        """Let the reactor forget it. May be called twice."""
        self.turns.close()
        if self._plugged:
            self._plugged = False
            self._reactor.removeReader(self)

    def fileno(self) -> int:
        """The engine's descriptor."""
        return self._driver.engine.fileno()

    def doRead(self) -> None:
        """The engine has something to do."""
        self.turns()

    def connectionLost(self, reason: Failure) -> None:  # noqa: ARG002 - what the interface says
        """The reactor is being shut down, or found the descriptor closed."""
        self._plugged = False

    def logPrefix(self) -> str:
        """What the reactor calls it in its log."""
        return "penstock"
