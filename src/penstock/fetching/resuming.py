"""What a run goes on with: its input, found again or given anew, and its settings with what changed.

Knows run.json and how inputs are opened. Does not know what of the run is done, or how the work is done.
docs/decisions/settings-in-force.md says why run.json is written again.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from penstock.errors import InputChanged, InputError, UsageError
from penstock.fetching.wiring import try_engine
from penstock.remedies import Remedy, call, keyword, shell_path
from penstock.runs.contents import FORCE
from penstock.runs.folder import RunFolder, read_manifest
from penstock.runs.manifest import PACE, WITHHELD, Manifest, missing
from penstock.seams import Input
from penstock.settings import InputSettings, Settings
from penstock.source.iterables import Items
from penstock.source.opened import open_inputs

__all__ = [
    "Inputs",
    "Named",
    "check_passes",
    "found_again",
    "held",
    "in_force",
    "located",
    "opened",
    "settle_on",
]

Inputs = str | os.PathLike[str] | Iterable[Any]
"""What a program may give: the name of a file, a URL, ``-``, or an iterable of URLs or mappings."""


AGAIN: Final = Remedy("inputs=...", "--input FILE")


class Named(tuple[str, ...]):
    """Names of inputs, as a command line has them, rather than URLs in a tuple."""

    __slots__ = ()


@contextmanager
def held(folder: RunFolder) -> Iterator[RunFolder]:
    """Give *folder*, and let go of it if something goes wrong before a session has it."""
    try:
        yield folder
    except BaseException:
        folder.close()
        raise


def located(names: Sequence[str]) -> tuple[str, ...]:
    """Return *names* with every file's made absolute, so that a run can be resumed from anywhere."""
    return tuple(name if name == "-" or "://" in name else str(Path(name).absolute()) for name in names)


def opened(inputs: Inputs, settings: InputSettings) -> tuple[tuple[str, ...], Input]:
    """Return the names of *inputs* and the input itself; an iterable has no name.

    Raises UsageError if they have no order, InputError if they can't be read.
    """
    if isinstance(inputs, str | os.PathLike):
        inputs = Named((os.fspath(inputs),))
    if isinstance(inputs, Named):
        names = located(inputs)
        return names, open_inputs(names, settings)
    if isinstance(inputs, set | frozenset):
        raise UsageError(
            f"a {type(inputs).__name__} has another order in each process, and a run knows its inputs by their place; "
            "give it an order: penstock.run(sorted(urls), ...)"
        )
    return (), Items(inputs, settings)


def found_again(
    folder: RunFolder, changes: Mapping[str, Any], inputs: Inputs | None = None, *, force: bool = False
) -> tuple[Input, Settings]:
    """Return the input of the run in *folder*, or *inputs* in its place, and its settings with *changes*, which stay.

    Raises InputChanged if the input is not the one that the run began with, unless *force*; UsageError if it can't be
    found, or a setting would make another job of the run.
    """
    settings = _resumed(folder.manifest, changes)
    try_engine(settings)
    if inputs is None:
        names = _known(folder.manifest)
        try:
            source: Input = open_inputs(names, settings.input())
        except InputError as error:
            raise InputError(*error.args, ". If it has moved, say where it is now: ", AGAIN) from error
    else:
        names, source = opened(inputs, settings.input())
    check_passes(settings, source)
    settle_on(folder, settings, names, source, force=force)
    return source, settings


def settle_on(
    folder: RunFolder, settings: Settings, names: tuple[str, ...], source: Input, *, force: bool = False
) -> None:
    """Have the run in *folder* go on with *settings* and *source*, which is at *names*.

    Raises FolderMismatch if that is another job, InputChanged if its input is another, unless *force*.
    """
    was = folder.manifest
    # An iterable has no fingerprint, since it may have grown: its items are compared as they come. But a build that
    # kept no digests took one of a list.
    fingerprint = source.fingerprint() if names or was.fingerprint is not None else None
    now = Manifest.of(settings, names, fingerprint)
    try:
        # What has no fingerprint, as standard input, is compared only as it is read, wherever it is now.
        folder.check(replace(now, inputs=was.inputs) if was.fingerprint is None else now)
    except InputChanged:
        if not force:
            raise
    folder.change_to(now)


def in_force(manifest: Manifest, settings: Settings, given: Collection[str]) -> Settings:
    """Return *settings* with what may change and is not among those *given* as the run has it.

    UsageError if that is a proxy whose credentials are not kept.
    """
    kept = {name: getattr(manifest.settings, name) for name in PACE if name not in given}
    if "proxy" in kept and "proxy" in manifest.withheld:
        raise missing(keyword("proxy"), Remedy("proxy=...", "--proxy ..."))
    return replace(settings, **kept)


@contextmanager
def forced_by_resume(output: str | os.PathLike[str], names: Sequence[str] = ()) -> Iterator[None]:
    """Have an InputChanged that is raised inside name the resume that takes the input as it is.

    For what has no ``force`` of its own. *names* are those of the input, if they are given anew.
    """
    try:
        yield
    except InputChanged as error:
        was, option = read_manifest(Path(output)), ""
        if names and ("inputs" in was.withheld or located(names) != was.inputs):
            option = "--input INPUT "
        command = f"penstock resume --force {option}{shell_path(output)}"
        resume = Remedy(call("resume", output, force=True).python, command)
        error.args = tuple(resume if part == FORCE else part for part in error.args)
        raise


def check_passes(settings: Settings, source: Input) -> None:
    """Raise UsageError if *settings* want the input to be read again and *source* can't be."""
    if settings.passes > 1 and source.blocks:
        raise UsageError(
            "passes read the input again, and this one can be read only once; put it into a file or a list"
        )


def _known(manifest: Manifest) -> tuple[str, ...]:
    """Return where the run's input is. Raises UsageError if run.json does not say it."""
    if not manifest.inputs:
        raise UsageError("this run's input was an iterable of a program, which is not kept; give it again: ", AGAIN)
    if "inputs" in manifest.withheld:
        raise UsageError(
            "the URLs of this run had credentials in them, which are not kept; give them again, all that it was begun "
            "with, in their order: ",
            Remedy("inputs=[...]", "--input URL for each"),
        )
    return manifest.inputs


def _resumed(manifest: Manifest, changes: Mapping[str, Any]) -> Settings:
    """The settings of the run with *changes*; UsageError for one that would make another job of it."""
    given = Settings.of(**changes)
    was = manifest.settings
    fixed = [name for name in sorted(changes) if name not in {*PACE, "headers", "url_template"}]
    for name in fixed:
        if getattr(given, name) != getattr(was, name):
            raise _fixed(keyword(name))
    kept = {(name.lower(), value) for name, value in was.headers}
    for name, value in given.headers:
        if kept.isdisjoint(((name.lower(), value), (name.lower(), WITHHELD))):
            raise _fixed(f"header {name}")
    if "url_template" in changes and "url_template" not in manifest.withheld and given.url_template != was.url_template:
        raise _fixed(keyword("url_template"))
    secrets = {name: getattr(given, name) for name in ("headers", "proxy", "url_template") if name in changes}
    return replace(manifest.restore(**secrets), **{name: getattr(given, name) for name in changes if name in PACE})


def _fixed(what: str | Remedy) -> UsageError:
    others = [part for name in sorted(PACE) for part in (", ", keyword(name))]
    return UsageError(what, " is part of what this run is; it can't change. What can: ", *others[1:])
