"""Assertions about outcomes; above all that every input has exactly one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from penstock.core.extents import SeqSet
from penstock.core.web.model import Outcome
from penstock.core.web.retry import reason

__all__ = ["assert_each_once", "failures_of", "in_a_word"]

SHOWN: Final = 10


def failures_of(outcomes: Iterable[Outcome]) -> dict[str, SeqSet]:
    """Return the seqs that may be retried, by their reason, as a ledger takes them."""
    failures: dict[str, SeqSet] = {}
    for outcome in outcomes:
        why = reason(outcome.error, outcome.status)
        if why is not None:
            failures.setdefault(why, SeqSet()).add(outcome.seq)
    return failures


def assert_each_once(outcomes: Iterable[Outcome | Mapping[str, Any]], inputs: int) -> None:
    """Assert that *outcomes* has each seq from 0 to *inputs* - 1 exactly once.

    It takes outcomes, or their records from a file (any mapping with a ``seq``). The
    message lists the inputs without an outcome, the inputs with several, and the seqs
    that are no inputs.
    """
    counts = Counter(_seq(outcome) for outcome in outcomes)
    missing = [seq for seq in range(inputs) if seq not in counts]
    doubled = [f"{seq} ({count} times)" for seq, count in sorted(counts.items()) if count > 1]
    strange = sorted(seq for seq in counts if not 0 <= seq < inputs)
    faults = [
        f"{len(seqs)} {said}: {_some(seqs)}"
        for seqs, said in ((missing, "without an outcome"), (doubled, "with several"), (strange, "that are no inputs"))
        if seqs
    ]
    if faults:
        raise AssertionError(f"of {inputs} inputs, seqs " + "; ".join(faults))


def in_a_word(outcome: Outcome) -> str:
    """Return ``fetched``, or the reason of a failure or skip."""
    return str(outcome.error or outcome.outcome)


def _seq(outcome: Outcome | Mapping[str, Any]) -> int:
    return outcome.seq if isinstance(outcome, Outcome) else int(outcome["seq"])


def _some(seqs: list[Any]) -> str:
    shown = ", ".join(str(seq) for seq in seqs[:SHOWN])
    return f"{shown}, …" if len(seqs) > SHOWN else shown
