"""Every setting of a run: validated once, frozen, cut into a slice for each stage.

The same words in Python, on the command line and in every message. The defaults are
polite; each can be lifted by itself.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from penstock.bounds import check_number
from penstock.core.schedule.answers import Ahead
from penstock.core.schedule.frontier import Frontier
from penstock.core.schedule.probe import ConcurrencyProbe
from penstock.core.web.delays import AdaptiveDelays
from penstock.core.web.judge import Judge
from penstock.core.web.model import Headers
from penstock.core.web.plan import PlanLimits
from penstock.core.web.retry import IDEMPOTENT, Retry
from penstock.errors import UsageError
from penstock.remedies import name_nearest
from penstock.settings.checks import check_guard
from penstock.settings.listing import name_wanted
from penstock.settings.slices import HttpSettings, InputSettings, OutputSettings, cut
from penstock.settings.spec import Unit
from penstock.settings.table import SETTINGS, Setting, SettingsTable
from penstock.settings.texts import parse_duration, parse_size
from penstock.version import __version__

__all__ = ["Settings"]

WINDOW: Final = 10_000
"""The window of an input that exists already, such as a file: reading ahead costs it
nothing, and keeps a list sorted by host fast."""


class Settings(SettingsTable, frozen=True, kw_only=True):
    """All settings, flat: the keywords of ``run``.

    ``Settings.of`` validates them; ``penstock.fetch`` and ``penstock.run`` describe each.
    """

    @classmethod
    def of(cls, **given: Any) -> Settings:
        """Return the settings *given*, with the defaults for the rest.

        Raises UsageError, which says which setting is wrong and how to write it.
        """
        unknown = sorted(given.keys() - SETTINGS.keys())
        if unknown:
            raise UsageError(f"there is no setting {unknown[0]!r}; {name_nearest(unknown[0], sorted(SETTINGS))}")
        read = {name: _read(SETTINGS[name], value) for name, value in given.items()}
        try:
            settings = msgspec.convert(read, cls, strict=True)
        except msgspec.ValidationError as error:
            raise _refuse_type(str(error), read) from None
        for name, setting in SETTINGS.items():
            _check(setting, getattr(settings, name))
        check_guard(public_only=settings.public_only, proxy=settings.proxy)
        return settings

    def http(self) -> HttpSettings:
        """Return the engine's slice."""
        return cut(HttpSettings, self)

    def input(self) -> InputSettings:
        """Return the source's slice."""
        return cut(InputSettings, self)

    def output(self) -> OutputSettings:
        """Return the sinks' slice."""
        return cut(OutputSettings, self)

    def rules(self, learned: Mapping[Any, float] | None = None, *, on_demand: bool = False) -> tuple[Frontier, Judge]:
        """Make a frontier and a judge of these settings, which share adaptive delays.

        *learned* are the delays of an earlier session. *on_demand* is as of the input.
        """
        delays = AdaptiveDelays(learned) if self.pace == "adaptive" else None
        retry = Retry(self.attempts, methods=IDEMPOTENT | set(self.retry_methods))
        frontier = Frontier(
            window=self.window if on_demand else self.window or WINDOW,
            concurrency=self.concurrency,
            per_key=self.per_host,
            delay=self.delay,
            rate=self.rate,
            ahead=Ahead.WINDOW if on_demand else Ahead.OVERFLOW,
        )
        if delays is not None:
            frontier.adapt(delays, ConcurrencyProbe())
        return frontier, Judge(retry, self.max_redirects, delays=delays)

    def limits(self) -> PlanLimits:
        """Return what a plan is computed from."""
        return PlanLimits(self.concurrency, self.per_host, self.delay, self.rate)

    def request_headers(self) -> Headers:
        """Return the headers of every request: the User-Agent and the headers given."""
        if any(name.lower() == "user-agent" for name, _ in self.headers):
            return self.headers
        return (("User-Agent", self.agent()), *self.headers)

    def agent(self) -> str:
        """Return the User-Agent, with the contact if any (RFC 9110, section 10.1.5)."""
        given = [value for name, value in self.headers if name.lower() == "user-agent"]
        own = f"penstock/{__version__}" + (f" (+{self.contact})" if self.contact else "")
        return given[0] if given else self.user_agent or own


def _read(setting: Setting, value: Any) -> Any:
    """Return *value* in the one form in which *setting* is stored."""
    name, spec = setting.name, setting.spec
    if spec.unit is Unit.BYTES:
        return parse_size(value, name)
    if spec.unit is Unit.SECONDS:
        return parse_duration(value, name)
    if isinstance(setting.default, tuple) and isinstance(value, str):  # one of them may be given as it is
        value = (value,)
    return value if spec.read is None else spec.read(value, name)


def _check(setting: Setting, value: Any) -> None:
    """Raise UsageError if *value* is not within the bounds and choices of *setting*."""
    name, spec = setting.name, setting.spec
    if spec.check is not None:
        spec.check(value, name)
    if value is not None and spec.low is not None and spec.high is not None:
        check_number(name, value, spec.low, spec.high, above=spec.above)
    if spec.choices and isinstance(value, tuple):
        for one in value:
            if one not in spec.choices:
                raise UsageError(f"{name}: there is no {one!r}; choose from: {', '.join(spec.choices)}")
        if not value or len(set(value)) != len(value):
            listed = ", ".join(value) or "empty"
            raise UsageError(f"{name} is {listed}; name each at most once of {', '.join(spec.choices)}")
    elif spec.choices and value is not None and value not in spec.choices:
        raise UsageError(f"{name} is {value!r}; it is one of {', '.join(spec.choices)}")


def _refuse_type(message: str, read: Mapping[str, Any]) -> UsageError:
    """Return the error for msgspec's "Expected `int`, got `str` - at `$.concurrency`"."""
    (name,) = re.findall(r"at `\$\.(\w+)", message)
    # A text may be a secret, so that of a setting which is one is not repeated.
    is_text = SETTINGS[name].type in (str, str | None) and not SETTINGS[name].spec.choices
    given = f"of type {type(read[name]).__name__}" if is_text else reprlib.repr(read[name])
    return UsageError(f"{name} is {given}; it is ", *name_wanted(SETTINGS[name]))
