"""The findings of a verification as lines of text, with the next command to type.

Knows the counts. Does not know how they were made.
"""

from __future__ import annotations

from penstock.core.results import Verification
from penstock.report.escaping import escape
from penstock.report.summary import command
from penstock.report.wording import count, plural, size

__all__ = ["proof"]


def proof(found: Verification, folder: str) -> list[str]:
    """Return the lines to print for the run in *folder*."""
    read_back = (
        f"Read back: {plural(found.rows, 'line')}, {size(found.bytes)}, in {plural(found.files, 'file')} and "
        f"{plural(found.extents, 'commit')}."
    )
    if found.problem_count:
        listed = [f"  {escape(problem)}" for problem in found.problems]
        if found.problem_count > len(found.problems):
            listed.append(f"  and {count(found.problem_count - len(found.problems))} more")
        verb = command("verify", folder, "--repair")
        told = f"Damaged: {plural(found.problem_count, 'problem')}."
        return [
            told,
            *listed,
            read_back,
            "Keep the sound outcomes, and let a resume fetch the others again:",
            f"  {verb}",
        ]
    if found.total is None:
        told = f"Holds so far: {_outcomes(found.settled)}, each once. The run has not finished."
        torn = [f"{size(found.torn)} that a crash left uncommitted; a resume sets them aside."] if found.torn else []
        return [told, read_back, *torn, "Continue:", f"  {command('resume', folder)}"]
    duplicates = f" and {plural(found.duplicates, 'duplicate')}" if found.duplicates else ""
    told = (
        f"Holds: {plural(found.total, 'input')}, {_outcomes(found.settled)}{duplicates}, each once, every byte as "
        "committed."
    )
    older = [f"Newer lines replace {count(found.replaced)} of them."] if found.replaced else []
    if not found.pending:
        return [told, read_back, *older]
    left = "1 input is" if found.pending == 1 else f"{count(found.pending)} inputs are"
    return [told, read_back, *older, f"{left} still to be retried:", f"  {command('resume', folder)}"]


def _outcomes(number: int) -> str:
    return plural(number, "outcome")
