"""One file for each way to run N coroutines at once."""

from typing import Final

__all__ = ["CONCURRENCY"]

# Not in protocol.py, which loads asyncio: the memory of the measuring process is the
# floor of all readings.
CONCURRENCY: Final = 50
