"""The columns of the table of settings, besides name, type and default.

Knows the columns of the table. Does not know the settings.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection
from typing import Any

from msgspec import Struct

__all__ = ["Resume", "Spec", "Unit"]


class Unit(enum.Enum):
    """The unit of a number that may be given as text as well."""

    BYTES = "bytes"
    SECONDS = "seconds"


class Resume(enum.Enum):
    """The treatment of a setting by a later session on a run folder."""

    FIXED = "keep it: it defines the run"
    MAY_CHANGE = "change it: the run keeps the new value"
    GIVEN_AGAIN = "give it again: its secrets are not stored"


class Spec(Struct, frozen=True):
    """A row of the table, without the name, the type and the default.

    *text* says what the setting is for, to users of Python and of the command line; in
    it, names of other settings are in backticks. *option_text* replaces it on the
    command line if the option means the opposite or is written otherwise. *low* and
    *high* are the bounds of a number; with *above*, *low* itself is out of bounds.
    *counted* and *example* are what a number counts, and one that may be given. *read*
    takes a value and the setting's name and returns the value in its one form; what it
    does not understand it returns unchanged, for the check of types. *accepts* is the
    annotation of what *read* takes. *check* takes the value and the name and raises
    UsageError if the value is wrong. *run_only* says that only a run uses it:
    ``penstock.fetch`` reads no file and stores nothing.
    """

    section: str
    text: str
    low: float | None = None
    high: float | None = None
    above: bool = False
    counted: str | None = None
    example: float | None = None
    unit: Unit | None = None
    choices: Collection[str] = ()
    resume: Resume = Resume.FIXED
    short: str | None = None
    metavar: str | None = None
    option_text: str | None = None
    read: Callable[[Any, str], Any] | None = None
    accepts: str | None = None
    check: Callable[[Any, str], object] | None = None
    run_only: bool = False

    def __repr__(self) -> str:
        """Return it without its texts, which would fill ``help(Settings)``."""
        return f"Spec({self.section!r}, ...)"
