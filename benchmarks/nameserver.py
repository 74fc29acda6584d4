"""A name server in a process of its own: the names of the lists, and any other, each with an address.

Knows which core it is put on. Does not know who asks. It is the one for tests, in Python: slower than the client,
so where it alone is asked only the client's processor time means anything.
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
    """Where it is asked, ADDRESS:PORT. Names that are not in *addresses* lead to 127.0.0.1, none to IPv6."""
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
