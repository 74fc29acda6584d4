"""The words of the frontier: its answers, its bottlenecks, and the reasons for which the jobs of a key wait.

Knows words. Does not know when each of them is said.
"""

from __future__ import annotations

import enum
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct

__all__ = [
    "FINISHED",
    "HELD",
    "PULL",
    "Ahead",
    "Answer",
    "Ask",
    "Bottleneck",
    "Deliver",
    "Finished",
    "Held",
    "Keyed",
    "Pull",
    "Refill",
    "Spill",
    "Start",
    "Wait",
    "Waiting",
]


class Keyed(Protocol):
    """A job, as far as the frontier cares: it has a key, and may be the prerequisite of another one."""

    @property
    def key(self) -> Any:
        """The key whose limits apply."""

    @property
    def behind(self) -> Any:
        """The job that waits for this one, its prerequisite; None if none does."""


class Start(Struct, frozen=True, gc=False):
    """Slot, key and rate are all free: give the job to the engine."""

    job: Any


class Ask(Struct, frozen=True, gc=False):
    """The limits let the job start: ask the gate about it, then call ``allow``, ``deny`` or ``defer``."""

    job: Any


class Pull(Struct, frozen=True, gc=False):
    """There is room for another job: take one item from the source and offer it, or close."""


class Deliver(Struct, frozen=True, gc=False):
    """Deliver the *endings* of abandoned jobs, which no request was made for."""

    endings: tuple[Any, ...]


class Wait(Struct, frozen=True, gc=False):
    """Nothing may start before *until*, or before something finishes (None)."""

    until: float | None


class Finished(Struct, frozen=True, gc=False):
    """The source is closed, nothing is held, nothing runs: leave the loop."""


class Refill(Struct, frozen=True, gc=False):
    """*key* has room again: take up to *most* of its jobs from the overflow, oldest first, and refill with them."""

    key: Any
    most: int


class Spill(Struct, frozen=True, gc=False):
    """These *jobs* must not stay in memory: write them to the overflow, after the ones that their key has there."""

    jobs: tuple[Any, ...]


class Held(Struct, frozen=True, gc=False):
    """The job is in the frontier's memory now."""


class Bottleneck(enum.StrEnum):
    """The reason why the frontier did not start more when it last had to wait; or why the jobs of one key wait."""

    NOTHING = "nothing"
    SOURCE = "source"
    CONCURRENCY = "concurrency"
    CONSUMER = "consumer"
    RATE = "rate"
    KEYS = "keys"
    WINDOW = "window"
    BACKOFF = "backoff"
    ORDER = "order"
    PAUSED = "paused"
    CUT_OFF = "cut_off"
    PER_KEY = "per_key"
    DELAY = "delay"
    PARKED = "parked"
    ROBOTS = "robots"
    MEMORY = "memory"
    DESCRIPTORS = "descriptors"
    NAMES = "names"
    DISK = "disk"


class Ahead(enum.Enum):
    """How far a frontier may read on while none of its jobs may start."""

    NOWHERE = "nowhere"
    """All jobs have one key: reading on could not find another that is free."""

    WINDOW = "window"
    """As far as the window has room."""

    OVERFLOW = "overflow"
    """As far as the disk has room."""


class Waiting(NamedTuple):
    """The *bound* for which *jobs* of one *key* wait, until the time *until*, or None if that depends on other jobs.

    ``NOTHING`` means that they start with the next step; *running* jobs of the key run
    meanwhile.
    """

    key: Any
    jobs: int
    running: int
    bound: Bottleneck
    until: float | None


Answer = Start | Ask | Pull | Refill | Deliver | Spill | Wait | Finished

PULL: Final = Pull()
FINISHED: Final = Finished()
HELD: Final = Held()
