"""Which outcomes of a run are wanted: the conditions of ``export --where`` and ``Run.outcomes``.

Knows outcomes and the words for them. Does not know where they are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from penstock.core.web.model import Kind, Outcome
from penstock.core.web.reasons import covers, read_reasons
from penstock.core.web.retry import reason

__all__ = ["Condition", "read_conditions", "select"]

Condition = Callable[[Outcome], bool]
"""Whether an outcome is wanted."""


def read_conditions(texts: Iterable[str]) -> list[Condition]:
    """Return the conditions in *texts*, each a field, ``=`` and its values with commas between them.

    The fields: ``outcome`` (fetched, failed, skipped), ``reason`` (an error or a status
    outside 2xx, as 404 and 5xx), ``status`` (as 200 and 2xx), ``host`` (a name, which also
    stands for the names below it). Raises ValueError if a text is no condition.
    """
    return [_read(text) for text in texts]


def select(outcome: Outcome, conditions: Iterable[Condition]) -> bool:
    """Return whether *outcome* meets all *conditions*."""
    return all(condition(outcome) for condition in conditions)


def _read(text: str) -> Condition:
    field, equals, values = text.partition("=")
    make = _FIELDS.get(field.strip().lower())
    wanted = [value.strip().lower() for value in values.split(",") if value.strip()]
    if make is None or not equals or not wanted:
        raise ValueError(f"{text!r} is no condition; write FIELD=VALUE,... with one of {', '.join(_FIELDS)}")
    return make(wanted)


def _by_outcome(wanted: list[str]) -> Condition:
    kinds = {kind.value for kind in Kind}
    for value in wanted:
        if value not in kinds:
            raise ValueError(f"{value!r} is no outcome; name {', '.join(sorted(kinds))}")
    return lambda outcome: outcome.kind.value in wanted


def _by_reason(wanted: list[str]) -> Condition:
    words = read_reasons(wanted)

    def holds(outcome: Outcome) -> bool:
        why = reason(outcome.error, outcome.status)
        return why is not None and covers(words, why)

    return holds


def _by_status(wanted: list[str]) -> Condition:
    for value in wanted:
        if not (len(value) == 3 and value[0] in "123456789" and (value[1:] == "xx" or value[1:].isdecimal())):
            raise ValueError(f"{value!r} is no status; write it as 404 or 4xx")
    return lambda outcome: outcome.status is not None and covers(wanted, str(outcome.status))


def _by_host(wanted: list[str]) -> Condition:
    def holds(outcome: Outcome) -> bool:
        try:
            host = urlsplit(outcome.url).hostname or ""
        except ValueError:
            return False
        return any(host == name or host.endswith(f".{name}") for name in wanted)

    return holds


_FIELDS: Final[dict[str, Callable[[list[str]], Condition]]] = {
    "outcome": _by_outcome,
    "reason": _by_reason,
    "status": _by_status,
    "host": _by_host,
}
