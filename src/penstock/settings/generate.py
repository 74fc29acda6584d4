"""The typed keywords, written from the table: ``python -m penstock.settings.generate``.

mypy can derive no TypedDict from a table, so the module ``keywords`` is generated. A
test compares it with what this makes.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from penstock.settings.listing import WIDTH, annotate, describe
from penstock.settings.spec import Resume
from penstock.settings.table import SETTINGS, Setting

__all__ = ["PATH", "module"]

INDENT: Final = "    "

PATH: Final = Path(__file__).with_name("keywords.py")

HEAD: Final = '''\
"""The keywords of the public functions, for type checkers, editors and ``help``.

Made by ``python -m penstock.settings.generate`` from the table: edit that. Durations are seconds, or text such as
"500ms", "30s", "1m" or "1h30m".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypedDict

__all__ = ["FetchOptions", "ResumeOptions"]
'''


def module() -> str:
    """Return the whole module."""
    fixed = [setting for setting in SETTINGS.values() if setting.spec.resume is Resume.FIXED]
    given = [setting for setting in SETTINGS.values() if setting.spec.resume is not Resume.FIXED]
    resume = 'class ResumeOptions(TypedDict, total=False):\n    """Settings that ``resume`` and ``retry`` take."""\n'
    fetch = 'class FetchOptions(ResumeOptions, total=False):\n    """Settings that ``fetch`` and ``run`` take."""\n'
    return "\n".join((HEAD, "", resume, *_fields(given), "", fetch, *_fields(fixed)))


def _fields(settings: Iterable[Setting]) -> Iterator[str]:
    for setting in settings:
        text = f'"""{describe(setting)}"""'
        wrapped = textwrap.fill(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)
        yield f"    {setting.name}: {annotate(setting)}\n{wrapped}\n"


if __name__ == "__main__":
    PATH.write_text(module(), encoding="utf-8")
    sys.stdout.write(f"wrote {PATH}\n")
