"""Answers about a list or a run folder, without a request: plan, leftover, verify.

Knows how an input is read again and compared with a ledger. Changes nothing, except
that ``verify`` may repair.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from penstock.core.extents import Settled
from penstock.core.results import Verification
from penstock.core.schedule.verdicts import Duplicate
from penstock.core.web.documents import Nested
from penstock.core.web.model import Job, Skipped
from penstock.core.web.plan import Plan, Survey
from penstock.core.web.requests import Requests, identity
from penstock.errors import InputChanged, PenstockError, UsageError
from penstock.fetching.deduplication import Once
from penstock.fetching.documents import read_rows, recall_documents
from penstock.fetching.resuming import suggest_force
from penstock.fetching.wiring import read_jobs
from penstock.runs.differences import difference
from penstock.runs.documents import DocumentStore
from penstock.runs.files import LEDGER_FILE
from penstock.runs.folder import RunFolder, no_run, read_manifest
from penstock.runs.ledger import Ledger
from penstock.runs.lock import Lock
from penstock.runs.manifest import Manifest
from penstock.runs.repair import repair as rebuild
from penstock.runs.verify import Recount
from penstock.runs.verify import verify as check
from penstock.scratch.seen import NameCounts, SeenRequests
from penstock.seams import Contents
from penstock.settings import Settings
from penstock.source.opened import STDIN, open_inputs

__all__ = ["leftover", "plan", "verify"]

log = logging.getLogger("penstock")


def leftover(output: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the URLs of the run in *output* that have no outcome.

    The input is read again. A URL with credentials is a comment without them. Raises
    FolderError if there is no run, FolderInUse while another process works on it,
    InputChanged if the input is not the one the run began with; UsageError if the input
    can't be read again: it was standard input or an iterable, or had secrets in it.
    """
    path = Path(output)
    if not RunFolder.holds_run(path):
        raise no_run(path)
    manifest = read_manifest(path)
    with Lock(path, shared=True):
        ledger = Ledger(path / LEDGER_FILE, manifest.run)
    with closing(ledger):
        if ledger.total is None:
            with suggest_force(path):
                yield from _read_leftover(path, manifest, ledger)


def _read_leftover(path: Path, manifest: Manifest, ledger: Ledger) -> Iterator[str]:
    """Yield as ``leftover`` does, of the run in *path*, which has not finished."""
    if STDIN in manifest.inputs or not manifest.inputs:
        what = "standard input" if manifest.inputs else "an iterable of a program"
        raise UsageError(f"this run's input was {what}, which can't be read again; a resume takes it again")
    for secret, what in (("url_template", "template of this run"), ("inputs", "URLs of this run")):
        if secret in manifest.withheld:
            raise UsageError(f"the {what} had credentials, which are not kept; a resume takes them again")
    source = open_inputs(manifest.inputs, manifest.settings.input())
    manifest.check(Manifest.of(manifest.settings, manifest.inputs, source.fingerprint()))
    documents = recall_documents(DocumentStore(path))
    for item in read_jobs(source, ledger.settled(), manifest.settings, ledger.contents(), documents):
        if isinstance(item, Job | Skipped):
            url = " ".join(item.url.split())
            yield f"# {url}" if "***@" in url else url


def verify(output: str | os.PathLike[str], *, repair: bool = False) -> Verification:
    """Prove that the run in the folder *output* holds what it should.

    See ``penstock.verify``.
    """
    path = Path(output)
    if not RunFolder.holds_run(path):
        raise no_run(path)
    if repair:
        rebuild(path)
    manifest = read_manifest(path)
    with Lock(path, shared=True), closing(Ledger(path / LEDGER_FILE, manifest.run)) as ledger:
        again = _recount(path, manifest, ledger.contents())
    return check(path, again)


def _recount(path: Path, manifest: Manifest, contents: Contents) -> Recount | None:
    """Count and compare the inputs of the run in *path* again.

    None if the fingerprint differs or they can be read only once.
    """
    if manifest.fingerprint is None or "inputs" in manifest.withheld:
        return None
    try:
        source = open_inputs(manifest.inputs, manifest.settings.input())
        if difference(manifest.fingerprint, source.fingerprint()) is not None:
            return None
        rows = read_rows(source, Settled(), contents, recall_documents(DocumentStore(path)))
        if not manifest.settings.unique:
            return Recount(sum(1 for _ in rows))
        inputs, duplicates = 0, Settled()
        with Once(Requests()) as once:
            for row in rows:
                inputs += 1
                if type(once.prepare(row, 0.0)) is Duplicate:
                    duplicates.add(row.seq)
        return Recount(inputs, duplicates)
    except InputChanged as error:
        return Recount(changed=error.args[0])
    except PenstockError:
        return None


def plan(
    names: Sequence[str], settings: Settings, hosts: int = 10, notify: Callable[[str], object] = log.warning
) -> Plan:
    """Return the plan of the inputs *names*, with their biggest *hosts*.

    All of them are read, within bounded memory; a temporary file holds what must be
    remembered of them. *notify* is called with each remark on how the inputs are
    written. Raises UsageError if a setting is wrong, InputError if an input can't be
    read, OutputError if the disk has no room for the temporary file.
    """
    source = open_inputs(names, settings.input())
    first = Requests().prepare
    with SeenRequests() as seen, NameCounts() as counts:
        survey = Survey(counts, unique=settings.unique)
        nested = _Nested()
        for row in read_rows(source, Settled(), documents=nested):
            item = first(row, 0.0)
            if isinstance(item, Job):
                survey.request(item.key, again=not seen.add(identity(item)))
            else:
                survey.refuse(item, row.line)
        for remark in source.remarks():
            notify(remark)
        if nested.count:
            said = "a plan sends no request, and the pages are in them"
            notify(f"Sitemaps counted as one input each: {nested.count:,}; {said}.")
        return survey.plan(settings.limits(), hosts)


class _Nested:
    """Counts the documents that an input names, and gives none."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _nested: Nested) -> None:
        self.count += 1
