"""How much may fail before a finished run counts as a failure.

Knows counts and slugs. Does not know why anything failed.
"""

from __future__ import annotations

import re

import click
from msgspec import Struct

from penstock.core.model import Kind, Slug
from penstock.core.tally import Tally

__all__ = ["Tolerance", "fail_on", "max_failures"]


def max_failures(_ctx: click.Context, _option: click.Parameter, value: str | None) -> tuple[float, bool] | None:
    """The number in ``100`` or ``2.5%``, and whether it is a share of all; as click's callbacks are called."""
    if value is None:
        return None
    found = re.fullmatch(r"\s*([0-9]+|[0-9]+\.[0-9]+(?=\s*%))\s*(%?)\s*", value)
    if found is None or (found[2] and float(found[1]) > 100):
        raise click.BadParameter(f"{value!r} is neither a number of outcomes (100) nor a share of them (2.5%)")
    return float(found[1]), bool(found[2])


def fail_on(_ctx: click.Context, _option: click.Parameter, value: str | None) -> frozenset[str]:
    """The slugs in ``dns_not_found,timeout``; as click's callbacks are called."""
    slugs = frozenset(part.strip() for part in (value or "").split(","))
    unknown = sorted(slugs - {slug.value for slug in Slug})
    if value is not None and unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(slug.value for slug in Slug)}")
    return slugs if value else frozenset()


class Tolerance(Struct, frozen=True):
    """What ``--max-failures`` and ``--fail-on`` allow; by default everything."""

    most: tuple[float, bool] | None = None
    fail_on: frozenset[str] = frozenset()

    def complaint(self, tally: Tally) -> str | None:
        """What is too much in *tally*, in words; None where nothing is."""
        unwanted = [f"{slug} ({tally.slugs[slug]:,})" for slug in sorted(self.fail_on) if tally.slugs[slug]]
        if unwanted:
            return f"--fail-on: {', '.join(unwanted)} among the outcomes"
        if self.most is None:
            return None
        number, is_share = self.most
        allowed = number * tally.total / 100 if is_share else number
        failed = tally.kinds[Kind.FAILED]
        if failed <= allowed:
            return None
        return f"--max-failures {number:g}{'%' if is_share else ''}: {failed:,} of {tally.total:,} outcomes have failed"
