"""The testing package as a whole: what it may need, and who may need it."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import penstock.testing


def modules():
    found = pkgutil.walk_packages(penstock.testing.__path__, "penstock.testing.")
    return [module.name for module in found]


def test_it_needs_no_test_framework_and_nothing_that_penstock_does_not_need():
    program = (
        "import importlib, sys\n"
        f"for name in {modules()!r}: importlib.import_module(name)\n"
        "print(*{'pytest', 'hypothesis', 'trustme', 'cryptography', 'pycurl'} & sys.modules.keys())"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"


def test_its_front_page_names_every_public_module():
    inner = {"pages", "ports", "traffic", "hostile.faults", "hostile.line", "hostile.server", "hostile.certificates"}
    inner |= {f"hostile.{kind}" for kind in ("bodies", "connections", "endings", "redirects", "replies")}
    for name in {module.removeprefix("penstock.testing.") for module in modules()} - inner:
        assert f"\n    {name} " in penstock.testing.__doc__
