"""What is not used is not loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"asyncio", "importlib.metadata", "msgspec", "orjson", "pycurl", "pyroaring", "rich", "sqlite3"}


def loaded_by(program):
    said = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\nprint(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(said.stderr.split())


COMMAND = """
from penstock.cli import main
try:
    main({arguments!r}, prog_name="penstock")
except SystemExit as end:
    assert end.code == 0
"""


@pytest.mark.parametrize("program", ["import penstock", COMMAND.format(arguments=["--version"])])
def test_what_is_light_loads_nothing_heavy(program):
    assert loaded_by(program).isdisjoint(HEAVY)


@pytest.mark.parametrize("command", ["plan", "fetch", "resume", "retry", "leftover", "verify", "demo"])
def test_a_help_page_loads_no_engine(command):
    program = COMMAND.format(arguments=[command, "--help"])
    assert loaded_by(program).isdisjoint({"asyncio", "orjson", "pycurl", "rich", "sqlite3"})


def test_a_run_that_looks_up_no_name_loads_no_resolver():
    """It takes 20 ms to load."""
    assert "pycares" not in loaded_by("from penstock import fetch\nlist(fetch(['http://127.0.0.1:1/'], attempts=1))")


def test_the_module_is_the_command():
    said = subprocess.run([sys.executable, "-m", "penstock", "--version"], capture_output=True, text=True, check=True)
    name, version = said.stdout.split()
    assert name == "penstock"
    assert version[0].isdigit()
