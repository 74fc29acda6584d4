"""The typed keywords, written from the table: ``python -m penstock.settings.generate``.

mypy can derive no TypedDict from a table, so the module ``keywords`` is generated. A
test compares it with what this makes.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from penstock.settings.listing import WIDTH, annotate, describe
from penstock.settings.spec import Resume
from penstock.settings.table import SETTINGS

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

__all__ = ["CommonOptions", "FetchOptions", "ResumeOptions", "RunOptions"]
'''


def module() -> str:
    """Return the whole module."""
    return "\n".join(
        (
            HEAD,
            *_class("CommonOptions(TypedDict", "of ``fetch``, ``run``, ``resume`` and ``retry``", run_only=False),
            *_class("FetchOptions(CommonOptions", "of ``fetch``", run_only=False, fixed=True),
            *_class("ResumeOptions(CommonOptions", "of ``resume`` and ``retry``", run_only=True),
            *_class("RunOptions(FetchOptions, ResumeOptions", "of ``run``: all", run_only=True, fixed=True),
        )
    )


def _class(name: str, of: str, *, run_only: bool, fixed: bool = False) -> Iterator[str]:
    """Yield the class *name*, for the settings that its bases do not have."""
    yield f'\nclass {name}, total=False):\n    """The settings {of}."""\n'
    for setting in SETTINGS.values():
        if setting.spec.run_only is not run_only or (setting.spec.resume is Resume.FIXED) is not fixed:
            continue
        text = f'"""{describe(setting)}"""'
        wrapped = textwrap.fill(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)
        yield f"    {setting.name}: {annotate(setting)}\n{wrapped}\n"


if __name__ == "__main__":
    PATH.write_text(module(), encoding="utf-8")
    sys.stdout.write(f"wrote {PATH}\n")
