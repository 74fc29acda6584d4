"""The bottleneck in words, and a remedy for it.

Knows the limits that were set and the progress. Does not know terminals.
"""

from __future__ import annotations

from typing import Any, Final

from penstock.core.results import Progress
from penstock.core.schedule.answers import Bottleneck
from penstock.core.schedule.probe import AT_FIRST
from penstock.remedies import Message, keyword, name_settings
from penstock.report.escaping import escape
from penstock.report.estimate import outstanding
from penstock.report.wording import count, duration, plural, share, size
from penstock.settings import Settings

__all__ = ["explain_bound", "find_hint", "name_paused"]

_BOUNDS: Final = {
    Bottleneck.NOTHING: "nothing: it runs as fast as it can",
    Bottleneck.SOURCE: "the input: it has no more at the moment",
    Bottleneck.CONCURRENCY: "the requests at once over all hosts ({concurrency})",
    Bottleneck.CONSUMER: "the output: it is slower than the requests",
    Bottleneck.RATE: "the starts a second over all hosts ({rate})",
    Bottleneck.KEYS: "each host's limits ({per_host}, {delay})",
    Bottleneck.WINDOW: "each host's limits ({per_host}, {delay}), with no other host read ahead ({window})",
    Bottleneck.BACKOFF: "the wait before failed requests are retried",
    Bottleneck.ORDER: "the order of the output: everything waits for the input whose turn it is",
    Bottleneck.PER_KEY: "the requests at once for one host ({per_host})",
    Bottleneck.DELAY: "the time between two requests to one host ({delay})",
    Bottleneck.PARKED: "hosts that asked for a pause (Retry-After)",
    Bottleneck.ROBOTS: "the robots.txt of each site, which is fetched first",
    Bottleneck.MEMORY: "the bytes of bodies held until they are stored ({memory})",
    Bottleneck.DESCRIPTORS: "the free file descriptors or ports: fewer requests at once, until there are more",
    Bottleneck.NAMES: "name resolution: most requests wait for it ({resolver} names another server)",
    Bottleneck.DISK: "the disk: it stores more slowly than the requests are answered",
    Bottleneck.CUT_OFF: "the network: no host can be reached, so it waits and tries one now and then",
    Bottleneck.PAUSED: "a pause: nothing starts before it is over",
}

MOST_OF_IT: Final = 0.5
"""The share of the known jobs from which a host is worth a hint."""

WORTH_A_WORD: Final = 100
"""The fewest jobs of one host that are worth a hint."""

LONGEST_HOST: Final = 40
"""Characters of a host's name that are shown."""


def explain_bound(progress: Progress, settings: Settings) -> Message:
    """Return the bottleneck of this moment, as a sentence or the end of one."""
    if progress.exhausted and not progress.held:
        return Message(f"no input is left to start, {count(progress.running)} in flight")
    which = progress.bound
    if which is Bottleneck.CONSUMER and progress.undelivered < progress.running:
        # A few outcomes always wait; the output is the bottleneck only if they take most of the concurrency.
        which = Bottleneck.CONCURRENCY
    if which in (Bottleneck.KEYS, Bottleneck.WINDOW, Bottleneck.BACKOFF) and progress.parked:
        hosts = "a paused host" if progress.alone == 1 else "paused hosts"
        return Message(f"bound by {hosts}: {name_paused(progress)}")
    words = _BOUNDS[which]
    if which is Bottleneck.CONCURRENCY and _is_probing(progress, settings):
        words = "the concurrency found best so far, of {concurrency}"
    said = ["bound by ", name_settings(words, **_values(settings))]
    if which in (Bottleneck.KEYS, Bottleneck.WINDOW) and progress.busiest is not None:
        host, jobs = progress.busiest
        said.append(f", first {escape(host, LONGEST_HOST)}: {plural(jobs, 'input')}")
        if progress.spacing > settings.delay:
            said.append(f", slowed down to one in {progress.spacing:.2g} s")
    return Message(*said)


def _values(settings: Settings) -> dict[str, Any]:
    """Return the limits as a user would write them."""
    delay, rate = (int(value) if value == int(value) else value for value in (settings.delay, settings.rate or 0))
    return {
        "concurrency": settings.concurrency,
        "per_host": settings.per_host,
        "delay": delay,
        "rate": rate,
        "window": settings.window,
        "memory": size(settings.memory).replace(" ", ""),
    }


def _is_probing(progress: Progress, settings: Settings) -> bool:
    """Whether the concurrency probe runs fewer requests at once than it may."""
    in_flight = progress.running + progress.undelivered
    return settings.pace == "adaptive" and AT_FIRST <= in_flight < settings.concurrency


def name_paused(progress: Progress) -> str | None:
    """Name the hosts that get no requests for a while, each with the remaining time.

    None if there is none.

    They asked for it by Retry-After, or could not be reached several times in a row.
    """
    named = [f"{escape(host, LONGEST_HOST)} ({duration(round(left))})" for host, left in progress.parked]
    if progress.alone > len(named):
        named.append(f"{count(progress.alone - len(named))} more")
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named) or None


def find_hint(progress: Progress, settings: Settings) -> Message | None:
    """Say how one host with most of the remaining jobs delays the end.

    None if there is no such host.
    """
    if progress.busiest is None:
        return None
    host, jobs = progress.busiest
    known = progress.held + progress.running
    if jobs < WORTH_A_WORD or jobs < MOST_OF_IT * known:
        return None
    part = share(jobs, known)
    of = "the remaining inputs" if progress.exhausted and outstanding(progress) else f"the {count(known)} next in line"
    held = f"{escape(host, LONGEST_HOST)} holds {part} of {of}"
    spacing = max(settings.delay, progress.spacing)
    if not spacing:
        at_once = plural(settings.per_host, "request")
        return Message(f"{held}, and gets {at_once} at once: raise ", keyword("per_host"), " if it is yours")
    speed = f"at {1 / spacing:.3g} a second it needs {duration(jobs * spacing)}"
    if progress.spacing > settings.delay:
        return Message(f"{held}; {speed}: it was slowed down for its answers, and gets faster as they do")
    return Message(f"{held}; {speed}: ", name_settings("raise {per_host} or lower {delay} if it is yours"))
