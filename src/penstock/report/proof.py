"""What a verification found, as lines of text: what holds, what does not, and what to type next.

Knows the counts. Does not know how they were taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from penstock.report.safe import safe
from penstock.report.summary import command
from penstock.report.wording import count, plural, size

__all__ = ["Found", "proof"]


class Found(Protocol):
    """What must be known: see ``Verification``, which is one."""

    @property
    def files(self) -> int:
        """Files with outcomes in them."""

    @property
    def extents(self) -> int:
        """Commits' stretches of them."""

    @property
    def rows(self) -> int:
        """Lines read back."""

    @property
    def bytes(self) -> int:
        """Bytes read back."""

    @property
    def settled(self) -> int:
        """Inputs that have their outcome."""

    @property
    def replaced(self) -> int:
        """Lines with older outcomes of some of them."""

    @property
    def pending(self) -> int:
        """Inputs that are still to be tried again."""

    @property
    def total(self) -> int | None:
        """Inputs there are, once the run has finished."""

    @property
    def duplicates(self) -> int:
        """Inputs among them that share an earlier one's outcome."""

    @property
    def torn(self) -> int:
        """Bytes after what was committed."""

    @property
    def problem_count(self) -> int:
        """How much is wrong."""

    @property
    def problems(self) -> Sequence[str]:
        """The first of it, in words."""


def proof(found: Found, folder: str) -> list[str]:
    """The lines to print of the run in *folder*."""
    read_back = (
        f"Read back: {plural(found.rows, 'line')}, {size(found.bytes)}, in {plural(found.files, 'file')} and "
        f"{plural(found.extents, 'commit')}."
    )
    if found.problem_count:
        listed = [f"  {safe(problem)}" for problem in found.problems]
        if found.problem_count > len(found.problems):
            listed.append(f"  and {count(found.problem_count - len(found.problems))} more")
        verb = command("verify", folder, "--repair")
        told = f"Damaged: {plural(found.problem_count, 'problem')}."
        return [told, *listed, read_back, "Keep what is sound, and have a resume fetch the rest again:", f"  {verb}"]
    if found.total is None:
        told = f"Holds so far: {_outcomes(found.settled)}, each once. The run has not finished."
        torn = [f"{size(found.torn)} that a crash left uncommitted will be set aside."] if found.torn else []
        return [told, read_back, *torn, "Go on:", f"  {command('resume', folder)}"]
    duplicates = f" and {plural(found.duplicates, 'duplicate')}" if found.duplicates else ""
    told = (
        f"Holds: {plural(found.total, 'input')}, {_outcomes(found.settled)}{duplicates}, each once, every byte as "
        "committed."
    )
    older = [f"{plural(found.replaced, 'line')} of them made room for newer ones."] if found.replaced else []
    if not found.pending:
        return [told, read_back, *older]
    left = "1 input is" if found.pending == 1 else f"{count(found.pending)} inputs are"
    return [told, read_back, *older, f"{left} still to be tried again:", f"  {command('resume', folder)}"]


def _outcomes(number: int) -> str:
    return plural(number, "outcome")
