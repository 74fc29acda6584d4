"""Write the pages that are made from the code."""

from __future__ import annotations

from manual import DOCS, PAGES

for name, make in PAGES.items():
    (DOCS / name).write_text(make(), encoding="utf-8")
