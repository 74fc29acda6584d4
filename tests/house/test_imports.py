"""Who may import whom (ARCHITECTURE.md, "The import table"), read from the source of every module.

Imports inside functions and for types only count like any other. So do the names that a module which uses
importlib writes out as texts.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"

STAGE = ("core", "seams", "settings", "errors", "remedies")
COMMANDS = (
    *("", "core", "errors", "fetching", "machine", "reading", "remedies", "report"),
    *("runs.session", "settings", "sink.formats", "version"),
)

MAY_IMPORT: Mapping[str, tuple[str, ...]] = {
    "": (
        *("cooperation", "core", "errors", "loop", "reading", "running"),
        *("seams", "settings", "streaming", "throttling", "version"),
    ),
    "__main__": ("cli",),
    "version": (),
    "errors": ("remedies",),
    "remedies": (),
    "bounds": ("errors",),
    "core": (),
    "core.extents": (),
    "core.schedule": (),
    "core.web": ("core.extents", "core.schedule"),
    "seams": ("core",),
    "settings": ("bounds", "core", "errors", "remedies", "sink.formats", "version"),
    "machine": ("core", "errors"),
    "source": (*STAGE, "loop.cancellation"),
    "engine": (*STAGE, "loop.cancellation", "machine"),
    "sink": ("core", "seams", "errors", "remedies"),
    "report": STAGE,
    "scratch": STAGE,
    "runs": (*STAGE, "loop", "machine.disk", "sink.durable", "sink.formats"),
    "cooperation": ("core.schedule", "errors"),
    "loop": ("bounds", "core", "errors", "seams"),
    "fetching": (*STAGE, "engine", "loop", "machine", "report", "runs", "scratch", "sink", "source"),
    "reading": (*STAGE, "runs", "scratch", "sink"),
    "streaming": (*STAGE, "fetching", "loop"),
    "running": (*STAGE, "fetching", "reading", "report", "runs"),
    "throttling": ("bounds", "core.schedule", "engine.tasks", "errors", "loop", "remedies", "seams", "source"),
    "cli": COMMANDS,
    "cli.demo": ("cli", *COMMANDS, "testing"),
    "testing": STAGE,
    "twisted": (*STAGE, "cooperation", "engine", "loop", "source", "streaming"),
}
"""Parts of penstock, and the parts each may import besides itself. The longest name that fits a module holds."""

EXCEPTIONS: Mapping[tuple[str, str], str] = {}
"""What breaks the table, and why it may; an entry that is not needed any more is a violation too."""

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "msgspec": ("",),
    "brotli": ("core.web.codings", "testing"),
    "backports": ("core.web.codings", "source.archives"),
    "compression": ("core.web.codings", "source.archives"),
    "can_ada": ("core.web.hosts",),
    "protego": ("core.web.robots",),
    "pycares": ("engine.resolver",),
    "pycurl": (
        "engine.cookies",
        "engine.curl",
        "engine.handles",
        "engine.multi",
        "engine.renewal",
        "engine.sessions",
        "engine.transfer",
    ),
    "certifi": ("engine.curl",),
    "orjson": ("source", "sink"),
    "pyarrow": ("source.columnar",),
    "pyroaring": ("core.extents",),
    "rich": ("report",),
    "click": ("cli",),
    "cryptography": ("testing",),
    "trustme": ("testing",),
    "twisted": ("twisted",),
    "zope": ("twisted",),
}
"""Third-party libraries, and the parts that may import them: each has one home, or is a type that travels."""

PURE = frozenset(
    {
        "__future__",
        "base64",
        "bisect",
        "collections",
        "collections.abc",
        "compression.zstd",
        "contextlib",
        "encodings",
        "datetime",
        "email.utils",
        "encodings.aliases",
        "enum",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "ipaddress",
        "json",
        "re",
        "sys",  # for its version alone
        "typing",
        "urllib.parse",
        "zlib",
    },
)
"""All that core takes from the standard library: no I/O, no clock, no randomness, no logging, no asyncio."""

IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"})


def check(sources: Mapping[str, str]) -> list[str]:
    """What is wrong with *sources*, a mapping from module names to their texts; empty where nothing is."""
    trees = {module: ast.parse(text) for module, text in sources.items()}
    graph = {module: set(_imports(tree, trees)) for module, tree in trees.items()}
    wrong = [
        *(f"{module} has no row in the table" for module in trees if _row(_part(module)) is None),
        *(f"{module} imports {name} relatively" for module, tree in trees.items() for name in _relative(tree)),
        *(said for module, names in graph.items() for name in sorted(names) for said in _refused(module, name)),
        *(
            said
            for module, tree in trees.items()
            if _fits(module, "penstock.core")
            for said in _impurities(module, tree)
        ),
    ]
    for module, name in EXCEPTIONS:
        full = f"penstock.{module}", f"penstock.{name}"
        if full[0] in graph and full[1] not in graph[full[0]]:
            wrong.append(f"{full[0]} does not import {full[1]} any more: drop the exception")
    try:
        TopologicalSorter({module: names - {module} for module, names in graph.items()}).prepare()
    except CycleError as error:
        wrong.append("a cycle: " + " <- ".join(error.args[1]))
    return wrong


def _imports(tree: ast.Module, known: Collection[str]) -> Iterator[str]:
    """The full names of all that a module imports; a name taken from a package is the module of that name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module
        elif isinstance(node, ast.Constant) and node.value in known and _uses_importlib(tree):
            yield node.value


def _uses_importlib(tree: ast.Module) -> bool:
    return any(
        "importlib" in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module])
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def _relative(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node.module or ", ".join(alias.name for alias in node.names)


def _fits(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def _part(module: str) -> str:
    """The name of *module* as the tables have it: without the package's, which is nothing itself."""
    return module.removeprefix("penstock").removeprefix(".")


def _row(here: str) -> str | None:
    """The row of MAY_IMPORT that holds for the part *here*."""
    if here == "":
        return ""
    return max((part for part in MAY_IMPORT if part and _fits(here, part)), key=len, default=None)


def _refused(module: str, name: str) -> Iterator[str]:
    """Why *module* may not import *name*."""
    here, there, row = _part(module), _part(name), _row(_part(module))
    library = name.partition(".")[0]
    if library == "penstock":
        allowed = () if row is None else (*MAY_IMPORT[row], row)
        if (here, there) not in EXCEPTIONS and not any(_fits(there, part) for part in allowed):
            yield f"{module} imports {name}"
    elif library not in sys.stdlib_module_names:
        homes = LIBRARIES.get(library)
        if homes is None:
            yield f"{module} imports {name}, a library nobody knows"
        elif not any(home == "" or _fits(here, home) for home in homes):
            yield f"{module} imports {name}, which is for {', '.join(homes)}"
    elif _fits(here, "core") and name not in PURE:
        yield f"{module} imports {name}, and core is pure"


def _impurities(module: str, tree: ast.Module) -> Iterator[str]:
    """What core does besides computing, as far as the text shows it."""
    for node in ast.walk(tree):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield f"{module} line {node.lineno}: core never awaits"
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield f"{module} line {node.lineno}: core calls {name}"
            case ast.Attribute(value=ast.Name(id="sys"), attr=attr) if attr != "version_info":
                yield f"{module} line {node.lineno}: core reads sys.{attr}"


def modules() -> dict[str, str]:
    """Every module of the package by its name, a package by its own."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return found


def test_every_module_imports_only_what_it_may():
    found = modules()
    assert len(found) > 30
    assert check(found) == []


def test_every_row_of_the_table_is_of_a_part_that_there_is():
    found = {_part(module) for module in modules()}
    assert {*MAY_IMPORT} <= found
    assert {home for homes in LIBRARIES.values() for home in homes} <= found


def loaded(*statements: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after *statements*."""
    said = subprocess.run(
        [sys.executable, "-c", "; ".join([*statements, "import sys", "print(*sys.modules)"])],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(said.stdout.split())


def test_throttling_loads_nothing_of_the_web():
    """No part of HTTP, no URL parser, no bitmaps: any work at all is scheduled without them."""
    found = loaded("import penstock", "penstock.throttle", "penstock.Statistics", "penstock.Result")
    assert "penstock.core.schedule.frontier" in found
    web = {
        name
        for name in found
        if _fits(name, "penstock.core.web") or name in ("penstock.settings", "penstock.streaming")
    }
    assert web | (found & {"can_ada", "protego", "pycares", "pycurl", "pyroaring"}) == set()


def test_what_fetching_loads_is_seen():
    """Else the test above would pass whatever is loaded."""
    assert {"penstock.core.web.judge", "can_ada", "pycurl", "pyroaring"} <= loaded("import penstock", "penstock.fetch")


def test_fetching_loads_no_run_folder_no_report_and_no_file_format():
    """They would cost a quarter of the time that the import takes."""
    found = loaded("import penstock", "penstock.fetch")
    heavy = ("penstock.report", "penstock.source.readers", "penstock.sink.record")
    folder = ("penstock.runs.folder", "penstock.runs.ledger", "penstock.runs.session", "penstock.runs.store")
    assert {name for name in found if any(_fits(name, part) for part in (*heavy, *folder))} == set()


# The checker, with bugs planted

CLEAN = {
    "penstock": "from penstock.version import __version__",
    "penstock.version": "",
    "penstock.errors": "",
    "penstock.core": "",
    "penstock.core.schedule": "",
    "penstock.core.web": "",
    "penstock.loop": "",
    "penstock.core.web.model": "import enum\nfrom msgspec import Struct",
    "penstock.core.web.hosts": "import can_ada\nfrom penstock.core.web.model import Reason",
    "penstock.settings": "from penstock.core.web.model import Reason",
    "penstock.source": "",
    "penstock.source.lines": "import os\nfrom penstock.source import text\nfrom penstock.settings import Settings",
    "penstock.source.text": "import re",
    "penstock.sink": "",
    "penstock.sink.durable": "import os",
    "penstock.sink.jsonl": "import orjson",
    "penstock.loop.driver": "import asyncio\nfrom penstock.core.web.model import Job",
    "penstock.fetching": "",
    "penstock.fetching.wiring": "from penstock.source.lines import Lines",
    "penstock.streaming": "from penstock.fetching.wiring import Flow\nfrom penstock.loop.driver import Driver",
    "penstock.cli": "",
    "penstock.cli.demo": "import click\nimport penstock.testing.web",
    "penstock.testing": "",
    "penstock.testing.web": "import asyncio",
}


def test_a_clean_tree_has_nothing_wrong():
    assert check(CLEAN) == []


@pytest.mark.parametrize(
    ("module", "text", "said"),
    [
        ("core.web.model", "import time", "imports time, and core is pure"),
        ("core.web.model", "from random import random", "imports random, and core is pure"),
        ("core.web.model", "def f():\n  import logging", "imports logging, and core is pure"),
        ("core.web.model", "import os.path", "imports os.path, and core is pure"),
        ("core.web.model", "import urllib.request", "imports urllib.request, and core is pure"),
        ("core.web.model", "async def f(): pass", "line 1: core never awaits"),
        ("core.web.model", "\nprint('x')", "line 2: core calls print"),
        ("core.web.model", "import sys\nsys.stdout", "line 2: core reads sys.stdout"),
        ("core.web.model", "import orjson", "imports orjson, which is for source, sink"),
        ("core.web.model", "from penstock.errors import X", "imports penstock.errors"),
        ("core.web.hosts", "import penstock.sink.jsonl", "imports penstock.sink.jsonl"),
        ("source.lines", "import penstock.sink.durable", "imports penstock.sink.durable"),
        ("source.lines", "from penstock.sink import durable", "imports penstock.sink.durable"),
        ("source.lines", "from penstock import sink", "imports penstock.sink"),
        ("source.lines", "import penstock", "imports penstock"),
        (
            "source.lines",
            "import pycurl",
            f"imports pycurl, which is for {', '.join(LIBRARIES['pycurl'])}",
        ),
        ("source.lines", "import requests", "imports requests, a library nobody knows"),
        ("source.lines", "from . import text", "imports text relatively"),
        ("source.lines", "from .text import x", "imports text relatively"),
        ("loop.driver", "from penstock.source.lines import Lines", "imports penstock.source.lines"),
        ("core.schedule", "from penstock.core.web.model import Reason", "imports penstock.core.web.model"),
        ("streaming", "from penstock.cli import main", "imports penstock.cli"),
        ("streaming", "import penstock.testing.web", "imports penstock.testing.web"),
        ("cli", "import penstock.testing.web", "imports penstock.testing.web"),
        ("cli.fetch", "from penstock.sink.jsonl import Sink", "imports penstock.sink.jsonl"),
        ("testing.web", "from penstock.cli import main", "imports penstock.cli"),
        ("news", "import os", "has no row in the table"),
    ],
)
def test_a_planted_import_is_found(module, text, said):
    assert check({**CLEAN, f"penstock.{module}": text}) == [f"penstock.{module} {said}"]


def test_a_name_handed_to_importlib_is_an_import():
    text = "import importlib\nx = importlib.import_module('penstock.cli')"
    assert check({**CLEAN, "penstock": text}) == ["penstock imports penstock.cli"]


def test_a_text_is_an_import_only_where_it_may_be_imported():
    assert check({**CLEAN, "penstock": "x = 'penstock.cli'"}) == []


@pytest.mark.parametrize(
    "back",
    [
        "from penstock.source.lines import Lines",
        "from penstock.source import lines",
        "if TYPE_CHECKING:\n    from penstock.source.lines import Lines",
        "def late():\n    import penstock.source.lines",
    ],
)
def test_a_cycle_is_found_however_it_is_hidden(back):
    (said,) = check({**CLEAN, "penstock.source.text": back})
    assert said.startswith("a cycle: ")
    assert {"penstock.source.lines", "penstock.source.text"} <= set(said.removeprefix("a cycle: ").split(" <- "))


def test_an_exception_holds_for_one_import_of_one_module(monkeypatch):
    monkeypatch.setitem(EXCEPTIONS, ("runs.files", "sink.jsonl"), "planted")
    folder = {**CLEAN, "penstock.runs.files": "import penstock.sink.jsonl"}
    assert check(folder) == []
    assert check({**folder, "penstock.runs.lock": "import penstock.sink.jsonl"}) == [
        "penstock.runs.lock imports penstock.sink.jsonl",
    ]


def test_an_exception_that_is_not_needed_any_more_is_found(monkeypatch):
    monkeypatch.setitem(EXCEPTIONS, ("runs.files", "sink.jsonl"), "planted")
    assert check({**CLEAN, "penstock.runs.files": ""}) == [
        "penstock.runs.files does not import penstock.sink.jsonl any more: drop the exception",
    ]
