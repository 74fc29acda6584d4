"""A hook of MkDocs: what the pages of docs/ need to become a site by themselves.

A link out of docs/ leads to a file of the repository, which the site does not have. So its text stays and the link
goes. Such a link to nowhere is an error.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

__all__ = ["on_page_markdown"]

OUTSIDE: Final = re.compile(r"\[([^]\n]+)\]\((\.\./[^)#\s]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_rest: Any) -> str:
    """Return *markdown* without links out of docs/; raises FileNotFoundError if one leads nowhere."""
    folder = Path(page.file.abs_src_path).parent
    docs = Path(page.file.src_dir)

    def unlinked(found: re.Match[str]) -> str:
        path = (folder / found[2]).resolve(strict=True)
        return found[0] if path.is_relative_to(docs.resolve()) else found[1]

    return OUTSIDE.sub(unlinked, markdown)
