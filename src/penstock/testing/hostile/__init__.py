"""A server on real sockets that does whatever a server should not, one fault at a time.

    with HostileServer() as server:
        for fault in FAULTS.values():
            fetch(server.url(fault.name))    # comes to fault.outcome

Each fault is a small function in one of the modules here, named for what it does.
"""

from __future__ import annotations

from penstock.testing.hostile import bodies, connections, endings, redirects, replies
from penstock.testing.hostile.faults import FAULTS, Fault
from penstock.testing.hostile.server import HostileServer

__all__ = ["FAULTS", "Fault", "HostileServer", "bodies", "connections", "endings", "redirects", "replies"]
