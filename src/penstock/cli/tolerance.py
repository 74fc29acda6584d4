"""How much may fail before a finished run counts as a failure.

Knows counts and reasons. Does not know why anything failed.
"""

from __future__ import annotations

import re

import click
from msgspec import Struct

from penstock.core.schedule.tally import Tally
from penstock.core.web.alike import alike
from penstock.core.web.reasons import covers, is_failure, read_reasons, reasons_in
from penstock.report.suggest import listed

__all__ = ["Tolerance", "max_failures", "reasons"]


def max_failures(_ctx: click.Context, _option: click.Parameter, value: str | None) -> tuple[float, bool] | None:
    """The number in ``100`` or ``2.5%``, and whether it is a share of all; as click's callbacks are called."""
    if value is None:
        return None
    found = re.fullmatch(r"\s*([0-9]+|[0-9]+\.[0-9]+(?=\s*%))\s*(%?)\s*", value)
    if found is None or (found[2] and float(found[1]) > 100):
        raise click.BadParameter(f"{value!r} is neither a number of inputs (100) nor a share of them (2.5%)")
    return float(found[1]), bool(found[2])


def reasons(_ctx: click.Context, _option: click.Parameter, value: tuple[str, ...]) -> frozenset[str]:
    """The reasons in ``dns_not_found,timeout,5xx``; as click's callbacks are called."""
    try:
        return read_reasons(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


class Tolerance(Struct, frozen=True):
    """What ``--max-failures`` and ``--fail-on`` allow; by default all but one and the same failure of nearly all."""

    most: tuple[float, bool] | None = None
    fail_on: frozenset[str] = frozenset()

    def complaint(self, tally: Tally) -> str | None:
        """What is too much in *tally*, in words; None where nothing is."""
        found = reasons_in(tally)
        unwanted = {why: count for why, count in found.items() if covers(self.fail_on, why)}
        if unwanted:
            return f"--fail-on: {listed(unwanted)} among the outcomes"
        if self.most is None:
            return None
        number, is_share = self.most
        allowed = number * tally.total / 100 if is_share else number
        failures = {why: count for why, count in found.items() if is_failure(why)}
        failed = sum(failures.values())
        if failed <= allowed:
            return None
        limit = f"{number:g}{'%' if is_share else ''}"
        return f"--max-failures {limit}: {failed:,} of {tally.total:,} inputs have failed: {listed(failures)}"

    def accepts(self, tally: Tally) -> bool:
        """Whether a finished run with this *tally* is a success; what nearly all ended in counts if none was given."""
        if self.complaint(tally) is not None:
            return False
        found = alike(tally)
        return self.most is not None or bool(self.fail_on) or found is None or found.answered
