"""Any work at all: one call of a function for each item, its result, and what that means.

Knows attempts and retries. Does not know what the work is, coroutines, slots or keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar, Final, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from penstock.core.schedule.backoff import backoff
from penstock.core.schedule.tally import Tally
from penstock.core.schedule.verdicts import Again, Done, Ending

__all__ = ["Call", "CallJudge", "CallTally", "Called", "Result", "Retry", "never"]

Item = TypeVar("Item")
Value = TypeVar("Value")

Retry = Callable[[Exception], bool | float]
"""Returns whether to retry after an exception, or the seconds to wait before that."""

MOST_NAMES: Final = 100
"""Names of exceptions that are counted each by itself; the rest are counted together, so that a tally stays small."""

OTHERS: Final = "others"


class Call(Struct, frozen=True, gc=False):
    """A call that may be made: *item* is the *seq*-th of its source, and was tried *earlier* times.

    No other call is ever *behind* it.
    """

    behind: ClassVar[None] = None

    seq: int
    item: Any
    key: Any = None
    earlier: int = 0


class Called(Struct, frozen=True, gc=False):
    """The end of one call: a value, or an exception."""

    job: Call
    value: Any
    error: Exception | None


class Result(Ending, Generic[Item, Value], frozen=True):
    """The result of *item*, the *seq*-th of its source (from 0): a *value*, or an *error*.

    *attempts* is how often the work was called for it; 0 if *key* itself failed.
    """

    seq: int
    item: Item
    value: Value | None = None
    error: Exception | None = None
    attempts: int = 1

    def unwrap(self) -> Value:
        """Return the value, or raise the error if there is one."""
        if self.error is not None:
            raise self.error
        # None is a value like any other here: it is what the work returned.
        return self.value  # type: ignore[return-value]


def never(_error: Exception) -> bool:
    """Retry after no exception."""
    return False


class CallJudge(Struct, frozen=True):
    """The rules for calls: at most *attempts* of them for an item, and another one only if *retry* says so.

    If *retry* returns True, the wait is the backoff's; if it returns a number, that
    number of seconds. An exception of *retry* itself becomes the item's error, with the
    one it was asked about as its context.
    """

    attempts: int = 1
    retry: Retry = never

    def __call__(self, called: Called, now: float, draw: float) -> Done | Again:
        """Return what *called*, finished at *now*, means; *draw* in [0, 1) is for the jitter of the backoff."""
        call, error = called.job, called.error
        made = call.earlier + 1
        if error is not None and made < self.attempts:
            delay, error = self._delay(error, made, draw)
            if delay is not None:
                return Again(replace(call, earlier=made), now + delay)
        return Done(Result(call.seq, call.item, called.value, error, made))

    def _delay(self, error: Exception, made: int, draw: float) -> tuple[float | None, Exception]:
        """Return the seconds until the next attempt, None for none; and the error if it is to be the last."""
        try:
            said = self.retry(error)
            if said is True:
                return backoff(made, draw), error
            if said is False or said is None:
                return None, error
            delay = float(said)
        except Exception as wrong:  # noqa: BLE001 - the caller's rule failed for this item alone
            return None, _with_context(wrong, error)
        if not 0 <= delay < float("inf"):
            return None, _with_context(ValueError(f"retry answered {delay}; it is a number of seconds from 0"), error)
        return delay, error


def _with_context(error: Exception, context: Exception) -> Exception:
    if error is not context:  # it may be raised again as it is
        error.__context__ = error.__context__ or context
    return error


class CallTally:
    """Counts results; ``snapshot`` returns them as a tally."""

    __slots__ = ("_attempts", "_done", "_errors")

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._done = 0
        self._attempts = 0
        self._errors: Counter[str] = Counter()

    def add(self, result: Result[Any, Any]) -> None:
        """Count one result."""
        self._attempts += result.attempts
        if result.error is None:
            self._done += 1
        else:
            name = type(result.error).__name__
            self._errors[name if name in self._errors or len(self._errors) < MOST_NAMES else OTHERS] += 1

    def snapshot(self) -> Tally:
        """Return the counts until now."""
        tally = Tally()
        tally.attempts = self._attempts
        failed = self._errors.total()
        tally.kinds.update({kind: count for kind, count in (("done", self._done), ("failed", failed)) if count})
        tally.reasons.update(self._errors)
        return tally
