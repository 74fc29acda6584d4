"""A plan as lines of text or JSON: the contents of the list, and the least time.

Knows the counts. Does not know how they were made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from penstock.core.web.plan import Cause, Load, Plan, PlanLimits
from penstock.report.escaping import escape
from penstock.report.summary import wrap
from penstock.report.wording import count, duration, plural, rate, share

__all__ = ["plan_json", "plan_lines"]

LONGEST_HOST: Final = 50
"""Characters of a host's name that are shown."""

LONGEST_DETAIL: Final = 120
"""Characters shown of the fault of a line."""

SKEWED: Final = 2
"""The factor by which a host must take longer than all others to be worth a hint."""


def plan_lines(plan: Plan, *, width: int = 80, several: bool = False) -> list[str]:
    """Return the lines to print, safe for a terminal.

    *several* says that several inputs were read.
    """
    lines = [
        f"Nothing was sent. {plural(plan.inputs, 'input')}, counted exactly:",
        *_table(plan),
        *_refusals(plan, width),
    ]
    if several and plan.refusals:
        lines += wrap("  (Each input counts its lines from 1.)", width)
    if plan.loads:
        lines += ["", *_hosts(plan)]
    lines += ["", *wrap(_bound(plan), width)]
    lines += [line for text in _conditions(plan) for line in wrap(text, width)]
    if (hint := _hint(plan)) is not None:
        lines += ["", *wrap(f"Hint: {hint}.", width)]
    return lines


def plan_json(plan: Plan) -> str:
    """Return the plan as one line of JSON; times in seconds.

    Counts are exact, ``bound`` is a lower bound.
    """
    fields = {
        "v": 1,
        "inputs": plan.inputs,
        "requests": plan.requests,
        "duplicates": plan.duplicates,
        "unique": plan.unique,
        "refused": [
            {
                "error": refusal.reason,
                "count": refusal.count,
                "first": [{"seq": seq, "line": line} for seq, line in refusal.first],
                "detail": refusal.detail,
            }
            for refusal in plan.refusals
        ],
        "hosts": plan.hosts,
        "biggest": [
            {
                "host": load.host,
                "requests": load.requests,
                "share": round(load.requests / plan.requests, 6),
                "seconds": round(load.seconds, 3),
            }
            for load in plan.loads
        ],
        "settings": {name: getattr(plan.limits, name) for name in PlanLimits.__struct_fields__},
        "bound": {
            "seconds": round(plan.bound.seconds, 3),
            "by": plan.bound.cause,
            "host": plan.bound.host,
            "seconds_without_biggest": round(plan.rest.seconds, 3),
        },
    }
    return json.dumps(fields, separators=(",", ":"))


def _table(plan: Plan) -> Iterator[str]:
    hosts = f", to {plural(plan.hosts, 'host')}" if plan.requests else ""
    rows = [(plan.requests, f"{'request' if plan.requests == 1 else 'requests'}{hosts}")]
    if plan.unique:
        rows.append((plan.duplicates, "that ask for the same as an earlier one, skipped (--unique)"))
    elif plan.duplicates:
        rows.append((plan.duplicates, "of them for the same as an earlier one; --unique skips these"))
    if plan.refused:
        rows.append((plan.refused, "that cannot be requested:"))
    room = max(len(count(number)) for number, _ in rows)
    yield from (f"  {count(number):>{room}}  {words}" for number, words in rows)


def _refusals(plan: Plan, width: int) -> Iterator[str]:
    for refusal in plan.refusals:
        first = ", ".join(str(line) for _, line in refusal.first)
        if refusal.count == 1:
            where = f"line {first}"
        else:
            more = " ..." if refusal.count > len(refusal.first) else ""
            where = f"lines {first}{more}, the first"
        # The detail names the line, as an outcome has no field for it.
        reason = escape(refusal.detail or "", LONGEST_DETAIL).removeprefix(f"line {refusal.first[0][1]}: ")
        yield from wrap(f"  {refusal.reason}: {count(refusal.count)}, {where}: {reason}", width)


def _hosts(plan: Plan) -> Iterator[str]:
    timed = any(load.seconds for load in plan.loads)
    yield "The biggest hosts, their share" + (", and how long each needs at least:" if timed else ":")
    rows = [_host(load, plan, timed=timed) for load in plan.loads]
    if plan.hosts > len(plan.loads):
        rest = plan.requests - sum(load.requests for load in plan.loads)
        others = plan.hosts - len(plan.loads)
        rows.append((f"{plural(others, 'other')}", count(rest), share(rest, plan.requests), ""))
    name_room, *rooms = (max(len(row[column]) for row in rows) for column in range(3))
    for name, number, part, time in rows:
        yield f"  {name:<{name_room}}  {number:>{rooms[0]}}  {part:>{rooms[1]}}  {time}".rstrip()


def _host(load: Load, plan: Plan, *, timed: bool) -> tuple[str, str, str, str]:
    time = duration(load.seconds) if timed else ""
    return escape(load.host, LONGEST_HOST), count(load.requests), share(load.requests, plan.requests), time


def _bound(plan: Plan) -> str:
    bound, limits = plan.bound, plan.limits
    if bound.cause is Cause.DELAY:
        assert bound.host is not None
        host, largest = escape(bound.host, LONGEST_HOST), plan.loads[0].requests if plan.loads else 0
        starts = f"{plural(largest, 'start')}, " if largest else ""
        return (
            f"It takes at least {duration(bound.seconds)}. {host} sets that: {starts}{limits.delay:g} s apart "
            f"(--delay {limits.delay:g})."
        )
    if bound.cause is Cause.RATE:
        return (
            f"It takes at least {duration(bound.seconds)}. --rate {limits.rate:g} sets that: "
            f"{plural(plan.requests, 'start')}, at most {rate(limits.rate or 0.0)} a second over all hosts."
        )
    if plan.requests < 2:
        return "How long it takes is up to the server."
    return "No lower bound follows from these settings: how long it takes is up to the servers."


def _conditions(plan: Plan) -> Iterator[str]:
    """Say when other limits make it take longer."""
    bound, limits = plan.bound, plan.limits
    if bound.cause is Cause.NOTHING:
        return
    average = limits.concurrency * bound.seconds / plan.requests
    parts = [f"over {average:.3g} s on average (--concurrency {limits.concurrency})"]
    if bound.host is not None:
        host, at_once = escape(bound.host, LONGEST_HOST), limits.per_host
        parts.append(f"over {at_once * limits.delay:.3g} s at {host} (--per-host {at_once})")
    taken = ", or ".join(parts)
    yield f"It takes longer if a request takes {taken}; and for robots.txt, redirects and retries."


def _hint(plan: Plan) -> str | None:
    """Say how much faster it is without the slowest host; None if that is not much."""
    if plan.bound.host is None or plan.hosts < 2 or plan.bound.seconds < SKEWED * max(plan.rest.seconds, 1.0):
        return None
    host = escape(plan.bound.host, LONGEST_HOST)
    return f"without {host} it could be {duration(plan.rest.seconds)}; if it is yours, fetch it with a lower --delay"
