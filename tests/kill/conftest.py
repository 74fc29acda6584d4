"""Puts the shim and the scripted run beside the tests within their reach."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
