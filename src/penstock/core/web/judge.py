"""The judge: an attempt means an outcome, another hop, or another attempt later.

Knows redirects and retries. Does not know slots, hosts' limits, sockets or files.
"""

from __future__ import annotations

from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from penstock.core.schedule.shortage import PAUSE
from penstock.core.schedule.verdicts import Again, Done, EndingOf, Redirected, Satisfied, Verdict
from penstock.core.web.breaker import Breakers, OutageDetectors, was_looked_up, was_reached
from penstock.core.web.delays import AdaptiveDelays
from penstock.core.web.model import Attempt, Failed, Fetched, Job, Kind, Outcome, Prerequisite, Reason, Skipped
from penstock.core.web.requests import REDIRECTS, RejectedRedirect, follow
from penstock.core.web.retry import ERRORS, Retry, retry_after
from penstock.core.web.robots import HOPS, attribute, read_answer

__all__ = ["Judge", "judge_once"]


class Judge(Struct, frozen=True):
    """The rules for HTTP: how often to try, and how many redirects to follow."""

    retry: Retry = Retry()
    max_redirects: int = 10
    breakers: Breakers = field(default_factory=Breakers)
    outages: OutageDetectors = field(default_factory=OutageDetectors)
    delays: AdaptiveDelays | None = None

    def __call__(self, attempt: Attempt, now: float, draw: float) -> Verdict:
        """Return what *attempt*, finished at *now*, means; *draw* in [0, 1) is for the jitter of the backoff."""
        if attempt.lacking is not None:
            until = now + PAUSE
            return Again(replace(attempt.job, ready=until), until)
        if self.delays is not None:
            self.delays.heed(attempt, now)
        if attempt.times.dns and was_looked_up(attempt):
            self.outages.names.good(attempt.job.key, now)
        if attempt.error is None and attempt.status is not None and attempt.status < ERRORS:
            return self._judge_good(attempt, now)
        attempt = attribute(attempt)
        there = attempt.error is None or was_reached(attempt)
        if there:
            self.outages.everything.good(attempt.job.key, now)
            self.breakers.good(attempt.job.key)
        elif there is False:
            return self._judge_unreached(attempt, now, draw)
        wish = retry_after(attempt)
        park = None if wish is None else now + wish
        delay = self.retry.delay(attempt, draw)
        if delay is not None:
            until = now + delay
            return Again(_restart(attempt.job, until), until, park)
        return _conclude(attempt, park)

    def _judge_good(self, attempt: Attempt, now: float) -> Verdict:
        """Judge an answer that asks neither for a pause nor for another attempt, as most do."""
        job = attempt.job
        self.outages.everything.good(job.key, now)
        self.breakers.good(job.key)
        if attempt.status in REDIRECTS:
            most = HOPS if type(job) is Prerequisite else self.max_redirects
            redirected = _follow(attempt, most, now)
            if redirected is not None:
                return redirected
        return _conclude(attempt)

    def _judge_unreached(self, attempt: Attempt, now: float, draw: float) -> Verdict:
        """Judge an attempt that did not reach its host; in an outage of ours that costs the input nothing."""
        job, took = attempt.job, attempt.times.total
        suspend = self.outages.everything.bad(job.key, now, took)
        if suspend is not None:
            return Again(replace(job, ready=suspend, spent=0.0), suspend, suspend=suspend)
        wait = self.outages.names.bad(job.key, now, took) if was_looked_up(attempt) is False else None
        if wait is not None:
            return Again(replace(job, ready=wait, spent=0.0), wait, wait)
        park, failures = self.breakers.bad(job.key, now)
        delay = self.retry.delay(attempt, draw)
        if delay is not None and not failures:
            until = now + delay
            return Again(_restart(job, until), until, park)
        return _conclude(attempt, park, partial(_skip, failures) if failures else None)


def judge_once(max_redirects: int, attempt: Attempt, now: float, _draw: float) -> Verdict:
    """Follow redirects and nothing else: the rules for a caller who handles every other answer itself."""
    redirected = None
    if attempt.error is None and attempt.status in REDIRECTS:
        redirected = _follow(attempt, max_redirects, now)
    return redirected or _conclude(attempt)


def _follow(attempt: Attempt, max_redirects: int, now: float) -> Redirected | Done | Satisfied | None:
    """Return the next hop of a redirect, or the outcome if it may not be followed; None if it is no redirect."""
    job = follow(attempt, max_redirects, now)
    if isinstance(job, Job):
        return Redirected(job)
    if type(job) is RejectedRedirect:
        return _conclude(replace(attempt, error=job.reason, detail=job.detail))
    return None


def _conclude(attempt: Attempt, park: float | None = None, ending_of: EndingOf | None = None) -> Done | Satisfied:
    """Return the result of the last *attempt*: the outcome of its job, or the answer to a prerequisite."""
    if type(attempt.job) is Prerequisite:
        return Satisfied(read_answer(attempt), park)
    return Done(_outcome(attempt, attempt.error, attempt.detail), park, ending_of)


def _skip(failures: int, job: Job) -> Skipped:
    """Return the outcome of *job*, whose host could not be reached *failures* times in a row."""
    detail = f"{job.key} could not be reached {failures} times in a row, so this was not tried"
    return Skipped(
        job.seq, job.url, Reason.HOST_DOWN, detail, redirects=job.hops, attempts=job.earlier, input=job.fields
    )


def _restart(job: Job, ready: float) -> Job:
    """Return the same hop for another attempt, which has the whole of its time before it."""
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
