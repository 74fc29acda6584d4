"""The end of a session as lines of text, with the next command to type.

Knows the counts, the folder and the width. Does not know terminals or exit codes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from penstock.core.results import Summary
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Kind, Reason
from penstock.core.web.robots import LONGEST_DELAY
from penstock.remedies import Message, Remedy, keyword, shell_path, shell_word
from penstock.report import estimate, explain, suggest, wording
from penstock.report.escaping import escape
from penstock.settings import Settings

__all__ = ["command", "headline", "summary", "wrap"]

INDENT: Final = "  "
MOST: Final = 6
"""Statuses, and reasons, that are named without *verbose*; the others are counted
together."""


TIMES: Final = "{count:,} \N{MULTIPLICATION SIGN} {why}"

TIE: Final = "\xa0"
"""A space at which no line is broken; no line has it in the end."""

_BEFORE_A_UNIT: Final = re.compile(r"(?<=[0-9]) (?=%|(?:s|min|h|d|bytes|[kMGTP]B)\b)")

_KINDS: Final = {str(reason): reason.kind for reason in Reason}


def summary(ended: Summary, settings: Settings, *, width: int = 80, verbose: bool = False) -> list[str]:
    """Return the lines to print, no longer than *width* unless a single word is.

    *verbose* shows all.
    """
    lines = [*wrap(headline(ended).typed, width), "", *_table(ended, width, None if verbose else MOST)]
    if ended.tally.duplicates:
        ask = "1 input asks" if ended.tally.duplicates == 1 else f"{ended.tally.duplicates:,} inputs ask"
        lines += wrap(f"{INDENT}{ask} for the same as an earlier one and share its outcome (--unique)", width)
    if ended.tally.total:
        lines += wrap(_cost(ended, verbose=verbose), width)
    lines += wrap(_capped(ended.statistics.capped), width)
    lines += _what_next(ended, settings, width)
    hint = None if ended.complete else explain.find_hint(ended.statistics, settings)
    if hint is not None:
        lines += ["", *wrap(f"Hint: {hint.typed}.", width)]
    paused = None if ended.complete else explain.name_paused(ended.statistics)
    if paused is not None:
        lines += ["", *wrap(f"Paused, as they asked for it or could not be reached: {paused}.", width)]
    if ended.folder is not None:
        verb, does = ("verify", "Prove it") if ended.complete else ("resume", "Continue")
        # A resume keeps the setting, which would stop it at once.
        more = ("--stop-at", "100%") if ended.ended_by == "stop_at" else ()
        # On a line of its own and never broken, so that it can be copied.
        lines += ["", f"{does}:", f"{INDENT}{command(verb, ended.folder, *more)}"]
    return lines


def _what_next(ended: Summary, settings: Settings, width: int) -> Iterator[str]:
    """Yield the likely cause of failures, and the failures that may work later."""
    suggested = suggest.suggestion(ended.tally, settings, complete=ended.complete)
    if suggested is not None:
        yield ""
        yield from wrap(suggested, width)
    retryable = suggest.find_retryable(ended.tally)
    if retryable and ended.complete and ended.folder is not None:
        said = f"{suggest.list_reasons(retryable, TIMES)} may work later:"
        typed = command("retry", ended.folder)
        yield ""
        if len(said) + 1 + len(typed) <= width:
            yield f"{said} {typed}"
        else:
            yield from (*wrap(said, width), f"{INDENT}{typed}")


def command(verb: str, folder: str, *options: str) -> str:
    """Return a command to type, quoted for a shell and safe to print."""
    return " ".join(["penstock", verb, *map(shell_word, options), shell_path(folder)])


def headline(ended: Summary) -> Message:
    """Say in one line how it ended."""
    stored = wording.plural(ended.tally.total, "outcome")
    took = wording.duration(ended.elapsed)
    if ended.complete:
        if not ended.inputs:
            return Message("Done: the input is empty.")
        each = "1 input has its outcome" if ended.inputs == 1 else f"all {ended.inputs:,} inputs have their outcome"
        return Message(f"Done: {each}.{_of_it(ended)} It took {took}.")
    stopped = Message("Stopped", *_by(ended.ended_by), f" after {took}: ")
    if ended.folder is None:
        left = _left(ended)
        written = f"{stored} written{'' if left is None else f', {left}'}"
        return Message(stopped, f"{written}. This can't be resumed; a run with -o DIR can.")
    if ended.pending:
        left = "1 input is" if ended.pending == 1 else f"{ended.pending:,} inputs are"
        return Message(stopped, f"{stored} stored durably, and {left} still to be retried.{_of_it(ended)}")
    left = _left(ended) or "the rest can be done later"
    return Message(stopped, f"{stored} stored durably, and {left}.{_of_it(ended)}")


def _by(ended_by: str | None) -> tuple[str | Remedy, ...]:
    """Name the setting or signal that ended the session."""
    if ended_by is None or ended_by == "stop":
        return ()
    return " by ", ended_by.upper() if ended_by.startswith("sig") else keyword(ended_by)


def _left(ended: Summary) -> str | None:
    """Say how many inputs have no outcome yet; None if that is unknown."""
    total = estimate.total(ended.statistics)
    if total is None:
        return None
    left = total - ended.tally.total - ended.tally.duplicates
    if left <= 0:  # the estimate was too low
        return None
    about = "" if ended.statistics.total is not None else "about "
    return f"{about}1 input is left" if left == 1 else f"{about}{left:,} inputs are left"


def _of_it(ended: Summary) -> str:
    """Say how many outcomes are of this session, if not all are."""
    if ended.again:
        return f" {wording.count(ended.again)} {'was' if ended.again == 1 else 'were'} retried in this session."
    if ended.session.total == ended.tally.total:
        return ""
    return f" {wording.count(ended.session.total)} of them in this session."


def _table(ended: Summary, width: int, most: int | None) -> Iterator[str]:
    tally = ended.tally
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
    """Say which delays of a robots.txt were not obeyed."""
    if not hosts:
        return ""
    host, wish = max(hosts.items(), key=lambda item: item[1])
    asks = "1 host asks" if len(hosts) == 1 else f"{len(hosts):,} hosts ask"
    return (
        f"{INDENT}{asks} for more than {LONGEST_DELAY:g} s between two requests (robots.txt), and got that: "
        f"{escape(host)} wants {wording.duration(wish)}"
    )


def _columns(label: str, entries: list[str], width: int) -> Iterator[str]:
    """Yield *label* with its *entries* beside it, in as many lines as they need.

    No entry is broken.
    """
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


def _cost(ended: Summary, *, verbose: bool) -> str:
    speed = ended.session.total / ended.elapsed if ended.elapsed > 0 else 0.0
    text = f"{INDENT}{wording.size(ended.tally.bytes)} of bodies"
    if ended.session.total:
        text += f", {wording.rate(speed)} outcomes a second"
    if verbose:
        attempts = wording.plural(ended.tally.attempts, "attempt")
        text += f", {attempts}, {wording.plural(ended.tally.redirects, 'redirect')}"
    return text


def wrap(text: str, width: int) -> list[str]:
    """Break *text* into lines of at most *width* characters.

    No line is broken inside a word, or between a number and its unit.
    """
    indent = INDENT if text.startswith(INDENT) else ""
    tied = _BEFORE_A_UNIT.sub(TIE, text)
    lines = textwrap.wrap(tied, max(width, 1), break_long_words=False, break_on_hyphens=False, subsequent_indent=indent)
    return [line.replace(TIE, " ") for line in lines]
