"""A name server in its own process, with an address for every name.

Knows its core. Does not know the clients. It is the server for tests, in Python, and
slower than the client: without a web server only the processor time of the client is
meaningful.
"""

from __future__ import annotations

import multiprocessing
import os
import select
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection

from penstock.testing.names import NameServer, Says

__all__ = ["answering"]

TTL = 3600


@contextmanager
def answering(addresses: Mapping[str, str], core: int | None = None) -> Iterator[str]:
    """Run the server and give its ADDRESS:PORT.

    Other names than *addresses* have 127.0.0.1, and no IPv6.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    serving = context.Process(target=_serve, args=(addresses, core, there), daemon=True)
    serving.start()
    there.close()
    try:
        yield here.recv()
    finally:
        here.close()
        serving.join()


def _serve(addresses: Mapping[str, str], core: int | None, until: Connection) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    script = {name: Says((address,), ttl=TTL) for name, address in addresses.items()}
    with NameServer(script | {"*": Says(("127.0.0.1",), ttl=TTL)}) as names:
        until.send(names.address)
        select.select([until], [], [])
