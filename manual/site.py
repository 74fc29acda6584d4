"""A hook of MkDocs: what the pages of docs/ need to become a site by themselves.

On the site

- a link out of docs/ loses its link and keeps its text, since the site does not have the file;
- a bar within code in a table has no backslash, which GitHub needs and MkDocs would show;
- the anchor of a heading does not begin with a digit, at which the theme's script fails (Bootstrap 5.3).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

__all__ = ["on_config", "on_page_markdown"]

OUTSIDE: Final = re.compile(r"\[([^]\n]+)\]\((\.\./[^)#\s]+)(?:#[^)\s]*)?\)")
ROW: Final = re.compile(r"^\|.*$", re.MULTILINE)
CODE: Final = re.compile(r"`[^`\n]+`")


def on_config(config: Any) -> Any:
    """Return *config* with our own anchors."""
    config.mdx_configs["toc"]["slugify"] = anchor
    return config


def anchor(heading: str, separator: str) -> str:
    """Return GitHub's anchor of *heading*, with an underscore in front of a digit."""
    spelled = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", separator)
    return f"_{spelled}" if spelled[:1].isdigit() else spelled


def on_page_markdown(markdown: str, *, page: Any, **_rest: Any) -> str:
    """Return *markdown* as the site needs it; raises FileNotFoundError if a link out of docs/ is dead."""
    folder = Path(page.file.abs_src_path).parent
    docs = Path(page.file.src_dir).resolve()

    def unlinked(found: re.Match[str]) -> str:
        path = (folder / found[2]).resolve(strict=True)
        return found[0] if path.is_relative_to(docs) else found[1]

    def with_bars(row: re.Match[str]) -> str:
        return CODE.sub(lambda code: code[0].replace(r"\|", "|"), row[0])

    return ROW.sub(with_bars, OUTSIDE.sub(unlinked, markdown))
