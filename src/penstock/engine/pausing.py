"""Which transfers wait while the memory for bodies is full.

Knows that the oldest one always continues, so that memory becomes free. Does not know
how memory is counted (``Memory``), or when bodies are delivered. See
docs/decisions/paused-bodies.md.
"""

from __future__ import annotations

from collections.abc import Collection

from penstock.engine.sockets import Sockets
from penstock.engine.timeouts import Timeouts
from penstock.engine.transfer import Transfer
from penstock.machine.memory import Memory

__all__ = ["pause_or_resume"]


def pause_or_resume(
    running: Collection[Transfer], now: float, *, memory: Memory, timeouts: Timeouts, sockets: Sockets
) -> None:
    """Let paused transfers wait without a deadline, or resume them if there is memory.

    *running* is sorted, oldest first.
    """
    first = next(iter(running))
    memory.first = first.response
    for transfer in running:
        if not transfer.response.paused:
            continue
        if transfer.paused_at is None:
            transfer.paused_at = now
            timeouts.discard(transfer)
        if memory.roomy or (transfer is first and not memory.refuses(first.response)):
            transfer.resume(now)
            timeouts.set(transfer, max(timeouts.find_end(transfer), now))
    for transfer in running:
        if transfer.response.paused:
            # libcurl does not watch its socket now, so it looks idle.
            sockets.mute(transfer.find_socket())
