"""A server on real sockets with every fault that a server can have, one at a time.

    with HostileServer() as server:
        for fault in FAULTS.values():
            fetch(server.url(fault.name))    # must result in fault.outcome

Each fault is a small function in one of the modules here, and has its name.
"""

from __future__ import annotations

from penstock.testing.hostile import bodies, connections, endings, redirects, replies
from penstock.testing.hostile.faults import FAULTS, Fault
from penstock.testing.hostile.server import HostileServer

__all__ = ["FAULTS", "Fault", "HostileServer", "bodies", "connections", "endings", "redirects", "replies"]
