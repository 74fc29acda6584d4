"""The seams: what a source, an engine and a sink must do. Everything else is an implementation.

Each has a contract function in ``penstock.testing.contracts`` which every implementation passes, the
fakes included.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from pyroaring import BitMap64

from penstock.core.schedule.answers import Bottleneck
from penstock.core.web.model import Ending, Outcome, Prerequisite, Row
from penstock.core.web.robots import Heard
from penstock.core.web.stored import RowTotals, Stored, Unreadable
from penstock.core.web.tally import Statistics

__all__ = [
    "Contents",
    "Engine",
    "Extent",
    "Format",
    "Gate",
    "Input",
    "Keep",
    "Overflow",
    "Report",
    "Salvaged",
    "Settled",
    "Signal",
    "Sink",
    "Source",
]

Work = TypeVar("Work", contravariant=True)  # noqa: PLC0105 - what an engine is given to do: a Job, a Call
Given = TypeVar("Given", covariant=True)  # noqa: PLC0105 - what a source gives to be done
Tried = TypeVar("Tried", covariant=True)  # noqa: PLC0105 - what an engine says came of it: an Attempt, a Called

Settled = BitMap64
"""The seqs of the inputs whose outcomes are durable."""


class Signal(enum.Enum):
    """What a source says instead of an item."""

    NOT_YET = "not yet"
    """Nothing at the moment; the source wakes the engine when it has something."""

    EXHAUSTED = "exhausted"
    """Nothing any more."""


class Contents(Protocol):
    """Compares an input that is read again with what it was in earlier sessions."""

    def check(self, first: int, digests: bytes, row: Callable[[int], Row]) -> None:
        """Take the *digests*, four bytes each, of the rows from seq *first* on, before any of these is given out.

        Each seq once, in order. InputChanged for the first that is not what it was: *row* makes the row of a seq then.
        """

    def end(self, inputs: int) -> None:
        """There are *inputs* rows and no more. InputChanged if there were more."""


class Input(Protocol):
    """Something that holds rows: a file, standard input, an iterable of URLs."""

    @property
    def blocks(self) -> bool:
        """Whether reading may have to wait for somebody: such an input is read on a thread of its own."""

    def rows(self, settled: Settled, contents: Contents | None = None) -> Iterator[Row]:
        """Every row whose seq is not in *settled*, in order, read lazily.

        A row that is broken comes with its ``fault``; InputError if nothing can be read at all. *contents*, if given,
        is told of all rows, settled or not, and of the end; what it raises comes out of here.
        """

    def remarks(self) -> list[str]:
        """What is to be said of the input since this was asked, as of how it seems to be written; each thing once."""

    def fingerprint(self) -> dict[str, Any] | None:
        """What tells this input from another, as JSON takes it; None where nothing can."""

    def progress(self) -> tuple[int, int] | None:
        """How many bytes of how many are read; None where nobody knows."""


class Source(Protocol[Given]):
    """Where the driver takes the next item from. ``pull`` is cheap and never waits."""

    def pull(self) -> Given | Ending | Signal:
        """The next job; or the ending of an input that needs no job; or why there is neither.

        Whatever the iterator behind it raises comes out here, once; after that it is exhausted.
        """

    def close(self) -> None:
        """Close the iterator and end the thread, if there is one. May be called twice."""

    async def aclose(self) -> None:
        """The same inside of a loop, waiting until it is done."""


class Engine(Protocol[Work, Tried]):
    """Does one job each time it is asked. It never raises for a bad web: an attempt says what happened.

    Times are those of the clock the driver uses.
    """

    def start(self, job: Work, now: float) -> None:
        """Begin *job*; its attempt comes out of ``collect``, later, once."""

    def collect(self, timeout: float | None) -> Sequence[Tried]:
        """What has finished, waiting at most *timeout* seconds (None: without end) for the first.

        Returns early, with nothing, when woken.
        """

    def fileno(self) -> int:
        """A descriptor that is readable when ``collect`` has something to do."""

    def deadline(self) -> float | None:
        """When ``collect`` must be called even though the descriptor is silent."""

    def bound(self) -> Bottleneck | None:
        """What of the engine's own keeps more from being done at once, if anything does."""

    def wake(self) -> None:
        """Make a waiting ``collect`` return. May be called from any thread and from a signal handler."""

    def cancel(self) -> None:
        """Drop everything that runs; nothing comes out for it."""

    def inside(self) -> bool:
        """Whether whoever asks is part of what runs, and so can't wait until that is over."""

    async def settle(self) -> None:
        """Wait, inside of a loop, until what was dropped is really over."""

    def close(self) -> None:
        """Give back every descriptor. May be called twice."""


class Gate(Protocol):
    """Knows what the hosts let one do, and what must be asked of them first."""

    @property
    def capped(self) -> Mapping[Any, float]:
        """Keys that want more seconds between two starts than they get, a few of them, and how many they want."""

    def look(self, job: Any) -> float | Ending | Prerequisite:
        """The seconds between two starts that *job*'s host wants; or what the job comes to, untried, or is behind."""

    def spacing(self, job: Any) -> float:
        """Those seconds, whatever *job* itself comes to; 0 where the host wants none, or was not asked."""

    def learn(self, heard: Heard) -> None:
        """Take in what came of a prerequisite. OutputError where it can't be kept."""

    def close(self) -> None:
        """Nothing more will be asked. May be called twice."""


class Overflow(Protocol):
    """Keeps the jobs that the frontier spills, on a disk."""

    def put(self, jobs: Sequence[Any]) -> None:
        """Keep *jobs*, each behind those that its key has here. OutputError where that can't be done."""

    def take(self, key: Any, most: int) -> Sequence[Any]:
        """The oldest jobs of *key*, *most* of them at the most; they are not here any more."""

    def close(self) -> None:
        """Drop what is here. May be called twice."""


class Extent(Struct, frozen=True):
    """A stretch of one output file that is on the disk for good: proof that it may be committed.

    *start* and *end* are offsets in bytes; *checksum* is that of the bytes between them, its algorithm in
    front (``crc32:9ae0daaf``); *seqs* are the inputs whose outcomes they hold, one row each. Only a durable
    write makes one.
    """

    sink: str
    file: str
    start: int
    end: int
    rows: int
    checksum: str
    seqs: BitMap64


class Report(Protocol):
    """Shows how a run goes: any object with these members; see ``penstock.run``.

    All are called in the thread in which the run was called, between two commits at most, so what takes long holds the
    run up. What one raises ends the run, after all that is complete has been stored.
    """

    @property
    def every(self) -> float | None:
        """Seconds after which ``update`` is to be called again; None: never."""

    def remark(self, text: str) -> None:
        """Say *text* once, in passing: that a limit was lowered, that a file was set aside."""

    def update(self, statistics: Statistics) -> None:
        """Show where the work stands."""

    def close(self) -> None:
        """Leave the screen as a following line of text needs it; the last call."""


class Sink(Protocol):
    """Makes outcomes durable in one format."""

    @property
    def name(self) -> str:
        """The name of the format."""

    def write(self, outcome: Outcome) -> int:
        """Take *outcome*, perhaps into memory, and return roughly how many bytes its row has."""

    def flush(self) -> list[Extent]:
        """Make everything taken durable and return the extents of it. Raises OutputError if that fails."""

    def close(self) -> None:
        """Close the files without another flush. May be called twice."""


Keep = Callable[[str, Stored], bool]
"""Whether to keep a row of the file with this name. Asked once for each row that can be read, in the order written."""

Salvaged = tuple[Extent, RowTotals]
"""An extent of what was kept, and the sums of its rows."""


class Format(Protocol):
    """One way to store outcomes: how its files are called, written, read back and repaired.

    docs/decisions/formats.md says what a new one needs. A format knows its files; it does not know the ledger.
    """

    @property
    def name(self) -> str:
        """The word of the setting ``sinks`` for it, and the ``sink`` of its extents."""

    @property
    def pattern(self) -> str:
        """The regular expression that the name of each of its files matches whole. No other format's may match it."""

    @property
    def unfinished(self) -> str | None:
        """The same for files that are still written, if they have names of their own; a resume removes them."""

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool) -> Sink:
        """Return a sink that adds to its files in *folder*, of which *committed* gives the lengths in bytes.

        What a crash left beyond these is set aside first. Without *inline_body* bodies are not stored. Raises
        FolderDamaged if a file is shorter, OutputError if one cannot be written.
        """

    def read(self, folder: Path, extent: Extent) -> Iterator[Stored | Unreadable]:
        """Yield the rows of *extent*, in order. Raises OSError if its file cannot be read."""

    def salvage(self, file: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Reduce *file* to the rows that *keep* wants, in their order, and yield extents that cover it.

        What is cut off is set aside first. A row has at most *longest* bytes, and an extent no input twice. Raises
        OutputError if the disk refuses.
        """

    def recover(self, aside: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Append the rows of *aside* that *keep* wants to the files beside it; the rest is as of ``salvage``."""
