"""The settings of a run: a table with one row each, and its derivations.

``table`` is what to edit; ``whole`` validates; ``slices`` cuts out what each stage
gets; ``keywords`` is generated.
"""

from penstock.settings.checks import check_guard
from penstock.settings.slices import HttpSettings, InputSettings, OutputSettings
from penstock.settings.spec import Resume, Spec, Unit
from penstock.settings.table import CHANGEABLE, SETTINGS, Setting
from penstock.settings.texts import parse_duration, parse_size
from penstock.settings.whole import Settings

__all__ = [
    "CHANGEABLE",
    "SETTINGS",
    "HttpSettings",
    "InputSettings",
    "OutputSettings",
    "Resume",
    "Setting",
    "Settings",
    "Spec",
    "Unit",
    "check_guard",
    "parse_duration",
    "parse_size",
]
