"""A run without a web: scripted outcomes through the real sink, ledger and folder.

python scripted.py work DIR | python scripted.py repair DIR

What was reset is tried again when all have an outcome, as a run with two passes does; some of it then succeeds.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from penstock.core.schedule.learned import Learned
from penstock.core.web.model import Failed, Fetched, Outcome, Reason, Skipped
from penstock.errors import PenstockError
from penstock.reading.run import open as open_run
from penstock.runs.files import LEDGER_FILE
from penstock.runs.folder import RunFolder, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.manifest import Manifest
from penstock.runs.repair import repair
from penstock.runs.store import FolderStore
from penstock.runs.verify import Recount, verify
from penstock.settings import Settings
from penstock.sink import durable
from penstock.sink.formats import FORMATS, open_sinks
from penstock.sink.jsonl import JSONL

INPUTS = 12
FLUSH_EVERY = 4
FILE_BYTES = 4000
NEVER = 3600.0
"""Seconds between two flushes that nobody asks for."""

PATIENCE = 60.0
"""Seconds that no batch takes."""

BUFFER = 700
"""Small, so that there are several writes to a flush, and several files."""


def script(*, again: bool) -> Iterator[Outcome]:
    """What becomes of each input; the second time in another order, and with fewer headers."""
    head = b"HTTP/1.1 200 OK\r\n" + (b"" if again else b"X-Padding: %s\r\n" % (b"p" * 100)) + b"\r\n"
    for seq in reversed(range(INPUTS)) if again else range(INPUTS):
        url = f"http://host{seq}.test/"
        if seq % 5 == 3:
            yield Failed(seq, url, Reason.RESET, "connection reset", attempts=3)
        elif seq % 5 == 4:
            yield Skipped(seq, url, Reason.INVALID_URL, "no host")
        else:
            yield Fetched(seq, url, status=200, head=head, body=b"page %d " % seq * (seq * 5), attempts=1)


def second_script() -> Iterator[Outcome]:
    """What becomes of those that are tried again."""
    for seq in range(INPUTS):
        url = f"http://host{seq}.test/"
        if seq % 2:
            yield Fetched(
                seq, url, status=200, head=b"HTTP/1.1 200 OK\r\n\r\n", body=b"at last %d " % seq * 90, attempts=1
            )
        else:
            yield Failed(seq, url, Reason.TIMEOUT, "no answer " * 40, attempts=3)


class Feed:
    """What feeds the store: it has learned nothing, and never waits for the disk, since each batch does."""

    def learned(self) -> Learned:
        return Learned()

    def pause(self) -> None:
        raise AssertionError("there is room")

    resume = pause


def work(path: Path, promised: set[int] | None = None, sinks: tuple[str, ...] = (JSONL.name,)) -> None:
    """Begin the run in the folder *path*, or resume it, to its end; every seq that is durable goes into *promised*."""
    manifest = Manifest.of(Settings(sinks=sinks), ("list.txt",), {"kind": "items", "count": INPUTS, "sha256": "aa"})
    again = RunFolder.holds_run(path)
    with closing(RunFolder.open(path) if again else RunFolder.create(path, manifest)) as folder:
        folder.check(manifest)
        settled = folder.ledger.settled()
        opened = open_sinks(sinks, path, folder.ledger.lengths, inline_body=True)
        with closing(FolderStore(opened, folder, NEVER, Feed())) as store:
            for batch in batched(outcome for outcome in script(again=again) if outcome.seq not in settled):
                settle(store, batch)
                (set() if promised is None else promised).update(outcome.seq for outcome in batch)
            finish(folder)
            if folder.ledger.passes == 1:
                folder.ledger.begin_pass({"reset"}, 2)
            for outcome in second_script():
                if outcome.seq in folder.ledger.pending():
                    settle(store, [outcome])
            finish(folder)


def finish(folder: RunFolder) -> None:
    if not folder.ledger.pending():
        folder.ledger.finish(INPUTS)


def batched(outcomes: Iterator[Outcome]) -> Iterator[list[Outcome]]:
    while batch := list(islice(outcomes, FLUSH_EVERY)):
        yield batch


def settle(store: FolderStore, batch: list[Outcome]) -> None:
    """Store *batch*, through the threads that do so in a run."""
    store.take(batch)
    store.finish(None, 0)
    assert store.wait(PATIENCE)


def settled_in(path: Path) -> set[int]:
    """What the folder says is settled; nothing in it is touched."""
    with closing(Ledger(path / LEDGER_FILE, read_manifest(path).run)) as ledger:
        return set(ledger.settled())


def identities(path: Path) -> list[tuple[object, ...]]:
    """What must be the same however often a run was ended: the newest outcome of each input, its body included."""
    names = ("seq", "outcome", "error", "status", "sha256")
    return sorted(tuple(page.as_dict()[name] for name in names) for page in open_run(path))


def problems(path: Path, expected: list[tuple[object, ...]]) -> list[str]:
    """What is wrong with a run that should be whole."""
    try:
        found = list(verify(path, Recount(INPUTS)).problems)
    except PenstockError as error:
        return [str(error)]
    if found:
        return found
    if not verify(path).finished or verify(path).pending:
        found.append("it has not finished")
    if identities(path) != expected:
        found.append("its outcomes are not those of a run that was not ended")
    for file in path.iterdir():
        if file.name.endswith(".part"):
            found.append(f"{file.name} was left behind")
        if ".torn-" in file.name and f"{zlib.crc32(file.read_bytes()):08x}" != file.name.rpartition("-")[2]:
            found.append(f"{file.name} is not what its name says")
    return found


if __name__ == "__main__":
    durable.BUFFER = BUFFER
    FORMATS[JSONL.name] = replace(JSONL, file_bytes=FILE_BYTES)
    {"work": work, "repair": repair}[sys.argv[1]](Path(sys.argv[2]))
