"""What an attempt means: the outcome, another hop, or another attempt later.

Knows redirects and retries. Does not know slots, hosts' limits, sockets or files.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from penstock.core.schedule.shortage import PAUSE
from penstock.core.web.breaker import Breakers, OutageDetectors, looked_up, reached
from penstock.core.web.delays import AdaptiveDelays
from penstock.core.web.model import Attempt, Ending, Failed, Fetched, Job, Kind, Outcome, Prerequisite, Reason, Skipped
from penstock.core.web.requests import REDIRECTS, RejectedRedirect, follow
from penstock.core.web.retry import Retry, retry_after
from penstock.core.web.robots import HOPS, Heard, hear, own

__all__ = ["Again", "Done", "Judge", "Redirected", "Rest", "Satisfied", "Verdict", "once"]


Rest = Callable[[Any], Ending]
"""What a job comes to that is not tried."""


class Done(Struct, frozen=True, gc=False):
    """The input has its outcome.

    *park*: nothing of the job's key may start before that time. *rest*: what every other job of the key that waits
    comes to, untried, and what each one that comes before *park* does.
    """

    outcome: Ending
    park: float | None = None
    rest: Rest | None = None


class Again(Struct, frozen=True, gc=False):
    """The same work once more, not before *until*; *park* as of ``Done``.

    *hold*: nothing at all may start before that time, and then a few jobs at a time until one does not end so.
    """

    job: Any
    until: float
    park: float | None = None
    hold: float | None = None


class Redirected(Struct, frozen=True, gc=False):
    """A redirect: the next hop takes its turn at the host it leads to."""

    job: Job


class Satisfied(Struct, frozen=True, gc=False):
    """A prerequisite is done, and this was *heard*: ask about the job behind it again. *park* as of ``Done``."""

    heard: Heard
    park: float | None = None


Verdict = Done | Again | Redirected | Satisfied


class Judge(Struct, frozen=True):
    """The rules for HTTP: how often to try, how many redirects to follow."""

    retry: Retry = Retry()
    max_redirects: int = 10
    breakers: Breakers = field(default_factory=Breakers)
    storms: OutageDetectors = field(default_factory=OutageDetectors)
    paces: AdaptiveDelays | None = None

    def __call__(self, attempt: Attempt, now: float, draw: float) -> Verdict:
        """What *attempt*, finished at *now*, means; *draw* in [0, 1) is for the back-off's jitter."""
        if attempt.lacking is not None:
            until = now + PAUSE
            return Again(replace(attempt.job, ready=until), until)
        if self.paces is not None:
            self.paces.heed(attempt, now)
        if attempt.times.dns and looked_up(attempt):
            self.storms.names.good(attempt.job.key, now)
        attempt = own(attempt)
        there = attempt.error is None or reached(attempt)
        if there:
            self.storms.everything.good(attempt.job.key, now)
            self.breakers.good(attempt.job.key)
        elif there is False:
            return self._unreached(attempt, now, draw)
        if attempt.error is None and attempt.status in REDIRECTS:
            onward = _onward(attempt, HOPS if type(attempt.job) is Prerequisite else self.max_redirects, now)
            if onward is not None:
                return onward
        wish = retry_after(attempt)
        park = None if wish is None else now + wish
        delay = self.retry.delay(attempt, draw)
        if delay is not None:
            until = now + delay
            return Again(_from_the_start(attempt.job, until), until, park)
        return _last(attempt, park)

    def _unreached(self, attempt: Attempt, now: float, draw: float) -> Verdict:
        """The host was not there; or we are cut off, and then it costs no input anything."""
        job, took = attempt.job, attempt.times.total
        hold = self.storms.everything.bad(job.key, now, took)
        if hold is not None:
            return Again(replace(job, ready=hold, spent=0.0), hold, hold=hold)
        wait = self.storms.names.bad(job.key, now, took) if looked_up(attempt) is False else None
        if wait is not None:
            return Again(replace(job, ready=wait, spent=0.0), wait, wait)
        park, failures = self.breakers.bad(job.key, now)
        delay = self.retry.delay(attempt, draw)
        if delay is not None and not failures:
            until = now + delay
            return Again(_from_the_start(job, until), until, park)
        return _last(attempt, park, partial(_host_down, failures) if failures else None)


def once(max_redirects: int, attempt: Attempt, now: float, _draw: float) -> Verdict:
    """The rules for whoever asks for one page and has an answer of their own to everything: redirects alone."""
    onward = _onward(attempt, max_redirects, now) if attempt.error is None and attempt.status in REDIRECTS else None
    return onward or _last(attempt)


def _onward(attempt: Attempt, max_redirects: int, now: float) -> Redirected | Done | Satisfied | None:
    """Where a redirect leads; the outcome where it leads to nothing good, None where it is none."""
    onward = follow(attempt, max_redirects, now)
    if isinstance(onward, Job):
        return Redirected(onward)
    if type(onward) is RejectedRedirect:
        return _last(replace(attempt, error=onward.reason, detail=onward.detail))
    return None


def _last(attempt: Attempt, park: float | None = None, rest: Rest | None = None) -> Done | Satisfied:
    """What no further *attempt* will change: its job's outcome, or what was heard on a prerequisite."""
    if type(attempt.job) is Prerequisite:
        return Satisfied(hear(attempt), park)
    return Done(_outcome(attempt, attempt.error, attempt.detail), park, rest)


def _host_down(failures: int, job: Job) -> Skipped:
    """What becomes of *job*, whose host could not be reached *failures* times in a row."""
    detail = f"{job.key} could not be reached {failures} times in a row, so this was not tried"
    return Skipped(
        job.seq, job.url, Reason.HOST_DOWN, detail, redirects=job.hops, attempts=job.earlier, input=job.fields
    )


def _from_the_start(job: Job, ready: float) -> Job:
    """The same hop once more; the new attempt has the whole of its time before it."""
    return replace(job, ready=ready, earlier=job.earlier + 1, spent=0.0)


def _outcome(attempt: Attempt, error: Reason | None, detail: str | None) -> Outcome:
    job = attempt.job
    kind: type[Outcome] = Fetched if error is None else Failed if error.kind is Kind.FAILED else Skipped
    return kind(
        job.seq,
        job.url,
        error,
        detail,
        attempt.status,
        job.target if attempt.status is not None else None,
        job.hops,
        job.earlier + 1,
        attempt.started,
        attempt.times,
        attempt.ip,
        attempt.http,
        attempt.head,
        attempt.body if error is None else b"",
        None,
        job.fields,
    )
