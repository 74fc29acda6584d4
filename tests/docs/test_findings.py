"""Each finding has the form that findings/README.md states."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "findings"
FINDINGS = sorted(FOLDER.glob("*.sh"))


def wrong(text: str) -> list[str]:
    """What a finding lacks."""
    head = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    parts = re.findall(r"^# (Behaviour|Seen|What works|Surprises)\b", head, re.MULTILINE)
    said = [part for part in parts if part != "What works"]
    faults = [] if said == ["Behaviour", "Seen", "Surprises"] else [f"its parts are {parts}"]
    if not re.search(r"\A#!/usr/bin/env bash\n# [\w-]+ \d+\.\d+", text):
        faults.append("no version at its top")
    if not re.search(r"install .*'[\w-]+==", text):
        faults.append("no exact version is installed")
    if "sys.exit(" not in text:
        faults.append("its exit code says nothing")
    return faults


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_has_its_form(path):
    assert wrong(path.read_text(encoding="utf-8")) == []
    assert os.access(path, os.X_OK)


def test_what_a_finding_lacks_is_found():
    text = FINDINGS[0].read_text(encoding="utf-8")
    assert wrong(text.replace("# Seen", "# Found")) == ["its parts are ['Behaviour', 'What works', 'Surprises']"]
    assert wrong(text.replace("brotli 1.2.0", "brotli", 1)) == ["no version at its top"]
    assert wrong(text.replace("brotli==1.2.0", "brotli")) == ["no exact version is installed"]
    assert wrong(text.replace("sys.exit(", "print(")) == ["its exit code says nothing"]
