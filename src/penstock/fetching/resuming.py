"""The input of a resumed run, and its settings with the changes.

Knows run.json and how inputs are opened. Does not know which inputs are settled, or how
they are fetched. docs/decisions/settings-in-force.md says why run.json is written
again.
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
from penstock.runs.manifest import WITHHELD, Manifest, missing
from penstock.seams import Input
from penstock.settings import CHANGEABLE, SETTINGS, InputSettings, Resume, Settings
from penstock.source.iterables import Items
from penstock.source.opened import open_inputs

__all__ = [
    "Inputs",
    "Named",
    "check_passes",
    "close_on_error",
    "inherit_settings",
    "name_inputs",
    "open_source",
    "resume_source",
    "suggest_force",
    "update_run",
]

Inputs = str | os.PathLike[str] | Iterable[Any]
"""The name of a file, a URL, ``-``, or an iterable of URLs or mappings."""


AGAIN: Final = Remedy("inputs=...", "--input FILE")


class Named(tuple[str, ...]):
    """Names of inputs, as a command line has them, rather than URLs in a tuple."""

    __slots__ = ()


def name_inputs(names: Sequence[str]) -> Inputs | None:
    """Return *names* as ``resume_source`` takes them; None if there are none."""
    return Named(names) if names else None


@contextmanager
def close_on_error(folder: RunFolder) -> Iterator[RunFolder]:
    """Give *folder*, and close it if an error is raised before a session owns it."""
    try:
        yield folder
    except BaseException:
        folder.close()
        raise


def _make_absolute(names: Sequence[str]) -> tuple[str, ...]:
    """Return *names* with absolute paths, so that a resume works from anywhere."""
    return tuple(name if name == "-" or "://" in name else str(Path(name).absolute()) for name in names)


def open_source(inputs: Inputs, settings: InputSettings) -> tuple[tuple[str, ...], Input]:
    """Open *inputs* and return their names, none for an iterable, and the source.

    Raises UsageError if they have no order, InputError if they can't be read.
    """
    if isinstance(inputs, str | os.PathLike):
        inputs = Named((os.fspath(inputs),))
    if isinstance(inputs, Named):
        names = _make_absolute(inputs)
        return names, open_inputs(names, settings)
    if isinstance(inputs, set | frozenset):
        raise UsageError(
            f"a {type(inputs).__name__} has another order in each process, and a run knows its inputs by their place; "
            "give it an order: penstock.run(sorted(urls), ...)"
        )
    return (), Items(inputs, settings)


def resume_source(
    folder: RunFolder, changes: Mapping[str, Any], inputs: Inputs | None = None, *, force: bool = False
) -> tuple[Input, Settings]:
    """Open the input of the run in *folder*, or *inputs* in its place.

    Return it and the settings with *changes*.

    The run keeps the changes. Raises InputChanged if the input is not the one that the
    run began with, unless *force*; UsageError if it can't be found, or a change would
    make another job of the run.
    """
    settings = _apply_changes(folder.manifest, changes)
    try_engine(settings)
    if inputs is None:
        names = _find_inputs(folder.manifest)
        try:
            source: Input = open_inputs(names, settings.input())
        except InputError as error:
            raise InputError(*error.args, ". If it has moved, name its new place: ", AGAIN) from error
    else:
        names, source = open_source(inputs, settings.input())
    check_passes(settings, source)
    update_run(folder, settings, names, source, force=force)
    return source, settings


def update_run(
    folder: RunFolder, settings: Settings, names: tuple[str, ...], source: Input, *, force: bool = False
) -> None:
    """Store *settings* and *names*, where *source* is, in the run.json of *folder*.

    Raises FolderMismatch if they make another job of it, InputChanged if *source* is
    another input, unless *force*.
    """
    was = folder.manifest
    # An iterable has no fingerprint, since it may have grown: its items are compared as
    # they come. But a build that kept no digests took one of a list.
    fingerprint = source.fingerprint() if names or was.fingerprint is not None else None
    now = Manifest.of(settings, names, fingerprint)
    try:
        # An input without a fingerprint, as standard input, is compared only as it is
        # read; its place may change.
        folder.check(replace(now, inputs=was.inputs) if was.fingerprint is None else now)
    except InputChanged:
        if not force:
            raise
    folder.change_to(now)


def inherit_settings(manifest: Manifest, settings: Settings, given: Collection[str]) -> Settings:
    """Return *settings*, with the run's values of changeable ones not *given*.

    Raises UsageError if one is a proxy whose credentials are not stored.
    """
    kept = {name: getattr(manifest.settings, name) for name in CHANGEABLE if name not in given}
    if "proxy" in kept and "proxy" in manifest.withheld:
        raise missing(keyword("proxy"), Remedy("proxy=...", "--proxy ..."))
    return replace(settings, **kept)


@contextmanager
def suggest_force(output: str | os.PathLike[str], names: Sequence[str] = ()) -> Iterator[None]:
    """Make an InputChanged raised inside name the resume that accepts the input.

    It is for commands without ``force``. *names* are the input's, if given again.
    """
    try:
        yield
    except InputChanged as error:
        was, option = read_manifest(Path(output)), ""
        if names and ("inputs" in was.withheld or _make_absolute(names) != was.inputs):
            option = "--input INPUT "
        command = f"penstock resume --force {option}{shell_path(output)}"
        resume = Remedy(call("resume", output, force=True).python, command)
        error.args = tuple(resume if part == FORCE else part for part in error.args)
        raise


def check_passes(settings: Settings, source: Input) -> None:
    """Raise UsageError if *settings* want to read *source* again and it can't be."""
    if settings.passes > 1 and source.blocks:
        raise UsageError(
            "passes read the input again, and this one can be read only once; put it into a file or a list"
        )


def _find_inputs(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the run's inputs.

    Raises UsageError if run.json does not have them.
    """
    if not manifest.inputs:
        raise UsageError("this run's input was an iterable of a program, which is not kept; give it again: ", AGAIN)
    if "inputs" in manifest.withheld:
        raise UsageError(
            "the URLs of this run had credentials in them, which are not kept; give them again, all that it was begun "
            "with, in their order: ",
            Remedy("inputs=[...]", "--input URL for each"),
        )
    return manifest.inputs


def _apply_changes(manifest: Manifest, changes: Mapping[str, Any]) -> Settings:
    """Return the settings of the run with *changes*.

    Raises UsageError if one would make another job of it.
    """
    given = Settings.of(**changes)
    was = manifest.settings
    for name in sorted(changes):
        if SETTINGS[name].spec.resume is Resume.FIXED and getattr(given, name) != getattr(was, name):
            raise _refuse_change(keyword(name))
    kept = {(name.lower(), value) for name, value in was.headers}
    for name, value in given.headers:
        if kept.isdisjoint(((name.lower(), value), (name.lower(), WITHHELD))):
            raise _refuse_change(f"header {name}")
    if "url_template" in changes and "url_template" not in manifest.withheld and given.url_template != was.url_template:
        raise _refuse_change(keyword("url_template"))
    secrets = {name: getattr(given, name) for name in ("headers", "proxy", "url_template") if name in changes}
    return replace(
        manifest.restore(**secrets), **{name: getattr(given, name) for name in changes if name in CHANGEABLE}
    )


def _refuse_change(what: str | Remedy) -> UsageError:
    others = [part for name in sorted(CHANGEABLE) for part in (", ", keyword(name))]
    return UsageError(what, " is part of what this run is; it can't change. What can: ", *others[1:])
