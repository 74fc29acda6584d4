"""What bounds the speed, in words, and what could be done about it.

Knows the limits that were set and where the work stands. Does not know terminals.
"""

from __future__ import annotations

from typing import Final

from penstock.core.schedule.frontier import Bottleneck
from penstock.core.schedule.probe import AT_FIRST
from penstock.core.schedule.statistics import Statistics
from penstock.report.estimate import outstanding
from penstock.report.safe import safe
from penstock.report.wording import count, duration, plural, share, size
from penstock.settings import Settings

__all__ = ["alone", "bound", "hint"]

_BOUNDS: Final = {
    Bottleneck.NOTHING: "nothing: it goes as fast as it can",
    Bottleneck.SOURCE: "the input: it has no more at the moment",
    Bottleneck.CONCURRENCY: "the requests at once over all hosts (--concurrency {0})",
    Bottleneck.CONSUMER: "the output: it is taken more slowly than it comes",
    Bottleneck.RATE: "the starts a second over all hosts (--rate {3:g})",
    Bottleneck.KEYS: "each host's limits (--per-host {1}, --delay {2:g})",
    Bottleneck.BACKOFF: "the wait before what failed is tried again",
    Bottleneck.ORDER: "the order of the output: everything waits for the input whose turn it is",
    Bottleneck.PER_KEY: "the requests at once for one host (--per-host {1})",
    Bottleneck.DELAY: "the time between two requests to one host (--delay {2:g})",
    Bottleneck.PARKED: "hosts that asked to be left alone for a while (Retry-After)",
    Bottleneck.ROBOTS: "the robots.txt of their site, which is asked for first",
    Bottleneck.MEMORY: "the bytes of bodies held until they are stored (--memory {4})",
    Bottleneck.DESCRIPTORS: "the file descriptors or ports that are left: fewer requests at once, until there are more",
    Bottleneck.NAMES: "names: most requests wait for one to be looked up (--resolver names another server)",
    Bottleneck.CUT_OFF: "the network: hosts of all kinds can't be reached, so it waits and tries one now and then",
    Bottleneck.PAUSED: "a pause: nothing starts before it is over",
}

MOST_OF_IT: Final = 0.5
"""The share of what is left from which on one host is worth a word."""

WORTH_A_WORD: Final = 100
"""The fewest jobs of one host that are."""

LONGEST_HOST: Final = 40
"""Characters of a host's name that are shown."""


def bound(statistics: Statistics, settings: Settings) -> str:
    """What keeps more from starting right now, as the end of a sentence or one by itself."""
    if statistics.exhausted and not statistics.held:
        return f"nothing is left to start, {count(statistics.running)} still under way"
    which = statistics.bound
    if which is Bottleneck.CONSUMER and statistics.undelivered < statistics.running:
        # A few outcomes are always on their way; it is the output that bounds when they take most of the room.
        which = Bottleneck.CONCURRENCY
    if which in (Bottleneck.KEYS, Bottleneck.BACKOFF) and statistics.parked:
        hosts = "a host" if statistics.alone == 1 else "hosts"
        return f"bound by {hosts} left alone for now: {alone(statistics)}"
    if which is Bottleneck.CONCURRENCY and _on_trial(statistics, settings):
        return f"bound by the requests at once that were found worth it, of --concurrency {settings.concurrency}"
    words = _BOUNDS[which].format(
        settings.concurrency, settings.per_host, settings.delay, settings.rate or 0.0, size(settings.memory)
    )
    if which is Bottleneck.KEYS and statistics.busiest is not None:
        host, jobs = statistics.busiest
        words += f", first {safe(host, LONGEST_HOST)}: {plural(jobs, 'input')}"
        if statistics.spacing > settings.delay:
            words += f", slowed down to one in {statistics.spacing:.2g} s"
    return f"bound by {words}"


def _on_trial(statistics: Statistics, settings: Settings) -> bool:
    """Whether fewer requests run at once than may, since nobody knows yet that more are worth it."""
    under_way = statistics.running + statistics.undelivered
    return settings.pace == "adaptive" and AT_FIRST <= under_way < settings.concurrency


def alone(statistics: Statistics) -> str | None:
    """Which hosts are left alone for a while, each with the time that is left of it; None where none is.

    They asked for it by Retry-After, or could not be reached several times in a row.
    """
    named = [f"{safe(host, LONGEST_HOST)} ({duration(round(left))})" for host, left in statistics.parked]
    if statistics.alone > len(named):
        named.append(f"{count(statistics.alone - len(named))} more")
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named) or None


def hint(statistics: Statistics, settings: Settings) -> str | None:
    """What one host does to the time it takes, where it holds most of what is left; None where none does."""
    if statistics.busiest is None:
        return None
    host, jobs = statistics.busiest
    known = statistics.held + statistics.running
    if jobs < WORTH_A_WORD or jobs < MOST_OF_IT * known:
        return None
    part = share(jobs, known)
    of = "what is left" if statistics.exhausted and outstanding(statistics) else f"the {count(known)} next in line"
    held = f"{safe(host, LONGEST_HOST)} holds {part} of {of}"
    spacing = max(settings.delay, statistics.spacing)
    if not spacing:
        at_once = plural(settings.per_host, "request")
        return f"{held}, and gets {at_once} at once: raise --per-host if it is yours"
    pace = f"at {1 / spacing:.3g} a second it needs {duration(jobs * spacing)}"
    if statistics.spacing > settings.delay:
        return f"{held}; {pace}: it was slowed down for its answers, and gets faster as they do"
    return f"{held}; {pace}: raise --per-host or lower --delay if it is yours"
