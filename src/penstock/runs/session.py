"""One session of a run: outcomes go from flows into a store, and a report shows it.

docs/decisions/leaving-a-run.md says which outcomes are kept when an exception ends a
session, docs/decisions/stopping-early.md how a setting ends one.

Knows the flow, the store and the report by their seams. Does not know HTTP, formats or
terminals.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from penstock.core.results import Progress, Summary
from penstock.core.schedule.answers import Bottleneck
from penstock.core.web.finish import EarlyEnd
from penstock.core.web.model import Outcome
from penstock.errors import PenstockError
from penstock.loop.flow import Flow
from penstock.loop.interrupts import DeferredSignals
from penstock.runs.executor import STUCK
from penstock.runs.notices import Notices
from penstock.runs.progress import RunProgress
from penstock.runs.store import Store
from penstock.seams import Report
from penstock.settings import Settings

__all__ = ["LogReport", "Session", "Summary"]

log = logging.getLogger("penstock")

CHECK_EVERY: Final = 1.0
"""Longest time in seconds between two checks of ``deadline``, ``stop_at`` and
``min_speed``."""


class LogReport:
    """A report that logs each notice as a warning and shows no progress."""

    every: float | None = None

    def remark(self, text: str) -> None:
        """Log *text*."""
        log.warning(text)

    def update(self, progress: Progress) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


class Session:
    """Runs one flow after the other into *store*, until the run ends or is stopped.

    *progress* has the first flow. *settings* are those in force. *again* begins another
    pass and returns its flow, or None if no input is to be retried. *notices* are said
    once, in ``execute``.
    """

    def __init__(
        self,
        progress: RunProgress,
        store: Store,
        *,
        settings: Settings,
        again: Callable[[], Flow[Outcome] | None] = lambda: None,
        notices: Notices | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing starts before ``execute``."""
        self.settings = settings
        self._progress = progress
        self._store = store
        self._notices = notices or Notices()
        self._next_flow = again
        self._clock = clock
        self._store_failed = self._warned = False
        self._signals = DeferredSignals()
        self._finish = EarlyEnd(settings.stop_at, settings.min_speed)
        self._ended_by: str | None = None
        self._deadline: float | None = None
        self._check_at: float | None = None

    def execute(self, report: Report | None = None) -> Summary:
        """Do the work, show it in *report*, and return how it ended.

        If anything ends it early (Ctrl-C, an exception of the input, the report or
        ``on_page``), every complete outcome is stored and committed first. A resume
        continues the run.

        Raises OutputError or FolderDamaged if outcomes can't be stored; if another
        exception is on its way, that one gets a note of it.
        """
        report = report or LogReport()
        try:
            if self.settings.deadline is not None:
                self._deadline = self._clock() + self.settings.deadline
            if (self.settings.stop_at, self.settings.min_speed) != (None, None):
                self._check_at = self._clock() + CHECK_EVERY
            self._signals.install()
            self._run_pass(report)
            while self._progress.flow.complete and (flow := self._next_flow()) is not None:
                self._progress.begin_pass(flow)
                if self._is_over():
                    flow.stop()
                self._run_pass(report)
        finally:
            self._signals.restore()
            try:
                report.close()
            finally:
                self.close()
        return self._progress.summary(self._ended_by)

    def notify(self, notice: str) -> None:
        """Say *notice* once, as soon as a report listens."""
        self._notices.notify(notice)

    def is_done(self) -> bool:
        """Whether the run was done before this session, with no input left to retry."""
        return self._progress.is_done()

    def close(self) -> None:
        """Release everything; also without ``execute``. May be called twice."""
        try:
            self._progress.flow.close()
        finally:
            self._store.close()

    def stop(self) -> None:
        """Start no more jobs, finish and store the running ones.

        May be called by any thread or signal handler.
        """
        self._ended_by = self._ended_by or "stop"
        self._progress.flow.stop()

    def abort(self) -> None:
        """Drop the running jobs, store complete outcomes.

        May be called by any thread or signal handler.
        """
        self._ended_by = self._ended_by or "stop"
        self._progress.flow.abort()

    def _run_pass(self, report: Report) -> None:
        flow, clock = self._progress.flow, self._clock
        due = None if report.every is None else clock()
        self._say_notices(report)
        turns = flow.turns(_soonest(self._store.every, report.every, self._check_interval()))
        try:
            for _ in turns:
                self._store_completed()
                self._warn_if_stuck()
                self._say_notices(report)
                if self._is_over():
                    flow.stop()
                if due is not None and clock() >= due:
                    report.update(self._snapshot())
                    due = clock() + (report.every or 0.0)
        except BaseException as failure:
            try:
                self._commit_before(failure, report)
            finally:
                turns.close()
            raise
        with self._signals:
            # The whole input was read again, so the flow alone has counted every duplicate.
            inputs = self._progress.snapshot().done if flow.complete else None
            self._finish_storing(report, inputs, flow.statistics().tally.duplicates)

    def _store_completed(self) -> None:
        """Store the completed outcomes.

        The handler of a signal that arrives meanwhile runs afterwards.
        """
        with self._signals:
            try:
                self._store.take(self._progress.flow.take_completed())
            except Exception:
                self._store_failed = True
                raise

    def _commit_before(self, failure: BaseException, report: Report) -> None:
        """Commit the completed outcomes before *failure* is raised.

        If the store itself has failed, it is given no more of them.
        """
        with self._signals:
            try:
                if not self._store_failed:
                    self._store.take(self._progress.flow.take_completed())
                self._finish_storing(report)
            except PenstockError as error:
                if error is not failure:
                    failure.add_note(f"The outcomes that were complete by then could not be stored: {error}")

    def _finish_storing(self, report: Report, inputs: int | None = None, duplicates: int = 0) -> None:
        """Wait until everything taken is committed; if the disk is stuck, until the deadline."""
        self._store.finish(inputs, duplicates)
        while not self._store.wait(CHECK_EVERY, overdue=self._is_overdue()):
            self._warn_if_stuck()
            self._say_notices(report)

    def _warn_if_stuck(self) -> None:
        """Say once that the disk has not answered for long."""
        silence = self._store.silence()
        if silence < STUCK:
            self._warned = False
        elif not self._warned:
            self._warned = True
            self.notify(
                f"The disk has not answered for {silence:.0f} s. Pages are held in memory meanwhile; "
                "when that is full, no request starts."
            )

    def _say_notices(self, report: Report) -> None:
        for notice in self._notices.take():
            report.remark(notice)

    def _snapshot(self) -> Progress:
        stands = self._progress.snapshot()
        return replace(stands, bound=Bottleneck.DISK) if self._store.full() else stands

    def _check_interval(self) -> float | None:
        """Return the longest time between two turns; None without a bound."""
        if self._deadline is self._check_at is None:
            return None
        return min(self.settings.deadline or CHECK_EVERY, CHECK_EVERY)

    def _is_overdue(self) -> bool:
        return self._deadline is not None and self._clock() >= self._deadline

    def _is_over(self) -> bool:
        """Whether no more jobs are to start."""
        if self._ended_by is None:
            now = self._clock()
            if self._is_overdue():
                self._ended_by = "deadline"
            elif self._check_at is not None and now >= self._check_at:
                # Once a second: a snapshot walks over all hosts.
                self._check_at = now + CHECK_EVERY
                self._ended_by = self._finish.check(self._progress.snapshot())
        return self._ended_by is not None


def _soonest(*times: float | None) -> float | None:
    return min((time for time in times if time is not None), default=None)
