"""The failures that a finished run may have and still be a success.

Knows counts and reasons. Does not know why anything failed.
"""

from __future__ import annotations

import re

import click
from msgspec import Struct

from penstock.core.schedule.tally import Tally
from penstock.core.web.common_ending import find_common_ending
from penstock.core.web.reasons import count_reasons, covers, is_failure, read_reasons
from penstock.report.suggest import list_reasons

__all__ = ["Tolerance", "read_fail_on", "read_max_failures"]


def read_max_failures(_ctx: click.Context, _option: click.Parameter, value: str | None) -> tuple[float, bool] | None:
    """Return the number in ``100`` or ``2.5%``, and whether it is a share of all.

    A callback of click.
    """
    if value is None:
        return None
    found = re.fullmatch(r"\s*([0-9]+|[0-9]+\.[0-9]+(?=\s*%))\s*(%?)\s*", value)
    if found is None or (found[2] and float(found[1]) > 100):
        raise click.BadParameter(f"{value!r} is neither a number of inputs (100) nor a share of them (2.5%)")
    return float(found[1]), bool(found[2])


def read_fail_on(_ctx: click.Context, _option: click.Parameter, value: tuple[str, ...]) -> frozenset[str]:
    """Return the reasons in ``dns_not_found,timeout,5xx``; a callback of click."""
    try:
        return read_reasons(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


class Tolerance(Struct, frozen=True):
    """The limits that ``--max-failures`` and ``--fail-on`` set.

    By default a run is no success if nearly all inputs fail in the same way.
    """

    most: tuple[float, bool] | None = None
    fail_on: frozenset[str] = frozenset()

    def complaint(self, tally: Tally) -> str | None:
        """Name the limit that *tally* exceeds; None if it exceeds none."""
        found = count_reasons(tally)
        unwanted = {why: count for why, count in found.items() if covers(self.fail_on, why)}
        if unwanted:
            return f"--fail-on: {list_reasons(unwanted)} among the outcomes"
        if self.most is None:
            return None
        number, is_share = self.most
        allowed = number * tally.total / 100 if is_share else number
        failures = {why: count for why, count in found.items() if is_failure(why)}
        failed = sum(failures.values())
        if failed <= allowed:
            return None
        limit = f"{number:g}{'%' if is_share else ''}"
        return f"--max-failures {limit}: {failed:,} of {tally.total:,} inputs have failed: {list_reasons(failures)}"

    def accepts(self, tally: Tally) -> bool:
        """Return whether a finished run with this *tally* is a success.

        Without either option it is none if nearly all inputs ended in the same way
        without an answer.
        """
        if self.complaint(tally) is not None:
            return False
        found = find_common_ending(tally)
        return self.most is not None or bool(self.fail_on) or found is None or found.answered
