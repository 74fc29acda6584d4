"""The seams: what a source, an engine, a gate, an overflow, a report and a sink must do.

Sources, engines and sinks have a contract function in ``penstock.testing.contracts``
that every implementation passes, the fakes included.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

if TYPE_CHECKING:  # work of any kind uses the seams, and must not load HTTP
    from pathlib import Path

    from penstock.core.extents import Extent, SeqSet
    from penstock.core.results import Progress
    from penstock.core.schedule.answers import Bottleneck
    from penstock.core.schedule.shortage import Shortage
    from penstock.core.schedule.verdicts import Decision, Ending
    from penstock.core.web.documents import Rows
    from penstock.core.web.model import Outcome, Row
    from penstock.core.web.stored import Keep, Salvaged, Stored, Unreadable

__all__ = [
    "EXHAUSTED",
    "NOT_YET",
    "Contents",
    "Engine",
    "Format",
    "Gate",
    "Input",
    "Overflow",
    "Report",
    "Signal",
    "Sink",
    "Source",
]

Work = TypeVar("Work", contravariant=True)  # noqa: PLC0105 - what an engine is given to do: a Job, a Call
Given = TypeVar("Given", covariant=True)  # noqa: PLC0105 - what a source gives to be done
Block = TypeVar("Block")
"""What a sink writes at once, in a form of its own."""

Tried = TypeVar("Tried", covariant=True)  # noqa: PLC0105 - what an engine makes of it: an Attempt, a Called


class Signal(enum.Enum):
    """An answer of a source that has no item."""

    NOT_YET = "not yet"
    """Nothing at the moment; the source wakes the engine when it has an item, which it may wait for a request to
    make."""

    EXHAUSTED = "exhausted"
    """The source has ended."""


NOT_YET: Final = Signal.NOT_YET
EXHAUSTED: Final = Signal.EXHAUSTED
"""For code that runs for each item: Python 3.11 takes 60 ns to read a member of an enum from its class."""


class Contents(Protocol):
    """Compares an input that is read again with what it was in earlier sessions."""

    def check(self, first: int, digests: bytes, row: Callable[[int], Row]) -> None:
        """Take the *digests*, four bytes each, of the rows from seq *first* on, before any of them is used.

        Called with each seq once, in order. *row* makes the row of a seq. Raises
        InputChanged for the first row that has changed.
        """

    def end(self, inputs: int) -> None:
        """Note that there are *inputs* rows and no more. Raises InputChanged if there were more."""


class Input(Protocol):
    """A holder of rows: a file, standard input, an iterable of URLs."""

    @property
    def blocks(self) -> bool:
        """Whether reading may block; such an input can be read only once, on a thread of its own."""

    @property
    def on_demand(self) -> bool:
        """Whether a program makes its items as they are asked for; then none is wanted before there is room."""

    @property
    def nests(self) -> bool:
        """Whether it may name documents with more inputs, for which the reader then waits."""

    def rows(self, settled: SeqSet, contents: Contents | None = None) -> Rows:
        """Yield every row whose seq is not in *settled*, in order, read lazily.

        If the input nests, ``core.web.documents.resolve`` answers its requests for documents.

        A broken row has a ``fault``. *contents*, if given, checks all rows, settled or
        not, and their number; its exceptions come out here. Raises InputError if
        nothing can be read at all.
        """

    def remarks(self) -> list[str]:
        """Return what the user should know about the format of the input, each remark once."""

    def fingerprint(self) -> dict[str, Any] | None:
        """Return what identifies this input, as JSON takes it; None if nothing can."""

    def progress(self) -> tuple[int, int] | None:
        """Return the bytes read so far and the bytes of the whole input; None if they are unknown."""


class Source(Protocol[Given]):
    """Gives the driver one item at a time. ``pull`` is cheap and never waits.

    After ``NOT_YET`` the driver says by ``request`` how many items there is room for.
    """

    def pull(self) -> Given | Ending | Signal:
        """Return the next job; or the ending of an input that needs no job; or a signal that there is neither.

        An exception of the iterator behind it comes out here, once; after that the
        source is exhausted.
        """

    def request(self, room: int) -> None:
        """Allow *room* more items than were pulled to be made ahead of ``pull``, whatever an earlier call allowed.

        0 may be said from any thread, and by a signal handler.
        """

    def close(self) -> None:
        """Close the iterator and end the thread, if there is one. May be called twice."""

    async def aclose(self) -> None:
        """Do the same inside of an event loop, and wait until it is done."""


class Engine(Protocol[Work, Tried]):
    """Runs jobs. It never raises for a bad web: an attempt says what happened.

    Times are by the driver's clock.
    """

    def start(self, job: Work, now: float) -> None:
        """Begin *job*; its attempt comes out of ``collect``, later, once."""

    def collect(self, timeout: float | None) -> Sequence[Tried]:
        """Return the attempts that have finished, after at most *timeout* seconds (None: no limit) without any.

        Returns early, with nothing, when woken.
        """

    def fileno(self) -> int:
        """Return a descriptor that is readable when ``collect`` has something to do."""

    def deadline(self) -> float | None:
        """Return when ``collect`` must be called even if the descriptor is silent; None for never."""

    def bound(self) -> Bottleneck | None:
        """Return what inside of the engine keeps more jobs from running at once, if anything does."""

    def shortage(self) -> Shortage:
        """Return what the machine has run out of; the same object while nothing has changed."""

    def wake(self) -> None:
        """Make a waiting ``collect`` return. May be called from any thread and from a signal handler."""

    def cancel(self) -> None:
        """Drop everything that runs; it gets no attempts."""

    def inside(self) -> bool:
        """Return whether the caller is itself one of the running jobs, which cannot wait for their own end."""

    async def join_cancelled(self) -> None:
        """Wait, inside of an event loop, until everything dropped has ended."""

    def close(self) -> None:
        """Close every descriptor. May be called twice."""


class Gate(Protocol):
    """Knows what the hosts allow, and which job must succeed before others may start."""

    @property
    def capped(self) -> Mapping[Any, float]:
        """A few of the keys that ask for more seconds between two starts than they get, and how many they ask for."""

    def decide(self, job: Any) -> Decision:
        """Return whether *job* may start: ``Allow``, ``Deny`` or, with a prerequisite, ``Defer``."""

    def learn(self, result: Any) -> None:
        """Take the *result* of a prerequisite. Raises OutputError if it cannot be kept."""

    def close(self) -> None:
        """Release everything; the gate is not asked again. May be called twice."""


class Overflow(Protocol):
    """Keeps the jobs that the frontier spills, on a disk."""

    def put(self, jobs: Sequence[Any]) -> None:
        """Keep *jobs*, each after the ones that its key has here. Raises OutputError if that fails."""

    def take(self, key: Any, most: int) -> Sequence[Any]:
        """Remove and return the oldest jobs of *key*, at most *most* of them."""

    def close(self) -> None:
        """Drop all jobs. May be called twice."""


class Report(Protocol):
    """Shows the progress of a run: any object with these members; see ``penstock.run``.

    The session calls them in its own thread, between two commits at most, so a slow
    report slows the run down. An exception of a report ends the run, after all complete
    outcomes have been stored.
    """

    @property
    def every(self) -> float | None:
        """Seconds between two calls of ``update``; None for no calls."""

    def remark(self, text: str) -> None:
        """Show the notice *text* once: that a limit was lowered, that a file was set aside."""

    def update(self, progress: Progress) -> None:
        """Show where the run stands."""

    def close(self) -> None:
        """Leave the screen ready for another line of text; the last call."""


class Sink(Protocol[Block]):
    """Makes outcomes durable in one format: they are taken, cut into blocks, written, flushed.

    One thread calls ``take`` and ``cut``, while another one calls ``write`` and ``flush``
    with the blocks in their order.
    """

    @property
    def name(self) -> str:
        """The name of the format."""

    def take(self, outcome: Outcome) -> int:
        """Take *outcome* into memory, touch no file, and return roughly the bytes that it will take."""

    def cut(self) -> Block:
        """Return the outcomes taken since the last cut, perhaps none, and keep none of them."""

    def write(self, block: Block) -> None:
        """Write *block*, of which a part may stay in memory. Raises OutputError if that fails."""

    def flush(self) -> list[Extent]:
        """Make every block written durable; return the extents. Raises OutputError if that fails."""

    def close(self) -> None:
        """Close the files, without another flush. May be called twice."""


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

    @property
    def folder(self) -> str | None:
        """The name of the folder that holds files which its other files name, if it has one."""

    @property
    def unit(self) -> str:
        """What the offsets of its extents count: bytes or rows."""

    def length(self, file: Path) -> int:
        """Return where *file* ends, in its unit. Raises OSError if it cannot be read."""

    def checksum(self, folder: Path, extent: Extent) -> tuple[str, int]:
        """Return the checksum of the part of *extent* that is there, and how many bytes it sums.

        Raises OSError or FolderDamaged if its file cannot be read.
        """

    def open(self, folder: Path, committed: Mapping[str, int], *, inline_body: bool) -> Sink[Any]:
        """Return a sink that adds to its files in *folder*, of which *committed* gives the lengths in its unit.

        What a crash left beyond these is set aside first. Without *inline_body* bodies are not stored. Raises
        FolderDamaged if a file is shorter, OutputError if one cannot be written.
        """

    def read(self, folder: Path, extent: Extent) -> Iterator[Stored | Unreadable]:
        """Yield the rows of *extent*, in order. Raises OSError if its file cannot be read."""

    def outcomes(self, folder: Path, extent: Extent) -> Iterator[Outcome | Unreadable]:
        """Yield the outcomes of *extent*, in order, with everything that the format keeps of them.

        Raises OSError if its file cannot be read.
        """

    def salvage(self, file: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Reduce *file* to the rows that *keep* wants, in their order, and yield extents that cover it.

        Bytes that it cuts off are set aside first. A row has at most *longest* bytes, and an extent no input twice.
        Raises OutputError if the disk refuses.
        """

    def recover(self, aside: Path, keep: Keep, *, longest: int) -> Iterator[Salvaged]:
        """Append the rows of *aside* that *keep* wants to the files beside it; the rest is as of ``salvage``."""
