"""How it ended, as lines of text: what came of the inputs, what it cost, and what to type next.

Knows the counts, the folder and the width there is. Does not know terminals or exit codes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from penstock.core.schedule.statistics import Statistics
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Kind, Reason
from penstock.core.web.robots import LONGEST_DELAY
from penstock.remedies import shell_path, shell_word
from penstock.report import estimate, explain, suggest, wording
from penstock.report.safe import safe
from penstock.settings import Settings

__all__ = ["Ending", "command", "headline", "summary", "wrapped"]

INDENT: Final = "  "
MOST: Final = 6
"""Statuses, and reasons, that are named unless more is asked for; the rest is counted together."""


TIMES: Final = "{count:,} \N{MULTIPLICATION SIGN} {why}"

TIE: Final = "\xa0"
"""A space at which no line is broken; it never leaves this file."""

_BEFORE_A_UNIT: Final = re.compile(r"(?<=[0-9]) (?=%|(?:s|min|h|d|bytes|[kMGTP]B)\b)")

_KINDS: Final = {str(reason): reason.kind for reason in Reason}


class Ending(Protocol):
    """What must be known of the end: see ``Summary``, which is one."""

    @property
    def folder(self) -> str | None:
        """The run folder; None where lines went to standard output."""

    @property
    def tally(self) -> Tally:
        """All outcomes there are."""

    @property
    def session(self) -> Tally:
        """Those of this session."""

    @property
    def again(self) -> int:
        """How many of those took the place of an older one."""

    @property
    def pending(self) -> int:
        """How many inputs are still to be tried again, though they have an outcome."""

    @property
    def ended_by(self) -> str | None:
        """The setting or the signal by which it took no more, if one did."""

    @property
    def inputs_left(self) -> int | None:
        """How many inputs have no outcome yet or are still to be tried again, if that is known."""

    @property
    def inputs(self) -> int | None:
        """How many inputs there are, once all have been read."""

    @property
    def elapsed(self) -> float:
        """Seconds that this session took."""

    @property
    def complete(self) -> bool:
        """Whether every input has its outcome."""

    @property
    def statistics(self) -> Statistics:
        """Where the work stood."""


def summary(ending: Ending, settings: Settings, *, width: int = 80, verbose: bool = False) -> list[str]:
    """The lines to print; none is longer than *width* unless a single word is. *verbose* leaves nothing out."""
    lines = [*wrapped(headline(ending), width), "", *_table(ending, width, None if verbose else MOST)]
    if ending.tally.duplicates:
        ask = "1 input asks" if ending.tally.duplicates == 1 else f"{ending.tally.duplicates:,} inputs ask"
        lines += wrapped(f"{INDENT}{ask} for the same as an earlier one and share its outcome (--unique)", width)
    if ending.tally.total:
        lines += wrapped(_cost(ending, verbose=verbose), width)
    lines += wrapped(_capped(ending.statistics.capped), width)
    lines += _what_next(ending, settings, width)
    hint = None if ending.complete else explain.hint(ending.statistics, settings)
    if hint is not None:
        lines += ["", *wrapped(f"Hint: {hint}.", width)]
    alone = None if ending.complete else explain.alone(ending.statistics)
    if alone is not None:
        lines += ["", *wrapped(f"Left alone for now, having asked for it or being out of reach: {alone}.", width)]
    if ending.folder is not None:
        verb, does = ("verify", "Prove it") if ending.complete else ("resume", "Go on")
        # A resume keeps the share, which would stop it at once.
        more = ("--stop-at", "100%") if ending.ended_by == "stop_at" else ()
        # On a line of its own and never broken: it is there to be copied.
        lines += ["", f"{does}:", f"{INDENT}{command(verb, ending.folder, *more)}"]
    return lines


def _what_next(ending: Ending, settings: Settings, width: int) -> Iterator[str]:
    """What the outcomes suggest, and what of a finished run may work another time."""
    suggested = suggest.suggestion(ending.tally, settings, complete=ending.complete)
    if suggested is not None:
        yield ""
        yield from wrapped(suggested, width)
    later = suggest.later(ending.tally)
    if later and ending.complete and ending.folder is not None:
        said = f"{suggest.listed(later, TIMES)} may work later:"
        typed = command("retry", ending.folder)
        yield ""
        if len(said) + 1 + len(typed) <= width:
            yield f"{said} {typed}"
        else:
            yield from (*wrapped(said, width), f"{INDENT}{typed}")


def command(verb: str, folder: str, *options: str) -> str:
    """A command to type, quoted for a shell and safe to print."""
    return " ".join(["penstock", verb, *map(shell_word, options), shell_path(folder)])


def headline(ending: Ending) -> str:
    """Say in one line how it ended."""
    stored = wording.plural(ending.tally.total, "outcome")
    took = wording.duration(ending.elapsed)
    if ending.complete:
        if not ending.inputs:
            return "Done: the input is empty, so there is nothing to tell."
        each = "1 input has its outcome" if ending.inputs == 1 else f"all {ending.inputs:,} inputs have their outcome"
        return f"Done: {each}.{_of_it(ending)} It took {took}."
    stopped = f"Stopped{_by(ending.ended_by)} after {took}"
    if ending.folder is None:
        left = _left(ending)
        written = f"{stored} written{'' if left is None else f', {left}'}"
        return f"{stopped}: {written}. Nothing remembers which; with -o DIR a run can be resumed."
    if ending.pending:
        left = "1 input is" if ending.pending == 1 else f"{ending.pending:,} inputs are"
        return f"{stopped}: {stored} stored for good, and {left} still to be tried again.{_of_it(ending)}"
    return f"{stopped}: {stored} stored for good, and {_left(ending) or 'the rest can be done later'}.{_of_it(ending)}"


def _by(ended_by: str | None) -> str:
    """What ended it, as the user calls it."""
    if ended_by is None or ended_by == "stop":
        return ""
    return f" by {ended_by.upper()}" if ended_by.startswith("sig") else f" by --{ended_by.replace('_', '-')}"


def _left(ending: Ending) -> str | None:
    """How many inputs have no outcome yet; None if that is not known."""
    total = estimate.total(ending.statistics)
    if total is None:
        return None
    left = total - ending.tally.total - ending.tally.duplicates
    if left <= 0:  # a guess that was too low
        return None
    about = "" if ending.statistics.total is not None else "about "
    return f"{about}1 input is left" if left == 1 else f"{about}{left:,} inputs are left"


def _of_it(ending: Ending) -> str:
    """What this session did, where that is not just all."""
    if ending.again:
        return f" {wording.count(ending.again)} {'was' if ending.again == 1 else 'were'} tried again in this session."
    if ending.session.total == ending.tally.total:
        return ""
    return f" {wording.count(ending.session.total)} of them in this session."


def _table(ending: Ending, width: int, most: int | None) -> Iterator[str]:
    tally = ending.tally
    details: dict[Kind, Mapping[Any, int]] = {
        Kind.FETCHED: tally.statuses,
        Kind.FAILED: _reasons(tally, Kind.FAILED),
        Kind.SKIPPED: _reasons(tally, Kind.SKIPPED),
    }
    room = max((len(wording.count(number)) for number in tally.kinds.values()), default=0)
    for kind, numbers in details.items():
        number = tally.kinds[kind]
        if number:
            label = f"{INDENT}{kind:<7}  {wording.count(number):>{room}}"
            yield from _columns(label, wording.counts(numbers, most), width)


def _capped(hosts: Mapping[str, float]) -> str:
    """What was not obeyed of a robots.txt."""
    if not hosts:
        return ""
    host, wish = max(hosts.items(), key=lambda item: item[1])
    asks = "1 host asks" if len(hosts) == 1 else f"{len(hosts):,} hosts ask"
    return (
        f"{INDENT}{asks} for more than {LONGEST_DELAY:g} s between two requests (robots.txt), which is what they got: "
        f"{safe(host)} wants {wording.duration(wish)}"
    )


def _columns(label: str, entries: list[str], width: int) -> Iterator[str]:
    """*label* and what belongs to it, beside it in as many lines as it takes; no entry is torn apart."""
    margin = " " * len(label)
    line = label
    for entry in entries:
        if line not in (label, margin) and len(line) + 2 + len(entry) > width:
            yield line
            line = margin
        line = f"{line}  {entry}"
    yield line


def _reasons(tally: Tally, kind: Kind) -> dict[str, int]:
    return {reason: number for reason, number in tally.reasons.items() if _KINDS[reason] is kind}


def _cost(ending: Ending, *, verbose: bool) -> str:
    speed = ending.session.total / ending.elapsed if ending.elapsed > 0 else 0.0
    text = f"{INDENT}{wording.size(ending.tally.bytes)} of bodies"
    if ending.session.total:
        text += f", {wording.rate(speed)} outcomes a second"
    if verbose:
        attempts = wording.plural(ending.tally.attempts, "attempt")
        text += f", {attempts}, {wording.plural(ending.tally.redirects, 'redirect')}"
    return text


def wrapped(text: str, width: int) -> list[str]:
    """*text* in lines of at most *width* characters; no word is torn apart, nor a number from its unit."""
    indent = INDENT if text.startswith(INDENT) else ""
    tied = _BEFORE_A_UNIT.sub(TIE, text)
    lines = textwrap.wrap(tied, max(width, 1), break_long_words=False, break_on_hyphens=False, subsequent_indent=indent)
    return [line.replace(TIE, " ") for line in lines]
