"""The same as ``penstock_flushing``; the race gives it a disk with a slow fsync."""

from __future__ import annotations

from benchmarks.clients.penstock_flushing import check, fetch
from benchmarks.clients.protocol import main

if __name__ == "__main__":
    main(fetch, check)
